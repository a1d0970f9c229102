#ifndef EBB_TESTS_FUZZ_WORLD_H_
#define EBB_TESTS_FUZZ_WORLD_H_

// A broker, stores and a pipeline in memory in which a process has run, to be spoiled and run in again.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ebb/v1/changelog.pb.h"
#include "engine/log/memory_log.h"
#include "engine/pipeline/spec.h"
#include "state/memory_store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/harness/simulated_process.h"

namespace ebb::fuzzing {

inline constexpr int64_t kStartMs = 1'700'000'000'000;

// What a run left behind. Copies are independent of each other.
struct World {
  std::shared_ptr<const PipelineSpec> spec;
  MemoryBroker broker;      // Topics have one partition.
  MemoryStores::Rows rows;  // Of the local store.

  TopicPartition Changelog() const { return {testing::ChangelogTopic(spec->config.application()), 0}; }
  TopicPartition Source(size_t index) const { return {spec->sources[index].config.topic(), 0}; }

  // Appends a sound event of a customer to the source of that index, a minute after that of the `number` before; `more`
  // is a message to be merged with it.
  void Send(size_t source, int64_t number, const std::string& customer, std::string_view more = "");
};

// A world in which `events` events, of each source in turn and of three customers, have been processed and committed,
// and the process then killed before it wrote any state, or stopped cleanly.
World MakeWorld(std::string_view yaml, int events, bool stopped);

struct RunOptions {
  bool accept_loss = false;
  bool accept_divergence = false;
};

// Runs a process until it has read everything, and then stops it cleanly. Claims that it comes to an end.
absl::Status RunIn(World& world, const RunOptions& options);

// The last record of a key in the changelog; empty when there is none.
std::string LastOf(const World& world, std::string_view key);

}  // namespace ebb::fuzzing

#endif  // EBB_TESTS_FUZZ_WORLD_H_
