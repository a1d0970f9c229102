#include "engine/runtime/worker_control.h"

#include <utility>

namespace ebb {

void WorkerControl::Order(std::function<void(Worker&)> order) {
  std::lock_guard lock(mutex_);
  orders_.push_back(std::move(order));
  standing_.parked = standing_.ready = standing_.finished = false;
}

void WorkerControl::Ask(std::function<void(Worker&)> question) {
  std::lock_guard lock(mutex_);
  orders_.push_back(std::move(question));
}

WorkerControl::Standing WorkerControl::standing() const {
  std::lock_guard lock(mutex_);
  return standing_;
}

absl::StatusOr<absl::Duration> WorkerControl::Turn(Worker& worker) {
  for (;;) {
    std::function<void(Worker&)> order;
    {
      std::lock_guard lock(mutex_);
      if (orders_.empty()) break;
      order = std::move(orders_.front());
      orders_.pop_front();
    }
    order(worker);
  }
  auto wait = worker.Step();
  std::lock_guard lock(mutex_);
  standing_.failure = wait.status();
  if (orders_.empty()) {
    standing_.parked = worker.parked();
    standing_.ready = worker.Ready();
    standing_.finished = worker.Finished();
    standing_.tasks = worker.slots().size();
  }
  return wait;
}

}  // namespace ebb
