// The runtime over a broker in memory: what must be true whatever happens in between.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "engine/runtime/epoch_record.h"
#include "state/text.h"
#include "tests/harness/simulated_process.h"
#include "tests/unit/engine/runtime/counting_operator.h"

namespace ebb::testing {

EBB_OPERATOR("counting", CountingOperator);

namespace {

constexpr char kPipeline[] = R"(
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

constexpr int64_t kStartMs = 1'700'000'000'000;

class RuntimeTest : public ::testing::Test {
 protected:
  static constexpr int32_t kPartitions = 2;

  RuntimeTest() : clock_(absl::FromUnixMillis(kStartMs)) {
    Surroundings none{[](std::string_view) { return std::nullopt; },
                      [](std::string_view) { return absl::NotFoundError("no files"); }, nullptr};
    auto spec = LoadPipeline(kPipeline, "test.yaml", none);
    EXPECT_TRUE(spec.ok()) << spec.status();
    spec_ = *spec;
    for (const char* topic : {"browses", "purchases", "counts", "dead"}) broker_.CreateTopic(topic, kPartitions);
    broker_.CreateTopic(ChangelogTopic("shop"), kPartitions, {{"cleanup.policy", "compact"}});
    options_.partitions = kPartitions;
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
      ASSERT_TRUE(broker_.Append(to, customer, purchase ? bought.SerializeAsString() : browsed.SerializeAsString()).ok());
    }
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

  MemoryBroker broker_;
  MemoryStores stores_;
  ManualClock clock_;
  std::shared_ptr<const PipelineSpec> spec_;
  ProcessOptions options_;
};

TEST_F(RuntimeTest, EveryEventGivesOneResult) {
  SendEvents(0, 200);
  auto process = Start();
  StepUntilFinished(*process);
  int counts = 0;
  for (const std::string& line : Results()) counts += line.find("\"orders\":\"-") == std::string::npos;
  EXPECT_EQ(counts, 200);
  EXPECT_TRUE(broker_.Committed({"dead", 0}).empty());
}

TEST_F(RuntimeTest, SilenceIsTold) {
  SendEvents(0, 200);
  auto process = Start();
  StepUntilFinished(*process);
  int silences = 0;
  for (const std::string& line : Results()) silences += line.find("\"orders\":\"-") != std::string::npos;
  EXPECT_GE(silences, 5);
}

// The reference for what follows: one process, no trouble.
class CrashTest : public RuntimeTest, public ::testing::WithParamInterface<int> {
 protected:
  std::multiset<std::string> Undisturbed() {
    RuntimeTestAccess other(*this);
    return other.results;
  }
  struct RuntimeTestAccess {
    explicit RuntimeTestAccess(CrashTest& of) {
      of.SendEvents(0, 300);
      auto process = of.Start();
      of.StepUntilFinished(*process);
      results = of.ResultSet();
      process.reset();
      of.broker_ = MemoryBroker();
      for (const char* topic : {"browses", "purchases", "counts", "dead"}) of.broker_.CreateTopic(topic, kPartitions);
      of.broker_.CreateTopic(ChangelogTopic("shop"), kPartitions, {{"cleanup.policy", "compact"}});
      for (int32_t p = 0; p < kPartitions; ++p) of.stores_.rows(p).clear();
    }
    std::multiset<std::string> results;
  };
};

TEST_P(CrashTest, CrashesLoseNothingAndDoubleNothing) {
  const std::multiset<std::string> expected = Undisturbed();
  std::mt19937_64 random(static_cast<uint64_t>(GetParam()));
  if (GetParam() % 3 == 0) options_.worker.recovery_budget = absl::ZeroDuration();
  if (GetParam() % 3 == 1) options_.worker.recovery_budget = absl::Milliseconds(1);
  options_.worker.commit_interval = absl::Milliseconds(5);
  options_.worker.task.epoch_records = 1 + random() % 10;
  uint64_t redone = 0;
  SendEvents(0, 300);
  for (int life = 0; life < 12; ++life) {
    auto process = Start();
    const auto steps = static_cast<int>(random() % 120);
    for (int i = 0; i < steps; ++i) {
      const absl::Status status = process->Step();
      ASSERT_TRUE(status.ok()) << status;
      clock_.Advance(absl::Milliseconds(1));
    }
    for (const auto& [partition, slot] : process->worker().slots()) redone += slot.task->stats().redone_records;
    process.reset();
    const uint64_t disk = random() % 4;
    if (disk == 0) {
      for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).clear();
    }
    if (random() % 3 == 0) {
      for (int32_t p = 0; p < kPartitions; ++p) broker_.Compact({ChangelogTopic("shop"), p});
    }
  }
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(ResultSet(), expected);
  if (GetParam() % 3 == 2) {
    EXPECT_GT(redone, 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, CrashTest, ::testing::Range(1, 61));

TEST_F(RuntimeTest, CleanStopLeavesNothingToRedo) {
  SendEvents(0, 100);
  auto process = Start();
  StepUntilFinished(*process);
  process->engine().Stop(true);
  StepUntil(*process, [&] { return process->standing().stopped; });
  for (const auto& [partition, slot] : process->worker().slots()) {
    EXPECT_EQ(slot.task->low_water(), slot.task->epoch());
  }
  process.reset();
  process = Start();
  StepUntilFinished(*process);
  for (const auto& [partition, slot] : process->worker().slots()) EXPECT_EQ(slot.task->stats().redone_records, 0u);
}

TEST_F(RuntimeTest, UndecodableRecordsBecomeDeadLetters) {
  ASSERT_TRUE(broker_.Append({"purchases", 0}, "x", "\xff\xff not a purchase").ok());
  ASSERT_TRUE(broker_.Append({"purchases", 0}, "x", "").ok());
  SendEvents(0, 10);
  auto process = Start();
  StepUntilFinished(*process);
  std::string reasons;
  for (const auto& record : broker_.Committed({"dead", PartitionOf("x", kPartitions)})) {
    for (const auto& [name, value] : record.headers) {
      if (name == "__streams.errors.exception") reasons += value + " ";
    }
  }
  EXPECT_EQ(reasons, "unparsable empty ");
}

}  // namespace
}  // namespace ebb::testing
