#include "tests/unit/operators/fake_context.h"

#include <cstdlib>
#include <iostream>

#include "ebb/v1/header.pb.h"
#include "state/hash.h"
#include "state/text.h"

namespace ebb {
namespace {

const v1::EventHeader* HeaderOf(const google::protobuf::Message& message) {
  const auto* field = message.GetDescriptor()->FindFieldByName("header");
  if (field == nullptr || field->message_type() != v1::EventHeader::descriptor()) return nullptr;
  return static_cast<const v1::EventHeader*>(&message.GetReflection()->GetMessage(message, field));
}

[[noreturn]] void Misused(std::string_view what) {
  std::cerr << "FakeContext: " << what << std::endl;
  std::abort();
}

}  // namespace

uint32_t FakeContext::IdOf(std::string_view type, std::string_view name) {
  const auto next = static_cast<uint32_t>(ids_.size() + 1);
  return ids_.try_emplace(Text(type, "/", name), next).first->second;
}

void FakeContext::Bind(OperatorBase& op, std::string_view type) {
  types_[&op] = std::string(type);
  for (StateHandle* handle : op.states()) {
    const std::string_view owner = handle->foreign_operator().empty() ? type : handle->foreign_operator();
    handle->Bind(IdOf(owner, handle->name()));
  }
  for (Timer* timer : op.timers()) {
    timer->Bind(IdOf(Text(type, "/timer"), timer->name()));
    timers_[timer->id()] = {&op, timer};
  }
}

void FakeContext::Send(OperatorBase& op, const google::protobuf::Message& message, std::optional<absl::Time> at) {
  const v1::EventHeader* header = HeaderOf(message);
  if (!at && header == nullptr) Misused("a message without a header needs a time");
  now_ = at ? *at : absl::FromUnixMillis(header->event_time_ms());
  event_id_ = header ? header->event_id() : Text("event-", next_offset_);
  event_source_ = header ? header->source() : "test";
  cause_ = Cause{"test", 0, next_offset_++, event_id_, event_source_, header && header->generated()};
  const OperatorBase::Prototypes takes = op.takes();
  size_t index = 0;
  while (index < takes.size() && takes[index]->GetDescriptor() != message.GetDescriptor()) ++index;
  if (index == takes.size()) Misused(Text("not taken: ", message.GetTypeName()));
  BeginCall(op);
  op.Deliver(index, message, *this);
  EndCall();
  FireDue();
}

void FakeContext::Visit(OperatorBase& op) {
  published_ = {"change@1"};
  now_ = watermark_ == absl::InfinitePast() ? absl::UnixEpoch() : watermark_;
  event_id_ = published_.front();
  event_source_ = types_.at(&op);
  cause_ = Cause{"", 0, -1, event_id_, event_source_, false};
  BeginCall(op);
  op.Visit(*this);
  EndCall();
  FireDue();
}

void FakeContext::AdvanceTo(absl::Time watermark) {
  if (watermark < watermark_) Misused("a watermark never goes back");
  watermark_ = watermark;
  FireDue();
}

void FakeContext::FireDue() {
  while (true) {
    auto due = deadlines_.end();
    for (auto it = deadlines_.begin(); it != deadlines_.end(); ++it) {
      if (absl::FromUnixMillis(it->second) > watermark_) continue;
      if (due == deadlines_.end() || it->second < due->second) due = it;
    }
    if (due == deadlines_.end()) return;
    const BoundTimer bound = timers_.at(due->first);
    now_ = absl::FromUnixMillis(due->second);
    deadlines_.erase(due);
    event_id_ = std::string(bound.timer->name());
    event_source_ = types_.at(bound.owner);
    cause_ = Cause{"", 0, -1, event_id_, event_source_, false};
    BeginCall(*bound.owner);
    bound.owner->Fire(*bound.timer, *this);
    EndCall();
  }
}

void FakeContext::BeginCall(const OperatorBase& op) {
  if (types_.count(&op) == 0) Misused("an operator must be bound");
  running_ = &op;
  emitted_in_call_ = 0;
  randoms_in_call_ = 0;
}

void FakeContext::EndCall() {
  running_ = nullptr;
  for (auto& [id, value] : values_) {
    std::unique_ptr<google::protobuf::Message> read(value->New());
    if (!read->ParseFromString(value->SerializeAsString())) Misused("a state cannot be read back");
    value = std::move(read);
  }
}

std::optional<absl::Time> FakeContext::DeadlineOf(std::string_view type, std::string_view timer) {
  auto deadline_ms = Deadline(IdOf(Text(type, "/timer"), timer));
  if (!deadline_ms) return std::nullopt;
  return absl::FromUnixMillis(*deadline_ms);
}

int64_t FakeContext::Counted(const OperatorBase& op, std::string_view counter) const {
  for (const Counter* known : op.counters()) {
    if (known->name() != counter) continue;
    auto found = counts_.find({&op, known->index()});
    return found == counts_.end() ? 0 : found->second;
  }
  Misused(Text("no such counter: ", counter));
}

std::string FakeContext::NextId() {
  return Text(types_.at(running_), "/", customer_, "/", event_source_, "/", event_id_, "/",
                      absl::ToUnixMillis(now_), "/", emitted_in_call_);
}

void FakeContext::EmitWithin(const Allowance& allowance, const google::protobuf::Message& message,
                             const google::protobuf::Message& otherwise) {
  const bool within = allowance.limits().empty() || !allowances_used_up_;
  Count((within ? allowance.within() : allowance.beyond()).index());
  Emit(within ? message : otherwise);
}

void FakeContext::Emit(const google::protobuf::Message& message) {
  std::unique_ptr<google::protobuf::Message> copy(message.New());
  copy->CopyFrom(message);
  emitted_.push_back(std::move(copy));
  ++emitted_in_call_;
}

void FakeContext::Reject(std::string_view reason, std::string_view text) {
  rejections_.push_back({std::string(reason), std::string(text)});
}

uint64_t FakeContext::Random() {
  return StableHash64(NextId(), randoms_in_call_++);
}

void FakeContext::Count(size_t counter) { ++counts_[{running_, counter}]; }

const google::protobuf::Message* FakeContext::Find(StateId state, const google::protobuf::Message&) {
  auto found = values_.find(state);
  return found == values_.end() ? nullptr : found->second.get();
}

google::protobuf::Message* FakeContext::Mutable(StateId state, const google::protobuf::Message& prototype) {
  auto& value = values_[state];
  if (!value) value.reset(prototype.New());
  return value.get();
}

std::optional<std::string> FakeContext::FindRow(StateId state, std::string_view sub_key) {
  auto& rows = rows_[state];
  auto found = rows.find(sub_key);
  if (found == rows.end()) return std::nullopt;
  return found->second;
}

void FakeContext::PutRow(StateId state, std::string_view sub_key, std::string value) {
  rows_[state].insert_or_assign(std::string(sub_key), std::move(value));
}

void FakeContext::EraseRow(StateId state, std::string_view sub_key) {
  auto& rows = rows_[state];
  auto found = rows.find(sub_key);
  if (found != rows.end()) rows.erase(found);
}

void FakeContext::ScanRows(StateId state, std::string_view from, const RowVisitor& visit) {
  const auto& rows = rows_[state];
  for (auto it = rows.lower_bound(from); it != rows.end(); ++it) {
    if (!visit(it->first, it->second)) return;
  }
}

std::optional<int64_t> FakeContext::Deadline(TimerId timer) {
  auto found = deadlines_.find(timer);
  if (found == deadlines_.end()) return std::nullopt;
  return found->second;
}

}  // namespace ebb
