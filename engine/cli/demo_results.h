#ifndef EBB_ENGINE_CLI_DEMO_RESULTS_H_
#define EBB_ENGINE_CLI_DEMO_RESULTS_H_

// Reads back what the demo's pipeline sends, as any consumer of its topics would, and counts it.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/cli/demo_screen.h"
#include "engine/kafka/connection.h"
#include "engine/log/input.h"
#include "engine/pipeline/spec.h"

namespace ebb {

// By kind, type or cause.
using DemoCounts = std::map<std::string, uint64_t>;
uint64_t Total(const DemoCounts& counts);

// One thread at a time.
class DemoResults {
 public:
  struct Tally {
    DemoCounts alerts;
    DemoCounts triggers;
    DemoCounts withheld;
    uint64_t dead_letters = 0;
    uint64_t records = 0;  // All of these together.
  };

  // Begins to read the topics of alerts, triggers, withheld triggers and dead letters, each with that many
  // partitions, from their beginning. The spec must outlive it.
  static absl::StatusOr<std::unique_ptr<DemoResults>> Open(const KafkaConnection& connection, const PipelineSpec& spec,
                                                           int32_t partitions);

  // Counts what has arrived, and prints alerts and triggers. True: there is no more at present. DataLoss: a result
  // that is not what its sink says.
  absl::StatusOr<bool> Read(DemoScreen& screen);

  const Tally& tally() const { return tally_; }

 private:
  struct Reading {
    TopicPartition partition;
    const SinkSpec* sink = nullptr;  // Absent: dead letters.
  };

  explicit DemoResults(std::unique_ptr<Input> input) : input_(std::move(input)) {}
  absl::Status Take(const SinkSpec& sink, std::string_view value, DemoScreen& screen);

  const std::unique_ptr<Input> input_;
  std::vector<Reading> readings_;
  RecordBatch batch_;
  Tally tally_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_DEMO_RESULTS_H_
