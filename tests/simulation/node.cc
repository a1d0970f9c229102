#include "tests/simulation/node.h"

#include "state/text.h"

namespace ebb::simulation {

Node::Node(std::shared_ptr<const PipelineSpec> spec, MemoryBroker* broker, StoreProvider* stores, const Clock* clock,
           const Options& options)
    : membership_(broker, spec->config.application(), options.instance) {
  std::vector<WorkerControl*> controls;
  for (int i = 0; i < options.workers; ++i) {
    auto& thread = workers_.emplace_back(std::make_unique<Thread>(
        broker, spec->config.application(), TransactionalId(*spec, options.instance, static_cast<size_t>(i))));
    WorkerOptions worker = options.worker;
    worker.uuid_seed += static_cast<uint64_t>(i) << 32;
    thread->worker = std::make_unique<Worker>(
        spec, std::move(worker), WorkerPorts{&thread->input, &thread->output, &thread->cluster, stores, clock});
    controls.push_back(&thread->control);
  }
  engine_ = std::make_unique<Engine>(spec, options.partitions, &membership_, std::move(controls));
}

std::string Node::TransactionalId(const PipelineSpec& spec, const std::string& instance, size_t worker) {
  return Text(spec.config.application(), "/", instance, "/", worker);
}

absl::Status Node::StepWorker(size_t index) {
  Thread& thread = *workers_[index];
  auto turned = thread.control.Turn(*thread.worker);
  notes_ = thread.worker->TakeNotes();
  return turned.status();
}

}  // namespace ebb::simulation
