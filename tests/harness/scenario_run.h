#ifndef EBB_TESTS_HARNESS_SCENARIO_RUN_H_
#define EBB_TESTS_HARNESS_SCENARIO_RUN_H_

// Runs a scenario with the production runtime over ports in memory, with and without trouble on the way.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/harness/scenario.h"

namespace ebb::testing {

// How a scenario is run. Whatever it is, what comes out must be the same.
struct Way {
  enum class Crash {
    kNever,
    kAfterEveryCommit,
    kAtRandomMoments,        // In the middle of anything, a bounded number of times.
  };

  std::string name;
  bool at_once = false;      // All events are there from the start; else each comes when the one before is done with.
  Crash crash = Crash::kNever;
  absl::Duration recovery_budget = absl::Hours(1);
  uint64_t epoch_records = 500'000;
  bool one_result = false;   // An epoch ends with its first result, in the midst of what is due if need be.
  bool lose_stores = false;  // A crash loses the local state.
  bool compact = false;      // At a crash the changelog is compacted, or not, at random.
  uint64_t seed = 1;
};

struct Outcome {
  ScenarioLines shown;                // What the scenario's `expect` is about.
  std::map<std::string, std::string> results;  // Everything that left, in order per sink and customer; ids included.
  std::map<std::string, std::vector<std::string>> values;  // The same by sink, in the sink's format.
  std::map<std::string, std::string> states;   // Of each customer at the end, as JSON, the epoch left out.
  std::vector<std::string> repeated;  // Results whose id had left before in the same sink.
  int crashes = 0;
  uint64_t redone_records = 0;
};

// The first error of the runtime, with what it noted before.
absl::StatusOr<Outcome> RunScenario(const Scenario& scenario, const Way& way);

}  // namespace ebb::testing

#endif  // EBB_TESTS_HARNESS_SCENARIO_RUN_H_
