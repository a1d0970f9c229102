#ifndef EBB_ENGINE_LOG_CLUSTER_H_
#define EBB_ENGINE_LOG_CLUSTER_H_

// The port through which the engine asks about topics and belongs to a group.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/log/output.h"
#include "engine/log/record.h"

namespace ebb {

// Answers that take a while are asked for again and again until they are there: nothing blocks.
// Each method returns Unavailable while the answer is on its way, and then the answer once; asking again after that
// asks anew. One thread at a time per instance.
class Cluster {
 public:
  // The first offset kept and the offset after the last record written.
  struct Bounds {
    int64_t begin = 0;
    int64_t end = 0;
  };

  virtual ~Cluster() = default;

  // The group's committed offset of each partition, none where nothing was committed; read as stable, so that a
  // pending transaction that may still move an offset keeps this Unavailable. DeadlineExceeded: it has been pending
  // for longer than any transaction of ours may last. Source: KIP-447.
  virtual absl::StatusOr<std::vector<std::optional<int64_t>>> CommittedOffsets(
      const std::vector<TopicPartition>& partitions) = 0;

  // The bounds of what was written, asked as a read_uncommitted reader: as a read_committed one the end would be
  // the last stable offset, which is the wrong target of a restore. NotFound: no such partition.
  virtual absl::StatusOr<Bounds> WrittenBounds(const TopicPartition& partition) = 0;

  // The first offset whose record is not older than `time`; the end when there is none.
  virtual absl::StatusOr<int64_t> OffsetAt(const TopicPartition& partition, absl::Time time) = 0;

  // How many partitions a topic has. NotFound: no such topic.
  virtual absl::StatusOr<int32_t> PartitionCount(const std::string& topic) = 0;

  // A topic's settings by name, such as cleanup.policy. Unimplemented: this cluster does not tell.
  virtual absl::StatusOr<std::map<std::string, std::string>> TopicSettings(const std::string& topic) = 0;

  // Drops the questions under way and answers not fetched: what is asked from now on is answered as of now. To be
  // called when an assignment begins, for an answer from before it may be about what another has changed since.
  virtual void Forget() {}
};

// A change of what this process owns.
struct GroupEvent {
  enum class Kind { kAssigned, kRevoked, kLost, kFailed };
  Kind kind = Kind::kAssigned;
  std::vector<TopicPartition> partitions;          // kAssigned: all that is owned from now on.
  std::shared_ptr<const GroupToken> token;         // kAssigned: goes with every commit until the next event.
  absl::Status error;                              // kFailed: final, such as refused credentials.
};

// Belonging to the group that shares the sources out. The main thread only.
class Membership {
 public:
  virtual ~Membership() = default;

  // Joins. FailedPrecondition: a topic is missing; the message names it.
  virtual absl::Status Join(const std::vector<std::string>& topics) = 0;

  // Waits up to `wait` for the next change. Calling it is the sign of life that keeps the membership.
  virtual std::optional<GroupEvent> Poll(absl::Duration wait) = 0;

  // Says that everything of the last kRevoked or kLost is let go, so that others may have it.
  virtual void Release() = 0;

  // Leaves: at once for others when `for_good`, else so that a restart within the session timeout finds its
  // partitions again. Bounded by a few seconds.
  virtual void Leave(bool for_good) = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_CLUSTER_H_
