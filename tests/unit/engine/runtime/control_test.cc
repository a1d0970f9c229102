// What is published while the pipeline runs: from when it holds, what is refused, and what a crash leaves of it.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "absl/strings/str_replace.h"
#include "ebb/v1/control.pb.h"
#include "ebb/v1/customer_features.pb.h"
#include "engine/observe/control_page.h"
#include "engine/runtime/control_feed.h"
#include "engine/runtime/task_control.h"
#include "engine/runtime/weigh_config.pb.h"
#include "google/protobuf/util/json_util.h"
#include "tests/unit/engine/runtime/runtime_fixture.h"

namespace ebb::testing {
namespace {

// Tells each event with the weight in force, and, with its sign changed, once for each customer a weight that is new.
class WeighingOperator final : public Operator<Takes<v1::Browse>, Emits<v1::CustomerFeatures>, test::WeighConfig> {
 public:
  void On(const v1::Browse&, Context& ctx) override { Tell(config().weight(), ctx); }
  bool visits() const override { return true; }
  void OnPublished(Context& ctx) override { Tell(-config().weight(), ctx); }

 private:
  void Tell(int64_t weight, Context& ctx) {
    v1::CustomerFeatures& told = told_.Mutable(ctx);
    told.set_customer_id(std::string(ctx.customer()));
    told.set_orders(weight);
    told.set_as_of_ms(absl::ToUnixMillis(ctx.now()));
    ctx.Emit(told);
  }

  ValueState<v1::CustomerFeatures> told_{this, "told"};
};
EBB_OPERATOR("weighing", WeighingOperator);

constexpr char kWeighing[] = R"(
application: shop
sources:
  browses: {topic: browses, type: ebb.v1.Browse, lateness: 1s}
operators:
  - {id: weigh, type: weighing, inputs: [browses]}
sinks:
  counts: {topic: counts, type: ebb.v1.CustomerFeatures, inputs: [weigh], format: json}
dead_letters: {topic: dead}
control: {topic: control}
time: {idle: hold}
)";

class ControlTest : public RuntimeTest {
 protected:
  ControlTest() {
    spec_ = Load(kWeighing);
    broker_.CreateTopic("control", 1, {{"cleanup.policy", "compact"}});
    options_.worker.commit_interval = absl::Milliseconds(5);
  }

  void Publish(const std::string& name, int64_t version, const std::string& amendment, int64_t valid_from_ms = 0) {
    v1::Publication publication;
    publication.set_name(name);
    publication.set_version(version);
    publication.set_valid_from_ms(valid_from_ms);
    publication.set_amendment(amendment);
    publication.set_checksum(PublicationChecksum(publication));
    ASSERT_TRUE(broker_.Append({"control", 0}, PublicationKey(publication), publication.SerializeAsString()).ok());
  }
  void PublishWeight(int64_t version, int64_t weight, int64_t valid_from_ms = 0) {
    Publish("weight", version, Text("name: weight\noperators:\n  - {id: weigh, config: {weight: ", weight, "}}\n"),
            valid_from_ms);
  }

  // Steps until the worker has heard of everything, has written everything, and has nothing more to do.
  void Settle(SimulatedProcess& process) {
    const absl::Time until = clock_.Now() + 2 * ControlFeed::kLook + 2 * Worker::kIdleBeforeCatchUp;
    StepUntil(process, [&] { return clock_.Now() > until && process.worker().Finished(); });
  }

  // What was told of a customer: weights by the time of what they are about, in minutes from the start.
  std::multiset<std::pair<int64_t, int64_t>> Told(const std::string& customer,
                                                  const std::string& topic = "counts") const {
    std::multiset<std::pair<int64_t, int64_t>> told;
    for (const auto& record : broker_.Committed({topic, PartitionOf(customer, kPartitions)})) {
      v1::CustomerFeatures features;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(*record.value, &features).ok());
      if (record.key == customer) told.emplace((features.as_of_ms() - kStartMs) / 60'000, features.orders());
    }
    return told;
  }

  std::vector<std::string> DeadLetters() const {
    std::vector<std::string> reasons;
    for (int32_t p = 0; p < kPartitions; ++p) {
      for (const auto& record : broker_.Committed({"dead", p})) {
        for (const auto& [name, value] : record.headers) {
          if (name == "__streams.errors.message") reasons.push_back(value);
        }
      }
    }
    return reasons;
  }

