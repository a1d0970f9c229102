#ifndef EBB_TESTS_SIMULATION_CHANCE_H_
#define EBB_TESTS_SIMULATION_CHANCE_H_

// Chance that is the same on every machine, and a digest that shares nothing with the engine's.

#include <cstdint>
#include <string_view>

namespace ebb::simulation {

// Source: SplitMix64, Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
class Chance {
 public:
  explicit Chance(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  // From 0 to `n` - 1.
  int64_t Below(int64_t n) { return n <= 1 ? 0 : static_cast<int64_t>(Next() % static_cast<uint64_t>(n)); }
  int64_t Between(int64_t low, int64_t high) { return low + Below(high - low + 1); }
  bool PerMille(int64_t p) { return Below(1000) < p; }
  bool PerMillion(int64_t p) { return Below(1'000'000) < p; }

 private:
  uint64_t state_;
};

// Source: FNV-1a, 64 bits, draft-eastlake-fnv.
inline uint64_t Digest(std::string_view bytes, uint64_t from = 0xcbf29ce484222325) {
  for (char c : bytes) from = (from ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return from;
}
inline uint64_t Digest(int64_t number, uint64_t from) {
  for (int shift = 0; shift < 64; shift += 8) {
    from = (from ^ (static_cast<uint64_t>(number) >> shift & 0xff)) * 0x100000001b3;
  }
  return from;
}

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_CHANCE_H_
