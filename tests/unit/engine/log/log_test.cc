#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/log/memory_broker.h"
#include "engine/log/memory_log.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/log/ports_suite.h"

namespace ebb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Fate = MemoryBroker::Fate;
using Step = MemoryBroker::Step;

class MemoryWorld final : public PortsWorld {
 public:
  std::string NewTopic(int32_t partitions) override {
    std::string name = NewName();
    broker_.CreateTopic(name, partitions, {{"cleanup.policy", "delete"}});
    return name;
  }
  std::string NewName() override { return absl::StrCat("name", ++names_); }
  std::unique_ptr<Input> NewInput() override { return std::make_unique<MemoryInput>(&broker_); }
  std::unique_ptr<Output> NewOutput(const std::string& transactional_id) override {
    return std::make_unique<MemoryOutput>(&broker_, transactional_id);
  }
  std::unique_ptr<Cluster> NewCluster(const std::string& group) override {
    return std::make_unique<MemoryCluster>(&broker_, group);
  }
  std::unique_ptr<Membership> NewMembership(const std::string& group, const std::string& instance) override {
    return std::make_unique<MemoryMembership>(&broker_, group, instance);
  }
  void Trim(const TopicPartition& partition, int64_t begin) override { broker_.Trim(partition, begin); }

 private:
  MemoryBroker broker_;
  int names_ = 0;
};

// One worker over a broker whose faults the test decides.
class FaultsTest : public testing::Test {
 protected:
  void SetUp() override {
    broker_.CreateTopic("in", 2);
    broker_.CreateTopic("out", 1);
    broker_.set_oracle([this](Step step, std::string_view) {
      const auto fate = fates_.find(step);
      return fate == fates_.end() ? Fate::kHappens : fate->second;
    });
    ASSERT_EQ(membership_.Join({"in"}), absl::OkStatus());
    const std::optional<GroupEvent> event = membership_.Poll(absl::ZeroDuration());
    ASSERT_TRUE(event.has_value());
    token_ = event->token;
    output_.Recover();
    ASSERT_EQ(output_.State(), TransactionState::kNone);
  }

  TransactionState Write(const std::string& key) {
    EXPECT_EQ(output_.Begin(), absl::OkStatus());
    EXPECT_EQ(output_.Append({"out", 0, key, "", {}}), absl::OkStatus());
    output_.Commit({{{"in", 0}, ++offset_}}, token_);
    return StateAfterAWhile();
  }
  TransactionState StateAfterAWhile() {
    for (int i = 0; i < 10; ++i) output_.State();
    return output_.State();
  }
  std::vector<std::string> Readable() const {
    std::vector<std::string> keys;
    for (const MemoryBroker::Record& record : broker_.Committed({"out", 0})) keys.push_back(record.key);
    return keys;
  }
  absl::StatusOr<std::vector<std::optional<int64_t>>> Offsets() const {
    return broker_.CommittedOffsets("app", {{"in", 0}});
  }

  MemoryBroker broker_;
  std::map<Step, Fate> fates_;
  MemoryMembership membership_{&broker_, "app", "one"};
  MemoryOutput output_{&broker_, "app-one-0"};
  MemoryCluster cluster_{&broker_, "app"};
  std::shared_ptr<const GroupToken> token_;
  int64_t offset_ = 0;
};

TEST_F(FaultsTest, LostReplyOfACommitLeavesTheOutcomeUnknownThoughItHappened) {
  fates_[Step::kCommit] = Fate::kReplyLost;
  EXPECT_EQ(Write("a"), TransactionState::kUnknown);
  EXPECT_EQ(output_.Begin().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Readable(), ElementsAre("a"));
  output_.Recover();
  EXPECT_EQ(StateAfterAWhile(), TransactionState::kNone);
  EXPECT_THAT(Readable(), ElementsAre("a"));
}

TEST_F(FaultsTest, LostRequestOfACommitLeavesTheOutcomeUnknownAndRecoverAborts) {
  fates_[Step::kCommit] = Fate::kRequestLost;
  EXPECT_EQ(Write("a"), TransactionState::kUnknown);
  EXPECT_TRUE(absl::IsUnavailable(Offsets().status()));
  output_.Recover();
  EXPECT_EQ(StateAfterAWhile(), TransactionState::kNone);
  EXPECT_THAT(Readable(), IsEmpty());
  EXPECT_THAT(*Offsets(), ElementsAre(std::nullopt));
}

TEST_F(FaultsTest, RefusedCommitIsAborted) {
  fates_[Step::kCommit] = Fate::kRefused;
  EXPECT_EQ(Write("a"), TransactionState::kAborted);
  fates_.clear();
  EXPECT_EQ(Write("b"), TransactionState::kCommitted);
  EXPECT_THAT(Readable(), ElementsAre("b"));
}

TEST_F(FaultsTest, LostRecordDoomsTheTransaction) {
  fates_[Step::kAppend] = Fate::kRequestLost;
  EXPECT_EQ(Write("a"), TransactionState::kAborted);
  EXPECT_THAT(*Offsets(), ElementsAre(std::nullopt));
}

