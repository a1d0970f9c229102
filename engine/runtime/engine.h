#ifndef EBB_ENGINE_RUNTIME_ENGINE_H_
#define EBB_ENGINE_RUNTIME_ENGINE_H_

// What a process does about the group it belongs to: shares its partitions out to its workers, has them let go before
// others may have them, and leaves in good order.

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/log/cluster.h"
#include "engine/pipeline/spec.h"
#include "engine/runtime/worker_control.h"

namespace ebb {

// A step function, on the main thread. The membership and the controls must outlive it.
class Engine {
 public:
  struct Standing {
    bool assigned = false;      // An assignment is in force.
    bool ready = false;         // And every task of it is live.
    bool finished = false;      // And all of them have read everything there is.
    bool stopped = false;       // A stop has been carried out.
    size_t tasks = 0;
    uint64_t rebalances = 0;    // Assignments that have come,
    uint64_t revocations = 0;   // those that were asked back,
    uint64_t losses = 0;        // and those that were given to others unasked.
  };

  // `partitions`: of every source.
  Engine(std::shared_ptr<const PipelineSpec> spec, int32_t partitions, Membership* membership,
         std::vector<WorkerControl*> workers);

  // Joins the group. FailedPrecondition: a topic is missing.
  absl::Status Start();

  // Waits up to `wait` for something to do and does it. Errors are final and say what to do.
  absl::Status Step(absl::Duration wait);

  // Writes everything back and leaves, for good or to return soon. Step until stopped.
  void Stop(bool for_good);

  Standing standing() const;

 private:
  absl::Status OnAssigned(const GroupEvent& event);
  bool AllParked() const;

  const std::shared_ptr<const PipelineSpec> spec_;
  const int32_t partitions_;
  Membership& membership_;
  const std::vector<WorkerControl*> workers_;
  bool assigned_ = false;
  bool releasing_ = false;
  bool stopping_ = false;
  bool for_good_ = true;
  bool stopped_ = false;
  uint64_t rebalances_ = 0;
  uint64_t revocations_ = 0;
  uint64_t losses_ = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_ENGINE_H_
