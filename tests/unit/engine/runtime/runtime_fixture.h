#ifndef EBB_TESTS_UNIT_ENGINE_RUNTIME_RUNTIME_FIXTURE_H_
#define EBB_TESTS_UNIT_ENGINE_RUNTIME_RUNTIME_FIXTURE_H_

// The runtime with a counting operator over a broker in memory, for tests of what must be true whatever happens.

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "state/text.h"
#include "tests/harness/simulated_process.h"

namespace ebb::testing {

inline constexpr char kPipeline[] = R"(
application: shop
sources:
  browses: {topic: browses, type: ebb.v1.Browse, lateness: 1s}
  purchases: {topic: purchases, type: ebb.v1.Purchase, lateness: 1s}
operators:
  - {id: count, type: counting, inputs: [purchases, browses]}
sinks:
  counts: {topic: counts, type: ebb.v1.CustomerFeatures, inputs: [count], format: json}
dead_letters: {topic: dead}
time: {idle: hold, max_wait: 1s}
)";

inline constexpr int64_t kStartMs = 1'700'000'000'000;

class RuntimeTest : public ::testing::Test {
 protected:
  static constexpr int32_t kPartitions = 2;

  RuntimeTest() : clock_(absl::FromUnixMillis(kStartMs)) {
    spec_ = Load(kPipeline);
    CreateTopics();
    options_.partitions = kPartitions;
  }

  static std::shared_ptr<const PipelineSpec> Load(const std::string& pipeline) {
    const Surroundings none{[](std::string_view) { return std::nullopt; },
                            [](std::string_view) { return absl::NotFoundError("no files"); }, nullptr};
    auto spec = LoadPipeline(pipeline, "test.yaml", none);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return spec.ok() ? *std::move(spec) : nullptr;
  }

  void CreateTopics() {
    for (const char* topic : {"browses", "purchases", "counts", "dead"}) broker_.CreateTopic(topic, kPartitions);
    broker_.CreateTopic(ChangelogTopic("shop"), kPartitions, {{"cleanup.policy", "compact"}});
  }

  // Purchases and views of a few customers, about a minute apart, in order but for some that come late.
  void SendEvents(int first, int count) {
    std::mt19937_64 random(7);
    for (int i = 0; i < first + count; ++i) {
      const std::string customer = Text("customer-", random() % 5);
      const int64_t time = kStartMs + i * 60'000 - static_cast<int64_t>(random() % 3) * 500;
      const bool purchase = random() % 2 == 0;
      if (i < first) continue;
      v1::EventHeader header;
      header.set_event_id(Text("event-", i));
      header.set_customer_id(customer);
      header.set_event_time_ms(time);
      const TopicPartition to{purchase ? "purchases" : "browses", PartitionOf(customer, kPartitions)};
      v1::Purchase bought;
      v1::Browse browsed;
      *bought.mutable_header() = header;
      *browsed.mutable_header() = header;
      const std::string value = purchase ? bought.SerializeAsString() : browsed.SerializeAsString();
      ASSERT_TRUE(broker_.Append(to, customer, value).ok());
    }
  }

  void SendBrowse(const std::string& customer, int64_t time_ms) {
    v1::Browse browse;
    browse.mutable_header()->set_event_id(Text("event-", time_ms));
    browse.mutable_header()->set_customer_id(customer);
    browse.mutable_header()->set_event_time_ms(time_ms);
    ASSERT_TRUE(
        broker_.Append({"browses", PartitionOf(customer, kPartitions)}, customer, browse.SerializeAsString()).ok());
  }

  // So many customers of one partition look at one page and fall silent.
  void SendSilent(int count, int32_t partition) {
    for (int i = 0, sent = 0; sent < count; ++i) {
      const std::string customer = Text("silent-", i);
      if (PartitionOf(customer, kPartitions) == partition) SendBrowse(customer, kStartMs + sent++);
    }
  }

  static constexpr int kSilent = 80;
  // Many customers look at one page and fall silent; an hour later somebody else comes, looks at as many pages, and
  // then they return, if they do, the last of them first.
  void SendStorm(bool they_return = true) {
    const int64_t later_ms = kStartMs + 3'600'000;
    for (int i = 0; i < kSilent; ++i) SendBrowse(Text("silent-", i), kStartMs + i);
    for (int i = 0; i < kSilent; ++i) SendBrowse("lively", later_ms + i);
    for (int i = 0; they_return && i < kSilent; ++i) SendBrowse(Text("silent-", kSilent - 1 - i), later_ms + 1'000 + i);
  }

  std::unique_ptr<SimulatedProcess> Start() {
    auto process = std::make_unique<SimulatedProcess>(spec_, &broker_, &stores_, &clock_, options_);
    EXPECT_TRUE(process->engine().Start().ok());
    return process;
  }

  // Steps until `done`, a millisecond at a time.
  template <class Done>
  void StepUntil(SimulatedProcess& process, Done done) {
    for (int i = 0; i < 200'000; ++i) {
      const absl::Status status = process.Step();
      ASSERT_TRUE(status.ok()) << status;
      if (done()) return;
      clock_.Advance(absl::Milliseconds(1));
    }
    FAIL() << "not done after 200,000 steps";
  }
  void StepUntilFinished(SimulatedProcess& process) {
    StepUntil(process, [&] { return process.standing().finished && process.worker().Finished(); });
  }

  // What a read_committed reader sees, in order of partitions and offsets, one line a record.
  std::vector<std::string> Results() const {
    std::vector<std::string> lines;
    for (int32_t p = 0; p < kPartitions; ++p) {
      for (const auto& record : broker_.Committed({"counts", p})) {
        std::string id;
        for (const auto& [name, value] : record.headers) {
          if (name == "ce_id") id = value;
        }
        lines.push_back(Text(record.key, " ", id, " ", *record.value));
      }
    }
    return lines;
  }

  std::multiset<std::string> ResultSet() const {
    auto lines = Results();
    return {lines.begin(), lines.end()};
  }

  std::multiset<std::string> Undisturbed(int events) {
    SendEvents(0, events);
    return Undisturbed();
  }
  // What one process without any trouble makes of what was sent; everything is as new afterwards.
  std::multiset<std::string> Undisturbed() {
    auto process = Start();
    StepUntilFinished(*process);
    std::multiset<std::string> results = ResultSet();
    process.reset();
    broker_ = MemoryBroker();
    CreateTopics();
    for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).clear();
    return results;
  }

  MemoryBroker broker_;
  MemoryStores stores_;
  ManualClock clock_;
  std::shared_ptr<const PipelineSpec> spec_;
  ProcessOptions options_;
};

}  // namespace ebb::testing

#endif  // EBB_TESTS_UNIT_ENGINE_RUNTIME_RUNTIME_FIXTURE_H_
