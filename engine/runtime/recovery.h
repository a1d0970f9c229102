#ifndef EBB_ENGINE_RUNTIME_RECOVERY_H_
#define EBB_ENGINE_RUNTIME_RECOVERY_H_

// Brings a task to where its last commit left it, the same way after a crash, a rebalance and an unknown outcome:
// mirrors the rest of the changelog into the local store, then does again from the input what was not written.
//
// What cannot be had again is refused with what is missing and what can be done. With accept_loss the task goes on
// with the state that there is, from where the last epoch ended or where the group stands, whichever is later, and
// writes everything with its next commit. What is lost then are effects on state, not results that had left.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/log/cluster.h"
#include "engine/log/input.h"
#include "engine/runtime/task.h"

namespace ebb {

struct RecoveryOptions {
  // Names a changelog that is new; never used twice.
  std::string new_uuid;
  // A store older than this may have missed tombstones that are gone from the changelog.
  absl::Duration max_store_age = absl::Hours(20);
  // Keep what is in memory if nobody else has committed anything meanwhile.
  bool keep_if_unchanged = false;
  // Go on without what cannot be had again, instead of refusing.
  bool accept_loss = false;
};

// What it took.
struct RecoveryReport {
  bool kept = false;               // Nothing had changed: the task goes on from memory.
  bool rebuilt = false;            // The local store was of no use.
  std::string why_rebuilt;
  uint64_t changelog_records = 0;  // Read into the store.
  uint64_t epochs = 0;             // Redone.
  uint64_t records = 0;            // Redone.
  uint64_t timers = 0;             // Redone.
  uint64_t skipped = 0;            // Records and timers of customers that were ahead.
  absl::Duration redo_time;
  std::vector<std::string> losses;  // Accepted.
  std::string note;                // What an operator should know, such as group offsets behind the epoch record.
};

// A step function: no thread, no wait. Used by the worker on its thread.
class Recovery {
 public:
  Recovery(Task* task, Input* input, Cluster* cluster, const PipelineSpec* spec, RecoveryOptions options);
  ~Recovery();

  // Does some of the work. True when the task is live. Errors are final and say what is missing and what can be
  // done: FailedPrecondition (the pipeline or the offsets do not fit), DataLoss (input or changelog incomplete).
  absl::StatusOr<bool> Step(absl::Time wall_clock, absl::Duration elapsed);

  // The last step brought it on; otherwise it waits for an answer.
  bool worked() const { return worked_; }
  // It does epochs again.
  bool redoing() const { return phase_ == Phase::kRedo; }
  const RecoveryReport& report() const { return report_; }
  // Changelog records still to be read, for the metric; 0 once they are.
  int64_t remaining() const { return remaining_; }

  static constexpr size_t kRedoRecordsPerStep = 2000;
  static constexpr size_t kRestoreRecordsPerStep = 5000;

 private:
  enum class Phase { kCommittedOffsets, kTarget, kCheckMirror, kRestore, kAdopt, kBeginnings, kStart, kRedo, kDone };

  absl::StatusOr<bool> StepOnce(absl::Time wall_clock, absl::Duration elapsed);
  absl::Status AskCommitted();
  absl::Status AskTarget();
  absl::Status CheckMirror(absl::Time wall_clock);
  absl::StatusOr<bool> Restore();
  absl::Status Apply(const RecordBatch& batch);
  bool IsForeign(const RecordBatch& batch) const;
  absl::Status StartOver(std::string why);
  absl::Status FinishRestore();
  absl::Status Adopt();
  absl::Status AskBeginnings();
  absl::Status CheckOffsets();
  absl::StatusOr<bool> Redo(absl::Duration elapsed);
  absl::Status StartSources(absl::Duration elapsed);
  absl::Status GiveUpRedo();
  absl::Status AcceptLoss(absl::Status refusal);
  absl::Status Wipe(std::string why);
  TopicPartition Changelog() const;

  Task& task_;
  Input& input_;
  Cluster& cluster_;
  const PipelineSpec& spec_;
  const RecoveryOptions options_;
  Phase phase_ = Phase::kCommittedOffsets;
  std::vector<std::optional<int64_t>> committed_;
  Cluster::Bounds bounds_;
  int64_t next_ = 0;               // The next changelog offset to read.
  int64_t mirrored_ = 0;           // The offset after the last epoch record in the store; 0 when there is none.
  bool proven_ = false;            // An epoch record of the store's own changelog has been read.
  int64_t remaining_ = 0;
  bool worked_ = false;
  bool reading_ = false;
  std::string store_uuid_;         // Of the changelog that the store mirrors; empty when it mirrors none.
  bool check_first_ = false;       // The first record read should be the mirror's last epoch record.
  bool anything_new_ = false;
  std::vector<std::optional<Cluster::Bounds>> source_bounds_;
  std::vector<int64_t> beginnings_;    // Where a new task begins.
  std::vector<int64_t> live_from_;     // Where the sources go on after redo; where the group stands, if that is later.
  bool jump_ = false;                  // Redo does not lead to live_from_: the sources are to be started there.
  std::optional<absl::Duration> redo_began_;
  uint64_t redo_epoch_ = 0;
  uint64_t redone_before_ = 0;
  uint64_t redone_timers_before_ = 0;
  uint64_t skipped_before_ = 0;
  RecoveryReport report_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_RECOVERY_H_
