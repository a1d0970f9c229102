#ifndef EBB_ENGINE_RUNTIME_MERGE_H_
#define EBB_ENGINE_RUNTIME_MERGE_H_

// Joins the sources of a task into one order of time, and knows up to where time is complete.
//
// A round fixes, before its first record, which sources take part and the least watermark. Within it the head with
// the earliest event time goes first, then by the order of sources; it ends when a source that takes part has no
// head. So the order is a function of the slices and the rounds, and can be had again from the epoch record.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "ebb/v1/changelog.pb.h"
#include "engine/runtime/source_cursor.h"
#include "state/time_index.h"

namespace ebb {

// Owned by its task, on the task's thread.
class Merge {
 public:
  // What a commit keeps and an abort puts back.
  struct Time {
    int64_t watermark_ms = kNoTime;
    std::vector<int64_t> max_event_time_ms;  // By source.
  };

  Merge(std::vector<std::unique_ptr<SourceCursor>>* sources, absl::Duration max_wait);

  // Takes in what has arrived. True when something came.
  absl::StatusOr<bool> Fill();

  // Opens a round if it can be said of every source that it has a head, is idle, or was waited for long enough.
  // With `floor_ms`, the clock carries time at least that far, which only an idle task may ask for.
  bool BeginRound(absl::Duration elapsed, int64_t floor_ms = kNoTime);
  // Opens a round as it was.
  void RedoRound(const v1::EpochRecord::Round& round);
  // Closes the round: remembers how far each source got.
  void EndRound();

  bool in_round() const { return in_round_; }
  // The source whose head goes next within the round; nothing when the round is over.
  std::optional<size_t> Next();
  // A source that takes no part in the round has got a head: the round should end.
  bool NewcomerWaits();
  // In redo: every source has come to the end of the round.
  bool RedoneRound() const;
  // Where the watermark is once the head of `source` is taken.
  int64_t WatermarkAfter(size_t source) const;
  // Lets time follow the head of `source`, before it is taken.
  void Follow(size_t source);
  // Carries time to `floor_ms` between two rounds, by a round of which no source is a part.
  void CarryTo(int64_t floor_ms);

  // Every source is caught up and empty.
  bool AllIdle() const;
  // A source that keeps time back although others could go on; nothing when none does.
  std::optional<size_t> Holder();

  const Time& time() const { return time_; }
  // Where time stood at the end of an epoch.
  static Time TimeOf(const v1::EpochRecord& record);
  void SetTime(Time time) { time_ = std::move(time); }
  int64_t max_lateness_ms() const { return max_lateness_ms_; }
  std::vector<v1::EpochRecord::Round>& rounds() { return rounds_; }

 private:
  bool TakesPart(size_t source) const { return (idle_ >> source & 1) == 0; }

  std::vector<std::unique_ptr<SourceCursor>>& sources_;
  const absl::Duration max_wait_;
  std::vector<int64_t> lateness_ms_;
  int64_t max_lateness_ms_ = 0;
  Time time_;
  bool in_round_ = false;
  uint64_t idle_ = 0;
  std::vector<int64_t> round_from_;
  std::vector<v1::EpochRecord::Round> rounds_;
  std::vector<std::optional<absl::Duration>> waiting_since_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_MERGE_H_
