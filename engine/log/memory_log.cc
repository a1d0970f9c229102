#include "engine/log/memory_log.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace ebb {
namespace {

using Fate = MemoryBroker::Fate;
using Step = MemoryBroker::Step;

absl::Status Refused() { return absl::InternalError("refused by the oracle"); }
absl::Status Lost() { return absl::DeadlineExceededError("no answer came"); }

}  // namespace

absl::Status MemoryInput::Start(const TopicPartition& partition, int64_t offset) {
  readings_[partition] = {offset, std::nullopt};
  return absl::OkStatus();
}

void MemoryInput::Stop(const TopicPartition& partition) { readings_.erase(partition); }

absl::StatusOr<Input::Polled> MemoryInput::Poll(const TopicPartition& partition, size_t max_records,
                                                RecordBatch* batch) {
  const auto reading = readings_.find(partition);
  if (reading == readings_.end()) {
    return absl::FailedPreconditionError(absl::StrCat(ToString(partition), " is not being read: Start it first"));
  }
  const Fate fate = broker_->Ask(Step::kFetch, ToString(partition));
  if (fate == Fate::kRefused) return absl::UnavailableError("refused by the oracle");
  if (fate != Fate::kHappens) return Polled{};
  const absl::StatusOr<MemoryBroker::Readable> readable = broker_->Read(partition, reading->second.next, max_records);
  if (!readable.ok()) return readable.status();
  for (const MemoryBroker::Record* record : readable->records) {
    batch->Add(record->offset, record->timestamp_ms, record->key, record->value);
    for (const auto& [name, value] : record->headers) batch->AddHeader(name, value);
  }
  // A broker tells the end of what is written with every answer.
  reading->second = {readable->next, readable->at_end ? readable->next : broker_->WrittenBounds(partition)->end};
  return Polled{readable->records.size(), readable->at_end, readable->next};
}

std::optional<int64_t> MemoryInput::KnownEnd(const TopicPartition& partition) const {
  const auto reading = readings_.find(partition);
  return reading == readings_.end() ? std::nullopt : reading->second.known_end;
}

absl::Status MemoryOutput::Begin() {
  switch (state_) {
    case TransactionState::kNone:
    case TransactionState::kCommitted:
    case TransactionState::kAborted: break;
    default: return absl::FailedPreconditionError("a transaction is open, or its outcome is not known");
  }
  if (broker_->Ask(Step::kBegin, id_) == Fate::kRefused) return Refused();
  Settle(TransactionState::kOpen);
  doomed_ = false;
  return absl::OkStatus();
}

absl::Status MemoryOutput::Append(const OutputRecord& record) {
  if (state_ != TransactionState::kOpen) return absl::FailedPreconditionError("no transaction is open: Begin first");
  const Fate fate = broker_->Ask(Step::kAppend, id_);
  if (fate == Fate::kWaits) return absl::ResourceExhaustedError("the queue is full: call again after State()");
  if (fate == Fate::kRefused) {
    doomed_ = true;
    return Refused();
  }
  // What is lost on the way is seen only when the transaction is to be committed.
  if (fate == Fate::kRequestLost || fate == Fate::kReplyLost) doomed_ = true;
  if (fate == Fate::kRequestLost) return absl::OkStatus();
  if (fate == Fate::kLater || !later_.empty()) {
    later_.push_back(record);
    return absl::OkStatus();
  }
  const absl::Status status = Deliver(record);
  if (absl::IsUnavailable(status)) return absl::ResourceExhaustedError(status.message());
  if (!status.ok()) Fail(status);
  return status;
}

absl::Status MemoryOutput::Deliver(const OutputRecord& record) {
  const absl::StatusOr<int64_t> offset = broker_->AppendTo(id_, epoch_, record);
  if (offset.ok() && record.partition != OutputRecord::kByKey) appended_[{record.topic, record.partition}] = *offset;
  return offset.status();
}

