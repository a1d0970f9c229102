#ifndef EBB_ENGINE_LOG_MEMORY_BROKER_H_
#define EBB_ENGINE_LOG_MEMORY_BROKER_H_

// A broker in memory, faithful where exactly-once depends on it: transactions with markers that take up offsets and
// may come late, the last stable offset, fenced producers, group generations. For simulation and tests: unbounded.

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/log/cluster.h"
#include "engine/log/memory_group.h"
#include "engine/log/output.h"
#include "engine/log/record.h"

namespace ebb {

// One thread. Outlives the ports over it, as a broker outlives its clients.
class MemoryBroker {
 public:
  // What a client or the broker itself is about to do.
  enum class Step {
    kRecover, kBegin, kAppend, kOffsets, kCommit, kAbort,               // Output; of a transactional id.
    kMarker,                                                            // The broker's own; of where it goes.
    kFetch,                                                             // Input; of the partition, as "orders-3".
    kCommittedOffsets, kBounds, kOffsetAt, kPartitionCount, kSettings,  // Cluster; of the group.
    kGroupPoll,                                                         // Membership; of the instance.
  };
  // What becomes of it. For what only asks, all but kHappens and kRefused mean kWaits. kLater is for kAppend alone.
  enum class Fate {
    kHappens,
    kWaits,        // Nothing yet: asked again at the client's next call.
    kRefused,      // No effect, and the client learns so.
    kRequestLost,  // No effect, but the client does not know.
    kReplyLost,    // It takes effect, but the client does not know.
    kLater,        // It is on its way, and everything after it, until the transaction is about to be committed.
  };
  using Oracle = std::function<Fate(Step step, std::string_view who)>;

  struct Record {
    int64_t offset = 0;
    int64_t timestamp_ms = 0;
    std::string key;
    std::optional<std::string> value;
    std::vector<Header> headers;
  };

  // Decides the fate of every step from now on. Without one everything happens at once.
  void set_oracle(Oracle oracle) { oracle_ = std::move(oracle); }
  Fate Ask(Step step, std::string_view who) const { return oracle_ ? oracle_(step, who) : Fate::kHappens; }
  // The time that records of transactions get.
  void set_now_ms(int64_t now_ms) { now_ms_ = now_ms; }

  void CreateTopic(const std::string& topic, int32_t partitions, std::map<std::string, std::string> settings = {});
  // Appends outside of any transaction and returns the offset.
  absl::StatusOr<int64_t> Append(const TopicPartition& partition, std::string_view key,
                                 std::optional<std::string_view> value, int64_t timestamp_ms = 0,
                                 std::vector<Header> headers = {});
  // What a read_committed reader that starts at the beginning can read now.
  std::vector<Record> Committed(const TopicPartition& partition) const;
  // Forgets records below `begin`, as retention does.
  void Trim(const TopicPartition& partition, int64_t begin);
  // How far compaction may go, and what it took away.
  struct Compaction {
    // Tombstones older than that go, too, as after their retention.
    int64_t tombstones_before_ms = std::numeric_limits<int64_t>::min();
    int64_t records_before_ms = std::numeric_limits<int64_t>::max();     // Younger ones stay.
    int64_t below = std::numeric_limits<int64_t>::max();                 // Nothing from this offset on goes.
  };
  struct Compacted {
    size_t records = 0;
    size_t tombstones = 0;
  };
  // Forgets, below the last stable offset, aborted records and all but the last of each key.
  Compacted Compact(const TopicPartition& partition, const Compaction& limits);
  Compacted Compact(const TopicPartition& partition) { return Compact(partition, Compaction()); }
  // Aborts what `id` has open and fences its producer, as the broker does when the transaction time-out has passed.
  void TimeOutTransaction(const std::string& id);
  // Ends the session of a member.
  void ExpireMember(const std::string& group, const std::string& instance) { GroupOf(group).Remove(instance); }
  // Writes the markers of ended transactions whose fate allows it now; outputs call it at every State().
  void WriteMarkers();

