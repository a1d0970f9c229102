#ifndef EBB_TESTS_SIMULATION_ALLOWANCE_H_
#define EBB_TESTS_SIMULATION_ALLOWANCE_H_

// What the simulated operator may shout, and the same reckoned a second time from what has left.

#include <algorithm>
#include <cstdint>
#include <string>

#include "state/text.h"
#include "tests/simulation/simulation.pb.h"

namespace ebb::simulation {

// The last word of a shout is the only result with such an ordinal.
inline constexpr int kLimitedOrdinal = 2;
// In so long a time, all tasks together.
inline constexpr int64_t kMostShouts = 7;
inline constexpr int64_t kShoutsWindowMs = 200;

// Of one task, whose results are taken in the order in which they left.
class GhostAllowance {
 public:
  GhostAllowance(int32_t partition, int32_t partitions)
      : share_((kMostShouts + partitions - 1 - partition) / partitions) {}

  // The violated claim, or nothing.
  std::string See(const Told& told) {
    // The least int64 stands for no watermark yet.
    const int64_t at_ms = std::max<int64_t>(told.watermark_ms(), 0);
    if (at_ms / kShoutsWindowMs > window_) {
      window_ = at_ms / kShoutsWindowMs;
      left_ = 0;
    }
    const bool beyond = left_ >= share_;
    left_ += beyond ? 0 : 1;
    if (told.held_back() == beyond) return "";
    return Text("shout ", left_, " of ", share_, " in the window ", window_, " was ", told.held_back() ? "" : "not ",
                "held back");
  }

 private:
  const int64_t share_;
  int64_t window_ = -1;
  int64_t left_ = 0;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_ALLOWANCE_H_
