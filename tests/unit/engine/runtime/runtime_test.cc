// The runtime over a broker in memory: what must be true whatever happens in between.

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "engine/runtime/epoch_record.h"
#include "engine/runtime/recovery.h"
#include "state/layout.h"
#include "tests/unit/engine/runtime/counting_operator.h"
#include "tests/unit/engine/runtime/runtime_fixture.h"

namespace ebb::testing {

EBB_OPERATOR("counting", CountingOperator);

namespace {

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

class CrashTest : public RuntimeTest, public ::testing::WithParamInterface<int> {};

TEST_P(CrashTest, CrashesLoseNothingAndDoubleNothing) {
  const std::multiset<std::string> expected = Undisturbed(300);
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

TEST_F(RuntimeTest, AStormOfTimersDoesNotKeepOthersWaiting) {
  SendStorm();
  auto process = Start();
  StepUntilFinished(*process);
  const int32_t partition = PartitionOf("lively", kPartitions);
  size_t silences = 0;
  size_t lively = 0;
  for (const auto& record : broker_.Committed({"counts", partition})) {
    if (record.key == "lively") {
      ++lively;
      EXPECT_LE(silences, lively * Task::kTimersPerRecord);
    } else if (record.value->find("\"-1\"") != std::string::npos) {
      ++silences;
    }
  }
  EXPECT_EQ(lively, static_cast<size_t>(kSilent));
  EXPECT_GT(silences, 2 * Task::kTimersPerRecord);
}

TEST_F(RuntimeTest, TimersCatchUpWithRecordsThatNeverPause) {
  constexpr int kDue = 20'000;
  constexpr int kRecords = 4'500;  // Four timers each would be 18,000.
  const int32_t partition = PartitionOf("lively", kPartitions);
  SendSilent(kDue, partition);
  for (int i = 0; i < kRecords; ++i) SendBrowse("lively", kStartMs + 3'600'000 + i);
  auto process = Start();
  StepUntilFinished(*process);
  std::string last;
  size_t results = 0;
  for (const auto& record : broker_.Committed({"counts", partition})) {
    last = record.key;
    ++results;
  }
  EXPECT_EQ(results, static_cast<size_t>(2 * kDue + kRecords));
  EXPECT_EQ(last, "lively");
}

TEST_F(RuntimeTest, TimersOfACustomerFireBeforeItsNextRecordAlsoInAStorm) {
  SendStorm();
  auto process = Start();
  StepUntilFinished(*process);
  std::map<std::string, std::string> told;
  for (int32_t p = 0; p < kPartitions; ++p) {
    for (const auto& record : broker_.Committed({"counts", p})) {
      v1::CustomerFeatures features;
      ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(*record.value, &features).ok());
      if (record.key != "lively") told[record.key] += Text(features.orders(), " ");
    }
  }
  EXPECT_EQ(told.size(), static_cast<size_t>(kSilent));
  for (const auto& [customer, orders] : told) EXPECT_EQ(orders, "1 -1 2 ") << customer;
}

TEST_F(RuntimeTest, TimersThatAnEpochLeavesOverFireOnceAfterACrash) {
  SendStorm();
  const std::multiset<std::string> expected = Undisturbed();
  options_.worker.commit_interval = absl::Milliseconds(5);
  options_.worker.task.outbox_bytes = 1;  // An epoch is full after one result.
  SendStorm();
  auto process = Start();
  StepUntil(*process, [&] {
    for (const auto& [partition, slot] : process->worker().slots()) {
      auto last = ReadLastEpochRecord(slot.task->store());
      if (!last.ok() || !*last || !(*last)->has_left_over() || slot.task->low_water() == slot.task->epoch()) continue;
      EXPECT_GT(slot.task->TimersBehindMs(), 0);
      return true;
    }
    return false;
  });
  process = Start();
  StepUntilFinished(*process);
  uint64_t redone = 0;
  for (const auto& [partition, slot] : process->worker().slots()) {
    redone += slot.task->stats().redone_epochs;
    EXPECT_EQ(slot.task->TimersBehindMs(), 0);
  }
  EXPECT_GT(redone, 0u);
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(RuntimeTest, RedoFiresWhatHasFiredAlsoUnderAnotherLateness) {
  SendStorm(false);
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().finished; });
  const std::multiset<std::string> before = ResultSet();
  spec_ = Load(absl::StrReplaceAll(kPipeline, {{"lateness: 1s", "lateness: 2h"}}));
  process = Start();
  StepUntilFinished(*process);
  uint64_t redone = 0;
  for (const auto& [partition, slot] : process->worker().slots()) redone += slot.task->stats().redone_timers;
  EXPECT_GT(redone, 0u);
  EXPECT_EQ(ResultSet(), before);
}

TEST_F(RuntimeTest, RedoOfMoreTimersThanAStepMayFireComesToItsEnd) {
  constexpr int kDue = 2 * Recovery::kRedoRecordsPerStep + 1;
  const int32_t partition = PartitionOf("lively", kPartitions);
  SendSilent(kDue, partition);
  SendBrowse("lively", kStartMs + 3'600'000);
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().finished; });
  const std::multiset<std::string> before = ResultSet();
  process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(process->worker().slots().at(partition).task->stats().redone_timers, static_cast<uint64_t>(kDue));
  EXPECT_EQ(ResultSet(), before);
}

