#ifndef EBB_ENGINE_LOG_OUTPUT_H_
#define EBB_ENGINE_LOG_OUTPUT_H_

// The port through which results leave: one transaction at a time. Implemented over Kafka, files and memory.

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "engine/log/record.h"

namespace ebb {

// Proves to the broker which assignment of the group a commit belongs to. Taken once, with the assignment, and
// handed on unchanged. Opaque here; each port knows its own kind.
class GroupToken {
 public:
  virtual ~GroupToken() = default;
};

// Where the group's next reader goes on.
struct CommittedOffset {
  TopicPartition partition;
  int64_t offset = 0;
};

// How a transaction stands.
enum class TransactionState {
  kNone,       // None is open.
  kOpen,       // Takes records.
  kPending,    // Commit, Abort or Recover is under way: poll again.
  kCommitted,  // Known to be committed. Begin may follow.
  kAborted,    // Known to be aborted. Begin may follow.
  kUnknown,    // Committed or aborted, nobody here knows. Recover must follow.
  kFenced,     // The same, and the broker lets this producer do nothing more: its transaction has outlived its
               // time-out, or another producer has taken over. Recover must follow, and fences that one in turn.
};

// A transactional producer. Nothing blocks: what takes time is begun, and State() tells when it is over.
// One thread at a time, the worker's.
class Output {
 public:
  virtual ~Output() = default;

  // Opens a transaction. FailedPrecondition: one is open or its outcome is not known. Any other error is final, unless
  // State() has become kUnknown or kFenced.
  virtual absl::Status Begin() = 0;

  // Adds a copy of a record to the open transaction. ResourceExhausted: the queue is full, call again after State();
  // any other error dooms the transaction: Abort it.
  virtual absl::Status Append(const OutputRecord& record) = 0;

  // Begins to commit: everything appended together with `offsets`, which must not be empty, since an empty list is
  // not checked against the group by any broker and would let a zombie commit.
  virtual void Commit(std::vector<CommittedOffset> offsets, std::shared_ptr<const GroupToken> token) = 0;

  // Begins to abort.
  virtual void Abort() = 0;

  // Begins anew under the same transactional id: fences whoever uses it and settles what was left behind.
  // Called once before the first Begin, and after kUnknown and kFenced. Ends in kNone, or in kUnknown where the broker
  // refuses it.
  virtual void Recover() = 0;

  // How it stands now. Does the port's own housekeeping; call it often.
  virtual TransactionState State() = 0;

  // The offset of the last record of the last committed transaction in a partition that records were appended to by
  // number; -1 where there was none or the broker did not say.
  virtual int64_t LastOffset(const TopicPartition& partition) const = 0;

  // What went wrong last, for the log. OK when nothing did.
  virtual absl::Status LastError() const = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_OUTPUT_H_
