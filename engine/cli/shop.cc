#include "engine/cli/shop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr int32_t kMaxCustomers = 100'000'000;
constexpr int32_t kMaxDays = 36'525;
constexpr size_t kArity = 4;

CustomerLife::Habits HabitsOf(const ShopOptions& options) {
  CustomerLife::Habits habits;
  habits.start_ms = absl::ToUnixMillis(options.start);
  habits.end_ms = absl::ToUnixMillis(options.start + absl::Hours(24) * options.days);
  habits.purchase_gap_days = options.purchase_gap_days;
  habits.leave_share = options.leave_share;
  habits.events_per_day = options.events_per_day;
  return habits;
}

template <class Number>
absl::Status CheckRange(std::string_view name, Number value, Number least, Number most) {
  if (value >= least && value <= most) return absl::OkStatus();
  return absl::InvalidArgumentError(Text(name, ": expected ", least, " to ", most, ", got ", value));
}

// Something that no operator can work with: nobody's, or at no time that can be.
void MakeUnusable(google::protobuf::Message& message, bool nobodys) {
  constexpr int64_t kYear2242Ms = 8'583'494'400'000;
  const auto* field = message.GetDescriptor()->FindFieldByName("header");
  auto& header = static_cast<v1::EventHeader&>(*message.GetReflection()->MutableMessage(&message, field));
  absl::StrAppend(header.mutable_event_id(), "-damaged");
  if (nobodys) {
    header.clear_customer_id();
  } else {
    header.set_event_time_ms(kYear2242Ms);
  }
}

}  // namespace

absl::Status CheckShopOptions(const ShopOptions& options) {
  const ShopFaults& faults = options.faults;
  absl::Status status;
  status.Update(CheckRange("customers", options.customers, 1, kMaxCustomers));
  status.Update(CheckRange("days", options.days, 1, kMaxDays));
  status.Update(CheckRange<int64_t>("events", options.events, 0, int64_t{1} << 53));
  status.Update(CheckRange("events per day", options.events_per_day, 0.0, 1000.0));
  status.Update(CheckRange("purchase gap in days", options.purchase_gap_days, 0.1, 3650.0));
  status.Update(CheckRange("leave share", options.leave_share, 0.0, 0.99));
  status.Update(CheckRange("share of duplicates", faults.duplicates, 0.0, 1.0));
  status.Update(CheckRange("share in disorder", faults.disorder, 0.0, 1.0));
  status.Update(CheckRange("share of late events", faults.late, 0.0, 1.0));
  status.Update(CheckRange("share of damaged records", faults.damaged, 0.0, 1.0));
  if (options.start < absl::FromCivil(absl::CivilDay(1971, 1, 1), absl::UTCTimeZone()) ||
      options.start > absl::FromCivil(absl::CivilDay(2200, 1, 1), absl::UTCTimeZone())) {
    status.Update(absl::InvalidArgumentError(
        absl::StrCat("start: expected a day from 1971 to 2200, got ",
                     absl::FormatTime("%Y-%m-%d", options.start, absl::UTCTimeZone()))));
  }
  return status;
}

std::string Spoilt(std::string_view bytes) {
  // A byte that no UTF-8 has; as the start of a protobuf field it asks for wire type 7, which there is not.
  return Text("\xff", bytes);
}

Shop::Shop(const ShopOptions& options)
    : options_(options),
      end_ms_(HabitsOf(options).end_ms),
      life_(HabitsOf(options)),
      faults_(Chance::Mix(options.seed, 0xfa17)) {
  const absl::Status status = CheckShopOptions(options);
  if (!status.ok()) {
    fprintf(stderr, "the options of a shop must be checked first: %s\n", std::string(status.message()).c_str());
    abort();
  }
  const auto count = static_cast<uint32_t>(options.customers);
  customers_.reserve(count);
  turns_.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    customers_.push_back(life_.Begin(Chance::Mix(options.seed, uint64_t{i} + 1)));
    turns_.push_back({customers_.back().DueMs(), i});
  }
  std::sort(turns_.begin(), turns_.end());
}

std::optional<ShopEvent> Shop::Next() {
  if (options_.events > 0 && emitted_ == options_.events) return std::nullopt;
  while (true) {
    const int64_t next_ms = turns_.front().at_ms;
    const bool over = next_ms == Shopper::kNever || (options_.events == 0 && next_ms >= end_ms_);
    if (!delayed_.empty() && (over || delayed_.front().at_ms <= next_ms)) return Deliver();
    if (over) return std::nullopt;
    if (auto event = Live()) return event;
  }
}

