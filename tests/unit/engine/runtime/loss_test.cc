// What the runtime does when something that it needs is gone: it refuses, or goes on without it where that is accepted.

#include <gtest/gtest.h>

#include "engine/runtime/epoch_record.h"
#include "state/document.h"
#include "state/layout.h"
#include "tests/unit/engine/runtime/runtime_fixture.h"

namespace ebb::testing {
namespace {

class LossTest : public RuntimeTest {
 protected:
  LossTest() { options_.worker.commit_interval = absl::Milliseconds(5); }

  // Lets a process read all events and crashes it while it owes all of them.
  void CrashInDebt(int events) {
    options_.worker.task.epoch_records = 10;
    SendEvents(0, events);
    auto process = Start();
    StepUntil(*process, [&] { return process->standing().finished; });
    for (const auto& [partition, slot] : process->worker().slots()) ASSERT_GT(slot.task->debt().work(), 20u);
  }

  // The final error of a process started now.
  absl::Status Refusal() {
    auto process = Start();
    for (int i = 0; i < 20'000; ++i) {
      if (auto status = process->Step(); !status.ok()) return status;
      clock_.Advance(absl::Milliseconds(1));
    }
    return absl::OkStatus();
  }

  void ExpectRefused(const std::string& why) {
    const absl::Status refusal = Refusal();
    EXPECT_NE(std::string(refusal.message()).find(why), std::string::npos) << refusal;
    EXPECT_NE(std::string(refusal.message()).find("--accept-loss"), std::string::npos) << refusal;
  }

  // A process that accepts losses goes on, and the one after it has nothing left to accept.
  void ExpectGoesOn(int events_before) {
    options_.worker.accept_loss = true;
    SendEvents(events_before, 50);
    auto process = Start();
    StepUntilFinished(*process);
    EXPECT_GT(process->worker().figures().accepted_losses, 0u);
    StepUntil(*process, [&] {
      for (const auto& [partition, slot] : process->worker().slots()) {
        if (slot.task->low_water() < slot.task->epoch()) return false;
      }
      return true;
    });
    process.reset();
    options_.worker.accept_loss = false;
    process = Start();
    StepUntilFinished(*process);
    EXPECT_EQ(process->worker().figures().accepted_losses, 0u);
    // Every event has given one result, whatever became of its effect on state.
    EXPECT_EQ(ResultsOfEvents(), events_before + 50);
  }

  // How many partitions' state was rebuilt from the changelog for this reason.
  static int Rebuilt(const SimulatedProcess& process, const std::string& why) {
    return static_cast<int>(std::count_if(process.notes().begin(), process.notes().end(), [&](const std::string& note) {
      return note.find("rebuilt from the changelog: " + why) != std::string::npos;
    }));
  }

  int ResultsOfEvents() const {
    int results = 0;
    for (const std::string& line : Results()) results += line.find("\"orders\":\"-") == std::string::npos;
    return results;
  }

  // Changes what is remembered of epoch 2, in every store.
  template <class Change>
  void ChangeEpochRecord(Change change) {
    for (int32_t p = 0; p < kPartitions; ++p) {
      std::string& row = stores_.rows(p)[layout::EpochKey(EpochSlot(2))];
      v1::EpochRecord record;
      ASSERT_TRUE(record.ParseFromString(row));
      change(&record);
      row = record.SerializeAsString();
    }
  }

  // As by hand, while no process runs.
  void SetGroupOffsets(int64_t offset) {
    broker_.ExpireMember("shop", "a");
    MemoryMembership member(&broker_, "shop", "tool");
    ASSERT_TRUE(member.Join({"browses", "purchases"}).ok());
    const std::optional<GroupEvent> assigned = member.Poll(absl::ZeroDuration());
    ASSERT_TRUE(assigned && assigned->token);
    std::vector<CommittedOffset> offsets;
    for (const TopicPartition& partition : assigned->partitions) offsets.push_back({partition, offset});
    const int epoch = *broker_.InitProducer("tool");
    ASSERT_TRUE(broker_.AddOffsets("tool", epoch, offsets, assigned->token.get()).ok());
    ASSERT_TRUE(broker_.EndTransaction("tool", epoch, true).ok());
    member.Leave(true);
  }

