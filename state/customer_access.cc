#include "state/customer_access.h"

#include <algorithm>
#include <utility>

#include "state/layout.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr size_t kRowOverheadBytes = 128;  // What a changed row takes beside key and value, about.

bool EarlierTimer(const DocumentTimer& a, const DocumentTimer& b) {
  return a.deadline_ms != b.deadline_ms ? a.deadline_ms < b.deadline_ms : a.timer < b.timer;
}

}  // namespace

const google::protobuf::Message* CustomerAccess::Find(StateId state, const google::protobuf::Message& prototype) {
  OpenCustomer::Value* value = ValueOf(state);
  if (value == nullptr) return nullptr;
  return Parsed(value, prototype);
}

google::protobuf::Message* CustomerAccess::Mutable(StateId state, const google::protobuf::Message& prototype) {
  OpenCustomer& open = *customer_->open;
  OpenCustomer::Value* value = ValueOf(state);
  if (value == nullptr) {
    auto at = std::lower_bound(open.values.begin(), open.values.end(), state,
                               [](const OpenCustomer::Value& v, StateId id) { return v.state < id; });
    at = open.values.insert(at, OpenCustomer::Value{state, {}, NewMessage(state, prototype), true});
    at->message->Clear();
    open.changed = true;
    return at->message.get();
  }
  google::protobuf::Message* message = Parsed(value, prototype);
  value->changed = true;
  open.changed = true;
  return message;
}

void CustomerAccess::Clear(StateId state) {
  OpenCustomer& open = *customer_->open;
  OpenCustomer::Value* value = ValueOf(state);
  if (value == nullptr) return;
  open.values.erase(open.values.begin() + (value - open.values.data()));
  open.changed = true;
}

std::optional<std::string> CustomerAccess::FindRow(StateId state, std::string_view sub_key) {
  const std::string key = layout::RowKey(customer_->id(), state, sub_key);
  if (auto it = customer_->open->rows.find(key); it != customer_->open->rows.end()) return it->second;
  if (customer_->rows) {
    if (auto it = customer_->rows->find(key); it != customer_->rows->end()) return it->second;
  }
  auto row = store_.Get(key);
  if (!row.ok()) {
    status_.Update(row.status());
    return std::nullopt;
  }
  return *std::move(row);
}

void CustomerAccess::PutRow(StateId state, std::string_view sub_key, std::string value) {
  pinned_bytes_ += sub_key.size() + value.size() + customer_->id_bytes + kRowOverheadBytes;
  customer_->open->rows[layout::RowKey(customer_->id(), state, sub_key)] = std::move(value);
  customer_->open->changed = true;
}

void CustomerAccess::EraseRow(StateId state, std::string_view sub_key) {
  customer_->open->rows[layout::RowKey(customer_->id(), state, sub_key)] = std::nullopt;
  customer_->open->changed = true;
}

void CustomerAccess::ScanRows(StateId state, std::string_view from, const RowVisitor& visit) {
  const std::string first = layout::RowKey(customer_->id(), state, from);
  const std::string end = layout::PrefixEnd(layout::RowKey(customer_->id(), state, ""));
  auto rows = MergedRows(store_, first, end, {customer_->rows.get(), &customer_->open->rows});
  if (!rows.ok()) {
    status_.Update(rows.status());
    return;
  }
  for (const auto& [key, value] : *rows) {
    if (value && !visit(layout::SubKeyOf(key, customer_->id()), *value)) return;
  }
}

std::optional<int64_t> CustomerAccess::Deadline(TimerId timer) {
  for (const DocumentTimer& armed : customer_->open->timers) {
    if (armed.timer == timer) return armed.deadline_ms;
  }
  return std::nullopt;
}

void CustomerAccess::Arm(TimerId timer, int64_t deadline_ms) {
  deadline_ms = std::max(deadline_ms, earliest_ms_);
  if (Deadline(timer) == deadline_ms) return;
  Disarm(timer);
  auto& timers = customer_->open->timers;
  const DocumentTimer armed{timer, deadline_ms};
  timers.insert(std::upper_bound(timers.begin(), timers.end(), armed, EarlierTimer), armed);
  customer_->open->changed = true;
}

void CustomerAccess::Disarm(TimerId timer) {
  auto& timers = customer_->open->timers;
  auto it = std::find_if(timers.begin(), timers.end(), [&](const auto& armed) { return armed.timer == timer; });
  if (it == timers.end()) return;
  timers.erase(it);
  customer_->open->changed = true;
}

OpenCustomer::Value* CustomerAccess::ValueOf(StateId state) {
  for (OpenCustomer::Value& value : customer_->open->values) {
    if (value.state == state) return &value;
  }
  return nullptr;
}

google::protobuf::Message* CustomerAccess::Parsed(OpenCustomer::Value* value,
                                                  const google::protobuf::Message& prototype) {
  if (value->message == nullptr) {
    value->message = NewMessage(value->state, prototype);
    if (!value->message->ParseFromArray(value->bytes.data(), static_cast<int>(value->bytes.size())) ||
        !IsSoundState(prototype, *value->message)) {
      // The operator goes on for now, and must not meet a part of it.
      value->message->Clear();
      status_.Update(absl::DataLossError("a stored state is not a " + prototype.GetTypeName() +
                                         "; rebuild the local state by deleting its directory"));
    }
  }
  return value->message.get();
}

std::unique_ptr<google::protobuf::Message> CustomerAccess::NewMessage(StateId state,
                                                                      const google::protobuf::Message& prototype) {
  const size_t bytes = messages_.MeanBytes(state);
  pinned_bytes_ += bytes;
  message_bytes_ += bytes;
  customer_->open->message_bytes += bytes;
  return messages_.Take(state, prototype);
}

}  // namespace ebb
