#include "operators/features/soundness.h"

#include <algorithm>
#include <string_view>

#include "operators/features/purchase_days.h"
#include "state/soundness.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

// Far beyond any calendar; the squares of distances between such days still add up.
constexpr int64_t kMostDays = int64_t{1} << 26;

template <class First, class... Columns>
bool EquallyLong(const First& first, const Columns&... columns) {
  return ((columns.size() == first.size()) && ...);
}

bool AllSound(const google::protobuf::RepeatedField<int64_t>& column) {
  return std::all_of(column.begin(), column.end(), [](int64_t number) { return AreSound(number); });
}

bool IsSound(const CustomerProfile::EventHistory& history) {
  // Days and their counts take turns; whatever was counted was on a day.
  return AreSound(history.last_ms()) && history.days_size() % 2 == 0 &&
         (history.total() == 0 || history.days_size() > 0);
}

bool IsSound(const CustomerProfile::OpenOrders& orders) {
  return EquallyLong(orders.id(), orders.time_ms(), orders.minor(), orders.refunded_minor(), orders.currency(),
                     orders.marks()) &&
         EquallyLong(orders.waiting_id(), orders.waiting_time_ms(), orders.waiting_minor(), orders.waiting_currency(),
                     orders.waiting_marks()) &&
         AllSound(orders.time_ms()) && AllSound(orders.minor()) && AllSound(orders.refunded_minor()) &&
         AllSound(orders.waiting_time_ms()) && AllSound(orders.waiting_minor());
}

bool IsSound(const CustomerProfile::PurchaseDays& days) {
  const bool in_order = -kMostDays <= days.first() && days.first() <= days.last() && days.last() <= kMostDays;
  const bool counted =
      days.count() >= 0 && days.count() <= 2 * kMostDays && days.gap_squares() >= 0 && AreSound(days.gap_squares());
  return in_order && counted && GapsAreWhole(days);
}

bool IsSound(const CustomerProfile::SettledOrders& settled) {
  return EquallyLong(settled.currency(), settled.spent_minor(), settled.refunded_minor()) &&
         AreSound(settled.standing(), settled.first_ms(), settled.last_ms()) && IsSound(settled.days());
}

bool IsSound(const CustomerProfile::Affinities& affinities) {
  size_t place = 0;
  const std::string_view names = affinities.names();
  for (int row = 0; row < affinities.id_size(); ++row) {
    if (place >= names.size()) return false;
    place += 1 + static_cast<unsigned char>(names[place]);
  }
  return place == names.size() && EquallyLong(affinities.id(), affinities.weight()) && AreSound(affinities.at_ms());
}

bool IsSound(const CustomerProfile::Tickets& tickets) {
  return EquallyLong(tickets.id(), tickets.opened_ms(), tickets.resolved_ms(), tickets.complaint());
}

bool IsSound(const CustomerProfile::Consents& consents) {
  return EquallyLong(consents.key(), consents.given_ms(), consents.withdrawn_ms());
}

}  // namespace

bool IsSound(const CustomerProfile& profile) {
  return IsSound(profile.browse()) && IsSound(profile.engagement()) && IsSound(profile.member()) &&
         IsSound(profile.purchase()) && IsSound(profile.support()) && IsSound(profile.open_orders()) &&
         IsSound(profile.settled_orders()) && IsSound(profile.affinities()) && IsSound(profile.tickets()) &&
         IsSound(profile.consents()) && AreSound(profile.told_ms(), profile.basics().joined_ms());
}

}  // namespace ebb