void MemoryOutput::Commit(std::vector<CommittedOffset> offsets, std::shared_ptr<const GroupToken> token) {
  if (state_ != TransactionState::kOpen) return;
  offsets_ = std::move(offsets);
  token_ = std::move(token);
  state_ = TransactionState::kPending;
  request_ = Request::kOffsets;
  if (offsets_.empty()) Fail(absl::InvalidArgumentError("expected the offsets that the epoch has reached, got none"));
  if (doomed_) request_ = Request::kAbort;
}

void MemoryOutput::Abort() {
  if (state_ != TransactionState::kOpen) return;
  state_ = TransactionState::kPending;
  request_ = Request::kAbort;
}

void MemoryOutput::Recover() {
  state_ = TransactionState::kPending;
  request_ = Request::kRecover;
}

TransactionState MemoryOutput::State() {
  broker_->WriteMarkers();
  switch (request_) {
    case Request::kNone: break;
    case Request::kRecover: StepRecover(); break;
    case Request::kOffsets: StepOffsets(); break;
    case Request::kCommit: StepEnd(true); break;
    case Request::kAbort: StepEnd(false); break;
  }
  return state_;
}

int64_t MemoryOutput::LastOffset(const TopicPartition& partition) const {
  const auto found = committed_.find(partition);
  return found == committed_.end() ? -1 : found->second;
}

void MemoryOutput::StepRecover() {
  const Fate fate = broker_->Ask(Step::kRecover, id_);
  if (fate == Fate::kWaits || fate == Fate::kRefused || fate == Fate::kRequestLost) return;
  const absl::StatusOr<int> epoch = broker_->InitProducer(id_);
  if (!epoch.ok() || fate == Fate::kReplyLost) return;
  epoch_ = *epoch;
  Settle(TransactionState::kNone);
}

void MemoryOutput::StepOffsets() {
  const Fate fate = broker_->Ask(Step::kOffsets, id_);
  if (fate == Fate::kWaits) return;
  if (fate == Fate::kRefused) return Fail(Refused());
  absl::Status status = Lost();
  if (fate != Fate::kRequestLost) status = broker_->AddOffsets(id_, epoch_, offsets_, token_.get());
  if (absl::IsUnavailable(status)) return;
  if (fate == Fate::kRequestLost || fate == Fate::kReplyLost) {
    last_error_ = Lost();
    return Settle(TransactionState::kUnknown);
  }
  if (!status.ok()) return Fail(std::move(status));
  request_ = Request::kCommit;
}

void MemoryOutput::StepEnd(bool commit) {
  for (; commit && !later_.empty(); later_.pop_front()) {
    absl::Status status = Deliver(later_.front());
    if (absl::IsUnavailable(status)) return;
    if (!status.ok()) return Fail(std::move(status));
  }
  const Fate fate = broker_->Ask(commit ? Step::kCommit : Step::kAbort, id_);
  if (fate == Fate::kWaits) return;
  if (fate == Fate::kRefused && commit) return Fail(Refused());
  absl::Status status = Lost();
  if (fate == Fate::kHappens || fate == Fate::kReplyLost) status = broker_->EndTransaction(id_, epoch_, commit);
  if (fate != Fate::kHappens) status = Lost();
  if (status.ok()) return Settle(commit ? TransactionState::kCommitted : TransactionState::kAborted);
  last_error_ = status;
  Settle(absl::IsPermissionDenied(status) ? TransactionState::kFenced : TransactionState::kUnknown);
}

// A transaction that cannot be committed any more is aborted; a fenced producer can do not even that.
void MemoryOutput::Fail(absl::Status error) {
  const bool fenced = absl::IsPermissionDenied(error);
  last_error_ = std::move(error);
  doomed_ = true;
  if (fenced) return Settle(TransactionState::kFenced);
  if (state_ == TransactionState::kPending) request_ = Request::kAbort;
}

void MemoryOutput::Settle(TransactionState state) {
  state_ = state;
  request_ = Request::kNone;
  if (state == TransactionState::kCommitted) {
    for (const auto& [partition, offset] : appended_) committed_[partition] = offset;
  }
  later_.clear();
  appended_.clear();
  offsets_.clear();
  token_.reset();
}

