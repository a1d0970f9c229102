#include "operators/value/lifecycle_table.h"

#include <string>

#include "engine/pipeline/spec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::LifecycleConfig;
using ::testing::HasSubstr;

constexpr int64_t kHour = 3'600'000;

absl::StatusOr<std::shared_ptr<const LifecycleTable>> Make(std::string_view rows) {
  return LifecycleTable::Make(ConfigOf<LifecycleConfig>(rows));
}
std::string Refused(std::string_view rows) {
  const auto table = Make(rows);
  return table.ok() ? "taken" : std::string(table.status().message());
}

TEST(LifecycleTableTest, TakesStagesEventsAndTimes) {
  const auto table = Make(R"(
    version: "7"
    transitions { from: "acquired" to: "active" on: "purchased" on: "joined" when: "customer.orders >= 2" }
    transitions { from: "active" to: "at-risk" silent { seconds: 7200 } overdue: 2 after { seconds: 3600 } })");
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->version(), "7");
  ASSERT_EQ((*table)->transitions().size(), 2u);
  EXPECT_EQ((*table)->transitions()[0].on, LifecycleEvent("purchased") | LifecycleEvent("joined"));
  EXPECT_TRUE((*table)->transitions()[0].when.has_value());
  EXPECT_FALSE((*table)->transitions()[0].has_time());
  EXPECT_EQ((*table)->transitions()[1].to, v1::LifecycleChange::AT_RISK);
  EXPECT_EQ((*table)->transitions()[1].silent_ms, 2 * kHour);
}

TEST(LifecycleTableTest, IsDueWhenTheLastOfItsTimesHasPassed) {
  LifecycleTable::Transition transition;
  transition.after_ms = 10;
  const LifecycleTable::Standing standing{v1::LifecycleChange::ACTIVE, 1000, 500, 30 * 24 * kHour};
  EXPECT_EQ(LifecycleTable::DueAt(transition, standing), 1010);
  transition.silent_ms = 700;
  EXPECT_EQ(LifecycleTable::DueAt(transition, standing), 1200);
  transition.overdue = 1.5;
  EXPECT_EQ(LifecycleTable::DueAt(transition, standing), 500 + 45 * 24 * kHour);
}

TEST(LifecycleTableTest, AGapCountsAsADayAtLeastAndNoneNeverPasses) {
  LifecycleTable::Transition transition;
  transition.overdue = 2;
  EXPECT_EQ(LifecycleTable::DueAt(transition, {v1::LifecycleChange::ACTIVE, 0, 0, kHour}), 48 * kHour);
  EXPECT_EQ(LifecycleTable::DueAt(transition, {v1::LifecycleChange::ACTIVE, 0, 0, 0}), LifecycleTable::kNever);
}

TEST(LifecycleTableTest, RefusesAStageThatNothingLeadsTo) {
  EXPECT_EQ(Refused(R"(transitions { from: "acquired" to: "active" on: "purchased" }
                       transitions { from: "active" from: "lapsed" to: "gone" silent { seconds: 60 } })"),
            "transitions[1].from[1]: no customer comes to the stage \"lapsed\": no transition leads there from "
            "acquired, where all begin");
}

TEST(LifecycleTableTest, RefusesARowThatIsTakenForNoReason) {
  EXPECT_THAT(Refused(R"(transitions { from: "acquired" to: "active" })"),
              HasSubstr("transitions[0]: expected one of on, when, after, silent and overdue"));
}

TEST(LifecycleTableTest, RefusesToLeadAStageToItself) {
  EXPECT_THAT(Refused(R"(transitions { from: "acquired" from: "active" to: "active" on: "purchased" })"),
              HasSubstr("transitions[0].to: expected another stage"));
}

TEST(LifecycleTableTest, RefusesStagesThatLeadToEachOtherAtTheSameMoment) {
  constexpr std::string_view kAround = R"(
    transitions { from: "acquired" to: "active" when: "customer.orders >= 1" }
    transitions { from: "active" to: "growing" when: "customer.days_4w > 3" }
    transitions { from: "growing" to: "at-risk" silent { seconds: 60 } }
    transitions { from: "at-risk" to: "active" %s })";
  const auto with = [&](std::string_view last) {
    std::string rows(kAround);
    return rows.replace(rows.find("%s"), 2, last);
  };
  EXPECT_THAT(Refused(with("when: \"customer.orders >= 2\"")),
              HasSubstr("transitions[1].to: \"growing\" leads back to \"active\" at the same moment"));
  EXPECT_THAT(Refused(with("silent { seconds: 30 }")), HasSubstr("round and round"));
  EXPECT_EQ(Refused(with("on: \"purchased\"")), "taken");
  EXPECT_EQ(Refused(with("after { seconds: 60 }")), "taken");
}

TEST(LifecycleTableTest, TellsWhatIsWrongWithACondition) {
  EXPECT_THAT(Refused(R"(transitions { from: "acquired" to: "active" when: "customer.order >= 2" })"),
              ::testing::AllOf(HasSubstr("transitions[0].when: column "), HasSubstr("did you mean \"orders\"")));
}

TEST(LifecycleTableTest, RefusesTooManyRows) {
  std::string rows;
  for (int i = 0; i <= LifecycleTable::kMaxTransitions; ++i) {
    rows += R"(transitions { from: "acquired" to: "active" on: "purchased" })";
  }
  EXPECT_EQ(Refused(rows), "transitions: expected at most 64 of them, got 65");
}

TEST(LifecycleTableTest, MistakesHaveAPlaceInTheFile) {
  Surroundings bare;
  bare.variable = [](std::string_view) { return std::nullopt; };
  const auto refused = [&](std::string_view row) {
    const std::string yaml = Text(R"(application: shop
dead_letters: {topic: dead}
sources:
  purchases: {topic: p, type: ebb.v1.Purchase}
operators:
  - {id: profile, type: customer-profile, inputs: [purchases]}
  - id: lifecycle
    type: lifecycle
    inputs: [purchases]
    config:
      transitions:
        - {from: [acquired], to: active, on: [purchased]}
)",
                                  row, R"(
sinks:
  changes: {topic: c, type: ebb.v1.LifecycleChange, inputs: [lifecycle]}
)");
    return std::string(LoadPipeline(yaml, "shop.yaml", bare).status().message());
  };
  EXPECT_EQ(refused("        - {from: [active], to: gone, silent: 1d}"), "");
  EXPECT_THAT(refused("        - {from: [lapsed], to: gone, silent: 1d}"),
              HasSubstr("shop.yaml:13:19: transitions[1].from[0]: no customer comes to the stage \"lapsed\""));
  EXPECT_THAT(refused("        - {from: [active], to: lapst, silent: 1d}"),
              HasSubstr("shop.yaml:13:32: expected onboarding, active, growing, at-risk, lapsed, won-back or gone"));
}

}  // namespace
}  // namespace ebb