TEST_F(RuntimeTest, ClosingAndCommittingArePartOfTheCommitInterval) {
  constexpr absl::Duration kStep = absl::Milliseconds(10);
  options_.worker.commit_interval = absl::Milliseconds(200);
  auto process = Start();
  std::vector<absl::Time> commits;
  for (int i = 0; i < 500; ++i) {
    SendBrowse("customer", kStartMs + i);
    ASSERT_TRUE(process->Step().ok());
    clock_.Advance(kStep);
    const std::optional<absl::Time> last = process->worker().figures().last_commit;
    if (last && (commits.empty() || commits.back() != *last)) commits.push_back(*last);
  }
  ASSERT_GT(commits.size(), 10u);
  // How long closing takes is known from the second commit on.
  for (size_t i = 2; i < commits.size(); ++i) {
    EXPECT_LE(commits[i] - commits[i - 1], options_.worker.commit_interval + kStep);
    EXPECT_GE(commits[i] - commits[i - 1], options_.worker.commit_interval / 2);
  }
}

TEST_F(RuntimeTest, EpochEndsWithTheRecordThatPinsMoreThanItMay) {
  options_.worker.task.pinned_bytes = 1;
  SendEvents(0, 50);
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().finished && process->worker().Finished(); });
  uint64_t most = 0;
  for (int32_t p = 0; p < kPartitions; ++p) {
    for (const MemoryBroker::Record& row : broker_.Committed({ChangelogTopic("shop"), p})) {
      v1::EpochRecord record;
      if (layout::KindOf(row.key) != layout::RowKind::kEpoch || !record.ParseFromString(*row.value)) continue;
      uint64_t records = 0;
      for (const auto& slice : record.slices()) records += slice.records();
      most = std::max(most, records);
    }
  }
  EXPECT_EQ(most, 1u);
}

TEST_F(RuntimeTest, TimersAreDebtLikeRecords) {
  SendEvents(0, 100);
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().finished; });
  uint64_t timers = 0;
  uint64_t debt = 0;
  for (const auto& [partition, slot] : process->worker().slots()) {
    timers += slot.task->stats().timers_fired;
    debt += slot.task->debt().work();
  }
  EXPECT_GT(timers, 0u);
  EXPECT_EQ(debt, 100 + timers);
}

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

// The headers of the one dead letter there is, but for those that every dead letter has.
std::vector<Header> OwnHeaders(const MemoryBroker& broker) {
  std::vector<Header> own;
  for (int32_t p : {0, 1}) {
    for (const auto& record : broker.Committed({"dead", p})) {
      for (const Header& header : record.headers) {
        if (header.first.find("__streams.errors.") == std::string::npos) own.push_back(header);
      }
    }
  }
  return own;
}

TEST_F(RuntimeTest, DeadLetterKeepsTheHeadersOfItsRecord) {
  const std::vector<Header> original = {{"trace", "1"}, {"trace", "2"}, {"", std::string("\0", 1)}};
  ASSERT_TRUE(broker_.Append({"purchases", 0}, "x", "nonsense", 0, original).ok());
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(OwnHeaders(broker_), original);
}

TEST_F(RuntimeTest, DeadLetterTellsHowManyHeadersItDoesNotKeep) {
  const std::vector<Header> original = {
      {"a", "1"}, {"large", std::string(40'000, 'x')}, {"b", "2"}};
  ASSERT_TRUE(broker_.Append({"purchases", 0}, "x", "nonsense", 0, original).ok());
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(OwnHeaders(broker_), (std::vector<Header>{{"a", "1"}, {"ebb.dropped.headers", "2"}}));
}

TEST_F(RuntimeTest, DeadLetterKeepsOnlySoManyHeaders) {
  ASSERT_TRUE(broker_.Append({"purchases", 0}, "x", "nonsense", 0, std::vector<Header>(100, {"a", "1"})).ok());
  auto process = Start();
  StepUntilFinished(*process);
  const std::vector<Header> own = OwnHeaders(broker_);
  ASSERT_EQ(own.size(), 65u);
  EXPECT_EQ(own.back(), Header("ebb.dropped.headers", "36"));
}

}  // namespace
}  // namespace ebb::testing
