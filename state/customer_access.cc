#include "state/customer_access.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "google/protobuf/descriptor.h"
#include "state/layout.h"
#include "state/serialize.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr size_t kRowOverheadBytes = 128;  // What a changed row takes beside key and value, about.

[[maybe_unused]] bool IsList(const google::protobuf::Descriptor& type) {
  return type.field_count() == 1 && type.field(0)->is_repeated() && !type.field(0)->is_map() &&
         type.field(0)->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE;
}

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
    value = Insert(state);
    value->message = NewMessage(state, prototype);
    value->message->Clear();
    value->changed = open.changed = true;
    return value->message.get();
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
  if (value->message) messages_.Give(state, std::move(value->message));
  open.values.erase(open.values.begin() + (value - open.values.data()));
  open.changed = true;
}

void CustomerAccess::Append(StateId state, const google::protobuf::Message& prototype,
                            const google::protobuf::Message& more) {
  assert(IsList(*more.GetDescriptor()));
  OpenCustomer::Value* value = ValueOf(state);
  if (value == nullptr) value = Insert(state);
  if (value->message != nullptr) {
    Mutable(state, prototype)->MergeFrom(more);
    return;
  }
  if (!value->longer) {
    value->longer = std::make_unique<std::string>(value->bytes);
    Pin(value->bytes.size());
  }
  // The bytes of two lists, one behind the other, are those of both.
  const size_t size = more.ByteSizeLong();
  AppendMessage(more, size, value->longer.get());
  Pin(size);
  value->bytes = *value->longer;
  customer_->open->changed = true;
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

OpenCustomer::Value* CustomerAccess::Insert(StateId state) {
  auto& values = customer_->open->values;
  const auto at = std::lower_bound(values.begin(), values.end(), state,
                                   [](const OpenCustomer::Value& value, StateId id) { return value.state < id; });
  return &*values.insert(at, OpenCustomer::Value{.state = state});
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
  Pin(messages_.MeanBytes(state));
  return messages_.Take(state, prototype);
}

void CustomerAccess::Pin(size_t bytes) {
  pinned_bytes_ += bytes;
  message_bytes_ += bytes;
  customer_->open->message_bytes += bytes;
}

}  // namespace ebb
