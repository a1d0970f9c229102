#ifndef EBB_ENGINE_RUNTIME_WORKER_CONTROL_H_
#define EBB_ENGINE_RUNTIME_WORKER_CONTROL_H_

// Between the thread that belongs to the group and the thread of a worker: orders one way, standing the other.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/runtime/worker.h"

namespace ebb {

// Thread-safe; the only object of the runtime that two threads share. Orders are carried out at the worker's next turn,
// in order; the standing is that after the last turn, and counts as of before any order that is still to be carried
// out.
class WorkerControl {
 public:
  struct Standing {
    bool parked = false;      // Every order has been carried out and nothing is under way.
    bool ready = false;       // Every task assigned is live.
    bool finished = false;    // All input is read and time has reached its end.
    size_t tasks = 0;
    absl::Status failure;     // The worker can do nothing any more.
  };

  // What the main thread wants of the worker.
  void Order(std::function<void(Worker&)> order);
  // A question that changes nothing, such as for a customer's state; in turn with the orders.
  void Ask(std::function<void(Worker&)> question);
  Standing standing() const;

  // The worker's thread: carries out what was ordered, takes one step, tells how it stands. Returns as Worker::Step.
  absl::StatusOr<absl::Duration> Turn(Worker& worker);

 private:
  mutable std::mutex mutex_;
  std::deque<std::function<void(Worker&)>> orders_;
  Standing standing_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_WORKER_CONTROL_H_
