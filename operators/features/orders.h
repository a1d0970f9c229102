#ifndef EBB_OPERATORS_FEATURES_ORDERS_H_
#define EBB_OPERATORS_FEATURES_ORDERS_H_

// A customer's orders, and what refunds and cancellations take back of them. Pure functions; any thread. Within the
// window, and as long as no limit is reached, the result does not depend on the order in which purchases come.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "ebb/v1/purchase.pb.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/features/purchase_days.h"

namespace ebb {

// As models see money, of whatever currency.
inline constexpr double kMinorPerMajor = 100;

struct OrderLimits {
  int64_t window_ms = 0;  // How long orders stay open, and refunds wait.
  int max_open = 0;
  int max_waiting = 0;
  int64_t max_days = 0;
};

// What limits cost.
struct OrderLosses {
  int settled_early = 0;     // Orders: a later refund does not find them.
  int refunds_unmatched = 0;  // Refunds and cancellations whose order did not come.
  int days_left_out = 0;     // Days with a purchase, not counted since too late.
};

// Takes an order, a refund or a cancellation; `newest_ms` is the time of the newest purchase so far. Of orders with the
// same id the least by time, then amount, then currency, is the order.
OrderLosses ApplyPurchase(const v1::Purchase& purchase, int64_t newest_ms, const OrderLimits& limits,
                          operators::CustomerProfile* profile);

// Lines less discount, never below 0, in minor units. Stops at the greatest int64.
int64_t AmountOf(const v1::Purchase& purchase);

// One order as it counts now.
struct OrderView {
  int64_t time_ms = 0;
  int64_t minor = 0;
  int64_t given_back_minor = 0;
  uint32_t currency = 0;  // Packed.
  bool cancelled = false;
};
inline constexpr uint32_t kCancelled = 2;  // A bit of the marks; any of them gives back all.
inline OrderView OpenOrder(const operators::CustomerProfile::OpenOrders& orders, int row) {
  const uint32_t marks = orders.marks(row);
  const int64_t minor = orders.minor(row);
  return {orders.time_ms(row), minor, marks != 0 ? minor : std::min(minor, orders.refunded_minor(row)),
          orders.currency(row), (marks & kCancelled) != 0};
}

// The sum, or the nearest int64.
int64_t AddClamped(int64_t a, int64_t b);

// Three letters as a number in the same order; 0 for what is no three capital letters.
uint32_t PackCurrency(std::string_view code);
std::string UnpackCurrency(uint32_t packed);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_ORDERS_H_
