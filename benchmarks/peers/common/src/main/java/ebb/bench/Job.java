package ebb.bench;

import ebb.v1.Header.EventHeader;

/**
 * The arithmetic of the job, as benchmarks/job/README.md says it. Each apply takes one event in and returns the alert
 * that is due, or null. Stateless; any thread.
 */
public final class Job {
  private static final double HALF_LIFE_MS = 30.0 * 86_400_000.0;
  private static final double LN_2 = Math.log(2.0);
  private static final long DAY_MS = 86_400_000L;
  private static final int DAYS = 16;
  private static final int WEEK_DAYS = 7;
  private static final int PURCHASES_PER_ALERT = 10;

  private Job() {}

  public static Alert apply(Browse browse, Features.Builder features) {
    long now = browse.getHeader().getEventTimeMs();
    features.setDecayedBrowses(
        decayed(features.getDecayedBrowses(), features.getBrowses(), features.getLastBrowseMs(), now));
    features.setLastBrowseMs(now);
    features.setBrowses(features.getBrowses() + 1);
    countDay(now, features);
    return null;
  }

  public static Alert apply(Purchase purchase, Features.Builder features) {
    long now = purchase.getHeader().getEventTimeMs();
    long before = features.getPurchases();
    features.setDecayedPurchases(
        decayed(features.getDecayedPurchases(), before, features.getLastPurchaseMs(), now));
    if (before == 0) {
      features.setFirstPurchaseMs(now);
    } else {
      features.setMeanGapMs((double) (now - features.getFirstPurchaseMs()) / (double) before);
    }
    features.setLastPurchaseMs(now);
    features.setPurchases(before + 1);
    features.setSpentMinor(features.getSpentMinor() + purchase.getAmountMinor());
    features.setLastOrderIdBytes(purchase.getOrderIdBytes());
    features.setLastSkuBytes(purchase.getSkuBytes());
    countDay(now, features);
    if (features.getPurchases() % PURCHASES_PER_ALERT != 0) return null;
    return alert(purchase.getHeader(), Alert.Kind.PURCHASES, features.getPurchases(), features)
        .setSubjectIdBytes(purchase.getOrderIdBytes())
        .setSubjectBytes(purchase.getSkuBytes())
        .build();
  }

  public static Alert apply(Support support, Features.Builder features) {
    long now = support.getHeader().getEventTimeMs();
    features.setLastSupportMs(now);
    features.setSupports(features.getSupports() + 1);
    countDay(now, features);
    return alert(support.getHeader(), Alert.Kind.SUPPORT, features.getSupports(), features)
        .setSubjectIdBytes(support.getTicketIdBytes())
        .setSubjectBytes(support.getSubjectBytes())
        .build();
  }

  private static double decayed(double count, long eventsBefore, long lastMs, long nowMs) {
    if (eventsBefore == 0) return 1.0;
    return 1.0 + count * Math.exp(-LN_2 * (nowMs - lastMs) / HALF_LIFE_MS);
  }

  private static void countDay(long timeMs, Features.Builder features) {
    while (features.getDailyEventsCount() < DAYS) features.addDailyEvents(0);
    long day = timeMs / DAY_MS;
    for (long d = Math.max(features.getNewestDay(), day - DAYS) + 1; d <= day; ++d) {
      features.setDailyEvents((int) (d % DAYS), 0);
    }
    features.setNewestDay(Math.max(features.getNewestDay(), day));
    if (day > features.getNewestDay() - DAYS) {
      int slot = (int) (day % DAYS);
      features.setDailyEvents(slot, features.getDailyEvents(slot) + 1);
    }
  }

  private static long weekEvents(Features.Builder features) {
    long events = 0;
    for (long day = features.getNewestDay() - WEEK_DAYS + 1; day <= features.getNewestDay(); ++day) {
      events += features.getDailyEvents((int) (day % DAYS));
    }
    return events;
  }

  private static Alert.Builder alert(
      EventHeader header, Alert.Kind kind, long number, Features.Builder features) {
    return Alert.newBuilder()
        .setCustomerIdBytes(header.getCustomerIdBytes())
        .setKind(kind)
        .setNumber(number)
        .setEventIdBytes(header.getEventIdBytes())
        .setEventTimeMs(header.getEventTimeMs())
        .setBrowses(features.getBrowses())
        .setPurchases(features.getPurchases())
        .setSupports(features.getSupports())
        .setSpentMinor(features.getSpentMinor())
        .setDecayedBrowses(features.getDecayedBrowses())
        .setDecayedPurchases(features.getDecayedPurchases())
        .setMeanGapMs(features.getMeanGapMs())
        .setWeekEvents(weekEvents(features));
  }
}