TEST_F(FaultsTest, LateMarkersHoldBackReadersOffsetsAndTheNextTransaction) {
  fates_[Step::kMarker] = Fate::kWaits;
  EXPECT_EQ(Write("a"), TransactionState::kCommitted);
  EXPECT_THAT(Readable(), IsEmpty());
  EXPECT_TRUE(absl::IsUnavailable(cluster_.CommittedOffsets({{"in", 0}}).status()));
  EXPECT_EQ(cluster_.WrittenBounds({"out", 0})->end, 1);
  ASSERT_EQ(output_.Begin(), absl::OkStatus());
  EXPECT_EQ(output_.Append({"out", 0, "b", "", {}}).code(), absl::StatusCode::kResourceExhausted);
  fates_.clear();
  output_.State();
  EXPECT_EQ(output_.Append({"out", 0, "b", "", {}}), absl::OkStatus());
  EXPECT_THAT(Readable(), ElementsAre("a"));
  EXPECT_THAT(*cluster_.CommittedOffsets({{"in", 0}}), ElementsAre(1));
  EXPECT_EQ(cluster_.WrittenBounds({"out", 0})->end, 3);
}

TEST_F(FaultsTest, RecoverWaitsForTheMarkersOfThePredecessor) {
  fates_[Step::kMarker] = Fate::kWaits;
  ASSERT_EQ(output_.Begin(), absl::OkStatus());
  ASSERT_EQ(output_.Append({"out", 0, "a", "", {}}), absl::OkStatus());
  MemoryOutput successor(&broker_, "app-one-0");
  successor.Recover();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(successor.State(), TransactionState::kPending);
  fates_.clear();
  EXPECT_EQ(successor.State(), TransactionState::kNone);
}

TEST_F(FaultsTest, CrashLeavesTheTransactionOpenUntilItTimesOut) {
  {
    MemoryOutput crashing(&broker_, "crashing");
    crashing.Recover();
    ASSERT_EQ(crashing.State(), TransactionState::kNone);
    ASSERT_EQ(crashing.Begin(), absl::OkStatus());
    ASSERT_EQ(crashing.Append({"out", 0, "a", "", {}}), absl::OkStatus());
  }
  EXPECT_EQ(Write("b"), TransactionState::kCommitted);
  EXPECT_THAT(Readable(), IsEmpty()) << "the last stable offset is that of the open transaction";
  broker_.TimeOutTransaction("crashing");
  EXPECT_THAT(Readable(), ElementsAre("b"));
}

TEST_F(FaultsTest, MemberWhoseSessionEndsLosesItsPartitionsAndComesBack) {
  broker_.ExpireMember("app", "one");
  EXPECT_EQ(Write("a"), TransactionState::kAborted);
  std::optional<GroupEvent> event = membership_.Poll(absl::ZeroDuration());
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, GroupEvent::Kind::kLost);
  EXPECT_THAT(event->partitions, ElementsAre(TopicPartition{"in", 0}, TopicPartition{"in", 1}));
  EXPECT_EQ(membership_.Poll(absl::ZeroDuration()), std::nullopt) << "not released yet";
  membership_.Release();
  EXPECT_EQ(membership_.Poll(absl::ZeroDuration()), std::nullopt);
  event = membership_.Poll(absl::ZeroDuration());
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, GroupEvent::Kind::kAssigned);
  token_ = event->token;
  EXPECT_EQ(Write("b"), TransactionState::kCommitted);
}

TEST_F(FaultsTest, InstanceThatIsReplacedFails) {
  MemoryMembership heir(&broker_, "app", "one");
  ASSERT_EQ(heir.Join({"in"}), absl::OkStatus());
  const std::optional<GroupEvent> event = membership_.Poll(absl::ZeroDuration());
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->kind, GroupEvent::Kind::kFailed);
  EXPECT_EQ(heir.Poll(absl::ZeroDuration())->kind, GroupEvent::Kind::kAssigned);
}

TEST_F(FaultsTest, CompactionKeepsTheLastOfEachKeyAndWhatIsNotStable) {
  EXPECT_EQ(Write("a"), TransactionState::kCommitted);
  EXPECT_EQ(Write("b"), TransactionState::kCommitted);
  EXPECT_EQ(Write("a"), TransactionState::kCommitted);
  ASSERT_EQ(output_.Begin(), absl::OkStatus());
  ASSERT_EQ(output_.Append({"out", 0, "a", "", {}}), absl::OkStatus());
  broker_.Compact({"out", 0});
  EXPECT_THAT(Readable(), ElementsAre("b", "a"));
  output_.Abort();
  ASSERT_EQ(StateAfterAWhile(), TransactionState::kAborted);
  broker_.Compact({"out", 0});
  EXPECT_THAT(Readable(), ElementsAre("b", "a"));
  EXPECT_EQ(cluster_.WrittenBounds({"out", 0})->end, 8);
}

}  // namespace

std::unique_ptr<PortsWorld> NewPortsWorld() { return std::make_unique<MemoryWorld>(); }

}  // namespace ebb
