#ifndef EBB_ENGINE_OBSERVE_WORKER_SNAPSHOT_H_
#define EBB_ENGINE_OBSERVE_WORKER_SNAPSHOT_H_

// A worker's figures at one moment: a plain copy, taken on the worker's thread and handed to whoever shows it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/pipeline/spec.h"
#include "engine/runtime/task.h"
#include "engine/runtime/worker.h"

namespace ebb {

// What only ever grows.
struct TaskCounters {
  TaskStats stats;
  std::map<std::pair<std::string, std::string>, uint64_t> operator_events;  // By operator and event.
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;

  TaskCounters& operator+=(const TaskCounters& other);
};

// Zero for everything that is known beforehand: each source and sink, each of the engine's reasons to refuse a
// record, each operator's events.
TaskCounters ZeroCounters(const PipelineSpec& spec);

// What of the control topic a task has taken in.
struct ControlSnapshot {
  std::map<std::string, int64_t> in_force;     // Versions by name.
  std::string waiting;                         // "name@version"; empty for none.
  std::optional<int64_t> holds_from_ms;        // The moment that it waits for, once that is known.
  std::map<std::string, std::string> refused;  // By "name@version", or "@offset" of what was none: why.
};

struct TaskSnapshot {
  struct Source {
    int64_t position = 0;          // The next offset to be processed.
    uint64_t buffered_records = 0;
    uint64_t buffered_bytes = 0;
    bool caught_up = false;
    std::optional<int64_t> lag_records;
    std::optional<int64_t> redo_margin_records;  // From where the topic begins to where redo would read.
  };

  int32_t partition = 0;
  bool live = false;               // It processes; otherwise it recovers.
  int64_t restore_remaining = 0;   // Changelog records still to be read.
  uint64_t epoch = 0;
  uint64_t low_water = 0;
  uint64_t debt_records = 0;
  std::optional<int64_t> watermark_ms;
  int64_t timers_behind_ms = 0;    // In event time; 0 when none is due.
  std::optional<size_t> holder;    // The source that keeps time back.
  std::vector<Source> sources;     // As in the pipeline.
  uint64_t cache_bytes = 0;
  uint64_t customers = 0;
  uint64_t dirty_customers = 0;
  uint64_t state_bytes = 0;
  ControlSnapshot control;
  TaskCounters counters;           // Since the task came to this worker.
};

struct WorkerSnapshot {
  Worker::Figures figures;
  std::vector<TaskSnapshot> tasks;  // In order of partitions.
  TaskCounters departed;            // Of tasks that are no longer here, so that sums never fall.
};

// On the worker's thread, between two steps. `previous` is the worker's last snapshot, or an empty one. What a task did
// after that and before it left is not counted. Makes no call that waits, but asks each store for its size: meant for
// a few times a second, not for every step.
WorkerSnapshot TakeSnapshot(const Worker& worker, const PipelineSpec& spec, WorkerSnapshot previous);

}  // namespace ebb

#endif  // EBB_ENGINE_OBSERVE_WORKER_SNAPSHOT_H_
