#ifndef EBB_ENGINE_RUNTIME_TASK_CONTROL_H_
#define EBB_ENGINE_RUNTIME_TASK_CONTROL_H_

// What a task has taken in of what was published, and what it takes in next.
//
// A version holds from one moment of event time on: from its valid_from where the task knows of it before, else from
// the first moment after the watermark that it finds. When time comes to that moment the task stops between two records
// with nothing left to be redone, so that redo never meets two versions; what holds from when is written with the
// epoch that ends there.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "ebb/v1/changelog.pb.h"
#include "ebb/v1/control.pb.h"
#include "engine/pipeline/graph.h"
#include "engine/pipeline/spec.h"
#include "engine/runtime/control_feed.h"
#include "state/store.h"

namespace ebb {

// Owned by its task, on the task's thread.
class TaskControl {
 public:
  // What the task is to run with next.
  struct Next {
    v1::ControlEntry entry;
    std::shared_ptr<const PipelineSpec> spec;
    std::unique_ptr<Graph> graph;
    v1::Manifest manifest;
    std::vector<std::string> visitors;  // Ids of operators that are to visit customers.
  };

  // Something worth a line in the log.
  struct Note {
    bool refused = false;
    std::string text;
  };

  // `file`: the pipeline as its file has it. With a `history`, that is taken in, each version right from its moment,
  // and no feed is listened to; a task that begins with a store must not have one.
  TaskControl(std::shared_ptr<const PipelineSpec> file, std::vector<v1::TakenIn> history);

  // Begins with what the store holds, and says what pipeline that makes. FailedPrecondition: what is in force does not
  // fit the pipeline file. DataLoss: a row is damaged.
  absl::StatusOr<std::shared_ptr<const PipelineSpec>> Adopt(Store* store);

  // How the task stands.
  struct Standing {
    const PipelineSpec* spec = nullptr;
    const v1::Manifest* manifest = nullptr;
    int64_t watermark_ms = 0;
    bool settled = false;   // Nothing would have to be redone.
    bool sweeping = false;  // Customers are being visited after a publication: another that needs that has to wait.
  };
  // Finds what comes next among what was published.
  void Consider(const ControlFeed& feed, const Standing& standing);
  // The task stands at the end of an epoch.
  void EpochEnded(const Standing& standing);

  // The moment from which the next version holds, once that is known: time may not come so far before Take.
  std::optional<int64_t> barrier_ms() const { return barrier_ms_; }
  // State should be written sooner than need be, so that the next version finds nothing left to be redone.
  bool WantsDrain(int64_t watermark_ms) const;

  // Adds what the epoch that is closing writes. `takes`: the next version holds from its end.
  void AddRows(bool takes, WriteBatch* rows);
  // What cannot be taken in, and the closing epoch is to send to dead letters.
  struct Refusal {
    Published published;
    v1::ControlEntry entry;  // Says why.
  };
  const std::vector<Refusal>& refusals() const { return refusals_; }
  // That epoch is committed: what it sent to dead letters is done with.
  void RefusalsWritten();
  // And the next version holds.
  Next Take();

  // What is in force, by name.
  const std::map<std::string, v1::ControlEntry>& in_force() const { return in_force_; }
  // What was taken in or refused, by "name@version" or "@offset".
  const std::map<std::string, v1::ControlEntry>& entries() const { return entries_; }
  // Goes into epoch records; with `takes`, as of the end of the closing epoch.
  v1::EpochRecord::ControlPosition Position(bool takes) const;
  // Of the next version; null when there is none.
  const v1::Publication* next() const { return next_ ? &next_->entry.publication() : nullptr; }
  // The operators that are to visit customers once it holds.
  const std::vector<std::string>& visitors() const { return next_->visitors; }
  // Takes the notes since the last call.
  std::vector<Note> TakeNotes() { return std::exchange(notes_, {}); }

  // Before a version holds that is known beforehand, for so long state is written sooner than need be.
  static constexpr int64_t kDrainAheadMs = 60'000;
  // After so many epochs of that without having written everything, the task stops for the rest.
  static constexpr int kMostDrainEpochs = 200;
  // More than this a task does not remember; of those that later versions have replaced the oldest go.
  static constexpr size_t kMostEntries = 1000;
  // Nor more records that are no version of anything; the oldest go.
  static constexpr size_t kMostStrangers = 100;

 private:
  // The next of the history.
  void Follow(const Standing& standing);
  // What to take next; null for nothing. Refuses what cannot be read.
  const Published* Pick(const ControlFeed& feed, int64_t watermark_ms);
  absl::StatusOr<Next> Build(const Published& published, const Standing& standing) const;
  void Begin(const Standing& standing);
  // As that version, or as a record that is none.
  void Refuse(const Published& published, std::string why, bool is_version);
  void ForgetOldStrangers();
  // The key of the entry that goes when another one comes; nothing while there is room.
  std::optional<std::string> Oldest() const;
  absl::StatusOr<std::shared_ptr<const PipelineSpec>> Amended(
      const std::map<std::string, v1::ControlEntry>& entries) const;

  const std::shared_ptr<const PipelineSpec> file_;
  const std::vector<v1::TakenIn> history_;
  size_t followed_ = 0;                               // So many of the history have had their turn.
  std::map<std::string, v1::ControlEntry> entries_;   // By key.
  std::map<std::string, v1::ControlEntry> in_force_;  // By name.
  std::set<int64_t> strangers_;                       // Offsets of entries that are no version of anything.
  std::vector<std::string> forgotten_;                // Keys of entries whose rows go with the closing epoch.
  std::vector<Refusal> refusals_;
  std::optional<Next> next_;
  std::optional<int64_t> barrier_ms_;
  uint64_t generation_ = 0;
  bool considered_ = false;
  int drained_epochs_ = 0;
  std::vector<Note> notes_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_TASK_CONTROL_H_
