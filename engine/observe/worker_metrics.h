#ifndef EBB_ENGINE_OBSERVE_WORKER_METRICS_H_
#define EBB_ENGINE_OBSERVE_WORKER_METRICS_H_

// What a running pipeline says of itself on /metrics.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "engine/observe/worker_snapshot.h"
#include "engine/pipeline/spec.h"

namespace ebb {

// Figures of the process as a whole.
struct ProcessFigures {
  std::string version;
  absl::Time started;
  uint64_t resident_bytes = 0;
  double cpu_seconds = 0;
  std::map<std::string, uint64_t> rebalances;             // By kind: assigned, revoked, lost.
  std::vector<std::pair<std::string, double>> limits;     // By name with unit, such as "memory_bytes".
  std::vector<std::pair<std::string, double>> rocksdb;    // As RocksDbStores::Figures() gives them.
};

// Fills in resident_bytes and cpu_seconds. Any thread.
void ReadProcessUsage(ProcessFigures* figures);

// The page in Prometheus's text format. `workers`: the last snapshot of each, by number. Names begin with ebb_;
// sums over tasks carry no partition and do not fall when tasks leave; moments are given, never ages; what is not
// known, such as the watermark of a task without events, is absent. Any thread.
std::string RenderMetrics(const PipelineSpec& spec, const std::vector<WorkerSnapshot>& workers,
                          const ProcessFigures& process);

}  // namespace ebb

#endif  // EBB_ENGINE_OBSERVE_WORKER_METRICS_H_
