#ifndef EBB_ENGINE_RUNTIME_TASK_STATS_H_
#define EBB_ENGINE_RUNTIME_TASK_STATS_H_

// What a task has done since it was created. Plain numbers.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/runtime/duration_histogram.h"

namespace ebb {

struct TaskStats {
  // Of committed epochs, each counted once, when the task learns of the commit: an aborted epoch counts for nothing,
  // and one of which only recovery finds out that it was committed counts as redone.
  std::vector<uint64_t> records_in;        // By source.
  std::vector<uint64_t> bytes_in;
  std::vector<uint64_t> late;
  std::vector<uint64_t> results;           // By sink.
  uint64_t suppressed = 0;                 // Results from before emit_from.
  DurationHistogram latencies;             // Of results: from the record's own time to the commit.
  std::map<std::pair<size_t, std::string>, uint64_t> dead_letters;  // By source and reason.
  uint64_t timers_fired = 0;
  uint64_t epochs = 0;
  uint64_t customers_written = 0;

  uint64_t aborts = 0;
  uint64_t redone_epochs = 0;
  uint64_t redone_records = 0;
  uint64_t redone_timers = 0;
  uint64_t skipped_customers = 0;          // Records passed over in redo, their customers being ahead.
  uint64_t foreign_redo = 0;               // Epochs redone that another program had committed.
  uint64_t divergent_epochs = 0;           // Epochs whose redo gave other results, accepted.

  TaskStats() = default;
  TaskStats(size_t sources, size_t sinks)
      : records_in(sources), bytes_in(sources), late(sources), results(sinks) {}

  TaskStats& operator+=(const TaskStats& more);
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_TASK_STATS_H_
