#include "engine/observe/worker_snapshot.h"

#include <algorithm>
#include <array>
#include <memory>

#include "engine/pipeline/operator.h"

namespace ebb {
namespace {

// Reasons of dead letters that the engine itself gives.
constexpr std::array<const char*, 8> kReasons = {"absurd-time", "empty",     "late",       "no-customer",
                                                 "state-too-large", "too-large", "unparsable", "wrong-partition"};

TaskCounters CountersOf(Task& task) {
  TaskCounters counters;
  counters.stats = task.stats();
  const std::vector<Graph::Node>& nodes = task.graph().nodes();
  for (size_t i = 0; i < nodes.size(); ++i) {
    for (const Counter* counter : nodes[i].op->counters()) {
      counters.operator_events[{nodes[i].spec->id, std::string(counter->name())}] =
          task.dispatcher().counts()[i][counter->index()];
    }
  }
  counters.cache_hits = task.cache().hits();
  counters.cache_misses = task.cache().misses();
  return counters;
}

ControlSnapshot ControlOf(const TaskControl& control) {
  ControlSnapshot snapshot;
  for (const auto& [name, entry] : control.in_force()) snapshot.in_force[name] = entry.publication().version();
  if (control.next() != nullptr) snapshot.waiting = PublicationKey(*control.next());
  snapshot.holds_from_ms = control.barrier_ms();
  for (const auto& [key, entry] : control.entries()) {
    if (!entry.refusal().empty()) snapshot.refused[key] = entry.refusal();
  }
  return snapshot;
}

TaskSnapshot SnapshotOf(const Worker::Slot& slot, const PipelineSpec& spec) {
  Task& task = *slot.task;
  TaskSnapshot snapshot;
  snapshot.partition = task.partition();
  snapshot.live = slot.recovery == nullptr;
  snapshot.restore_remaining = snapshot.live ? 0 : slot.recovery->remaining();
  snapshot.epoch = task.epoch();
  snapshot.low_water = task.low_water();
  snapshot.debt_records = task.debt().work();
  if (task.watermark_ms() != kNoTime) snapshot.watermark_ms = task.watermark_ms();
  if (snapshot.live) {
    snapshot.timers_behind_ms = task.TimersBehindMs();
    snapshot.holder = task.holder();
  }
  for (size_t i = 0; i < spec.sources.size(); ++i) {
    const SourceCursor& cursor = *task.sources()[i];
    snapshot.sources.push_back({cursor.position(), cursor.Unread(), cursor.bytes(), cursor.idle(), cursor.lag(),
                                task.debt().margin(i)});
  }
  snapshot.cache_bytes = task.cache().bytes();
  snapshot.customers = task.cache().customers();
  snapshot.dirty_customers = task.cache().dirty_customers();
  snapshot.state_bytes = task.store()->Bytes();
  snapshot.control = ControlOf(task.control());
  snapshot.counters = CountersOf(task);
  return snapshot;
}

// Whether `now` counts anew: the task went and came back between two snapshots.
bool BeganAnew(const TaskCounters& before, const TaskCounters& now) {
  const auto less = [](const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
    for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
      if (a[i] < b[i]) return true;
    }
    return false;
  };
  return now.stats.epochs < before.stats.epochs || now.stats.redone_records < before.stats.redone_records ||
         now.cache_hits < before.cache_hits || now.cache_misses < before.cache_misses ||
         less(now.stats.records_in, before.stats.records_in);
}

}  // namespace

TaskCounters& TaskCounters::operator+=(const TaskCounters& other) {
  stats += other.stats;
  for (const auto& [key, count] : other.operator_events) operator_events[key] += count;
  cache_hits += other.cache_hits;
  cache_misses += other.cache_misses;
  return *this;
}

TaskCounters ZeroCounters(const PipelineSpec& spec) {
  TaskCounters zero;
  zero.stats = TaskStats(spec.sources.size(), spec.sinks.size());
  for (size_t i = 0; i < spec.sources.size(); ++i) {
    for (const char* reason : kReasons) zero.stats.dead_letters[{i, reason}] = 0;
  }
  for (const OperatorSpec& op : spec.operators) {
    const std::unique_ptr<OperatorBase> instance = OperatorRegistry::Get().Create(op.type);
    if (instance == nullptr) continue;
    for (const Counter* counter : instance->counters()) zero.operator_events[{op.id, std::string(counter->name())}] = 0;
  }
  return zero;
}

WorkerSnapshot TakeSnapshot(const Worker& worker, const PipelineSpec& spec, WorkerSnapshot previous) {
  WorkerSnapshot snapshot;
  snapshot.figures = worker.figures();
  snapshot.departed = std::move(previous.departed);
  std::map<int32_t, TaskCounters> before;
  for (TaskSnapshot& task : previous.tasks) before[task.partition] = std::move(task.counters);
  for (const auto& [partition, slot] : worker.slots()) {
    if (slot.task == nullptr) continue;  // Its store could not be opened; the worker is about to say so.
    const TaskSnapshot& task = snapshot.tasks.emplace_back(SnapshotOf(slot, spec));
    const auto known = before.find(partition);
    if (known != before.end() && !BeganAnew(known->second, task.counters)) before.erase(known);
  }
  for (const auto& [partition, counters] : before) snapshot.departed += counters;
  return snapshot;
}

}  // namespace ebb
