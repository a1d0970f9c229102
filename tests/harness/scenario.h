#ifndef EBB_TESTS_HARNESS_SCENARIO_H_
#define EBB_TESTS_HARNESS_SCENARIO_H_

// A scenario file, read: events in, a claim about what comes out. tests/scenario/README.md describes the format.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/log/record.h"
#include "engine/pipeline/spec.h"
#include "google/protobuf/message.h"

namespace ebb::testing {

// A line under `events`.
struct ScenarioEvent {
  absl::Time time;             // When it happened, as the line says.
  std::string source;
  TopicPartition partition;
  std::string key;
  std::string value;           // In the source's wire format.
  std::vector<Header> headers;
  int64_t recorded_ms = 0;     // The record's own time; 0 when nothing is said of it.
  std::string customer;        // Empty when the value tells none.
};

// Lines by sink, and under "dead_letters" and "counters".
using ScenarioLines = std::map<std::string, std::vector<std::string>>;

struct Scenario {
  static constexpr int32_t kPartitions = 2;  // Of every topic.

  std::string path;
  std::string what;
  std::shared_ptr<const PipelineSpec> spec;
  std::vector<ScenarioEvent> events;         // In order of arrival.
  bool in_order = true;                      // Of time, too, over all of them.
  absl::Time until;
  std::map<std::string, std::vector<std::string>> show;  // The fields to compare, by sink.
  std::vector<std::string> counters;         // Those to compare, as "operator event".
  ScenarioLines expected;
};

// Reads a file. `pipelines` is the folder of pipelines that scenarios name. InvalidArgument: file, line and what is
// wrong.
absl::StatusOr<Scenario> LoadScenario(const std::string& path, const std::string& pipelines);

// The lines as the last part of a scenario file.
std::string PrintExpectation(const ScenarioLines& lines);

// Replaces that part of the file.
absl::Status UpdateScenario(const std::string& path, const ScenarioLines& lines);

// What must be taken away (-) from and added (+) to `expected` to make it `actual`, line by line; empty when nothing.
std::string LineDiff(const std::string& expected, const std::string& actual);

}  // namespace ebb::testing

#endif  // EBB_TESTS_HARNESS_SCENARIO_H_
