#ifndef EBB_TESTS_HARNESS_SIMULATED_PROCESS_H_
#define EBB_TESTS_HARNESS_SIMULATED_PROCESS_H_

// An `ebb run` without threads: the production runtime over ports in memory, moved by hand.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/log/memory_log.h"
#include "engine/pipeline/spec.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/worker.h"
#include "engine/runtime/worker_control.h"
#include "engine/time/clock.h"
#include "state/memory_store.h"

namespace ebb::testing {

struct ProcessOptions {
  std::string instance = "a";
  int32_t partitions = 1;
  WorkerOptions worker;
};

// Dropping it is a crash. The broker, the stores and the clock outlive it, as a cluster and disks do.
class SimulatedProcess {
 public:
  SimulatedProcess(std::shared_ptr<const PipelineSpec> spec, MemoryBroker* broker, StoreProvider* stores,
                   const Clock* clock, ProcessOptions options);

  // One turn of the group and of the worker.
  absl::Status Step();

  Engine& engine() { return *engine_; }
  Worker& worker() { return *worker_; }
  Engine::Standing standing() const { return engine_->standing(); }
  // Everything the worker has noted.
  const std::vector<std::string>& notes() const { return notes_; }

 private:
  MemoryInput input_;
  MemoryOutput output_;
  MemoryCluster cluster_;
  MemoryMembership membership_;
  std::unique_ptr<Worker> worker_;
  WorkerControl control_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::string> notes_;
};

// The name that a process gives the changelog of an application.
std::string ChangelogTopic(const std::string& application);

}  // namespace ebb::testing

#endif  // EBB_TESTS_HARNESS_SIMULATED_PROCESS_H_
