#ifndef EBB_ENGINE_RUNTIME_TASK_H_
#define EBB_ENGINE_RUNTIME_TASK_H_

// A task: one partition of every source, its customers, its epochs.
//
// An epoch opens with the first round or timer, is processed, closed, and then committed or aborted; its effects are in
// the outbox until they leave and in the cache as changes that can be dropped. Step functions only: no thread, no lock,
// no wait. Called by its worker and, before it is live, by its recovery.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ebb/v1/changelog.pb.h"
#include "ebb/v1/control.pb.h"
#include "engine/log/input.h"
#include "engine/log/output.h"
#include "engine/pipeline/graph.h"
#include "engine/pipeline/spec.h"
#include "engine/runtime/allowance_tally.h"
#include "engine/runtime/debt.h"
#include "engine/runtime/dispatcher.h"
#include "engine/runtime/merge.h"
#include "engine/runtime/outbox.h"
#include "engine/runtime/source_cursor.h"
#include "engine/runtime/task_control.h"
#include "engine/runtime/task_stats.h"
#include "state/customer_cache.h"
#include "state/store.h"

namespace ebb {

struct TaskOptions {
  int32_t partition = 0;
  int32_t partitions = 1;  // Of every source.
  std::string changelog_topic;
  std::string owner;  // Goes into epoch records, for diagnosis.
  size_t cache_bytes = 64 << 20;
  size_t buffer_bytes = 1 << 20;     // A source.
  size_t pinned_bytes = 32 << 20;    // What an open epoch may hold beside the cache: bodies and rows that it has
                                     // changed, states as messages, and records kept for a rewind.
  uint64_t epoch_records = 500'000;  // The most records of one epoch.
  size_t outbox_bytes = 16 << 20;    // The most results of one epoch.
  size_t swept_customers = 2000;     // How many one epoch visits after a publication at most.
  // By source: up to what age a record is sure to be there; infinite where the topic is not compacted, as if left out.
  std::vector<absl::Duration> compaction_lags;
  bool accept_divergence = false;  // Redo goes on where it gives other results than were committed.
  // What is to be taken in, in this order, in place of what the control feed says.
  std::vector<v1::TakenIn> history;
};

class Task final : public ResultSink {
 public:
  // How a commit is to treat state that is not written yet.
  struct Budget {
    uint64_t work = 0;      // The debt allowed, in records and timers: 0 writes everything.
    bool catch_up = false;  // Write more than needed, while there is nothing better to do.
  };

  // Builds the graph. InvalidArgument as Graph::Build.
  static absl::StatusOr<std::unique_ptr<Task>> Create(std::shared_ptr<const PipelineSpec> spec, TaskOptions options,
                                                      std::unique_ptr<Store> store);
  ~Task() override;

  // --- Coming to life, driven by recovery ---

  // Takes over what the store holds: manifest, epoch records, times. `new_uuid` names a changelog that is new.
  // FailedPrecondition: the pipeline does not fit. DataLoss: the store is damaged.
  // With `last_record_only`, for want of others, nothing can be redone.
  absl::Status Adopt(const std::string& new_uuid, bool last_record_only = false);
  // The record of epoch L..E that Adopt found; the one of L is missing when L is 0.
  const std::map<uint64_t, v1::EpochRecord>& records() const { return records_; }
  // Where each source is to be read from: after the low-water mark, and after the last epoch. `beginnings` where there
  // is no epoch.
  std::vector<int64_t> RedoFrom(const std::vector<int64_t>& beginnings) const;
  std::vector<int64_t> LiveFrom(const std::vector<int64_t>& beginnings) const;
  absl::Status StartSources(Input* input, const std::vector<int64_t>& offsets);
  void StopSources();
  // Redoes part of epoch `record`; true when it is complete. DataLoss: the slices are not what they were.
  absl::StatusOr<bool> Redo(const v1::EpochRecord& record, size_t max_records);
  // Ends redo: wake-ups kept back are due again.
  void FinishRedo();
  // Ends redo before its time: what it has not come to is lost. Sources are stopped and must be started anew.
  void AbandonRedo();
  // The next commit writes everything, so that no redo begins before it.
  void WriteAll() { write_all_ = true; }

  // --- Living ---

  // Looks at what was published since. What is to be taken in is, when time has come to its moment: Process stops
  // there, and the epoch that ends there is the last of the pipeline as it was. Between epochs or within one.
  void Consider(const ControlFeed& feed);
  // Processes up to `max_records`. Returns how many records and timers were handled. Any error is final.
  absl::StatusOr<size_t> Process(size_t max_records, absl::Time wall_clock, absl::Duration elapsed);

  // Carries time to `until` once every source is idle, so that what is due up to there fires; for bounded runs.
  void set_until(absl::Time until) { until_ms_ = absl::ToUnixMillis(until); }
  // Every source is idle, time has been carried to `until` where that is set, and nothing is due.
  bool Exhausted();

