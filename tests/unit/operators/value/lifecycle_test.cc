#include "operators/value/lifecycle.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::LifecycleConfig;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
constexpr absl::Duration kDay = absl::Hours(24);

class LifecycleTest : public ::testing::Test {
 protected:
  void Configure(std::string_view rows) {
    const absl::Status status = lifecycle_.SetConfig(ConfigOf<LifecycleConfig>(rows));
    ASSERT_TRUE(status.ok()) << status;
  }
  std::vector<v1::LifecycleChange> Changes() { return ann_.ctx.Take<v1::LifecycleChange>(); }
  std::vector<std::string> Ways() {
    std::vector<std::string> ways;
    for (const auto& change : Changes()) ways.push_back(Text(StageName(change.from()), ">", StageName(change.to())));
    return ways;
  }
  std::optional<absl::Time> Deadline() { return ann_.ctx.DeadlineOf("lifecycle", "due"); }

  Lifecycle lifecycle_;
  Customer ann_{lifecycle_, "lifecycle"};
};

TEST_F(LifecycleTest, TheFirstEventAcquiresAndAnEventMovesOnceOnly) {
  Configure(R"(transitions { from: "acquired" to: "onboarding" on: "purchased" }
               transitions { from: "onboarding" to: "active" on: "purchased" })");
  ann_.Buy(kStart);
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired", "acquired>onboarding"));
  ann_.Buy(kStart + kDay);
  EXPECT_THAT(Ways(), ElementsAre("onboarding>active"));
}

TEST_F(LifecycleTest, WhatNeedsNoEventFollowsAtTheSameMoment) {
  Configure(R"(transitions { from: "acquired" to: "onboarding" on: "purchased" }
               transitions { from: "onboarding" to: "active" when: "customer.orders >= 1" })");
  ann_.Buy(kStart);
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired", "acquired>onboarding", "onboarding>active"));
}

TEST_F(LifecycleTest, AConditionIsAskedWithAnyEventAndEventsThatAreNotHeededChangeNothing) {
  Configure(R"(transitions { from: "acquired" to: "growing" when: "customer.browses_30d >= 2" }
               transitions { from: "growing" to: "active" on: "support-contacted" })");
  ann_.Browse(kStart, v1::Browse::VIEW);
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired"));
  ann_.Browse(kStart + kDay, v1::Browse::VIEW);
  EXPECT_THAT(Ways(), ElementsAre("acquired>growing"));
  ann_.Browse(kStart + 2 * kDay, v1::Browse::VIEW);
  EXPECT_THAT(Ways(), IsEmpty());
  ann_.Ticket(kStart + 3 * kDay, v1::Support::OPENED, "t1");
  EXPECT_THAT(Ways(), ElementsAre("growing>active"));
}

TEST_F(LifecycleTest, TheFirstRowThatHoldsIsTaken) {
  Configure(R"(transitions { from: "acquired" to: "growing" on: "purchased" when: "customer.orders >= 2" }
               transitions { from: "acquired" to: "active" on: "purchased" })");
  ann_.Buy(kStart);
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired", "acquired>active"));
}

TEST_F(LifecycleTest, SilenceMovesAtItsVeryMillisecondAndAPurchasePutsItOff) {
  Configure(R"(transitions { from: "acquired" to: "lapsed" silent { seconds: 864000 } })");
  ann_.Buy(kStart);
  ann_.Buy(kStart + 3 * kDay);
  EXPECT_EQ(Deadline(), kStart + 13 * kDay);
  ann_.Until(kStart + 13 * kDay - absl::Milliseconds(1));
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired"));
  ann_.Until(kStart + 13 * kDay);
  const auto changes = Changes();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].changed_at_ms(), absl::ToUnixMillis(kStart + 13 * kDay));
  EXPECT_EQ(changes[0].days_in_stage(), 13);
  EXPECT_EQ(changes[0].tipping().event_id(), "due");
  ASSERT_THAT(changes[0].reasons(), SizeIs(1));
  EXPECT_EQ(changes[0].reasons(0).code(), "days_since_purchase");
  EXPECT_EQ(changes[0].reasons(0).text(), "no purchase for 10 days");
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(LifecycleTest, WhoNeverBoughtIsSilentSinceTheFirstEvent) {
  Configure(R"(transitions { from: "acquired" to: "gone" silent { seconds: 864000 } })");
  ann_.Browse(kStart, v1::Browse::VIEW);
  ann_.Browse(kStart + 5 * kDay, v1::Browse::VIEW);
  ann_.Until(kStart + 10 * kDay);
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired", "acquired>gone"));
}

TEST_F(LifecycleTest, OverdueGoesByTheCustomersOwnRhythm) {
  Configure(R"(transitions { from: "acquired" to: "at-risk" overdue: 2 })");
  ann_.Buy(kStart);
  EXPECT_EQ(Deadline(), std::nullopt);
  ann_.Buy(kStart + 7 * kDay);
  EXPECT_EQ(Deadline(), kStart + 21 * kDay);
}

