// Tasks that are asked back, given away and kept while something else is under way. Found by the simulation.

#include <set>
#include <string>

#include "engine/runtime/recovery.h"
#include "state/document.h"
#include "state/layout.h"
#include "tests/unit/engine/runtime/runtime_fixture.h"

namespace ebb::testing {
namespace {

using Fate = MemoryBroker::Fate;
using Step = MemoryBroker::Step;

class RebalanceTest : public RuntimeTest {
 protected:
  RebalanceTest() {
    options_.worker.commit_interval = absl::Milliseconds(5);
    options_.worker.task.epoch_records = 10;
  }

  // Another process of the application, on a disk of its own.
  std::unique_ptr<SimulatedProcess> StartOther() {
    ProcessOptions options = options_;
    options.instance = "b";
    auto process = std::make_unique<SimulatedProcess>(spec_, &broker_, &others_disk_, &clock_, options);
    EXPECT_TRUE(process->engine().Start().ok());
    return process;
  }
  template <class Done>
  void StepBothUntil(SimulatedProcess& one, SimulatedProcess& other, Done done) {
    StepUntil(one, [&] {
      const absl::Status status = other.Step();
      EXPECT_TRUE(status.ok()) << status;
      return done();
    });
  }
  static uint64_t Debt(SimulatedProcess& process) {
    uint64_t epochs = 0;
    for (const auto& [partition, slot] : process.worker().slots()) {
      epochs += slot.task->epoch() - slot.task->low_water();
    }
    return epochs;
  }

  MemoryStores others_disk_;
};

TEST_F(RebalanceTest, CleanStopAmidARebalanceWritesEverythingBack) {
  SendEvents(0, 100);
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().finished; });
  ASSERT_GT(Debt(*process), 0u);
  process->engine().Stop(true);
  auto other = StartOther();
  StepUntil(*process, [&] { return process->standing().stopped; });
  EXPECT_GT(process->standing().revocations, 0u);
  EXPECT_EQ(Debt(*process), 0u);
}

TEST_F(RebalanceTest, StopEndsEvenIfTheGroupHasGivenTheTasksAway) {
  SendEvents(0, 100);
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().finished; });
  ASSERT_GT(Debt(*process), 0u);
  process->engine().Stop(true);
  auto other = StartOther();
  // It is asked for its tasks, and its session ends before it has let go: nothing of it can be committed any more.
  StepUntil(*process, [&] { return process->standing().revocations > 0; });
  broker_.ExpireMember("shop", "a");
  StepUntil(*other, [&] { return other->standing().ready; });
  StepUntil(*process, [&] { return process->standing().stopped; });
}

TEST_F(RebalanceTest, RedoThatARebalanceInterruptsBeginsAnew) {
  const std::multiset<std::string> expected = Undisturbed(100);
  SendEvents(0, 100);
  auto crashed = Start();
  StepUntil(*crashed, [&] { return crashed->standing().finished; });
  ASSERT_GT(Debt(*crashed), 0u);
  crashed.reset();
  // Redo stops within a round, for want of one source.
  broker_.set_oracle([](Step step, std::string_view who) {
    return step == Step::kFetch && who == "browses-0" ? Fate::kWaits : Fate::kHappens;
  });
  auto process = Start();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(process->Step().ok());
  EXPECT_FALSE(process->standing().ready);
  auto other = StartOther();
  StepBothUntil(*process, *other, [&] { return process->standing().rebalances == 2; });
  broker_.set_oracle(nullptr);
  StepBothUntil(*process, *other, [&] {
    return process->standing().finished && process->worker().Finished() && other->standing().finished &&
           other->worker().Finished();
  });
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(RebalanceTest, WhatThePredecessorCommitsWhileItsSuccessorAsksIsRestored) {
  const std::multiset<std::string> expected = Undisturbed(100);
  SendEvents(0, 100);
  // As much as is read at a time, so that whoever asks too early stops right there.
  for (int32_t p = 0; p < kPartitions; ++p) {
    for (size_t i = 0; i < Recovery::kRestoreRecordsPerStep; ++i) {
      const std::string filler = layout::DocumentKey(Text("filler-", i));
      ASSERT_TRUE(broker_.Append({ChangelogTopic("shop"), p}, filler, StampedRow(0, "")).ok());
    }
  }
  auto process = Start();
  // Its offsets are with the broker, its records on their way.
  bool offsets = false;
  broker_.set_oracle([&](Step step, std::string_view) {
    offsets |= step == Step::kOffsets;
    return step == Step::kAppend ? Fate::kLater : Fate::kHappens;
  });
  StepUntil(*process, [&] { return offsets; });
  broker_.ExpireMember("shop", options_.instance);
  bool asked = false;
  broker_.set_oracle([&](Step step, std::string_view) {
    if (step != Step::kCommittedOffsets || std::exchange(asked, true)) return Fate::kHappens;
    while (process->worker().figures().commits == 0) EXPECT_TRUE(process->Step().ok());
    broker_.ExpireMember("shop", options_.instance);
    return Fate::kHappens;
  });
  auto other = StartOther();
  StepUntil(*other, [&] { return other->standing().finished && other->worker().Finished(); });
  EXPECT_TRUE(asked);
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(RebalanceTest, StoreThatCannotBeOpenedIsAFinalErrorOfTheWorker) {
  class FullDisk final : public StoreProvider {
   public:
    absl::StatusOr<std::unique_ptr<Store>> Open(int32_t) override { return absl::ResourceExhaustedError("disk full"); }
    absl::Status Destroy(int32_t) override { return absl::OkStatus(); }
  };
  FullDisk disk;
  SimulatedProcess process(spec_, &broker_, &disk, &clock_, options_);
  ASSERT_TRUE(process.engine().Start().ok());
  // The assignment comes when the producer is ready.
  broker_.set_oracle(
      [](Step step, std::string_view) { return step == Step::kGroupPoll ? Fate::kWaits : Fate::kHappens; });
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(process.Step().ok());
  broker_.set_oracle(nullptr);
  absl::Status status;
  for (int i = 0; i < 100 && status.ok(); ++i) status = process.Step();
  EXPECT_EQ(status, absl::ResourceExhaustedError("disk full"));
}

}  // namespace
}  // namespace ebb::testing