  bool epoch_open() const { return epoch_open_; }
  // The open epoch has reached a bound and must be closed before more is processed.
  bool epoch_full() const;
  bool results_waiting() const { return results_ > 0; }
  // Ends the changes of the open epoch: what it has touched becomes bytes. Close does it where it was not done; apart
  // from it, since redo has to do that, too, and how long it takes is measured.
  void Freeze();
  // Closes the epoch, opening an empty one if none is open: write-backs and the epoch record will leave, too.
  absl::Status Close(const Budget& budget, absl::Time wall_clock);
  // The offsets that go with the closed epoch, of every source.
  std::vector<CommittedOffset> Offsets() const;
  // The closed epoch holds. `changelog_end`: the offset of its epoch record, or -1. Any error is final.
  absl::Status Committed(int64_t changelog_end, absl::Time wall_clock);
  // The open or closed epoch is undone; its records will be processed again.
  void Aborted();
  // The next record to leave, valid until something else is called; null when there is none.
  const OutputRecord* NextToLeave();
  // It has left.
  void Left();
  // Results and dead letters that wait to leave.
  absl::Span<const OutputRecord> outbox() const { return outbox_.records(); }

  // The customer's state as JSON, as of the last committed epoch.
  absl::StatusOr<std::string> Describe(std::string_view customer);

  int32_t partition() const { return options_.partition; }
  const TaskOptions& options() const { return options_; }
  uint64_t epoch() const { return epoch_; }
  uint64_t low_water() const { return low_water_; }
  // What a crash would have to redo.
  const Debt& debt() const { return debt_; }
  // The log of a source has been found to begin at `offset`.
  void LogBegins(size_t source, int64_t offset) { debt_.LogBegins(source, offset); }
  int64_t watermark_ms() const { return merge_->time().watermark_ms; }
  // By how much event time the first wake-up that is due is behind the watermark; 0 when there is none.
  int64_t TimersBehindMs();
  std::optional<size_t> holder() { return merge_->Holder(); }
  Store* store() { return store_.get(); }
  const std::string& uuid() const { return manifest_.changelog_uuid(); }
  const CustomerCache& cache() const { return *cache_; }
  const std::vector<std::unique_ptr<SourceCursor>>& sources() const { return sources_; }
  Graph& graph() { return *graph_; }
  const TaskStats& stats() const { return stats_; }
  const Dispatcher& dispatcher() const { return *dispatcher_; }
  const TaskControl& control() const { return control_; }
  std::vector<TaskControl::Note> TakeControlNotes() { return control_.TakeNotes(); }

  void OnResult(int sink, const google::protobuf::Message& message, const std::string& id, Fate fate) override;
  bool Take(std::string_view op, const Allowance& allowance, absl::Time at) override;
  void OnReject(std::string_view reason, std::string_view text) override;

  // What one epoch writes back while there is nothing better to do.
  static constexpr size_t kCatchUpBytes = 8 << 20;
  // More rounds than this close the epoch, so that its record stays small.
  static constexpr size_t kMaxRounds = 512;
  // A customer may not grow beyond this; its further events are dead letters.
  static constexpr size_t kMaxDocumentBytes = 512 << 10;
  // A result beyond this, which a broker might refuse for ever, becomes a dead letter.
  static constexpr size_t kMaxResultBytes = 900 << 10;
  // How many wake-ups of others go before a record, when so many are due. They could take all of the time; a customer's
  // own timers always go before its record. One more for so many records that have found some left over, so that
  // timers catch up with input that never pauses.
  static constexpr size_t kTimersPerRecord = 4;
  static constexpr size_t kRecordsPerFurtherTimer = 1000;
  // More timers than this fired in a row by one customer, a millisecond apart, are a loop in an operator.
  static constexpr int kMaxTimersInARow = 10'000;

 private:
  Task(std::shared_ptr<const PipelineSpec> spec, TaskOptions options, std::unique_ptr<Store> store);