  uint64_t Debts(SimulatedProcess& process) {
    uint64_t records = 0;
    for (const auto& [partition, slot] : process.worker().slots()) records += slot.task->debt().work();
    return records;
  }
};

TEST_F(LossTest, InputThatIsNoLongerKeptIsRefusedOrAccepted) {
  CrashInDebt(100);
  for (int32_t p = 0; p < kPartitions; ++p) broker_.Trim({"purchases", p}, 5);
  ExpectRefused("holds the offsets 5 to ");
  ExpectGoesOn(100);
}

TEST_F(LossTest, InputThatHasChangedIsRefusedOrAccepted) {
  CrashInDebt(100);
  for (int32_t p = 0; p < kPartitions; ++p) broker_.Compact({"purchases", p});
  ExpectRefused("the input has changed or lost records");
  ExpectGoesOn(100);
}

TEST_F(LossTest, RecordThatWasExchangedIsRefusedOrAccepted) {
  CrashInDebt(100);
  ChangeEpochRecord([](v1::EpochRecord* record) {
    record->mutable_slices(0)->set_digest(record->slices(0).digest() + 1);
  });
  ExpectRefused("the input has changed or lost records");
  ExpectGoesOn(100);
}

TEST_F(LossTest, RedoThatGivesOtherResultsIsRefusedOrAccepted) {
  CrashInDebt(100);
  ChangeEpochRecord([](v1::EpochRecord* record) { record->set_output_digest(record->output_digest() + 1); });
  const absl::Status refusal = Refusal();
  EXPECT_NE(std::string(refusal.message()).find("--accept-divergence"), std::string::npos) << refusal;
  options_.worker.task.accept_divergence = true;
  auto process = Start();
  StepUntilFinished(*process);
  uint64_t divergent = 0;
  for (const auto& [partition, slot] : process->worker().slots()) divergent += slot.task->stats().divergent_epochs;
  EXPECT_EQ(divergent, static_cast<uint64_t>(kPartitions));
}

TEST_F(LossTest, OffsetsBeyondTheLastEpochAreRefusedOrAccepted) {
  CrashInDebt(100);
  SendEvents(100, 50);
  SetGroupOffsets(30);
  ExpectRefused("offsets were moved by hand");
}

TEST_F(LossTest, OffsetsBehindTheLastEpochCountForNothing) {
  const auto expected = Undisturbed(150);
  CrashInDebt(100);
  SetGroupOffsets(0);
  SendEvents(100, 50);
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(LossTest, ChangelogThatIsGoneIsRefusedOrAccepted) {
  CrashInDebt(100);
  broker_.CreateTopic(ChangelogTopic("shop"), kPartitions, {{"cleanup.policy", "compact"}});
  for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).clear();
  ExpectRefused("is empty");
  ExpectGoesOn(100);
}

TEST_F(LossTest, TopicMadeAnewIsRefusedOrAccepted) {
  CrashInDebt(100);
  broker_.CreateTopic("browses", kPartitions);
  ExpectRefused("the topic has been made anew");
  ExpectGoesOn(100);
}

TEST_F(LossTest, EpochRecordMissingInTheStoreComesFromTheChangelog) {
  const auto expected = Undisturbed(100);
  CrashInDebt(100);
  for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).erase(layout::EpochKey(EpochSlot(2)));
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(LossTest, EpochRecordMissingEverywhereIsRefusedOrAccepted) {
  CrashInDebt(100);
  for (int32_t p = 0; p < kPartitions; ++p) {
    ASSERT_TRUE(broker_.Append({ChangelogTopic("shop"), p}, layout::EpochKey(EpochSlot(2)), std::nullopt).ok());
  }
  ExpectRefused("none may be missing");
  ExpectGoesOn(100);
}

TEST_F(LossTest, EpochRecordThatCannotBeIsRefused) {
  const std::vector<std::pair<std::string, std::function<void(v1::EpochRecord*)>>> damages = {
      {"is one that no epoch has", [](v1::EpochRecord* record) { record->set_low_water(record->epoch() + 1); }},
      {"is one that no epoch has", [](v1::EpochRecord* record) { record->set_epoch(uint64_t{1} << 63); }},
      {"does not tell of 2 sources", [](v1::EpochRecord* record) { record->mutable_slices()->RemoveLast(); }},
      {"does not tell of 2 sources", [](v1::EpochRecord* record) { record->mutable_slices(0)->set_from(-1); }},
      {"does not tell of 2 sources",
       [](v1::EpochRecord* record) { record->add_rounds()->add_advance(uint64_t{1} << 63); }},
  };
  CrashInDebt(100);
  const std::string key = layout::EpochKey(EpochSlot(2));
  std::vector<v1::EpochRecord> sound(kPartitions);
  for (int32_t p = 0; p < kPartitions; ++p) ASSERT_TRUE(sound[p].ParseFromString(stores_.rows(p)[key]));
  for (const auto& [told, damage] : damages) {
    for (int32_t p = 0; p < kPartitions; ++p) {
      v1::EpochRecord record = sound[p];
      damage(&record);
      ASSERT_TRUE(broker_.Append({ChangelogTopic("shop"), p}, key, record.SerializeAsString()).ok());
    }
    const absl::Status refusal = Refusal();
    EXPECT_TRUE(absl::IsDataLoss(refusal)) << refusal;
    EXPECT_NE(std::string(refusal.message()).find(told), std::string::npos) << refusal;
  }
}

TEST_F(LossTest, StateOfAnotherLifeIsRebuilt) {
  options_.worker.uuid_seed = 1;
  CrashInDebt(60);
  std::vector<std::map<std::string, std::string>> former;
  for (int32_t p = 0; p < kPartitions; ++p) former.emplace_back(stores_.rows(p).begin(), stores_.rows(p).end());
  broker_ = MemoryBroker();
  CreateTopics();
  for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).clear();
  const auto expected = Undisturbed(200);
  options_.worker.uuid_seed = 1000;
  CrashInDebt(200);
  for (int32_t p = 0; p < kPartitions; ++p) {
    const TopicPartition changelog{ChangelogTopic("shop"), p};
    // Nothing is left of the record that the store would be compared by.
    v1::StorePosition position;
    ASSERT_TRUE(position.ParseFromString(former[p].at(layout::PositionKey())));
    for (const MemoryBroker::Record& record : broker_.Committed(changelog)) {
      if (record.offset != position.next_offset() - 1) continue;
      ASSERT_TRUE(broker_.Append(changelog, record.key, record.value).ok());
      break;
    }
    broker_.Compact(changelog);
    stores_.rows(p) = {former[p].begin(), former[p].end()};
  }
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(Rebuilt(*process, "it mirrors another changelog of that name"), kPartitions);
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(LossTest, StoreThatPartedWithItsChangelogIsRebuilt) {
  CrashInDebt(60);
  for (int32_t p = 0; p < kPartitions; ++p) {
    MemoryStores::Rows& rows = stores_.rows(p);
    const std::string last = layout::EpochKey(EpochSlot((*ReadLastEpochRecord(stores_.Open(p)->get()))->epoch()));
    v1::EpochRecord record;
    ASSERT_TRUE(record.ParseFromString(rows[last]));
    record.set_committed_at_ms(record.committed_at_ms() + 1);
    rows[last] = record.SerializeAsString();
  }
  auto process = Start();
  StepUntilFinished(*process);
  EXPECT_EQ(Rebuilt(*process, "its last epoch record is not the changelog's"), kPartitions);
}

TEST_F(LossTest, StateOfAnotherLifeIsRebuiltAlsoWhereThatLifeWasAsLong) {
  const auto life = [this](uint64_t uuid_seed) {
    options_.worker.uuid_seed = uuid_seed;
    CrashInDebt(60);
    // What has been restored ends behind the control records of the last transaction.
    auto process = Start();
    StepUntil(*process, [&] { return process->standing().ready; });
    return broker_.WrittenBounds({ChangelogTopic("shop"), 0})->end;
  };
  const int64_t end = life(1);
  std::vector<MemoryStores::Rows> former;
  for (int32_t p = 0; p < kPartitions; ++p) former.push_back(stores_.rows(p));
  broker_ = MemoryBroker();
  CreateTopics();
  for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p).clear();
  ASSERT_EQ(life(1000), end);
  for (int32_t p = 0; p < kPartitions; ++p) stores_.rows(p) = former[p];
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().ready; });
  EXPECT_EQ(Rebuilt(*process, ""), kPartitions);
}

