#ifndef EBB_TESTS_SIMULATION_REFEREE_H_
#define EBB_TESTS_SIMULATION_REFEREE_H_

// Sees what every read_committed reader can see, after every step, and says which claim does not hold.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/log/memory_broker.h"
#include "engine/runtime/task.h"
#include "state/store.h"
#include "tests/simulation/allowance.h"
#include "tests/simulation/ghost.h"
#include "tests/simulation/results.h"
#include "tests/simulation/situations.h"
#include "tests/simulation/stored.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/upstream.h"

namespace ebb::simulation {

class Referee {
 public:
  struct Topics {
    std::string application;
    std::string changelog;
    std::string results;
    std::string dead_letters;
    int32_t partitions = 1;
  };

  Referee(const MemoryBroker* broker, Topics topics, const GhostRules* rules, const Upstream* upstream,
          Publisher* publisher, Situations* situations, Trace* trace);

  // Takes in what has become visible. After every step.
  void Observe();
  // What a process applies to its store: it must prove to be of a committed epoch.
  void OnApply(int32_t partition, const WriteBatch& batch);

  // A task has come to life from this changelog.
  void LookAtRestored(int32_t partition);
  // A live task at the last epoch: its store is the mirror of the changelog, and, when `all`, every customer is right.
  void CheckLive(Task* task, bool all);
  // What was published, has had its time, and was neither taken in nor sent to dead letters; nothing when all was.
  std::string Outstanding(int64_t now_ms) const;
  // Nothing is under way or outstanding, all input was read, and everything was written back where `drained`.
  void CheckEnd(bool drained, int64_t now_ms);

  // The first violated claim, or nothing.
  const std::string& violation() const { return violation_; }
  void Violated(std::string claim);

  uint64_t epoch(int32_t partition) const { return views_[static_cast<size_t>(partition)].ghost->epoch(); }
  uint64_t low_water(int32_t partition) const { return views_[static_cast<size_t>(partition)].low_water; }
  // Up to where nobody needs a source any more.
  int64_t Unneeded(int32_t partition, size_t source) const;
  // No transaction is without its marker.
  bool settled() const { return settled_; }

 private:
  struct PendingRow {
    std::string customer;
    uint64_t stamp = 0;
    v1::CustomerDocument document;
  };
  // What is known of one partition.
  struct View {
    std::unique_ptr<GhostTask> ghost;
    int64_t next = 0;                // Of the changelog.
    Rows rows;                       // The changelog, each key once.
    v1::Manifest manifest;
    std::string uuid;
    std::string owner;
    uint64_t low_water = 0;
    std::vector<std::pair<std::string, std::optional<std::string>>> entries;  // Of the epoch that is being read.
    std::vector<PendingRow> pending;
    std::set<std::string> buried;    // Customers whose tombstone is there.
    std::set<std::string> owners;    // All there have been.
    std::vector<std::optional<int64_t>> offsets;
    std::unique_ptr<GhostAllowance> allowance;
    int64_t next_result = 0;
    int64_t next_dead = 0;
  };

  void ReadChangelog(int32_t partition);
  void TakeEpoch(View* view, const v1::EpochRecord& record);
  void TakeEntries(View* view, uint64_t epoch);
  void CheckWritten(View* view, uint64_t epoch, const std::set<std::string>& written);
  void ReadResults(int32_t partition);
  void TakeShout(View* view, const MemoryBroker::Record& record);
  void TakeBadPublication(const MemoryBroker::Record& record);
  void CheckPending(View* view);
  void CheckOffsets();
  void CheckMirror(View* view, Task* task);
  std::string Where(const View& view) const;

  const MemoryBroker& broker_;
  const Topics topics_;
  const Upstream& upstream_;
  Publisher& publisher_;
  const GhostRules& rules_;
  Situations& situations_;
  Trace& trace_;
  std::vector<View> views_;
  Results results_;
  bool settled_ = true;
  std::string violation_;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_REFEREE_H_
