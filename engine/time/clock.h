#ifndef EBB_ENGINE_TIME_CLOCK_H_
#define EBB_ENGINE_TIME_CLOCK_H_

// The one place where time is read.

#include <atomic>
#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace ebb {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  // Time that never goes back, for measuring; from an arbitrary start.
  virtual absl::Duration Elapsed() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  absl::Duration Elapsed() const override {
    return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
  }
};

// Stands still until it is told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time now) : now_ms_(absl::ToUnixMillis(now)) {}
  absl::Time Now() const override { return absl::FromUnixMillis(now_ms_.load()); }
  absl::Duration Elapsed() const override { return absl::Milliseconds(now_ms_.load()); }
  void Advance(absl::Duration by) { now_ms_ += absl::ToInt64Milliseconds(by); }

 private:
  std::atomic<int64_t> now_ms_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_TIME_CLOCK_H_
