#ifndef EBB_ENGINE_RUNTIME_WORKER_H_
#define EBB_ENGINE_RUNTIME_WORKER_H_

// A worker owns tasks and one transactional producer, and turns the cycle of their epochs: process, close, commit,
// apply. One transaction carries one epoch of each of its tasks that has something to commit.
//
// A step function: the shell gives it a thread, a simulator drives it by hand. All calls from one thread at a time.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/log/cluster.h"
#include "engine/log/input.h"
#include "engine/log/output.h"
#include "engine/runtime/control_feed.h"
#include "engine/runtime/duration_histogram.h"
#include "engine/runtime/recovery.h"
#include "engine/runtime/task.h"
#include "engine/runtime/work_rate.h"
#include "engine/time/clock.h"
#include "state/store.h"

namespace ebb {

struct WorkerOptions {
  TaskOptions task;                                        // The partition is filled in.
  absl::Duration recovery_budget = absl::Seconds(10);
  absl::Duration commit_interval = absl::Milliseconds(500);
  absl::Duration commit_delay = absl::Milliseconds(5);
  absl::Duration max_store_age = absl::Hours(20);
  std::optional<absl::Time> until;
  std::map<int32_t, std::vector<v1::TakenIn>> history;     // By partition: see TaskOptions.
  bool accept_loss = false;                                // See RecoveryOptions.
  uint64_t uuid_seed = 0;                                  // Differs from process start to process start.
};

// What the worker uses; all must outlive it.
struct WorkerPorts {
  Input* input = nullptr;
  Output* output = nullptr;
  Cluster* cluster = nullptr;
  StoreProvider* stores = nullptr;
  const Clock* clock = nullptr;
};

// Something worth a line in the log.
struct WorkerNote {
  enum class Level { kInfo, kWarning };
  Level level = Level::kInfo;
  std::string text;
};

class Worker {
 public:
  struct Figures {
    uint64_t commits = 0;
    uint64_t aborts = 0;
    uint64_t unknown_outcomes = 0;
    absl::Duration commit_time;            // Of all commits together.
    absl::Duration longest_commit;
    DurationHistogram commit_durations;
    std::optional<absl::Time> last_commit;
    double redo_rate = 0;  // Records and timers a second that redo is counted with.
    absl::Duration busy;
    uint64_t accepted_losses = 0;
  };

  Worker(std::shared_ptr<const PipelineSpec> spec, WorkerOptions options, WorkerPorts ports);
  ~Worker();

  // Owns exactly these tasks from now on, under this assignment. Only while parked. Tasks that stay keep their
  // memory unless someone else has written meanwhile.
  void Assign(const std::set<int32_t>& partitions, int32_t partition_count, std::shared_ptr<const GroupToken> token);
  // Stops committing under the assignment in force as soon as the outcome of what is under way is known.
  void Park();
  // The same, having written everything back, so that the next start has nothing to redo.
  void Drain();
  // Nothing is under way, and nothing will be before the next Assign.
  bool parked() const;
  // Lets go of everything at once, as after a lost assignment: nothing of it may be committed any more.
  void Lose();

  // Does some work. Returns how long nothing is to be expected, zero when there is more to do at once.
  // Errors are final: the worker can do nothing any more.
  absl::StatusOr<absl::Duration> Step();

  // Every task is live, has read all input, time has reached `until`, and nothing is due.
  bool Exhausted();
  // The same, and all of it is committed.
  bool Finished();
  // Every task assigned is live.
  bool Ready() const;

  // A customer's state as JSON. NotFound when its task is not here; Unavailable while it recovers.
  absl::StatusOr<std::string> Describe(std::string_view customer);

  struct Slot {
    std::unique_ptr<Task> task;
    std::unique_ptr<Recovery> recovery;    // Null once live.
    bool in_transaction = false;
  };
  const std::map<int32_t, Slot>& slots() const { return slots_; }
  const Figures& figures() const { return figures_; }
  const ControlFeed& feed() const { return *feed_; }
  // Takes the notes since the last call.
  std::vector<WorkerNote> TakeNotes() { return std::exchange(notes_, {}); }