std::optional<ShopEvent> Shop::Live() {
  constexpr double kDuplicateSeconds = 30, kDisorderSeconds = 5, kLateSeconds = 6 * 3600;
  const Turn turn = turns_.front();
  Shopper& customer = customers_[turn.customer];
  const CustomerLife::Event happened = life_.Step(customer, turn.customer);
  turns_.front().at_ms = customer.DueMs();
  SettleFirst();
  if (happened.message == nullptr) return std::nullopt;

  ShopEvent event;
  event.source = happened.source;
  event.message = happened.message;
  event.time_ms = turn.at_ms;
  const ShopFaults& faults = options_.faults;
  if (faults.duplicates > 0 && faults_.Happens(faults.duplicates)) Delay(event, turn.customer, kDuplicateSeconds);
  if (faults.damaged > 0 && faults_.Happens(faults.damaged)) Damage(event, turn.customer);
  const bool late = faults.late > 0 && faults_.Happens(faults.late);
  const bool in_disorder = !late && faults.disorder > 0 && faults_.Happens(faults.disorder);
  if (late && Delay(event, turn.customer, kLateSeconds)) return std::nullopt;
  if (in_disorder && Delay(event, turn.customer, kDisorderSeconds)) return std::nullopt;
  return Emit(event, turn.customer);
}

ShopEvent Shop::Emit(ShopEvent event, uint32_t customer) {
  ++emitted_;
  customer_id_.clear();
  CustomerLife::AppendCustomerId(customer, &customer_id_);
  event.customer = customer_id_;
  return event;
}

bool Shop::Delay(const ShopEvent& event, uint32_t customer, double most_seconds) {
  const auto delay_ms = static_cast<int64_t>(faults_.Between(1, 1000 * most_seconds));
  if (delayed_.size() == kMaxDelayed) return false;
  std::unique_ptr<google::protobuf::Message> copy(event.message->New());
  copy->CopyFrom(*event.message);
  delayed_.push_back({event.time_ms + delay_ms, delayed_total_++, event.source, customer, false, std::move(copy)});
  std::push_heap(delayed_.begin(), delayed_.end());
  return true;
}

void Shop::Damage(const ShopEvent& event, uint32_t customer) {
  constexpr uint32_t kWays = 3;
  const uint32_t way = faults_.Below(kWays);
  if (delayed_.size() == kMaxDelayed) return;
  std::unique_ptr<google::protobuf::Message> copy(event.message->New());
  copy->CopyFrom(*event.message);
  MakeUnusable(*copy, way != 1);
  delayed_.push_back({event.time_ms, delayed_total_++, event.source, customer, way == 0, std::move(copy)});
  std::push_heap(delayed_.begin(), delayed_.end());
}

std::optional<ShopEvent> Shop::Deliver() {
  std::pop_heap(delayed_.begin(), delayed_.end());
  Delayed due = std::move(delayed_.back());
  delayed_.pop_back();
  delivered_ = std::move(due.message);
  ShopEvent event;
  event.source = due.source;
  event.message = delivered_.get();
  event.time_ms = due.at_ms;
  event.unparsable = due.unparsable;
  return Emit(event, due.customer);
}

void Shop::SettleFirst() {
  const Turn turn = turns_.front();
  size_t hole = 0;
  while (true) {
    const size_t first = kArity * hole + 1;
    if (first >= turns_.size()) break;
    const size_t last = std::min(first + kArity, turns_.size());
    size_t least = first;
    for (size_t child = first + 1; child < last; ++child) {
      if (turns_[child] < turns_[least]) least = child;
    }
    if (!(turns_[least] < turn)) break;
    turns_[hole] = turns_[least];
    hole = least;
  }
  turns_[hole] = turn;
}

std::optional<ShopTruth> Shop::TruthOf(int32_t customer) const {
  const Shopper& c = customers_.at(static_cast<size_t>(customer));
  if (!c.joined()) return std::nullopt;
  ShopTruth truth;
  CustomerLife::AppendCustomerId(static_cast<uint32_t>(customer), &truth.customer);
  truth.joined_at_ms = c.joined_at_ms;
  if (c.last_purchase_ms != Shopper::kNever) truth.last_purchase_ms = c.last_purchase_ms;
  if (c.left()) {
    truth.left_at_ms = c.left_at_ms;
    truth.why = c.why == Shopper::Why::kOwnAccord ? "own-accord" : "neglected-complaint";
  }
  return truth;
}

}  // namespace ebb
