#ifndef EBB_ENGINE_LOG_MEMORY_LOG_H_
#define EBB_ENGINE_LOG_MEMORY_LOG_H_

// The ports over a broker in memory. They step: each call goes at most one step on, and the broker's oracle says what
// becomes of it. Dropping one in the middle of anything is a crash of that client.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/log/cluster.h"
#include "engine/log/input.h"
#include "engine/log/memory_broker.h"
#include "engine/log/output.h"

namespace ebb {

class MemoryInput final : public Input {
 public:
  explicit MemoryInput(const MemoryBroker* broker) : broker_(broker) {}

  absl::Status Start(const TopicPartition& partition, int64_t offset) override;
  void Stop(const TopicPartition& partition) override;
  absl::StatusOr<Polled> Poll(const TopicPartition& partition, size_t max_records, RecordBatch* batch) override;
  std::optional<int64_t> KnownEnd(const TopicPartition& partition) const override;

 private:
  struct Reading {
    int64_t next = 0;
    std::optional<int64_t> known_end;
  };

  const MemoryBroker* const broker_;
  std::map<TopicPartition, Reading> readings_;
};

class MemoryOutput final : public Output {
 public:
  MemoryOutput(MemoryBroker* broker, std::string transactional_id)
      : broker_(broker), id_(std::move(transactional_id)) {}

  absl::Status Begin() override;
  absl::Status Append(const OutputRecord& record) override;
  void Commit(std::vector<CommittedOffset> offsets, std::shared_ptr<const GroupToken> token) override;
  void Abort() override;
  void Recover() override;
  TransactionState State() override;
  int64_t LastOffset(const TopicPartition& partition) const override;
  absl::Status LastError() const override { return last_error_; }

 private:
  enum class Request { kNone, kRecover, kOffsets, kCommit, kAbort };

  void StepRecover();
  void StepOffsets();
  void StepEnd(bool commit);
  absl::Status Deliver(const OutputRecord& record);
  void Fail(absl::Status error);
  void Settle(TransactionState state);

  MemoryBroker* const broker_;
  const std::string id_;
  int epoch_ = 0;
  TransactionState state_ = TransactionState::kUnknown;
  Request request_ = Request::kNone;
  bool doomed_ = false;
  std::vector<CommittedOffset> offsets_;
  std::shared_ptr<const GroupToken> token_;
  std::deque<OutputRecord> later_;                  // Of the open transaction: what is on its way.
  std::map<TopicPartition, int64_t> appended_;  // Of the open transaction: the last offset where chosen by number.
  std::map<TopicPartition, int64_t> committed_;
  absl::Status last_error_;
};

class MemoryCluster final : public Cluster {
 public:
  MemoryCluster(const MemoryBroker* broker, std::string group) : broker_(broker), group_(std::move(group)) {}

  absl::StatusOr<std::vector<std::optional<int64_t>>> CommittedOffsets(
      const std::vector<TopicPartition>& partitions) override;
  absl::StatusOr<Bounds> WrittenBounds(const TopicPartition& partition) override;
  absl::StatusOr<int64_t> OffsetAt(const TopicPartition& partition, absl::Time time) override;
  absl::StatusOr<int32_t> PartitionCount(const std::string& topic) override;
  absl::StatusOr<std::map<std::string, std::string>> TopicSettings(const std::string& topic) override;

 private:
  absl::Status Ask(MemoryBroker::Step step) const;

  const MemoryBroker* const broker_;
  const std::string group_;
};

// Static membership as `instance`. Destruction without Leave() is a crash: the session goes on until it is expired.
class MemoryMembership final : public Membership {
 public:
  MemoryMembership(MemoryBroker* broker, std::string group, std::string instance)
      : broker_(broker), group_(std::move(group)), instance_(std::move(instance)) {}

  absl::Status Join(const std::vector<std::string>& topics) override;
  std::optional<GroupEvent> Poll(absl::Duration wait) override;
  void Release() override;
  void Leave(bool for_good) override;

 private:
  MemoryGroup& group() { return broker_->GroupOf(group_); }

  MemoryBroker* const broker_;
  const std::string group_;
  const std::string instance_;
  std::vector<std::string> topics_;
  std::optional<int> incarnation_;        // Absent: not joined, or final.
  std::vector<TopicPartition> assigned_;  // As last told.
  bool to_release_ = false;               // Told to let go, and has not yet.
};

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_MEMORY_LOG_H_
