#ifndef EBB_ENGINE_RUNTIME_TASK_H_
#define EBB_ENGINE_RUNTIME_TASK_H_

// A task: one partition of every source, its customers, its epochs.
//
// An epoch opens with the first round, is processed, closed, and then committed or aborted; its effects are in the
// outbox until they leave and in the cache as changes that can be dropped. Step functions only: no thread, no lock,
// no wait. Called by its worker and, before it is live, by its recovery.

#include <cstdint>
#include <deque>
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
#include "engine/log/input.h"
#include "engine/log/output.h"
#include "engine/pipeline/graph.h"
#include "engine/pipeline/spec.h"
#include "engine/runtime/dispatcher.h"
#include "engine/runtime/duration_histogram.h"
#include "engine/runtime/merge.h"
#include "engine/runtime/source_cursor.h"
#include "state/customer_cache.h"
#include "state/store.h"

namespace ebb {

struct TaskOptions {
  int32_t partition = 0;
  int32_t partitions = 1;                  // Of every source.
  std::string changelog_topic;
  std::string owner;                       // Goes into epoch records, for diagnosis.
  size_t cache_bytes = 64 << 20;
  size_t buffer_bytes = 1 << 20;           // A source.
  size_t pinned_bytes = 32 << 20;          // What an open epoch may hold beside the cache: states as messages,
                                           // and records kept for a rewind.
  uint64_t epoch_records = 500'000;        // The most records of one epoch.
  size_t outbox_bytes = 16 << 20;          // The most results of one epoch.
};

// What a task has done since it was created. Plain numbers, read by its worker.
struct TaskStats {
  std::vector<uint64_t> records_in;        // By source.
  std::vector<uint64_t> bytes_in;
  std::vector<uint64_t> late;
  std::vector<uint64_t> results;           // By sink.
  uint64_t suppressed = 0;                 // Results from before emit_from.
  DurationHistogram latencies;             // Of results: from the record's own time to the commit.
  std::map<std::pair<size_t, std::string>, uint64_t> dead_letters;  // By source and reason.
  uint64_t timers_fired = 0;
  uint64_t epochs = 0;
  uint64_t aborts = 0;
  uint64_t customers_written = 0;
  uint64_t redone_epochs = 0;
  uint64_t redone_records = 0;
  uint64_t skipped_customers = 0;          // Records and timers passed over in redo, their customers being ahead.
  uint64_t foreign_redo = 0;               // Epochs redone that another program had committed.
};

class Task final : public ResultSink {
 public:
  // How a commit is to treat state that is not written yet.
  struct Budget {
    uint64_t records = 0;    // The debt allowed: 0 writes everything.
    bool catch_up = false;   // Write more than needed, while there is nothing better to do.
  };

  // Builds the graph. The spec must outlive the task. InvalidArgument as Graph::Build.
  static absl::StatusOr<std::unique_ptr<Task>> Create(const PipelineSpec& spec, TaskOptions options,
                                                      std::unique_ptr<Store> store);
  ~Task() override;

  // --- Coming to life, driven by recovery ---

  // Takes over what the store holds: manifest, epoch records, times. `new_uuid` names a changelog that is new.
  // FailedPrecondition: the pipeline does not fit. DataLoss: the store is damaged.
  absl::Status Adopt(const std::string& new_uuid);
  // The record of epoch L..E that Adopt found; the one of L is missing when L is 0.
  const std::map<uint64_t, v1::EpochRecord>& records() const { return records_; }
  // Where each source is to be read from: after the low-water mark.
  std::vector<int64_t> RedoFrom(const std::vector<int64_t>& beginnings) const;
  absl::Status StartSources(Input* input, const std::vector<int64_t>& offsets);
  void StopSources();
  // Redoes part of epoch `record`; true when it is complete. DataLoss: the slices are not what they were.
  absl::StatusOr<bool> Redo(const v1::EpochRecord& record, size_t max_records);
  // Ends redo: wake-ups kept back are due again.
  void FinishRedo();

  // --- Living ---

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
  // Closes the epoch, opening an empty one if none is open: puts write-backs and the epoch record into the outbox.
  absl::Status Close(const Budget& budget, absl::Time wall_clock);
  // The offsets that go with the closed epoch, of every source.
  std::vector<CommittedOffset> Offsets() const;
  // The closed epoch holds. `changelog_end`: the offset of its epoch record, or -1. Any error is final.
  absl::Status Committed(int64_t changelog_end, absl::Time wall_clock);
  // The open or closed epoch is undone; its records will be processed again.
  void Aborted();
  // Records to leave, in order; the worker takes them from the front.
  std::deque<OutputRecord>& outbox() { return outbox_; }