TEST_F(LossTest, StoreIsAsOldAsItsLastCommit) {
  options_.worker.max_store_age = absl::Hours(1);
  CrashInDebt(60);
  for (int rebuilt : {0, kPartitions}) {
    clock_.Advance(absl::Minutes(36));
    auto process = Start();
    StepUntil(*process, [&] { return process->standing().ready; });
    EXPECT_EQ(Rebuilt(*process, "its last commit is 1h"), rebuilt) << "to be opened makes it no younger";
  }
}

TEST_F(LossTest, StoreIsNoProofOfWhatTheChangelogHasLost) {
  CrashInDebt(60);
  for (int32_t p = 0; p < kPartitions; ++p) {
    const TopicPartition changelog{ChangelogTopic("shop"), p};
    const std::string last = layout::EpochKey(EpochSlot((*ReadLastEpochRecord(stores_.Open(p)->get()))->epoch()));
    ASSERT_TRUE(broker_.Append(changelog, last, std::nullopt).ok());
    MemoryBroker::Compaction with_tombstones;
    with_tombstones.tombstones_before_ms = std::numeric_limits<int64_t>::max();
    broker_.Compact(changelog, with_tombstones);
  }
  ExpectRefused("of the last epoch");
}

TEST_F(LossTest, RestoreThatWasNotFinishedIsBegunAnew) {
  const auto expected = Undisturbed(100);
  CrashInDebt(100);
  // Somebody who has been deleted since, so that the changelog knows nothing of it any more.
  const std::string deleted = layout::DocumentKey("deleted");
  for (int32_t p = 0; p < kPartitions; ++p) {
    stores_.rows(p).erase(layout::PositionKey());
    stores_.rows(p)[deleted] = StampedRow(1, "");
  }
  auto process = Start();
  StepUntilFinished(*process);
  for (int32_t p = 0; p < kPartitions; ++p) EXPECT_FALSE(stores_.rows(p).contains(deleted));
  EXPECT_EQ(ResultSet(), expected);
}