absl::Status MemoryCluster::Ask(MemoryBroker::Step step) const {
  const Fate fate = broker_->Ask(step, group_);
  if (fate == Fate::kHappens) return absl::OkStatus();
  return fate == Fate::kRefused ? Refused() : absl::UnavailableError("the answer is on its way");
}

absl::StatusOr<std::vector<std::optional<int64_t>>> MemoryCluster::CommittedOffsets(
    const std::vector<TopicPartition>& partitions) {
  if (absl::Status status = Ask(Step::kCommittedOffsets); !status.ok()) return status;
  return broker_->CommittedOffsets(group_, partitions);
}

absl::StatusOr<Cluster::Bounds> MemoryCluster::WrittenBounds(const TopicPartition& partition) {
  if (absl::Status status = Ask(Step::kBounds); !status.ok()) return status;
  return broker_->WrittenBounds(partition);
}

absl::StatusOr<int64_t> MemoryCluster::OffsetAt(const TopicPartition& partition, absl::Time time) {
  if (absl::Status status = Ask(Step::kOffsetAt); !status.ok()) return status;
  return broker_->OffsetAt(partition, absl::ToUnixMillis(time));
}

absl::StatusOr<int32_t> MemoryCluster::PartitionCount(const std::string& topic) {
  if (absl::Status status = Ask(Step::kPartitionCount); !status.ok()) return status;
  return broker_->PartitionCount(topic);
}

absl::StatusOr<std::map<std::string, std::string>> MemoryCluster::TopicSettings(const std::string& topic) {
  if (absl::Status status = Ask(Step::kSettings); !status.ok()) return status;
  return broker_->TopicSettings(topic);
}

absl::Status MemoryMembership::Join(const std::vector<std::string>& topics) {
  for (const std::string& topic : topics) {
    if (absl::StatusOr<int32_t> count = broker_->PartitionCount(topic); !count.ok()) {
      return absl::FailedPreconditionError(count.status().message());
    }
  }
  topics_ = topics;
  incarnation_ = group().Join(instance_, topics_);
  return absl::OkStatus();
}

std::optional<GroupEvent> MemoryMembership::Poll(absl::Duration /*wait*/) {
  if (!incarnation_.has_value() || broker_->Ask(Step::kGroupPoll, instance_) != Fate::kHappens) return std::nullopt;
  switch (group().StandingOf(instance_, *incarnation_)) {
    case MemoryGroup::Standing::kReplaced:
      incarnation_.reset();
      return GroupEvent{GroupEvent::Kind::kFailed, {}, nullptr,
                        absl::PermissionDeniedError(absl::StrCat("another process has joined as ", instance_))};
    case MemoryGroup::Standing::kGone:
      if (to_release_) return std::nullopt;
      if (assigned_.empty()) {
        incarnation_ = group().Join(instance_, topics_);
        return std::nullopt;
      }
      to_release_ = true;
      return GroupEvent{GroupEvent::Kind::kLost, std::exchange(assigned_, {}), nullptr, absl::OkStatus()};
    case MemoryGroup::Standing::kMember: break;
  }
  std::optional<GroupEvent> event = group().NextEvent(instance_);
  if (event.has_value()) {
    assigned_ = event->kind == GroupEvent::Kind::kAssigned ? event->partitions : std::vector<TopicPartition>();
    to_release_ = event->kind == GroupEvent::Kind::kRevoked;
  }
  return event;
}

void MemoryMembership::Release() {
  if (!std::exchange(to_release_, false) || !incarnation_.has_value()) return;
  if (group().StandingOf(instance_, *incarnation_) == MemoryGroup::Standing::kMember) group().Release(instance_);
}

void MemoryMembership::Leave(bool for_good) {
  if (for_good && incarnation_.has_value() &&
      group().StandingOf(instance_, *incarnation_) == MemoryGroup::Standing::kMember) {
    group().Remove(instance_);
  }
  incarnation_.reset();
}

}  // namespace ebb