  void OpenEpoch();
  absl::Status HandleHead(size_t source);
  // Takes wake-ups that are due in their order and fires their timers: about `most` of them, and only those before
  // `end` where that is set. How many it took.
  absl::StatusOr<size_t> FireDue(size_t most, const TimeIndex::Wake* end = nullptr);
  // Fires all that is due of one customer.
  absl::Status FireOwn(Customer* customer);
  // Timers of one customer that fired one after the other, a millisecond apart.
  struct Streak {
    TimeIndex::Wake last;
    int times = 0;
  };
  // Fires the earliest timer of an open customer.
  absl::Status FireFirst(Customer* customer, Streak* streak);
  absl::Status Prefetch();
  void DeadLetter(size_t source, std::string_view reason, std::string_view text);
  void Send(const OutputRecord& record, Fate fate = Fate::kLeaves);
  bool BeginRound(absl::Time wall_clock, absl::Duration elapsed);
  bool CarryTime(absl::Time wall_clock, absl::Duration elapsed);
  // Time is about to come to the moment from which the next version holds: it comes right before it.
  void ReachBarrier();
  // Fires what is due before the version holds. How many.
  absl::StatusOr<size_t> FireAtBarrier(size_t most);
  void TakeVersion();
  TaskControl::Standing Standing() const;
  // Visits the next customers whom a publication concerns: `most` of them, those up to `last` where that is not empty.
  absl::Status Sweep(size_t most, const std::string& last);
  // Visits the customer if a publication concerns it that has not come to it yet. Whether it has.
  bool VisitInTime(Customer* customer);
  // Stands with the sweep where the end of an epoch left it.
  void SetSweep(const v1::EpochRecord& record);
  void AddRefusals();
  // Runs with this from now on.
  void Install(std::shared_ptr<const PipelineSpec> spec, std::unique_ptr<Graph> graph);
  bool Settled() const { return !epoch_open_ && low_water_ == epoch_; }
  // False: at most `max_timers` have fired, and more are left.
  absl::StatusOr<bool> FinishRedoneEpoch(const v1::EpochRecord& record, size_t max_timers);
  bool Comparable(const v1::EpochRecord& record) const;
  OutputRecord ForChangelog() const;
  void ClearEpoch();
  v1::EpochRecord MakeRecord(const WriteBack& written, absl::Time wall_clock) const;
  // Where the task stands, as the end of `epoch`.
  Debt::Epoch DebtOf(uint64_t epoch, uint64_t work_total) const;
  uint64_t OpenWork() const { return work_total_ + epoch_records_ + epoch_timers_; }
  absl::Status CheckStamp(const Customer& customer) const;
  void RefuseResult(const OutputRecord& result, Fate fate);

  const std::shared_ptr<const PipelineSpec> file_;  // The pipeline as its file has it.
  std::shared_ptr<const PipelineSpec> spec_;        // The same with what is in force.
  const TaskOptions options_;
  const std::unique_ptr<Store> store_;
  std::unique_ptr<Graph> graph_;
  std::unique_ptr<CustomerCache> cache_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::vector<std::unique_ptr<SourceCursor>> sources_;
  std::unique_ptr<Merge> merge_;
  std::vector<OutputRecord> drafts_;  // By sink: what its results have in common.
  std::vector<int64_t> readable_ms_;  // By source: how long a record may be relied on.

  v1::Manifest manifest_;
  bool manifest_written_ = false;
  std::map<uint64_t, v1::EpochRecord> records_;  // For recovery; emptied when it ends.
  uint64_t epoch_ = 0;                           // E, the last committed one.
  uint64_t low_water_ = 0;                       // L.
  uint64_t work_total_ = 0;                      // Records and timers up to E.
  Debt debt_;                                    // From L to E.
  bool write_all_ = false;
  TaskControl control_;
  std::optional<v1::EpochRecord::Sweep> sweep_;  // Of customers, after a publication, as of the epoch at hand.
  std::vector<int> visitors_;                    // Its operators.
  AllowanceTally tally_;

  // The open epoch.
  bool epoch_open_ = false;
  bool frozen_ = false;  // Closed, or about to be: nothing more is processed.
  bool at_barrier_ = false;                             // Time stands right before the moment of the next version,
  bool barrier_done_ = false;                           // all that was due before has fired,
  bool takes_version_ = false;                          // and it holds from the end of this epoch.
  bool swept_ = false;                                  // This epoch has done its share of the sweep,
  std::optional<v1::EpochRecord::Sweep> sweep_before_;  // which stood here before.
  Merge::Time time_before_;
  AllowanceTally tally_before_;
  uint64_t epoch_records_ = 0;
  int64_t epoch_expires_ms_ = Debt::kNever;  // Of the records from compacted sources, the first.
  uint64_t epoch_timers_ = 0;
  uint64_t results_ = 0;
  uint64_t result_digest_ = 0;
  size_t outbox_bytes_ = 0;
  std::vector<int64_t> answered_ms_;     // Times of the records that led to results.
  Outbox outbox_;                        // Of results, and of a new manifest; leaves first.
  WriteBack write_back_;                 // Its rows leave next,
  size_t rows_gone_ = 0;                 // so many have,
  OutputRecord row_;                     // this is the one at hand,
  std::optional<OutputRecord> closing_;  // and last the epoch record.
  v1::EpochRecord record_;

  // The record or timer that operators have at hand.
  std::optional<size_t> source_at_hand_;
  std::string_view customer_at_hand_;
  absl::Time now_;
  bool rejected_ = false;
  Streak streak_;              // Of FireDue.
  size_t records_behind_ = 0;  // That one after the other have left wake-ups over.

  // Redo.
  uint64_t redoing_ = 0;  // The epoch being redone, or 0.
  int redo_round_ = 0;
  uint64_t skipped_before_ = 0;

  std::optional<int64_t> until_ms_;
  int64_t emit_from_ms_ = kNoTime;
  bool idle_wall_clock_ = false;
  TaskStats stats_;
  TaskStats epoch_stats_;  // What the open epoch adds to them if it is committed.
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_TASK_H_
