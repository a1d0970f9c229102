#ifndef EBB_TESTS_SIMULATION_TRACE_H_
#define EBB_TESTS_SIMULATION_TRACE_H_

// What happened, a line each: the last ones are kept to be shown, and a digest of all of them proves that two runs of
// one seed are the same.

#include <cstdint>
#include <cstdio>
#include <deque>
#include <string>

#include "state/text.h"
#include "tests/simulation/chance.h"

namespace ebb::simulation {

class Trace {
 public:
  explicit Trace(bool print) : print_(print) {}

  void set_now_ms(int64_t now_ms) { now_ms_ = now_ms; }
  template <class... Parts>
  void Line(const Parts&... parts) {
    std::string line = Text("+", now_ms_, " ", parts...);
    digest_ = Digest(line, digest_);
    if (print_) std::puts(line.c_str());
    tail_.push_back(std::move(line));
    if (tail_.size() > kTail) tail_.pop_front();
  }
  uint64_t digest() const { return digest_; }
  const std::deque<std::string>& tail() const { return tail_; }

  static constexpr size_t kTail = 60;

 private:
  const bool print_;
  int64_t now_ms_ = 0;
  uint64_t digest_ = 0;
  std::deque<std::string> tail_;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_TRACE_H_
