#include "operators/features/customer_view.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "operators/features/event_history.h"
#include "operators/features/features.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

// Decayed values are not viewed, and the order of categories does not depend on it.
constexpr FeatureOptions kOptions = {1e15, kViewedCategories};

void SetMoment(int64_t time_ms, google::protobuf::Timestamp* moment) {
  const int64_t seconds = time_ms / 1000 - (time_ms % 1000 < 0 ? 1 : 0);
  moment->set_seconds(seconds);
  moment->set_nanos(static_cast<int32_t>((time_ms - seconds * 1000) * 1'000'000));
}

void SetActivity(const v1::CustomerFeatures::KindCounts& counts, v1::Customer::Activity* activity) {
  activity->set_total(counts.total());
  activity->set_last_7_days(counts.last_7_days());
  activity->set_last_30_days(counts.last_30_days());
  activity->set_last_90_days(counts.last_90_days());
  SetMoment(counts.last_ms(), activity->mutable_last());
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

void ViewPurchases(const v1::CustomerFeatures& features, v1::Customer* customer) {
  customer->set_orders(features.orders());
  customer->set_repeat_days(features.repeat_days());
  if (features.orders() == 0) return;
  SetMoment(features.first_purchase_ms(), customer->mutable_first_purchase());
  SetMoment(features.last_purchase_ms(), customer->mutable_last_purchase());
  const double silent_days = DaysOf(features.as_of_ms() - features.last_purchase_ms());
  customer->set_days_since_purchase(silent_days);
  const double gap_days = features.purchase_gap_mean_days();
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

void ViewCustomer(const CustomerProfile& profile, std::string_view id, int64_t as_of_ms, v1::CustomerFeatures* features,
                  v1::Customer* customer) {
  ComputeFeatures(profile, id, std::max(as_of_ms, LatestEventMs(profile)), kOptions, features);
  customer->Clear();
  customer->set_id(id.data(), id.size());
  ViewPurchases(*features, customer);
  customer->mutable_spent()->Swap(features->mutable_spent());
  customer->mutable_refunded()->Swap(features->mutable_refunded());
  for (const auto& counts : features->kinds()) {
    if (counts.kind() == "purchase") SetActivity(counts, customer->mutable_purchases());
    if (counts.kind() == "browse") SetActivity(counts, customer->mutable_browses());
    if (counts.kind() == "support") SetActivity(counts, customer->mutable_supports());
    if (counts.kind() == "engagement") SetActivity(counts, customer->mutable_engagements());
  }
  for (const auto& affinity : features->categories()) customer->add_categories(affinity.category());
  customer->set_open_tickets(features->open_tickets());
  customer->set_open_complaints(features->open_complaints());
  ViewConsents(profile, customer);
  ViewBasics(profile.basics(), customer);
  customer->set_generated(features->generated());
}

}  // namespace ebb
