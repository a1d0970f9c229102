#include "operators/features/orders.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "operators/features/columns.h"
#include "operators/features/event_history.h"
#include "state/hash.h"

namespace ebb {
namespace {

using operators::CustomerProfile;
using OpenOrders = CustomerProfile::OpenOrders;
using SettledOrders = CustomerProfile::SettledOrders;

constexpr uint32_t kAllRefunded = 1;
constexpr uint32_t kLetters = 27;  // And none.

struct OrderRow {
  uint64_t id = 0;
  int64_t time_ms = 0;
  int64_t minor = 0;
  int64_t refunded_minor = 0;
  uint32_t currency = 0;
  uint32_t marks = 0;

  auto Rank() const { return std::tie(time_ms, minor, currency); }
};

OrderRow RowAt(const OpenOrders& orders, int row) {
  return {orders.id(row),       orders.time_ms(row), orders.minor(row), orders.refunded_minor(row),
          orders.currency(row), orders.marks(row)};
}

void InsertRow(const OrderRow& order, OpenOrders* orders) {
  int row = orders->id_size();
  while (row > 0 && order.Rank() < RowAt(*orders, row - 1).Rank()) --row;
  InsertAt(orders->mutable_id(), row, order.id);
  InsertAt(orders->mutable_time_ms(), row, order.time_ms);
  InsertAt(orders->mutable_minor(), row, order.minor);
  InsertAt(orders->mutable_refunded_minor(), row, order.refunded_minor);
  InsertAt(orders->mutable_currency(), row, order.currency);
  InsertAt(orders->mutable_marks(), row, order.marks);
}

void EraseOrders(int row, int count, OpenOrders* orders) {
  EraseRows(row, count, orders->mutable_id(), orders->mutable_time_ms(), orders->mutable_minor(),
            orders->mutable_refunded_minor(), orders->mutable_currency(), orders->mutable_marks());
}

void EraseWaiting(int row, OpenOrders* orders) {
  EraseRows(row, 1, orders->mutable_waiting_id(), orders->mutable_waiting_time_ms(), orders->mutable_waiting_minor(),
            orders->mutable_waiting_currency(), orders->mutable_waiting_marks());
}

bool TakesBack(uint32_t refund_currency, uint32_t order_currency) {
  return refund_currency == 0 || refund_currency == order_currency;
}

// Gives the order what waits for it.
void TakeWaiting(OrderRow* order, OpenOrders* orders) {
  for (int row = orders->waiting_id_size() - 1; row >= 0; --row) {
    if (orders->waiting_id(row) != order->id || !TakesBack(orders->waiting_currency(row), order->currency)) continue;
    order->refunded_minor = AddClamped(order->refunded_minor, orders->waiting_minor(row));
    order->marks |= orders->waiting_marks(row);
    EraseWaiting(row, orders);
  }
}

void ApplyOrder(OrderRow order, bool has_id, OpenOrders* orders) {
  const int known = has_id ? RowOf(orders->id(), order.id) : -1;
  if (known >= 0) {
    const OrderRow earlier = RowAt(*orders, known);
    if (!(order.Rank() < earlier.Rank())) return;
    order.refunded_minor = earlier.refunded_minor;
    order.marks = earlier.marks;
    EraseOrders(known, 1, orders);
  }
  if (has_id) TakeWaiting(&order, orders);
  InsertRow(order, orders);
}

// Takes back from an order, or waits for it.
void ApplyRefund(const OrderRow& refund, OpenOrders* orders) {
  const int known = RowOf(orders->id(), refund.id);
  if (known >= 0 && TakesBack(refund.currency, orders->currency(known))) {
    orders->set_refunded_minor(known, AddClamped(orders->refunded_minor(known), refund.minor));
    orders->set_marks(known, orders->marks(known) | refund.marks);
    return;
  }
  int row = 0;
  const int rows = orders->waiting_id_size();
  while (row < rows && (orders->waiting_id(row) != refund.id || orders->waiting_currency(row) != refund.currency)) {
    ++row;
  }
  if (row < rows) {
    orders->set_waiting_time_ms(row, std::max(orders->waiting_time_ms(row), refund.time_ms));
    orders->set_waiting_minor(row, AddClamped(orders->waiting_minor(row), refund.minor));
    orders->set_waiting_marks(row, orders->waiting_marks(row) | refund.marks);
    return;
  }
  orders->add_waiting_id(refund.id);
  orders->add_waiting_time_ms(refund.time_ms);
  orders->add_waiting_minor(refund.minor);
  orders->add_waiting_currency(refund.currency);
  orders->add_waiting_marks(refund.marks);
}

void AddMoney(const OrderView& order, SettledOrders* settled) {
  const auto& codes = settled->currency();
  const int row = static_cast<int>(std::lower_bound(codes.begin(), codes.end(), order.currency) - codes.begin());
  if (row == codes.size() || codes[row] != order.currency) {
    InsertAt(settled->mutable_currency(), row, order.currency);
    InsertAt(settled->mutable_spent_minor(), row, 0);
    InsertAt(settled->mutable_refunded_minor(), row, 0);
  }
  settled->set_spent_minor(row, AddClamped(settled->spent_minor(row), order.minor - order.given_back_minor));
  settled->set_refunded_minor(row, AddClamped(settled->refunded_minor(row), order.given_back_minor));
}

// False when the day of the order could not be counted.
bool Settle(const OrderView& order, int64_t max_days, SettledOrders* settled) {
  AddMoney(order, settled);
  if (order.cancelled) return true;
  const bool is_first = settled->standing() == 0;
  settled->set_standing(settled->standing() + 1);
  settled->set_first_ms(is_first ? order.time_ms : std::min(settled->first_ms(), order.time_ms));
  settled->set_last_ms(is_first ? order.time_ms : std::max(settled->last_ms(), order.time_ms));
  return AddDay(DayOf(order.time_ms), max_days, settled->mutable_days());
}

void SettleOrders(int64_t before_ms, const OrderLimits& limits, CustomerProfile* profile, OrderLosses* losses) {
  OpenOrders* orders = profile->mutable_open_orders();
  int settled = 0;
  for (; settled < orders->id_size(); ++settled) {
    const bool expired = orders->time_ms(settled) < before_ms;
    if (!expired && orders->id_size() - settled <= limits.max_open) break;
    if (!expired) ++losses->settled_early;
    if (!Settle(OpenOrder(*orders, settled), limits.max_days, profile->mutable_settled_orders())) {
      ++losses->days_left_out;
    }
  }
  if (settled > 0) EraseOrders(0, settled, orders);
}

void ForgetWaiting(int64_t before_ms, int max_waiting, OpenOrders* orders, OrderLosses* losses) {
  while (orders->waiting_id_size() > 0) {
    const auto& times = orders->waiting_time_ms();
    const auto oldest = std::min_element(times.begin(), times.end());
    if (*oldest >= before_ms && times.size() <= max_waiting) return;
    EraseWaiting(static_cast<int>(oldest - times.begin()), orders);
    ++losses->refunds_unmatched;
  }
}

}  // namespace

int64_t AddClamped(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

int64_t AmountOf(const v1::Purchase& purchase) {
  int64_t minor = 0;
  for (const auto& line : purchase.lines()) minor = AddClamped(minor, line.price_minor());
  return std::max<int64_t>(minor - std::max<int64_t>(purchase.discount_minor(), 0), 0);
}

uint32_t PackCurrency(std::string_view code) {
  if (code.size() != 3) return 0;
  uint32_t packed = 0;
  for (char letter : code) {
    if (letter < 'A' || letter > 'Z') return 0;
    packed = packed * kLetters + static_cast<uint32_t>(letter - 'A' + 1);
  }
  return packed;
}

std::string UnpackCurrency(uint32_t packed) {
  std::string code;
  for (; packed > 0; packed /= kLetters) code.insert(code.begin(), static_cast<char>('A' + packed % kLetters - 1));
  return code;
}

OrderLosses ApplyPurchase(const v1::Purchase& purchase, int64_t newest_ms, const OrderLimits& limits,
                          CustomerProfile* profile) {
  OrderLosses losses;
  OpenOrders* orders = profile->mutable_open_orders();
  const v1::EventHeader& header = purchase.header();
  const bool has_id = !purchase.order_id().empty();
  const uint64_t id = has_id ? StableHash64(purchase.order_id())
                             : StableHash64(header.event_id(), StableHash64(header.source()));
  OrderRow row{id, header.event_time_ms(), AmountOf(purchase), 0, PackCurrency(purchase.currency()), 0};
  const int64_t window_start_ms = newest_ms - limits.window_ms;
  SettleOrders(window_start_ms, limits, profile, &losses);
  switch (purchase.kind()) {
    case v1::Purchase::KIND_UNSPECIFIED:
    case v1::Purchase::ORDER:
      ApplyOrder(row, has_id, orders);
      break;
    case v1::Purchase::REFUND:
      row.marks = purchase.lines().empty() ? kAllRefunded : 0;
      if (has_id) ApplyRefund(row, orders);
      break;
    case v1::Purchase::CANCELLATION:
      row.minor = 0;
      row.currency = 0;
      row.marks = kCancelled;
      if (has_id) ApplyRefund(row, orders);
      break;
    default:
      break;
  }
  SettleOrders(window_start_ms, limits, profile, &losses);
  ForgetWaiting(window_start_ms, limits.max_waiting, orders, &losses);
  return losses;
}

}  // namespace ebb
