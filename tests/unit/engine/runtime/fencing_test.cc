// Workers whose producer the broker fences off: because a transaction took too long, or because of another process.

#include <functional>
#include <set>
#include <string>

#include "tests/unit/engine/runtime/runtime_fixture.h"

namespace ebb::testing {
namespace {

using Fate = MemoryBroker::Fate;
using Step = MemoryBroker::Step;

constexpr char kProducer[] = "shop/a/0";

class FencingTest : public RuntimeTest {
 protected:
  FencingTest() {
    options_.worker.commit_interval = absl::Milliseconds(5);
    options_.worker.task.epoch_records = 7;
  }

  // From now on `happens` at every commit that a producer asks for, before the broker hears of it.
  void AtCommit(std::function<void()> happens) {
    broker_.set_oracle([happens](Step step, std::string_view) {
      if (step == Step::kCommit) happens();
      return Fate::kHappens;
    });
  }
  // The broker does as it was asked to, though the answer will be that the producer is fenced.
  void CommitUnheard() {
    int epoch = 0;
    while (!broker_.EndTransaction(kProducer, epoch, true).ok()) ++epoch;
  }
  static int Fenced(const SimulatedProcess& process) {
    int fenced = 0;
    for (const std::string& note : process.notes()) fenced += note.find("fenced: ") == 0 ? 1 : 0;
    return fenced;
  }
  // Steps until it fails, at most so often; how it stands.
  absl::Status StepUntilItFails(SimulatedProcess& process) {
    absl::Status status;
    for (int i = 0; i < 20'000 && status.ok(); ++i) {
      status = process.Step();
      clock_.Advance(absl::Milliseconds(1));
    }
    return status;
  }
};

TEST_F(FencingTest, TransactionThatOutlivedItsTimeOutIsDoneAgain) {
  const std::multiset<std::string> expected = Undisturbed(100);
  SendEvents(0, 100);
  int commits = 0;
  AtCommit([&] {
    if (++commits == 3) broker_.TimeOutTransaction(kProducer);
  });
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(Fenced(*process), 1);
  EXPECT_EQ(process->worker().figures().unknown_outcomes, 1u);
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(FencingTest, CommitThatHeldBehindAFencingIsNotDoneTwice) {
  const std::multiset<std::string> expected = Undisturbed(100);
  SendEvents(0, 100);
  int commits = 0;
  AtCommit([&] {
    if (++commits != 3) return;
    CommitUnheard();
    broker_.TimeOutTransaction(kProducer);
  });
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(Fenced(*process), 1);
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(FencingTest, TransactionThatTimesOutWhileItIsWrittenIsDoneAgain) {
  const std::multiset<std::string> expected = Undisturbed(100);
  SendEvents(0, 100);
  int records = 0;
  broker_.set_oracle([&](Step step, std::string_view) {
    if (step == Step::kAppend && ++records == 20) broker_.TimeOutTransaction(kProducer);
    return Fate::kHappens;
  });
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(Fenced(*process), 1);
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(FencingTest, FencedTooOftenIsFinal) {
  SendEvents(0, 100);
  AtCommit([&] { broker_.TimeOutTransaction(kProducer); });
  auto process = Start();
  const absl::Status status = StepUntilItFails(*process);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_NE(status.message().find("give every process an instance name of its own"), std::string::npos) << status;
  EXPECT_EQ(Fenced(*process), static_cast<int>(Worker::kMostFenced));
}

TEST_F(FencingTest, FencedNowAndThenIsNotFinal) {
  bool slow = true;
  AtCommit([&] {
    if (std::exchange(slow, false)) broker_.TimeOutTransaction(kProducer);
  });
  auto process = Start();
  const int times = 3 * static_cast<int>(Worker::kMostFenced);
  for (int i = 0; i < times; ++i) {
    slow = true;
    SendEvents(i * 10, 10);
    StepUntilFinished(*process);
    clock_.Advance(Worker::kFencedWindow / static_cast<int>(Worker::kMostFenced));
  }
  EXPECT_EQ(Fenced(*process), times);
}

// Suspended for longer than its session and its transaction: others have its partitions, and it has not heard of it.
TEST_F(FencingTest, ZombieThatRecoversCommitsNothing) {
  const std::multiset<std::string> expected = Undisturbed(150);
  for (int suspended_after = 0; suspended_after < 60; suspended_after += 3) {
    SendEvents(0, 100);
    auto zombie = Start();
    for (int i = 0; i < suspended_after; ++i) {
      ASSERT_TRUE(zombie->Step().ok());
      clock_.Advance(absl::Milliseconds(1));
    }
    broker_.TimeOutTransaction(kProducer);
    broker_.ExpireMember("shop", "a");
    broker_.set_oracle([](Step step, std::string_view who) {
      return step == Step::kGroupPoll && who == "a" ? Fate::kWaits : Fate::kHappens;
    });
    MemoryStores others_disk;
    ProcessOptions options = options_;
    options.instance = "b";
    SimulatedProcess owner(spec_, &broker_, &others_disk, &clock_, options);
    ASSERT_TRUE(owner.engine().Start().ok());
    StepUntil(owner, [&] { return owner.standing().ready && owner.worker().figures().commits > 0; });

    const std::multiset<std::string> before = ResultSet();
    SendEvents(100, 50);
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(zombie->Step().ok());
      clock_.Advance(absl::Milliseconds(1));
    }
    EXPECT_EQ(ResultSet(), before);
    // Until it was suspended it may not have had an assignment yet.
    if (zombie->worker().slots().size() > 0) {
      EXPECT_GT(zombie->worker().figures().aborts, 0u) << "it should have tried";
    }
    StepUntilFinished(owner);
    EXPECT_EQ(ResultSet(), expected) << "suspended after " << suspended_after << " steps";

    broker_ = MemoryBroker();
    CreateTopics();
    for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).clear();
  }
}

TEST_F(FencingTest, OfTwoProcessesOfOneNameTheNewerGetsOnAndTheOlderEnds) {
  const std::multiset<std::string> expected = Undisturbed(300);
  SendEvents(0, 300);
  auto older = Start();
  StepUntil(*older, [&] { return older->worker().figures().commits > 0; });
  MemoryStores others_disk;
  SimulatedProcess newer(spec_, &broker_, &others_disk, &clock_, options_);
  ASSERT_TRUE(newer.engine().Start().ok());
  StepUntil(newer, [&] { return newer.standing().ready; });
  broker_.set_oracle([](Step step, std::string_view) {
    return step == Step::kGroupPoll ? Fate::kWaits : Fate::kHappens;
  });
  absl::Status of_older;
  StepUntil(newer, [&] {
    if (of_older.ok()) of_older = older->Step();
    return newer.standing().finished && newer.worker().Finished();
  });
  EXPECT_GT(Fenced(*older), 0);
  EXPECT_GT(Fenced(newer), 0);
  EXPECT_EQ(ResultSet(), expected);
  // The group tells it now, if it has not been fenced too often before.
  broker_.set_oracle(nullptr);
  if (of_older.ok()) of_older = StepUntilItFails(*older);
  EXPECT_FALSE(of_older.ok());
}

}  // namespace
}  // namespace ebb::testing
