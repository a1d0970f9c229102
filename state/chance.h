#ifndef EBB_STATE_CHANCE_H_
#define EBB_STATE_CHANCE_H_

// Chance that can be repeated: the same numbers on every machine, which the distributions of the standard library do
// not promise. Eight bytes, so that each of many customers can have its own. Not thread-safe.

#include <cmath>
#include <cstdint>

namespace ebb {

class Chance {
 public:
  explicit Chance(uint64_t seed = 0) : state_(seed) {}

  // Well spread bits of two numbers, to seed what belongs to both.
  static uint64_t Mix(uint64_t a, uint64_t b) { return Chance(a + kStep * Chance(b).Next()).Next(); }

  // Source: Steele, Lea, Flood (2014), "Fast splittable pseudorandom number generators": SplitMix64.
  uint64_t Next() {
    uint64_t z = (state_ += kStep);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  // From 0 to below 1.
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }
  double Between(double from, double to) { return from + (to - from) * Uniform(); }
  // 0 to count - 1.
  uint32_t Below(uint32_t count) { return static_cast<uint32_t>(((Next() >> 32) * count) >> 32); }
  bool Happens(double probability) { return Uniform() < probability; }
  double Exponential(double mean) { return -mean * std::log1p(-Uniform()); }
  // Gamma distributed with a whole number as shape: a sum of exponentials.
  double Gamma(int shape, double mean) {
    double sum = 0;
    for (int i = 0; i < shape; ++i) sum += Exponential(mean / shape);
    return sum;
  }

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15u;

  uint64_t state_;
};

}  // namespace ebb

#endif  // EBB_STATE_CHANCE_H_
