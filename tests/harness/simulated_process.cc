#include "tests/harness/simulated_process.h"

#include "state/hash.h"
#include "state/text.h"

namespace ebb::testing {

std::string ChangelogTopic(const std::string& application) { return application + ".changelog"; }

SimulatedProcess::SimulatedProcess(std::shared_ptr<const PipelineSpec> spec, MemoryBroker* broker,
                                   StoreProvider* stores, const Clock* clock, ProcessOptions options)
    : input_(broker),
      output_(broker, Text(spec->config.application(), "/", options.instance, "/0")),
      cluster_(broker, spec->config.application()),
      membership_(broker, spec->config.application(), options.instance) {
  WorkerOptions worker = options.worker;
  worker.task.changelog_topic = ChangelogTopic(spec->config.application());
  worker.task.owner = options.instance;
  worker.uuid_seed = StableHash64(options.instance, static_cast<uint64_t>(absl::ToUnixMillis(clock->Now())));
  worker_ = std::make_unique<Worker>(spec, worker, WorkerPorts{&input_, &output_, &cluster_, stores, clock});
  engine_ = std::make_unique<Engine>(spec, options.partitions, &membership_, std::vector<WorkerControl*>{&control_});
}

absl::Status SimulatedProcess::Step() {
  if (auto status = engine_->Step(absl::ZeroDuration()); !status.ok()) return status;
  auto turned = control_.Turn(*worker_);
  for (WorkerNote& note : worker_->TakeNotes()) notes_.push_back(std::move(note.text));
  return turned.status();
}

}  // namespace ebb::testing
