#include "benchmarks/job/features.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

namespace ebb::bench {
namespace {

constexpr double kHalfLifeMs = 30.0 * 86'400'000.0;
constexpr int64_t kDayMs = 86'400'000;
constexpr int64_t kDays = 16;
constexpr int64_t kWeekDays = 7;
constexpr int64_t kPurchasesPerAlert = 10;

// A decayed count after one more event.
double Decayed(double count, int64_t events_before, int64_t last_ms, int64_t now_ms) {
  if (events_before == 0) return 1.0;
  return 1.0 + count * std::exp2(-static_cast<double>(now_ms - last_ms) / kHalfLifeMs);
}

void CountDay(int64_t time_ms, Features* features) {
  auto& slots = *features->mutable_daily_events();
  if (slots.empty()) slots.Resize(kDays, 0);
  const int64_t day = time_ms / kDayMs;
  for (int64_t d = std::max(features->newest_day(), day - kDays) + 1; d <= day; ++d) slots[d % kDays] = 0;
  features->set_newest_day(std::max(features->newest_day(), day));
  if (day > features->newest_day() - kDays) ++slots[day % kDays];
}

int64_t WeekEvents(const Features& features) {
  int64_t events = 0;
  for (int64_t day = features.newest_day() - kWeekDays + 1; day <= features.newest_day(); ++day) {
    events += features.daily_events(static_cast<int>(day % kDays));
  }
  return events;
}

void Fill(const v1::EventHeader& header, Alert::Kind kind, int64_t number, const std::string& subject_id,
          const std::string& subject, const Features& features, Alert* alert) {
  alert->set_customer_id(header.customer_id());
  alert->set_kind(kind);
  alert->set_number(number);
  alert->set_event_id(header.event_id());
  alert->set_event_time_ms(header.event_time_ms());
  alert->set_subject_id(subject_id);
  alert->set_subject(subject);
  alert->set_browses(features.browses());
  alert->set_purchases(features.purchases());
  alert->set_supports(features.supports());
  alert->set_spent_minor(features.spent_minor());
  alert->set_decayed_browses(features.decayed_browses());
  alert->set_decayed_purchases(features.decayed_purchases());
  alert->set_mean_gap_ms(features.mean_gap_ms());
  alert->set_week_events(WeekEvents(features));
}

}  // namespace

bool Apply(const Browse& browse, Features* features, Alert*) {
  const int64_t now_ms = browse.header().event_time_ms();
  features->set_decayed_browses(
      Decayed(features->decayed_browses(), features->browses(), features->last_browse_ms(), now_ms));
  features->set_last_browse_ms(now_ms);
  features->set_browses(features->browses() + 1);
  CountDay(now_ms, features);
  return false;
}

bool Apply(const Purchase& purchase, Features* features, Alert* alert) {
  const int64_t now_ms = purchase.header().event_time_ms();
  const int64_t before = features->purchases();
  features->set_decayed_purchases(Decayed(features->decayed_purchases(), before, features->last_purchase_ms(), now_ms));
  if (before == 0) {
    features->set_first_purchase_ms(now_ms);
  } else {
    features->set_mean_gap_ms(static_cast<double>(now_ms - features->first_purchase_ms()) /
                              static_cast<double>(before));
  }
  features->set_last_purchase_ms(now_ms);
  features->set_purchases(before + 1);
  features->set_spent_minor(features->spent_minor() + purchase.amount_minor());
  features->set_last_order_id(purchase.order_id());
  features->set_last_sku(purchase.sku());
  CountDay(now_ms, features);
  if (features->purchases() % kPurchasesPerAlert != 0) return false;
  Fill(purchase.header(), Alert::PURCHASES, features->purchases(), purchase.order_id(), purchase.sku(), *features,
       alert);
  return true;
}

bool Apply(const Support& support, Features* features, Alert* alert) {
  const int64_t now_ms = support.header().event_time_ms();
  features->set_last_support_ms(now_ms);
  features->set_supports(features->supports() + 1);
  CountDay(now_ms, features);
  Fill(support.header(), Alert::SUPPORT, features->supports(), support.ticket_id(), support.subject(), *features,
       alert);
  return true;
}

}  // namespace ebb::bench
