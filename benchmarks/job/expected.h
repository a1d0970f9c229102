#ifndef EBB_BENCHMARKS_JOB_EXPECTED_H_
#define EBB_BENCHMARKS_JOB_EXPECTED_H_

// What the alerts of some customers must be, computed from their events; shares no code with the systems that it
// judges. One thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "benchmarks/job/events.pb.h"
#include "benchmarks/job/features.pb.h"

namespace ebb::bench {

// Takes the events of a partition, each topic in its order, and then all alerts of that partition in theirs.
class Expected {
 public:
  void Add(const Browse& browse);
  void Add(const Purchase& purchase);
  void Add(const Support& support);

  // What is wrong with the next alert, if anything.
  std::optional<std::string> Check(const Alert& alert);
  // How many alerts are due, and how many of them have not come.
  size_t due() const;
  size_t missing() const { return due() - seen_; }

 private:
  // The customer as of an event of one kind.
  struct Moment {
    int64_t time_ms = 0;
    double decayed = 0;
    int64_t spent_minor = 0;
    uint64_t subject = 0;  // A hash of event id, subject id and subject; of alerts only.
  };
  struct History {
    std::array<std::vector<Moment>, 3> kinds;  // Browses, purchases, supports.
    std::array<int64_t, 3> told{};             // The counts in the latest alert.
    std::array<size_t, 2> seen{};              // Alerts of purchases, and of support.
  };

  static void Append(int64_t time_ms, int64_t amount_minor, uint64_t subject, std::vector<Moment>* moments);
  static int64_t WeekEvents(const History& history, const std::array<int64_t, 3>& counts);

  absl::flat_hash_map<std::string, History> customers_;
  size_t seen_ = 0;
};

}  // namespace ebb::bench

#endif  // EBB_BENCHMARKS_JOB_EXPECTED_H_