  // What the process has taken in, by partition.
  static std::map<int32_t, std::vector<v1::TakenIn>> HistoryOf(const Worker& worker) {
    std::map<int32_t, std::vector<v1::TakenIn>> history;
    std::istringstream lines(RenderHistory(worker));
    for (std::string line; std::getline(lines, line);) {
      v1::TakenIn taken;
      EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(line, &taken).ok()) << line;
      history[taken.partition()].push_back(taken);
    }
    return history;
  }

  // Another application, with everything there from the start and nothing on its control topic.
  void Replay(const std::map<int32_t, std::vector<v1::TakenIn>>& history) {
    const std::string pipeline = absl::StrReplaceAll(kWeighing, {{"application: shop", "application: again"},
                                                                 {"topic: counts", "topic: again"},
                                                                 {"topic: control", "topic: none"}});
    spec_ = Load(pipeline);
    broker_.CreateTopic(ChangelogTopic("again"), kPartitions, {{"cleanup.policy", "compact"}});
    broker_.CreateTopic("again", kPartitions);
    broker_.CreateTopic("none", 1);
    for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).clear();
    options_.worker.history = history;
    auto process = Start();
    Settle(*process);
  }

  void Browse(const std::string& customer, int minute) { SendBrowse(customer, kStartMs + minute * 60'000); }
};

// Another one for another number.
std::string CustomerOfFirstPartition(size_t number) {
  for (int i = 0;; ++i) {
    if (std::string name = Text("anna-", number, "-", i); PartitionOf(name, 2) == 0) return name;
  }
}
// The task of the first partition tells for all what cannot be taken in.
const std::string kAnna = CustomerOfFirstPartition(0);

using Weights = std::multiset<std::pair<int64_t, int64_t>>;

TEST_F(ControlTest, NewVersionHoldsWithoutARestart) {
  auto process = Start();
  Browse(kAnna, 0);
  Settle(*process);
  PublishWeight(1, 7);
  Settle(*process);
  Browse(kAnna, 1);
  Browse(kAnna, 2);
  Settle(*process);
  // The moment from which it holds is the first after the watermark, which is a second behind the first event.
  EXPECT_EQ(Told(kAnna), (Weights{{0, 1}, {0, -7}, {1, 7}, {2, 7}}));
}

TEST_F(ControlTest, VersionKnownBeforeHoldsFromItsVeryMoment) {
  // The watermark comes to the moment with an event that is a second, the lateness, later.
  PublishWeight(1, 7, kStartMs + 10 * 60'000 - 1000);
  auto process = Start();
  Settle(*process);
  for (int minute = 0; minute < 20; ++minute) Browse(kAnna, minute);
  Settle(*process);
  Weights expected{{9, -7}};
  for (int minute = 0; minute < 20; ++minute) expected.emplace(minute, minute < 10 ? 1 : 7);
  EXPECT_EQ(Told(kAnna), expected);
}

// However much has to be read to find it.
TEST_F(ControlTest, VersionKnownBeforeIsReadBeforeTheFirstRecord) {
  const int64_t last = ControlFeed::kRecordsPerLook + 1;
  for (int64_t version = 1; version <= last; ++version) PublishWeight(version, version == last ? 9 : 7);
  Browse(kAnna, 0);
  auto process = Start();
  Settle(*process);
  EXPECT_EQ(Told(kAnna), (Weights{{0, 9}}));
}

TEST_F(ControlTest, TopicThatDoesNotAnswerKeepsNobodyWaitingForLong) {
  PublishWeight(1, 7);
  Browse(kAnna, 0);
  auto process = Start();
  broker_.set_oracle([](MemoryBroker::Step step, std::string_view what) {
    const bool control = step == MemoryBroker::Step::kFetch && what == ToString(TopicPartition{"control", 0});
    return control ? MemoryBroker::Fate::kWaits : MemoryBroker::Fate::kHappens;
  });
  const absl::Time began = clock_.Now();
  StepUntil(*process, [&] { return !Told(kAnna).empty(); });
  EXPECT_EQ(Told(kAnna), (Weights{{0, 1}}));
  EXPECT_GE(clock_.Now() - began, ControlFeed::kFirstLook);
  EXPECT_LT(clock_.Now() - began, ControlFeed::kFirstLook + absl::Seconds(1));
}

TEST_F(ControlTest, LaterVersionTakesThePlaceOfOneThatStillWaits) {
  PublishWeight(1, 7, kStartMs + 100 * 60'000);
  PublishWeight(2, 9);
  auto process = Start();
  Settle(*process);
  for (int minute : {0, 50, 200}) Browse(kAnna, minute);
  Settle(*process);
  EXPECT_EQ(Told(kAnna), (Weights{{0, 9}, {50, 9}, {200, 9}}));
}

TEST_F(ControlTest, OutlivesProcessAndStore) {
  auto process = Start();
  Browse(kAnna, 0);
  Settle(*process);
  PublishWeight(1, 7);
  Settle(*process);
  Browse(kAnna, 1);
  Settle(*process);
  process.reset();
  for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).clear();
  // Nor is the topic needed any more.
  broker_.Trim({"control", 0}, 1);
  process = Start();
  Browse(kAnna, 2);
  Settle(*process);
  EXPECT_EQ(Told(kAnna), (Weights{{0, 1}, {0, -7}, {1, 7}, {2, 7}}));
}

TEST_F(ControlTest, WhatDoesNotFitIsADeadLetterAndTheLastGoodVersionGoesOn) {
  auto process = Start();
  PublishWeight(1, 7);
  PublishWeight(2, 1000);
  Publish("colour", 1, "name: colour\noperators:\n  - {id: weigh, config: {color: red}}\n");
  ASSERT_TRUE(broker_.Append({"control", 0}, "weight@3", "nonsense").ok());
  Settle(*process);
  Browse(kAnna, 0);
  Settle(*process);
  process.reset();
  process = Start();
  Browse(kAnna, 1);
  Settle(*process);
  EXPECT_EQ(Told(kAnna), (Weights{{0, 7}, {1, 7}}));
  // Once each, however many tasks there are and however often they begin.
  std::vector<std::string> reasons = DeadLetters();
  std::sort(reasons.begin(), reasons.end());
  ASSERT_EQ(reasons.size(), 3u);
  EXPECT_EQ(reasons[0], "colour@1:3:26: unknown key \"color\"; known here: weight");
  EXPECT_EQ(reasons[1], "expected a message ebb.v1.Publication, got other bytes");
  EXPECT_EQ(reasons[2], "weight@2:3:34: must be at most 100, got \"1000\"");
}

// Only the last of them are remembered; those before are not refused anew.
TEST_F(ControlTest, MoreNonsenseThanIsRememberedIsRefusedOnce) {
  constexpr size_t kCount = TaskControl::kMostStrangers + 20;
  auto process = Start();
  const auto append = [&](size_t count) {
    for (size_t i = 0; i < count; ++i) ASSERT_TRUE(broker_.Append({"control", 0}, Text("key-", i), "nonsense").ok());
  };
  append(kCount - 1);
  Settle(*process);
  EXPECT_EQ(DeadLetters().size(), kCount - 1);
  process.reset();
  process = Start();
  append(1);
  Settle(*process);
  EXPECT_EQ(DeadLetters().size(), kCount);
}

TEST_F(ControlTest, HistoryGivesTheSameAgain) {
  auto process = Start();
  for (int minute = 0; minute < 5; ++minute) {
    Browse(kAnna, minute);
    Settle(*process);
    PublishWeight(minute + 1, 10 + minute, minute == 3 ? kStartMs + 10 * 60'000 - 1000 : 0);
    Settle(*process);
  }
  Browse(kAnna, 20);
  Settle(*process);
  const Weights told = Told(kAnna);
  const auto history = HistoryOf(process->worker());
  ASSERT_EQ(history.at(0).size(), 4u);  // The fourth was replaced before its time came.
  process.reset();
  Replay(history);
  EXPECT_EQ(Told(kAnna, "again"), told);
  EXPECT_GT(told.size(), 6u);
}

// Two versions so near to each other that one epoch would not have room for all visits of the first.
TEST_F(ControlTest, HistoryVisitsEverybodyForEachVersion) {
  options_.worker.task.swept_customers = 3;
  auto process = Start();
  constexpr int kCustomers = 40;
  for (int i = 0; i < kCustomers; ++i) SendBrowse(CustomerOfFirstPartition(i), kStartMs + i);
  for (int version : {1, 2}) {
    Settle(*process);
    PublishWeight(version, 10 * version);
    Settle(*process);
    SendBrowse(CustomerOfFirstPartition(kCustomers + version), kStartMs + version * 60'000);
  }
  Settle(*process);
  const auto history = HistoryOf(process->worker());
  process.reset();
  Replay(history);
  for (int i = 0; i < kCustomers; ++i) {
    EXPECT_EQ(Told(CustomerOfFirstPartition(i), "again"), (Weights{{0, 1}, {0, -10}, {0, -20}})) << i;
  }
}

TEST_F(ControlTest, RollbackToTheFileLeavesNothing) {
  auto process = Start();
  PublishWeight(1, 7);
  Settle(*process);
  Browse(kAnna, 0);
  Settle(*process);
  Publish("weight", 2, "name: weight\n");
  Settle(*process);
  Browse(kAnna, 1);
  Settle(*process);
  EXPECT_EQ(Told(kAnna), (Weights{{0, 7}, {0, -1}, {1, 1}}));
}

TEST_F(ControlTest, PipelineFileThatNoLongerFitsIsRefused) {
  auto process = Start();
  Publish("more", 1, "name: more\noperators:\n  - {id: weigh, inputs: [browses, views], config: {weight: 7}}\n");
  PublishWeight(1, 7);
  Settle(*process);
  Browse(kAnna, 0);
  Settle(*process);
  process.reset();
  std::string other = kWeighing;
  other.replace(other.find("type: weighing"), 14, "type: counting");
  spec_ = Load(other);
  process = Start();
  absl::Status refused;
  for (int i = 0; i < 1000 && refused.ok(); ++i) refused = process->Step();
  const std::string text(refused.message());
  EXPECT_NE(text.find("weight@1:3:26: unknown key \"weight\""), std::string::npos) << text;
  EXPECT_NE(text.find("rollback --to 0"), std::string::npos) << text;
}

TEST_F(ControlTest, OperatorComesAndGoesAndItsStateStays) {
  auto process = Start();
  Browse(kAnna, 0);
  Settle(*process);
  const std::string added =
      "name: more\noperators:\n"
      "  - {id: doubt, type: weighing, inputs: [browses], config: {weight: 2}}\n";
  Publish("more", 1, added);
  Settle(*process);
  Browse(kAnna, 1);
  Settle(*process);
  EXPECT_NE(process->worker().Describe(kAnna)->find("\"doubt/told\""), std::string::npos);
  Publish("more", 2, "name: more\n");
  Settle(*process);
  Browse(kAnna, 2);
  Settle(*process);
  process.reset();
  process = Start();
  Settle(*process);
  Publish("more", 3, added);
  Settle(*process);
  // What it knew before it went.
  const std::string described = *process->worker().Describe(kAnna);
  EXPECT_NE(described.find("\"doubt/told\""), std::string::npos) << described;
}

TEST_F(ControlTest, EverybodyAsleepIsVisitedOnceWhateverHappens) {
  options_.worker.task.swept_customers = 3;
  auto process = Start();
  constexpr int kCustomers = 40;
  for (int i = 0; i < kCustomers; ++i) SendBrowse(Text("sleeper-", i), kStartMs + i);
  Settle(*process);
  PublishWeight(1, 7);
  Settle(*process);
  SendBrowse("late-riser", kStartMs + 60'000);
  for (int crash = 0; crash < 6; ++crash) {
    for (int step = 0; step < 150 + 40 * crash; ++step) {
      ASSERT_TRUE(process->Step().ok());
      clock_.Advance(absl::Milliseconds(1));
    }
    // One of them wakes up meanwhile.
    SendBrowse(Text("sleeper-", 7 * crash), kStartMs + 61'000 + crash);
    process.reset();
    process = Start();
  }
  Settle(*process);
  for (int i = 0; i < kCustomers; ++i) {
    const Weights told = Told(Text("sleeper-", i));
    EXPECT_EQ(std::count_if(told.begin(), told.end(), [](const auto& tell) { return tell.second == -7; }), 1) << i;
    // Before anything else under the new version.
    if (i % 7 == 0 && i < 42) {
      EXPECT_EQ(told, (Weights{{0, 1}, {0, -7}, {1, 7}})) << i;
    }
  }
}

}  // namespace
}  // namespace ebb::testing
