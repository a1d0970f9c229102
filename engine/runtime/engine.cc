#include "engine/runtime/engine.h"

#include <algorithm>
#include <map>

#include "state/step.h"
#include "state/text.h"

namespace ebb {

Engine::Engine(std::shared_ptr<const PipelineSpec> spec, int32_t partitions, Membership* membership,
               std::vector<WorkerControl*> workers)
    : spec_(std::move(spec)), partitions_(partitions), membership_(*membership), workers_(std::move(workers)) {}

absl::Status Engine::Start() {
  std::vector<std::string> topics;
  for (const SourceSpec& source : spec_->sources) topics.push_back(source.config.topic());
  if (auto status = membership_.Join(topics); !status.ok()) return status;
  return AtStep(Step::kJoined);
}

bool Engine::AllParked() const {
  return std::all_of(workers_.begin(), workers_.end(), [](const auto* worker) { return worker->standing().parked; });
}

absl::Status Engine::Step(absl::Duration wait) {
  for (const WorkerControl* worker : workers_) {
    if (auto failure = worker->standing().failure; !failure.ok()) return failure;
  }
  if (releasing_ && AllParked()) {
    releasing_ = false;
    membership_.Release();
    if (auto status = AtStep(Step::kReleased); !status.ok()) return status;
  }
  if (stopping_ && !stopped_ && AllParked()) {
    membership_.Leave(for_good_);
    stopped_ = true;
    if (auto status = AtStep(Step::kLeft); !status.ok()) return status;
  }
  if (stopped_) return absl::OkStatus();
  auto event = membership_.Poll(wait);
  if (!event) return absl::OkStatus();
  switch (event->kind) {
    case GroupEvent::Kind::kAssigned: return OnAssigned(*event);
    case GroupEvent::Kind::kRevoked:
      ++revocations_;
      assigned_ = false;
      releasing_ = true;
      for (WorkerControl* worker : workers_) worker->Order([](Worker& w) { w.Park(); });
      return AtStep(Step::kRevoked);
    case GroupEvent::Kind::kLost:
      ++losses_;
      assigned_ = false;
      releasing_ = true;
      for (WorkerControl* worker : workers_) worker->Order([](Worker& w) { w.Lose(); });
      return AtStep(Step::kLost);
    case GroupEvent::Kind::kFailed: return event->error;
  }
  return absl::OkStatus();
}

absl::Status Engine::OnAssigned(const GroupEvent& event) {
  std::map<int32_t, size_t> sources_of;
  for (const TopicPartition& partition : event.partitions) ++sources_of[partition.partition];
  std::vector<std::set<int32_t>> shares(workers_.size());
  for (const auto& [partition, sources] : sources_of) {
    if (sources != spec_->sources.size()) {
      return absl::FailedPreconditionError(Text(
          "partition ", partition, " is assigned for ", sources, " of ", spec_->sources.size(), " sources: the topics "
          "must have the same number of partitions, and every member of group ", spec_->config.application(),
          " must run the same pipeline"));
    }
    if (partition >= partitions_) {
      return absl::FailedPreconditionError(
          Text("the sources had ", partitions_, " partitions and now have more; the number of partitions of an ",
               "application's sources cannot change; to use more, give the application another name"));
    }
    // Always the same worker, so that a task need never move within the process.
    shares[static_cast<size_t>(partition) % shares.size()].insert(partition);
  }
  assigned_ = true;
  ++rebalances_;
  for (size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->Order([share = shares[i], count = partitions_, token = event.token, stopping = stopping_](Worker& w) {
      w.Assign(share, count, token);
      if (stopping) w.Drain();
    });
  }
  return AtStep(Step::kAssigned);
}

void Engine::Stop(bool for_good) {
  if (stopping_) return;
  stopping_ = true;
  for_good_ = for_good;
  for (WorkerControl* worker : workers_) worker->Order([](Worker& w) { w.Drain(); });
}

Engine::Standing Engine::standing() const {
  Standing standing;
  standing.assigned = assigned_;
  standing.stopped = stopped_;
  standing.rebalances = rebalances_;
  standing.revocations = revocations_;
  standing.losses = losses_;
  standing.ready = standing.finished = assigned_;
  for (const WorkerControl* worker : workers_) {
    const WorkerControl::Standing of_worker = worker->standing();
    standing.ready = standing.ready && of_worker.ready;
    standing.finished = standing.finished && of_worker.finished;
    standing.tasks += of_worker.tasks;
  }
  return standing;
}

}  // namespace ebb
