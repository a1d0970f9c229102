#include "tests/simulation/situations.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "state/text.h"

namespace ebb::simulation {

const std::vector<std::string_view>& Situations::Names() {
  static const std::vector<std::string_view> names = {
      // Commits.
      "commit of unknown outcome that had happened",
      "commit of unknown outcome that had not happened",
      "offsets of unknown outcome",
      "abort of unknown outcome",
      "commit refused",
      "result lost or refused on its way",
      "results after the offsets",
      "producer's recovery disturbed",
      "marker delayed",
      "fenced",
      "zombie's commit refused",
      "zombie's commit that held",
      "epoch aborted",
      "aborted epoch replayed from memory",
      // Epochs.
      "epoch closed by records",
      "epoch closed by pinned bytes",
      "epoch closed by its outbox",
      "epoch closed by rounds",
      "epoch closed with timers left over",
      "records taken beside timers left over",
      "epoch of timers only",
      "epoch without input",
      "ring of epoch records full",
      "time carried by the clock",
      "time carried to `until`",
      "time carried to an edition",
      "result from before `emit_from`",
      "result within an allowance",
      "result held back by an allowance",
      // Input.
      "late event",
      "duplicate event",
      "dead letter",
      "upstream transaction committed",
      "upstream transaction aborted",
      "source trimmed",
      "source compacted",
      "input after the low-water mark in danger",
      "write-back forced by retention",
      // Control.
      "edition published",
      "edition that holds as published",
      "edition that holds later",
      "customers visited",
      "customers visited over several epochs",
      "customer visited before its record",
      "bad publication",
      "bad publication sent to dead letters",
      // State.
      "timer fired",
      "timer armed in the past fired",
      "two timers of a customer at one moment",
      "tombstone written",
      "customer revived after a tombstone",
      "empty document written",
      "rows without a value",
      "eviction",
      // Recovery.
      "epochs redone",
      "redo with customers ahead",
      "redo of an epoch that left timers over",
      "restore from the changelog alone",
      "stale mirror",
      "recovery during recovery",
      "crash during recovery",
      "rebalance during recovery",
      "control records at the end of a restore",
      "changelog compacted",
      "epoch records compacted",
      "tombstones dropped from the changelog",
      "foreign store rebuilt",
      "store beyond the changelog rebuilt",
      "store rebuilt for its age",
      "unfinished restore begun anew",
      "local state lost",
      "local state put back from a copy",
      "local state of another life",
      "last batches of a store lost",
      // Processes.
      "assignment",
      "task moved",
      "task returned",
      "cache kept over a rebalance",
      "rebalance while committing",
      "assignment lost",
      "assignment lost while committing",
      "crash while committing",
      "frozen while committing",
      "woken up after a suspension",
      "two processes of one name",
      "replaced process ended",
      "input of a zombie gone",
      "several tasks in one transaction",
      "clean stop",
      "rebalance during a clean stop",
      "disk fault",
      "process ended by its disk",
      "process ended by a refusal",
      "process ended, fenced too often",
  };
  return names;
}

void Situations::Met(std::string_view name, uint64_t times) {
  auto count = counts_.find(name);
  if (count == counts_.end()) {
    if (std::find(Names().begin(), Names().end(), name) == Names().end()) {
      std::fprintf(stderr, "no such situation: %.*s\n", static_cast<int>(name.size()), name.data());
      std::abort();
    }
    count = counts_.emplace(name, 0).first;
  }
  count->second += times;
}

void Situations::Add(const Situations& more) {
  for (const auto& [name, count] : more.counts_) Met(name, count);
}

std::string Situations::Table() const {
  std::string table;
  for (std::string_view name : Names()) {
    auto count = counts_.find(name);
    char line[128];
    std::snprintf(line, sizeof(line), "%12llu  %.*s\n",
                  static_cast<unsigned long long>(count == counts_.end() ? 0 : count->second),
                  static_cast<int>(name.size()), name.data());
    table += line;
  }
  return table;
}

std::vector<std::string> Situations::Missing() const {
  std::vector<std::string> missing;
  for (std::string_view name : Names()) {
    if (!counts_.contains(name)) missing.emplace_back(name);
  }
  return missing;
}

}  // namespace ebb::simulation
