#ifndef EBB_ENGINE_RUNTIME_WORK_RATE_H_
#define EBB_ENGINE_RUNTIME_WORK_RATE_H_

// How fast work goes, of late.

#include <cstdint>
#include <optional>

#include "absl/time/time.h"

namespace ebb {

// One thread at a time.
class WorkRate {
 public:
  // So many records and timers took so long. Calls may tell of time alone.
  void Add(uint64_t work, absl::Duration time) {
    work_ += static_cast<double>(work);
    time_ += time;
    if (time_ < kWindow) return;
    // What was before counts less and less.
    work_ /= 2;
    time_ /= 2;
  }

  // Records and timers a second; nothing before enough of both is known.
  std::optional<double> PerSecond() const {
    if (work_ < kLeastWork || time_ <= absl::ZeroDuration()) return std::nullopt;
    return work_ / absl::ToDoubleSeconds(time_);
  }

  // Time spent at work, not time that passes.
  static constexpr absl::Duration kWindow = absl::Seconds(10);
  // Less than this tells nothing.
  static constexpr double kLeastWork = 5000;

 private:
  double work_ = 0;
  absl::Duration time_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_WORK_RATE_H_
