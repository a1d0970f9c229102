#include "operators/features/customer_view.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

#include "absl/strings/ascii.h"
#include "operators/features/affinities.h"
#include "operators/features/event_history.h"
#include "operators/features/features.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

using Customer = v1::Customer;

// Decayed values are not viewed, and the order of categories does not depend on it.
constexpr double kAnyHalfLifeMs = 1e15;

constexpr CustomerFields Bits(std::initializer_list<int> numbers) {
  CustomerFields bits = 0;
  for (const int number : numbers) bits |= CustomerFields{1} << number;
  return bits;
}
static_assert(Customer::kGeneratedFieldNumber < 32, "a field has no bit");

constexpr CustomerFields kOfPurchases =
    Bits({Customer::kOrdersFieldNumber, Customer::kRepeatDaysFieldNumber, Customer::kFirstPurchaseFieldNumber,
          Customer::kLastPurchaseFieldNumber, Customer::kDaysSincePurchaseFieldNumber,
          Customer::kPurchaseGapFieldNumber, Customer::kPurchaseGapDaysFieldNumber, Customer::kOverdueFieldNumber});
constexpr CustomerFields kOfMoney = Bits({Customer::kSpentFieldNumber, Customer::kRefundedFieldNumber});
constexpr CustomerFields kOfBasics =
    Bits({Customer::kMemberFieldNumber, Customer::kJoinedFieldNumber, Customer::kTimeZoneFieldNumber,
          Customer::kLanguageFieldNumber, Customer::kBirthdayFieldNumber});

void SetMoment(int64_t time_ms, google::protobuf::Timestamp* moment) {
  const int64_t seconds = time_ms / 1000 - (time_ms % 1000 < 0 ? 1 : 0);
  moment->set_seconds(seconds);
  moment->set_nanos(static_cast<int32_t>((time_ms - seconds * 1000) * 1'000'000));
}

void SetActivity(const CustomerProfile::EventHistory& history, int64_t today, Customer::Activity* activity) {
  activity->set_total(static_cast<int64_t>(history.total()));
  activity->set_last_7_days(CountLastDays(history, today, 7));
  activity->set_last_30_days(CountLastDays(history, today, 30));
  activity->set_last_90_days(CountLastDays(history, today, kCountedDays));
  SetMoment(history.last_ms(), activity->mutable_last());
}

// "marketing/email" for PURPOSE_MARKETING and CHANNEL_EMAIL.
std::string ConsentName(v1::Purpose purpose, v1::Channel channel) {
  const auto tail = [](const std::string& name) {
    return absl::AsciiStrToLower(name.substr(std::min(name.find('_'), name.size() - 1) + 1));
  };
  return Text(tail(v1::Purpose_Name(purpose)), "/", tail(v1::Channel_Name(channel)));
}

// Every such name, made once.
const std::string& KnownConsentName(v1::Purpose purpose, v1::Channel channel) {
  constexpr int kChannels = v1::Channel_ARRAYSIZE;
  static const auto* const names = [] {
    auto* made = new std::array<std::string, v1::Purpose_ARRAYSIZE * kChannels>();
    for (int number = kChannels; number < v1::Purpose_ARRAYSIZE * kChannels; ++number) {
      if (number % kChannels == 0) continue;
      (*made)[static_cast<size_t>(number)] =
          ConsentName(static_cast<v1::Purpose>(number / kChannels), static_cast<v1::Channel>(number % kChannels));
    }
    return made;
  }();
  return (*names)[static_cast<size_t>(purpose * kChannels + channel)];
}

void ViewConsents(const CustomerProfile& profile, v1::Customer* customer) {
  for (int purpose = 1; purpose < v1::Purpose_ARRAYSIZE; ++purpose) {
    for (int channel = 1; channel < v1::Channel_ARRAYSIZE; ++channel) {
      const auto for_purpose = static_cast<v1::Purpose>(purpose);
      const auto through = static_cast<v1::Channel>(channel);
      if (HasConsent(profile, for_purpose, through)) customer->add_consents(KnownConsentName(for_purpose, through));
    }
  }
}

void ViewPurchases(const PurchaseSummary& purchases, int64_t as_of_ms, Customer* customer) {
  customer->set_orders(purchases.orders);
  customer->set_repeat_days(purchases.repeat_days);
  if (purchases.orders == 0) return;
  SetMoment(purchases.first_ms, customer->mutable_first_purchase());
  SetMoment(purchases.last_ms, customer->mutable_last_purchase());
  const double silent_days = DaysOf(as_of_ms - purchases.last_ms);
  customer->set_days_since_purchase(silent_days);
  const double gap_days = purchases.gap_mean_days;
  if (gap_days <= 0) return;
  customer->set_purchase_gap_days(gap_days);
  customer->set_overdue(silent_days / gap_days);
  customer->mutable_purchase_gap()->set_seconds(
      static_cast<int64_t>(gap_days * static_cast<double>(kMillisPerDay) / 1000));
}

void ViewBasics(const CustomerProfile::Basics& basics, v1::Customer* customer) {
  customer->set_time_zone(basics.time_zone());
  customer->set_language(basics.language());
  if (basics.has_birthday() && basics.birthday().month() > 0) *customer->mutable_birthday() = basics.birthday();
  if (!basics.has_joined_ms()) return;
  customer->set_member(true);
  SetMoment(basics.joined_ms(), customer->mutable_joined());
}

}  // namespace

void ViewCustomer(const CustomerProfile& profile, std::string_view id, int64_t as_of_ms, CustomerFields fields,
                  v1::CustomerFeatures* features, Customer* customer) {
  const int64_t at_ms = std::max(as_of_ms, LatestEventMs(profile));
  const auto asks = [&](CustomerFields of) { return (fields & of) != 0; };
  const auto view_activity = [&](int number, const CustomerProfile::EventHistory& history, auto mutable_activity) {
    if (asks(Bits({number})) && history.total() > 0) {
      SetActivity(history, DayOf(at_ms), (customer->*mutable_activity)());
    }
  };
  customer->set_id(id.data(), id.size());
  customer->set_generated(profile.generated());
  if (asks(kOfPurchases)) ViewPurchases(SummarisePurchases(profile), at_ms, customer);
  if (asks(kOfMoney)) ListMoney(profile, customer->mutable_spent(), customer->mutable_refunded());
  view_activity(Customer::kPurchasesFieldNumber, profile.purchase(), &Customer::mutable_purchases);
  view_activity(Customer::kBrowsesFieldNumber, profile.browse(), &Customer::mutable_browses);
  view_activity(Customer::kSupportsFieldNumber, profile.support(), &Customer::mutable_supports);
  view_activity(Customer::kEngagementsFieldNumber, profile.engagement(), &Customer::mutable_engagements);
  if (asks(Bits({Customer::kCategoriesFieldNumber}))) {
    features->clear_categories();
    AppendTopCategories(profile.affinities(), at_ms, kAnyHalfLifeMs, kViewedCategories, features->mutable_categories());
    for (const auto& affinity : features->categories()) customer->add_categories(affinity.category());
  }
  if (asks(Bits({Customer::kOpenTicketsFieldNumber}))) customer->set_open_tickets(OpenTickets(profile));
  if (asks(Bits({Customer::kOpenComplaintsFieldNumber}))) customer->set_open_complaints(OpenComplaints(profile));
  if (asks(Bits({Customer::kConsentsFieldNumber}))) ViewConsents(profile, customer);
  if (asks(kOfBasics)) ViewBasics(profile.basics(), customer);
}

}  // namespace ebb