  // The customer's state as JSON, as of the last committed epoch.
  absl::StatusOr<std::string> Describe(std::string_view customer);

  int32_t partition() const { return options_.partition; }
  const TaskOptions& options() const { return options_; }
  uint64_t epoch() const { return epoch_; }
  uint64_t low_water() const { return low_water_; }
  // Records since the low-water mark: what a crash would have to redo.
  uint64_t debt() const;
  int64_t watermark_ms() const { return merge_->time().watermark_ms; }
  std::optional<size_t> holder() { return merge_->Holder(); }
  Store* store() { return store_.get(); }
  const std::string& uuid() const { return manifest_.changelog_uuid(); }
  const CustomerCache& cache() const { return *cache_; }
  const std::vector<std::unique_ptr<SourceCursor>>& sources() const { return sources_; }
  Graph& graph() { return *graph_; }
  const TaskStats& stats() const { return stats_; }
  const Dispatcher& dispatcher() const { return *dispatcher_; }

  void OnResult(int sink, const google::protobuf::Message& message, const std::string& id) override;
  void OnReject(std::string_view reason, std::string_view text) override;

  // What one epoch writes back while there is nothing better to do.
  static constexpr size_t kCatchUpBytes = 8 << 20;
  // More rounds than this close the epoch, so that its record stays small.
  static constexpr size_t kMaxRounds = 512;
  // A customer may not grow beyond this; its further events are dead letters.
  static constexpr size_t kMaxDocumentBytes = 512 << 10;
  // More timers than this fired by one customer without time going on are a loop in an operator.
  static constexpr int kMaxTimersAtOnce = 10'000;

 private:
  Task(const PipelineSpec& spec, TaskOptions options, std::unique_ptr<Store> store);

  void OpenEpoch();
  absl::Status HandleHead(size_t source);
  absl::StatusOr<bool> FireDue();
  absl::Status Prefetch();
  void DeadLetter(size_t source, std::string_view reason, std::string_view text);
  void Send(OutputRecord record);
  bool BeginRound(absl::Time wall_clock, absl::Duration elapsed);
  bool CarryTime(absl::Time wall_clock, absl::Duration elapsed);
  absl::StatusOr<bool> FinishRedoneEpoch(const v1::EpochRecord& record);
  bool Comparable(const v1::EpochRecord& record) const;
  void ClearEpoch();
  v1::EpochRecord MakeRecord(const WriteBack& written, absl::Time wall_clock) const;
  uint64_t TargetLow(uint64_t budget_records) const;

  const PipelineSpec& spec_;
  const TaskOptions options_;
  const std::unique_ptr<Store> store_;
  std::unique_ptr<Graph> graph_;
  std::unique_ptr<CustomerCache> cache_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::vector<std::unique_ptr<SourceCursor>> sources_;
  std::unique_ptr<Merge> merge_;

  v1::Manifest manifest_;
  bool manifest_written_ = false;
  std::map<uint64_t, v1::EpochRecord> records_;            // For recovery; emptied when it ends.
  uint64_t epoch_ = 0;                                     // E, the last committed one.
  uint64_t low_water_ = 0;                                 // L.
  uint64_t records_total_ = 0;                             // Up to E.
  std::deque<std::pair<uint64_t, uint64_t>> totals_;       // (epoch, records_total) from L to E.

  // The open epoch.
  bool epoch_open_ = false;
  bool closed_ = false;
  bool timers_cut_ = false;
  Merge::Time time_before_;
  uint64_t epoch_records_ = 0;
  uint64_t epoch_timers_ = 0;
  uint64_t results_ = 0;
  uint64_t result_digest_ = 0;
  size_t outbox_bytes_ = 0;
  std::vector<int64_t> answered_ms_;                       // Times of the records that led to results.
  std::deque<OutputRecord> outbox_;
  WriteBack write_back_;
  v1::EpochRecord record_;

  // The record or timer at hand.
  std::optional<size_t> source_at_hand_;
  std::string_view customer_at_hand_;
  absl::Time now_;
  bool rejected_ = false;

  // Redo.
  uint64_t redoing_ = 0;                                   // The epoch being redone, or 0.
  int redo_round_ = 0;
  bool last_redone_cut_ = false;
  uint64_t skipped_before_ = 0;
  std::map<uint64_t, std::vector<TimeIndex::Wake>> kept_wakes_;  // By the stamp that redo must pass.

  std::optional<int64_t> until_ms_;
  int64_t emit_from_ms_ = kNoTime;
  bool idle_wall_clock_ = false;
  TaskStats stats_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_TASK_H_
