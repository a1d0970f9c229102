#include "operators/churn/risk_features.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "operators/features/event_history.h"
#include "operators/features/features.h"
#include "operators/features/membership.h"
#include "operators/features/orders.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

// A quotient of what may be nothing.
double Share(double part, double whole) { return whole > 0 ? part / whole : 0; }

// Days with a purchase, as seen from today.
class PurchaseDayCounts {
 public:
  PurchaseDayCounts(const CustomerProfile& profile, int64_t today) : today_(today) {
    ListPurchaseDays(profile, &days_);
  }

  double LastWeeks(int64_t weeks) const {
    const auto first = std::upper_bound(days_.begin(), days_.end(), today_ - weeks * kDaysPerWeek);
    return static_cast<double>(days_.end() - first);
  }
  double Decayed(int64_t half_life_weeks) const {
    const auto half_life_days = static_cast<double>(half_life_weeks * kDaysPerWeek);
    double sum = 0;
    for (int64_t day : days_) sum += std::exp2(-static_cast<double>(today_ - day) / half_life_days);
    return sum;
  }

 private:
  const int64_t today_;
  std::vector<int64_t> days_;
};

// Money in one currency, in minor units: of the latest order, or, when all are settled and so of long ago, the one in
// which most was spent.
class Spending {
 public:
  explicit Spending(const CustomerProfile& profile) : open_(profile.open_orders()) {
    const CustomerProfile::SettledOrders& settled = profile.settled_orders();
    if (open_.id_size() > 0) {
      currency_ = open_.currency(open_.id_size() - 1);
    } else if (settled.currency_size() > 0) {
      const auto most = std::max_element(settled.spent_minor().begin(), settled.spent_minor().end());
      currency_ = settled.currency(static_cast<int>(most - settled.spent_minor().begin()));
    }
    for (int row = 0; row < settled.currency_size(); ++row) {
      if (settled.currency(row) != currency_) continue;
      spent_ += static_cast<double>(settled.spent_minor(row));
      given_back_ += static_cast<double>(settled.refunded_minor(row));
    }
    for (int row = 0; row < open_.id_size(); ++row) {
      const OrderView order = OpenOrder(open_, row);
      if (order.currency != currency_) continue;
      spent_ += static_cast<double>(order.minor - order.given_back_minor);
      given_back_ += static_cast<double>(order.given_back_minor);
    }
  }

  double spent() const { return spent_ / kMinorPerMajor; }
  double given_back_share() const { return Share(given_back_, spent_ + given_back_); }
  // Of orders that can still be taken back, which are known one by one.
  double SpentLastWeeks(int64_t weeks, int64_t at_ms) const {
    const int64_t from_ms = at_ms - weeks * kDaysPerWeek * kMillisPerDay;
    double sum = 0;
    for (int row = open_.id_size() - 1; row >= 0 && open_.time_ms(row) >= from_ms; --row) {
      const OrderView order = OpenOrder(open_, row);
      if (order.currency == currency_) sum += static_cast<double>(order.minor - order.given_back_minor);
    }
    return sum / kMinorPerMajor;
  }

 private:
  const CustomerProfile::OpenOrders& open_;
  uint32_t currency_ = 0;
  double spent_ = 0;
  double given_back_ = 0;
};

int64_t ConsentsInForce(const CustomerProfile::Consents& consents) {
  int64_t count = 0;
  for (int row = 0; row < consents.key_size(); ++row) count += IsInForce(consents, row);
  return count;
}

}  // namespace

void ComputeRiskFeatures(const CustomerProfile& profile, int64_t at_ms, v1::RiskFeatures* features) {
  features->Clear();
  const int64_t today = DayOf(at_ms);
  const PurchaseSummary purchases = SummarisePurchases(profile);
  const double silence_days = DaysOf(at_ms - purchases.last_ms);
  features->set_repeat_days(static_cast<double>(purchases.repeat_days));
  features->set_age_days(DaysOf(at_ms - purchases.first_ms));
  features->set_span_days(DaysOf(purchases.last_ms - purchases.first_ms));
  features->set_silence_days(silence_days);
  features->set_orders(static_cast<double>(purchases.orders));
  features->set_gap_mean_days(purchases.gap_mean_days);
  features->set_gap_sd_days(purchases.gap_sd_days);
  features->set_overdue(purchases.repeat_days == 0 ? 1 : silence_days / std::max(purchases.gap_mean_days, 1.0));

  const PurchaseDayCounts days(profile, today);
  features->set_days_4w(days.LastWeeks(4));
  features->set_days_8w(days.LastWeeks(8));
  features->set_days_13w(days.LastWeeks(13));
  features->set_days_26w(days.LastWeeks(26));
  features->set_days_52w(days.LastWeeks(52));
  features->set_decayed_2w(days.Decayed(2));
  features->set_decayed_8w(days.Decayed(8));
  features->set_decayed_26w(days.Decayed(26));

  const Spending spending(profile);
  features->set_spent(spending.spent());
  features->set_spent_4w(spending.SpentLastWeeks(4, at_ms));
  features->set_spent_13w(spending.SpentLastWeeks(13, at_ms));
  features->set_spent_26w(spending.SpentLastWeeks(26, at_ms));
  features->set_order_value(Share(spending.spent(), static_cast<double>(purchases.orders)));
  features->set_given_back_share(spending.given_back_share());

  features->set_categories(profile.affinities().id_size());
  features->set_browses_30d(static_cast<double>(CountLastDays(profile.browse(), today, 30)));
  features->set_browses_90d(static_cast<double>(CountLastDays(profile.browse(), today, kCountedDays)));
  features->set_engagements_90d(static_cast<double>(CountLastDays(profile.engagement(), today, kCountedDays)));
  features->set_supports_90d(static_cast<double>(CountLastDays(profile.support(), today, kCountedDays)));
  features->set_open_complaints(static_cast<double>(OpenComplaints(profile)));
  features->set_contact_days(DaysOf(at_ms - LatestEventMs(profile)));
  features->set_consents(static_cast<double>(ConsentsInForce(profile.consents())));
}

}  // namespace ebb