TEST_F(LifecycleTest, AConditionThatDoesNotHoldIsAskedAgainEachDay) {
  Configure(R"(transitions { from: "acquired" to: "growing" on: "purchased" }
               transitions { from: "growing" to: "active" after { seconds: 86400 } when: "customer.days_4w < 2" })");
  ann_.Buy(kStart);
  ann_.Buy(kStart + absl::Hours(22));  // The next day, UTC.
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired", "acquired>growing"));
  ann_.Until(kStart + 27 * kDay);
  EXPECT_THAT(Ways(), IsEmpty());
  EXPECT_EQ(Deadline(), kStart + 28 * kDay);
  ann_.Until(kStart + 28 * kDay);
  EXPECT_THAT(Ways(), ElementsAre("growing>active"));
}

TEST_F(LifecycleTest, AConditionThatFailsIsCountedAndDoesNotHold) {
  Configure(R"(transitions { from: "acquired" to: "active" on: "purchased"
                             when: "1 / (int(customer.orders) - 1) > 0" })");
  ann_.Buy(kStart);
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired"));
  EXPECT_EQ(ann_.ctx.Counted(lifecycle_, "condition_failed"), 1);
}

TEST_F(LifecycleTest, SaysWhichConditionsHeldAndWhatTheyRead) {
  Configure(R"(version: "7"
               transitions { from: "acquired" to: "active" on: "purchased"
                             when: "customer.orders >= 2 && customer.open_complaints == 0" })");
  ann_.Buy(kStart);
  ann_.Buy(kStart + kDay);
  const auto changes = Changes();
  ASSERT_THAT(changes, SizeIs(2));
  const v1::LifecycleChange& change = changes[1];
  EXPECT_EQ(change.table_version(), "7");
  EXPECT_EQ(change.tipping().source(), "test");
  ASSERT_THAT(change.reasons(), SizeIs(3));
  EXPECT_EQ(change.reasons(0).text(), "bought");
  EXPECT_EQ(change.reasons(1).text(), "customer.orders >= 2  (customer.orders = 2)");
  EXPECT_EQ(change.reasons(2).text(), "customer.open_complaints == 0  (customer.open_complaints = 0)");
}

TEST_F(LifecycleTest, AlertsOfChurnMoveToo) {
  Configure(R"(transitions { from: "acquired" to: "at-risk" on: "churn-raised" }
               transitions { from: "at-risk" to: "active" on: "churn-cleared" })");
  ann_.Buy(kStart);
  v1::ChurnAlert alert;
  alert.set_decided_at_ms(absl::ToUnixMillis(kStart + kDay));
  alert.set_kind(v1::ChurnAlert::RAISED);
  ann_.ctx.Send(lifecycle_, alert, kStart + kDay);
  alert.set_kind(v1::ChurnAlert::CLEARED);
  ann_.ctx.Send(lifecycle_, alert, kStart + 2 * kDay);
  EXPECT_THAT(Ways(), ElementsAre("unknown>acquired", "acquired>at-risk", "at-risk>active"));
}

TEST_F(LifecycleTest, APublishedTableMovesWhoSleepsAndTheirTimer) {
  Configure(R"(transitions { from: "acquired" to: "lapsed" silent { seconds: 8640000 } })");
  ann_.Buy(kStart);
  Changes();
  Configure(R"(version: "2" transitions { from: "acquired" to: "active" when: "customer.orders >= 1" }
               transitions { from: "active" to: "lapsed" silent { seconds: 864000 } })");
  ASSERT_TRUE(lifecycle_.visits());
  ann_.ctx.Visit(lifecycle_);
  EXPECT_THAT(Ways(), ElementsAre("acquired>active"));
  EXPECT_EQ(Deadline(), kStart + 10 * kDay);
}

TEST_F(LifecycleTest, APublishedTableIsNothingToWhomItDoesNotKnow) {
  Configure(R"(transitions { from: "acquired" to: "active" when: "customer.orders == 0" })");
  ann_.ctx.Visit(lifecycle_);
  EXPECT_THAT(Changes(), IsEmpty());
  EXPECT_FALSE(ann_.ctx.HasState("lifecycle", "lifecycle"));
}

TEST_F(LifecycleTest, AnotherTableGoesOnFromTheStageAsItIs) {
  Configure(R"(transitions { from: "acquired" to: "active" on: "purchased" })");
  ann_.Buy(kStart);
  EXPECT_THAT(Changes(), SizeIs(2));
  Configure(R"(version: "2" transitions { from: "acquired" to: "active" on: "joined" }
               transitions { from: "active" to: "growing" when: "customer.orders >= 2" })");
  ann_.Buy(kStart + kDay);
  EXPECT_THAT(Ways(), ElementsAre("active>growing"));
}

}  // namespace
}  // namespace ebb