TEST_F(LossTest, CustomerAheadOfTheLastEpochIsNotBelieved) {
  options_.worker.recovery_budget = absl::ZeroDuration();
  SendEvents(0, 20);
  auto process = Start();
  StepUntilFinished(*process);
  process.reset();
  for (int32_t p = 0; p < kPartitions; ++p) {
    for (auto& [key, value] : stores_.rows(p)) {
      if (layout::KindOf(key) == layout::RowKind::kDocument) value = StampedRow(1'000'000, ReadStampedRow(value)->body);
    }
  }
  SendEvents(20, 20);
  EXPECT_NE(std::string(Refusal().message()).find("another life"), std::string::npos);
}

TEST_F(LossTest, LogThatMovesUpMakesStateBeWrittenBeforeItIsTooLate) {
  options_.worker.commit_interval = absl::Seconds(1);
  SendEvents(0, 100);
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().finished && process->worker().Finished(); });
  ASSERT_GT(Debts(*process), 0u);
  // Nothing arrives, but time does not pass either: the debt would stay.
  for (int64_t begin : {1, 2}) {
    for (int32_t p = 0; p < kPartitions; ++p) broker_.Trim({"browses", p}, begin);
    clock_.Advance(Worker::kRetentionWatch);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(process->Step().ok());
  }
  EXPECT_EQ(Debts(*process), 0u);
}

TEST_F(LossTest, LogThatMovesUpMakesStateBeWrittenAlsoWhileOthersAreBusy) {
  options_.worker.commit_interval = absl::Seconds(1);
  SendEvents(0, 100);
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().finished && process->worker().Finished(); });
  const auto debt = [&](int32_t p) { return process->worker().slots().at(p).task->debt().work(); };
  ASSERT_GT(debt(1), 0u);
  // A process without work would write everything anyway.
  for (int64_t begin : {1, 2}) {
    broker_.Trim({"browses", 1}, begin);
    for (absl::Duration passed; passed <= Worker::kRetentionWatch; passed += absl::Milliseconds(100)) {
      ASSERT_TRUE(broker_.Append({"browses", 0}, "", "no event").ok());
      clock_.Advance(absl::Milliseconds(100));
      for (int i = 0; i < 10; ++i) ASSERT_TRUE(process->Step().ok());
    }
  }
  EXPECT_EQ(debt(1), 0u);
}

TEST_F(LossTest, RecordsThatCompactionMayRemoveAreNotOwed) {
  options_.worker.task.compaction_lags = {absl::Hours(1), absl::InfiniteDuration()};
  options_.worker.task.epoch_records = 10;
  SendEvents(0, 100);  // The broker gives them the time 0: as old as can be.
  auto process = Start();
  uint64_t most = 0;
  StepUntil(*process, [&] {
    for (const auto& [partition, slot] : process->worker().slots()) {
      if (slot.task->epoch() > 0 && !slot.task->epoch_open()) most = std::max(most, slot.task->debt().work());
    }
    return process->standing().finished;
  });
  EXPECT_LE(most, 10u);
}

}  // namespace
}  // namespace ebb::testing
