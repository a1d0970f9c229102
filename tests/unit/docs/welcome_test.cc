#include "tests/unit/docs/welcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/harness/scenario_run.h"
#include "tests/unit/operators/fake_context.h"

namespace ebb::example {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kJoined = absl::FromCivil(absl::CivilDay(2026, 1, 5), absl::UTCTimeZone());

class WelcomeWatchTest : public ::testing::Test {
 protected:
  WelcomeWatchTest() {
    WelcomeConfig config;
    config.mutable_patience()->set_seconds(absl::ToInt64Seconds(absl::Hours(24)));
    EXPECT_TRUE(op_.SetConfig(config).ok());
    ctx_.Bind(op_, "welcome-watch");
    v1::Member member;
    member.mutable_joined();
    ctx_.Send(op_, member, kJoined);
  }

  void Order(absl::Time at) {
    v1::Purchase purchase;
    purchase.set_kind(v1::Purchase::ORDER);
    ctx_.Send(op_, purchase, at);
  }

  WelcomeWatch op_;
  FakeContext ctx_{"ann"};
};

TEST_F(WelcomeWatchTest, OrderIsToldAtOnceAndOnce) {
  Order(kJoined + absl::Hours(3));
  Order(kJoined + absl::Hours(4));
  ctx_.AdvanceTo(kJoined + absl::Hours(48));
  const std::vector<Welcome> told = ctx_.Take<Welcome>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_TRUE(told[0].ordered());
  EXPECT_FALSE(ctx_.HasState("welcome-watch", "waiting"));
}

TEST_F(WelcomeWatchTest, SilenceIsToldWhenPatienceIsOver) {
  ctx_.AdvanceTo(kJoined + absl::Hours(23));
  EXPECT_THAT(ctx_.Take<Welcome>(), IsEmpty());
  ctx_.AdvanceTo(kJoined + absl::Hours(24));
  const std::vector<Welcome> told = ctx_.Take<Welcome>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_FALSE(told[0].ordered());
  EXPECT_EQ(ctx_.Counted(op_, "silent"), 1);
}

// What tests/scenario does with its files, for the one of the page.
TEST(WelcomeScenarioTest, KeepsItsClaimThroughCrashes) {
  using testing::Way;
  const auto scenario = testing::LoadScenario(EBB_WELCOME_SCENARIO, "");
  ASSERT_TRUE(scenario.ok()) << scenario.status();
  for (const Way& way : {Way{.name = "undisturbed"}, Way{.name = "crashes", .crash = Way::Crash::kAfterEveryCommit}}) {
    const auto outcome = testing::RunScenario(*scenario, way);
    ASSERT_TRUE(outcome.ok()) << way.name << ": " << outcome.status();
    EXPECT_EQ(testing::LineDiff(testing::PrintExpectation(scenario->expected),
                                testing::PrintExpectation(outcome->shown)), "") << way.name;
    EXPECT_THAT(outcome->repeated, IsEmpty()) << way.name;
  }
}

}  // namespace
}  // namespace ebb::example
