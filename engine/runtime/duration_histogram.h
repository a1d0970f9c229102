#ifndef EBB_ENGINE_RUNTIME_DURATION_HISTOGRAM_H_
#define EBB_ENGINE_RUNTIME_DURATION_HISTOGRAM_H_

// How often durations fell between fixed bounds.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace ebb {

// A plain value, without locks: one a thread, copied and added up where all are wanted.
class DurationHistogram {
 public:
  // Upper bounds of the buckets but the last, which has none. From a commit on a fast broker to a stuck one; 5 s is
  // what alerts are promised in.
  static constexpr std::array<double, 15> kBoundsSeconds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                            0.5,   1,      2.5,   5,    10,    30,   60};

  // A negative duration, as from two clocks that disagree, counts as none.
  void Add(absl::Duration duration) {
    const double seconds = std::max(absl::ToDoubleSeconds(duration), 0.0);
    const auto bound = std::lower_bound(kBoundsSeconds.begin(), kBoundsSeconds.end(), seconds);
    ++counts_[static_cast<size_t>(bound - kBoundsSeconds.begin())];
    sum_seconds_ += seconds;
  }

  DurationHistogram& operator+=(const DurationHistogram& other) {
    for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    sum_seconds_ += other.sum_seconds_;
    return *this;
  }

  // How many fell at or below each bound and above the one before; the last, above all bounds.
  const std::array<uint64_t, kBoundsSeconds.size() + 1>& counts() const { return counts_; }
  double sum_seconds() const { return sum_seconds_; }

 private:
  std::array<uint64_t, kBoundsSeconds.size() + 1> counts_{};
  double sum_seconds_ = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_DURATION_HISTOGRAM_H_
