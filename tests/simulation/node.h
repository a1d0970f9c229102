#ifndef EBB_TESTS_SIMULATION_NODE_H_
#define EBB_TESTS_SIMULATION_NODE_H_

// One life of a process: the production runtime with one or more workers over ports in memory, moved by hand, the
// group's thread and each worker on its own.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "engine/log/memory_log.h"
#include "engine/pipeline/spec.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/worker.h"
#include "engine/runtime/worker_control.h"
#include "engine/time/clock.h"
#include "state/store.h"

namespace ebb::simulation {

class Node {
 public:
  struct Options {
    std::string instance;
    int workers = 1;
    int32_t partitions = 1;
    WorkerOptions worker;
  };

  // Everything but the options outlives it. Deleting it is a crash.
  Node(std::shared_ptr<const PipelineSpec> spec, MemoryBroker* broker, StoreProvider* stores, const Clock* clock,
       const Options& options);

  // A turn of the group's thread, or of one worker. Errors are the end of the process.
  absl::Status StepGroup() { return engine_->Step(absl::ZeroDuration()); }
  absl::Status StepWorker(size_t index);

  Engine& engine() { return *engine_; }
  size_t workers() const { return workers_.size(); }
  Worker& worker(size_t index) { return *workers_[index]->worker; }
  // What the last StepWorker noted.
  const std::vector<WorkerNote>& notes() const { return notes_; }
  static std::string TransactionalId(const PipelineSpec& spec, const std::string& instance, size_t worker);

 private:
  struct Thread {
    Thread(MemoryBroker* broker, const std::string& group, const std::string& transactional_id)
        : input(broker), output(broker, transactional_id), cluster(broker, group) {}
    MemoryInput input;
    MemoryOutput output;
    MemoryCluster cluster;
    std::unique_ptr<Worker> worker;
    WorkerControl control;
  };

  MemoryMembership membership_;
  std::vector<std::unique_ptr<Thread>> workers_;
  std::unique_ptr<Engine> engine_;
  std::vector<WorkerNote> notes_;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_NODE_H_