  // What follows serves the ports of memory_log.h.

  struct Readable {
    std::vector<const Record*> records;
    int64_t next = 0;  // The offset after what was read or passed over.
    bool at_end = false;
  };
  // OutOfRange: `offset` is not kept, or is beyond the end.
  absl::StatusOr<Readable> Read(const TopicPartition& partition, int64_t offset, size_t max_records) const;
  absl::StatusOr<Cluster::Bounds> WrittenBounds(const TopicPartition& partition) const;
  absl::StatusOr<int64_t> OffsetAt(const TopicPartition& partition, int64_t time_ms) const;
  absl::StatusOr<int32_t> PartitionCount(const std::string& topic) const;
  absl::StatusOr<std::map<std::string, std::string>> TopicSettings(const std::string& topic) const;
  // Unavailable: a transaction without its marker may still move them.
  absl::StatusOr<std::vector<std::optional<int64_t>>> CommittedOffsets(
      const std::string& group, const std::vector<TopicPartition>& partitions) const;

  // The new epoch of a producer; what its predecessor left open is aborted. Unavailable: that is not settled yet.
  absl::StatusOr<int> InitProducer(const std::string& id);
  // For these three (the first returns the offset): PermissionDenied: fenced. Unavailable: the transaction before is
  // not settled yet.
  absl::StatusOr<int64_t> AppendTo(const std::string& id, int epoch, const OutputRecord& record);
  // Aborted: the token is not of a group's present generation.
  absl::Status AddOffsets(const std::string& id, int epoch, const std::vector<CommittedOffset>& offsets,
                          const GroupToken* token);
  absl::Status EndTransaction(const std::string& id, int epoch, bool commit);
  MemoryGroup& GroupOf(const std::string& name);

 private:
  struct Transaction {
    enum class State { kOpen, kCommitted, kAborted };
    int64_t number = 0;
    State state = State::kOpen;
    size_t unmarked = 0;  // Partitions and groups without its marker.
  };
  using TransactionPtr = std::shared_ptr<Transaction>;
  struct ByNumber {  // The same order in every run, which that of pointers is not.
    bool operator()(const TransactionPtr& a, const TransactionPtr& b) const { return a->number < b->number; }
  };
  struct Entry {
    Record record;
    TransactionPtr transaction;  // Null: outside of any.
  };
  struct Partition {
    int64_t begin = 0;
    int64_t end = 0;
    std::deque<Entry> entries;
    std::map<TransactionPtr, int64_t, ByNumber> undecided;  // Where each transaction without a marker here begins.

    int64_t LastStable() const;
  };
  struct Topic {
    std::vector<Partition> partitions;
    std::map<std::string, std::string> settings;
  };
  struct Group {
    MemoryGroup members;
    std::map<TopicPartition, int64_t> offsets;
    std::map<TransactionPtr, std::map<TopicPartition, int64_t>, ByNumber> undecided;
  };
  struct Producer {
    int epoch = 0;
    TransactionPtr transaction;  // The last one; null before the first.
  };

  absl::StatusOr<const Partition*> Find(const TopicPartition& partition) const;
  Partition& At(const TopicPartition& partition) {
    return topics_.at(partition.topic).partitions.at(partition.partition);
  }
  absl::Status CheckEpoch(const std::string& id, int epoch) const;
  // The producer's open transaction, begun when there is none.
  absl::StatusOr<TransactionPtr> OpenTransaction(const std::string& id, int epoch);
  void End(const TransactionPtr& transaction, bool commit);

  Oracle oracle_;
  int64_t now_ms_ = 0;
  int64_t transactions_ = 0;
  std::map<std::string, Topic> topics_;
  std::map<std::string, Producer> producers_;
  std::map<std::string, Group> groups_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_MEMORY_BROKER_H_