  // Records of one task before the next has its turn.
  static constexpr size_t kSliceRecords = 2000;
  // The same while others recover: they come first, or their backlog would grow while that of the living shrinks.
  static constexpr size_t kSliceRecordsInRecovery = 50;
  // How long, and for how many steps, recoveries may go on before tasks that are live have their turn.
  static constexpr absl::Duration kRecoveryTurn = absl::Milliseconds(20);
  static constexpr int kRecoverySlices = 16;
  // Before redo was measured it is believed to be as fast as processing but for this share, since it finds nobody in
  // memory; and before that was measured, to manage so many records and timers a second.
  static constexpr double kRedoShare = 0.6;
  static constexpr double kAssumedRedoRate = 50'000;
  // Before so many were redone the measure counts for nothing.
  static constexpr uint64_t kLeastRedoMeasured = 10'000;
  // Idle for so long, state is written back that need not be yet.
  static constexpr absl::Duration kIdleBeforeCatchUp = absl::Milliseconds(500);
  // How often it is looked where the logs of the sources begin.
  static constexpr absl::Duration kRetentionWatch = absl::Seconds(30);
  // Between one aborted commit and the next attempt; grows to the second figure.
  static constexpr absl::Duration kFirstBackoff = absl::Milliseconds(50);
  static constexpr absl::Duration kLongestBackoff = absl::Seconds(5);
  // Attempts at the last commit of a drain. It is refused for ever where the group has given the tasks to others and
  // has not told yet; whoever takes over then redoes what was not written.
  static constexpr int kDrainAttempts = 6;
  // Fenced more often than this within the window, there must be two processes of one name, and this one ends.
  static constexpr size_t kMostFenced = 3;
  static constexpr absl::Duration kFencedWindow = absl::Minutes(10);

 private:
  enum class Phase { kSettling, kReady, kFlushing, kCommitting, kAborting };
  enum class Stop { kNone, kPark, kDrain };

  absl::StatusOr<absl::Duration> StepReady(TransactionState state);
  absl::StatusOr<absl::Duration> StepFlushing();
  absl::StatusOr<absl::Duration> StepCommitting(TransactionState state);
  absl::StatusOr<bool> StepRecoveries();
  absl::StatusOr<bool> TurnRecoveries(absl::Duration began);
  absl::StatusOr<bool> StepTasks();
  bool ShouldClose(bool handled_any) const;
  bool WantsCatchUp() const;
  void WatchRetention(absl::Duration now);
  absl::Status CloseAll(bool catch_up);
  absl::StatusOr<bool> Flush();
  absl::Status Committed();
  void NoteControl(int32_t partition, Task& task);
  void Undo();
  void GiveUpTransaction(const absl::Status& why);
  void RecoverAll();
  // Goes on after the broker has fenced the producer off. Aborted: that has happened too often. What is recovered
  // commits under the assignment as before: if it has passed to others meanwhile, the group refuses.
  absl::Status RecoverFenced();
  void BeginRecovery(int32_t partition, Slot* slot, bool keep);
  void UpdateRedoRate();
  uint64_t BudgetWork() const;
  void NoteRecovery(int32_t partition, const Slot& slot);
  void Note(WorkerNote::Level level, std::string text) { notes_.push_back({level, std::move(text)}); }

  const std::shared_ptr<const PipelineSpec> spec_;
  const WorkerOptions options_;
  const WorkerPorts ports_;
  std::unique_ptr<ControlFeed> feed_;
  std::map<int32_t, Slot> slots_;
  std::shared_ptr<const GroupToken> token_;
  Phase phase_ = Phase::kSettling;
  Stop stop_ = Stop::kNone;
  bool begun_ = false;                         // A transaction is open.
  std::optional<absl::Duration> opened_at_;    // When the oldest open epoch was opened.
  absl::Duration commit_began_;
  absl::Duration closing_began_;
  absl::Duration last_closing_;  // From the end of an epoch to its commit.
  absl::Duration idle_since_;
  absl::Duration backoff_until_;
  absl::Duration backoff_ = kFirstBackoff;
  int undone_in_drain_ = 0;
  std::deque<absl::Duration> fenced_at_;       // Within the window; bounded by kMostFenced.
  absl::Duration watch_at_;                    // The next look at the logs of the sources,
  std::pair<int32_t, size_t> watched_;         // which is at this partition and source.
  bool endangered_ = false;                    // Redo might not find its input for much longer.
  uint64_t uuids_ = 0;
  Figures figures_;
  uint64_t measured_redo_work_ = 0;
  absl::Duration measured_redo_time_;          // While some task was redone, what tasks that are live took left out.
  bool redoing_ = false;                       // At the end of the last turn of recoveries,
  absl::Duration redo_looked_at_;              // which was then, when so much had been spent on tasks that are live.
  absl::Duration busy_at_look_;
  // Of tasks that are live. To write is left out: the smaller the budget, the more is written, and the more would the
  // budget shrink.
  WorkRate live_rate_;
  std::vector<WorkerNote> notes_;
  absl::Status failure_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_WORKER_H_
