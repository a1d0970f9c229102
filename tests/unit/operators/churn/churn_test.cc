#include "operators/churn/churn.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/churn/rhythm.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::ChurnConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kWeek = absl::Hours(24 * 7);

class ChurnTest : public ::testing::Test {
 protected:
  void Configure(std::string_view config = "") {
    const absl::Status status = churn_.SetConfig(ConfigOf<ChurnConfig>(config));
    ASSERT_TRUE(status.ok()) << status;
  }
  // Purchases at kStart and so on, `gap` apart; returns the last.
  absl::Time BuyRegularly(int times, absl::Duration gap, absl::Time from = kStart) {
    for (int i = 0; i < times; ++i) ann_.Buy(from + i * gap);
    return from + (times - 1) * gap;
  }
  std::optional<absl::Time> Deadline() { return ann_.ctx.DeadlineOf("churn", "crossing"); }
  std::vector<v1::ChurnAlert> Alerts() { return ann_.ctx.Take<v1::ChurnAlert>(); }
  std::vector<std::string> Kinds() {
    std::vector<std::string> kinds;
    for (const auto& alert : Alerts()) kinds.push_back(v1::ChurnAlert::Kind_Name(alert.kind()));
    return kinds;
  }
  static double GrocerRisk(double x, double t_x, double T) {
    return RiskOfNoPurchase(kGrocerMbgNbd, {x, t_x, T}, 4);
  }

  Churn churn_;
  Customer ann_{churn_, "churn"};
};

TEST_F(ChurnTest, RaisesAtTheVeryMillisecondAtWhichTheRiskReachesTheLine) {
  Configure();
  BuyRegularly(21, kWeek);
  const absl::Time crossing = Deadline().value();
  const auto weeks = [&](absl::Time at) { return absl::FDivDuration(at - kStart, kWeek); };
  EXPECT_GE(GrocerRisk(20, 20, weeks(crossing)), 0.7);
  EXPECT_LT(GrocerRisk(20, 20, weeks(crossing - absl::Milliseconds(1))), 0.7);

  ann_.Until(crossing - absl::Milliseconds(1));
  EXPECT_THAT(Alerts(), IsEmpty());
  ann_.Until(crossing);
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_EQ(alerts[0].kind(), v1::ChurnAlert::RAISED);
  EXPECT_EQ(alerts[0].decided_at_ms(), absl::ToUnixMillis(crossing));
  EXPECT_NEAR(alerts[0].risk(), GrocerRisk(20, 20, weeks(crossing)), 1e-12);
  EXPECT_EQ(alerts[0].horizon_days(), 28);
  EXPECT_EQ(alerts[0].model(), "mbg-nbd");
  EXPECT_EQ(alerts[0].model_version(), "grocer-1");
  EXPECT_EQ(alerts[0].episode(), 1);
  EXPECT_EQ(alerts[0].customer_id(), "ann");
  EXPECT_FALSE(alerts[0].alert_id().empty());
  EXPECT_EQ(alerts[0].tipping().source(), "");
  EXPECT_EQ(alerts[0].tipping().event_id(), "crossing");
}

TEST_F(ChurnTest, DoesNotJudgeWhoBoughtOnTooFewDays) {
  Configure();
  ann_.Buy(kStart);
  ann_.Buy(kStart + absl::Hours(1));
  ann_.Buy(kStart + kWeek);
  EXPECT_EQ(Deadline(), std::nullopt);
  ann_.Buy(kStart + 2 * kWeek);
  EXPECT_NE(Deadline(), std::nullopt);
}

TEST_F(ChurnTest, DoesNotJudgeWhoIsTooNew) {
  Configure("min_age { seconds: 31536000 }");
  BuyRegularly(4, kDay);
  EXPECT_EQ(Deadline(), kStart + 365 * kDay);
}

TEST_F(ChurnTest, WaitsUntilASlowBuyerIsOverdueToo) {
  Configure("escalate_overdue: 8");
  const absl::Time last = BuyRegularly(5, 13 * kWeek);
  EXPECT_GT(GrocerRisk(4, 52, 52 + 13), 0.7);
  EXPECT_GT(GrocerRisk(4, 52, 52 + 7 * 13), 0.85);
  EXPECT_EQ(Deadline(), last + 2 * 13 * kWeek);
  ann_.Until(last + 26 * kWeek);
  EXPECT_THAT(Kinds(), ElementsAre("RAISED"));
  EXPECT_EQ(Deadline(), last + 8 * 13 * kWeek);
}

TEST_F(ChurnTest, APurchaseClearsEvenWhoseRiskStaysHigh) {
  Configure();
  const absl::Time last = BuyRegularly(5, 13 * kWeek);
  ann_.Until(last + 30 * kWeek);
  EXPECT_THAT(Kinds(), ElementsAre("RAISED"));
  ann_.Buy(last + 30 * kWeek);
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_EQ(alerts[0].kind(), v1::ChurnAlert::CLEARED);
  EXPECT_GT(alerts[0].risk(), 0.5);
}

TEST_F(ChurnTest, EscalatesOnceAtTheSecondLine) {
  Configure();
  BuyRegularly(21, kWeek);
  ann_.Until(Deadline().value());
  EXPECT_THAT(Kinds(), ElementsAre("RAISED"));
  const absl::Time second = Deadline().value();
  ann_.Until(second + 520 * kWeek);
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_EQ(alerts[0].kind(), v1::ChurnAlert::ESCALATED);
  EXPECT_EQ(alerts[0].decided_at_ms(), absl::ToUnixMillis(second));
  EXPECT_GE(alerts[0].risk(), 0.85);
  EXPECT_EQ(alerts[0].episode(), 1);
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(ChurnTest, APurchaseClearsAtOnceAndTheNextSilenceIsAnotherEpisode) {
  Configure();
  const absl::Time last = BuyRegularly(21, kWeek);
  ann_.Until(Deadline().value());
  EXPECT_THAT(Kinds(), ElementsAre("RAISED"));
  const absl::Time back = last + 20 * kWeek;
  ann_.Until(back - absl::Seconds(1));
  Alerts();
  ann_.Buy(back);
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_EQ(alerts[0].kind(), v1::ChurnAlert::CLEARED);
  EXPECT_EQ(alerts[0].decided_at_ms(), absl::ToUnixMillis(back));
  ASSERT_THAT(alerts[0].reasons(), SizeIs(1));
  EXPECT_EQ(alerts[0].reasons(0).text(), "bought again after 140 days");
  EXPECT_EQ(alerts[0].tipping().source(), "test");
  ann_.Until(Deadline().value());
  const auto again = Alerts();
  ASSERT_THAT(again, SizeIs(1));
  EXPECT_EQ(again[0].kind(), v1::ChurnAlert::RAISED);
  EXPECT_EQ(again[0].episode(), 2);
}

TEST_F(ChurnTest, DoesNotRaiseAgainBeforeTheCooldownIsOver) {
  Configure("cooldown { seconds: 31536000 }");
  BuyRegularly(21, kWeek);
  const absl::Time raised = Deadline().value();
  ann_.Until(raised);
  ann_.Buy(raised + kDay);
  EXPECT_EQ(Deadline(), raised + 365 * kDay);
}

TEST_F(ChurnTest, RaisesNoMoreThanTheLifetimeCap) {
  Configure("lifetime_cap: 1");
  BuyRegularly(21, kWeek);
  const absl::Time raised = Deadline().value();
  ann_.Until(raised);
  ann_.Buy(raised + kDay);
  EXPECT_THAT(Kinds(), ElementsAre("RAISED", "CLEARED"));
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(ChurnTest, AVisitPutsOffTheAlert) {
  Configure();
  BuyRegularly(21, kWeek);
  const absl::Time crossing = Deadline().value();
  ann_.Browse(crossing - absl::Hours(5), v1::Browse::VIEW, "milk");
  ann_.Until(crossing);
  EXPECT_THAT(Alerts(), IsEmpty());
  EXPECT_EQ(Deadline(), crossing - absl::Hours(5) + 2 * kDay);
  ann_.Until(crossing + 2 * kDay);
  EXPECT_THAT(Kinds(), ElementsAre("RAISED"));
}

TEST_F(ChurnTest, PurchasesThatAreDeliveredLateClearWhenTheRiskFalls) {
  Configure("raise_overdue: 0 escalate_overdue: 0 cooldown { seconds: 0 } clear_risk: 0.69");
  BuyRegularly(4, 6 * kWeek);
  ann_.Until(Deadline().value());
  EXPECT_THAT(Kinds(), ElementsAre("RAISED"));
  std::vector<v1::ChurnAlert> alerts;
  for (int week = 1; week < 18 && alerts.empty(); ++week) {
    if (week % 6 == 0) continue;
    ann_.Buy(kStart + week * kWeek);
    alerts = Alerts();
  }
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_EQ(alerts[0].kind(), v1::ChurnAlert::CLEARED);
  EXPECT_LE(alerts[0].risk(), 0.69);
  EXPECT_EQ(alerts[0].reasons(0).code(), "risk_fell");
  EXPECT_EQ(alerts[0].decided_at_ms(), absl::ToUnixMillis(ann_.ctx.watermark()));
}

TEST_F(ChurnTest, ACancelledOrderCountsAsIfItHadNotBeen) {
  Configure();
  const absl::Time last = BuyRegularly(21, kWeek);
  const auto before = Deadline();
  ann_.Buy(last + kWeek, "mistake");
  EXPECT_NE(Deadline(), before);
  ann_.CallOffOrder(last + kWeek + absl::Hours(1), "mistake");
  EXPECT_EQ(Deadline(), before);
}

TEST_F(ChurnTest, GivesSignedReasonsStrongestFirst) {
  Configure();
  const absl::Time bought = BuyRegularly(41, 4 * kDay);
  const absl::Time crossing = Deadline().value();
  ann_.Browse(crossing - 3 * kDay, v1::Browse::VIEW, "milk");
  ann_.Ticket(crossing - 3 * kDay, v1::Support::OPENED, "t1");
  ann_.Until(crossing);
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  ASSERT_THAT(alerts[0].reasons(), SizeIs(5));
  std::map<std::string, v1::Reason> reasons;
  double last = std::numeric_limits<double>::infinity();
  for (const v1::Reason& reason : alerts[0].reasons()) {
    EXPECT_LE(std::abs(reason.contribution()), last);
    last = std::abs(reason.contribution());
    reasons[reason.code()] = reason;
  }
  const double silent_days = absl::FDivDuration(crossing - bought, kDay);
  EXPECT_DOUBLE_EQ(reasons["days_since_purchase"].value(), silent_days);
  EXPECT_DOUBLE_EQ(reasons["days_since_purchase"].baseline(), 4);
  EXPECT_GT(reasons["days_since_purchase"].contribution(), 0);
  EXPECT_EQ(reasons["days_since_purchase"].text(),
            Text("no purchase for ", std::lround(silent_days), " days; usually buys every 4 days"));
  EXPECT_LT(reasons["purchase_days"].contribution(), 0);
  EXPECT_DOUBLE_EQ(reasons["overdue"].value(), silent_days / 4);
  EXPECT_LT(reasons["days_since_contact"].contribution(), 0);
  EXPECT_GT(reasons["open_complaints"].contribution(), 0);

  // The first two add up to the distance from the usual customer.
  const auto log_odds = [](double p) { return std::log(p / (1 - p)); };
  const double usual = GrocerRisk(ExpectedPurchases(kGrocerMbgNbd, {}, 160 / 7.0), 160 / 7.0, 160 / 7.0);
  EXPECT_NEAR(reasons["days_since_purchase"].contribution() + reasons["purchase_days"].contribution(),
              log_odds(alerts[0].risk()) - log_odds(usual), 1e-9);
}

TEST_F(ChurnTest, OneGeneratedEventMarksTheAlert) {
  Configure();
  BuyRegularly(20, kWeek);
  v1::Browse browse;
  browse.set_action(v1::Browse::VIEW);
  browse.mutable_header()->set_generated(true);
  ann_.Do(browse, kStart + 20 * kWeek);
  ann_.Until(Deadline().value());
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_TRUE(alerts[0].generated());
}

TEST_F(ChurnTest, TakesItsOwnParameters) {
  Configure(R"(model: "bg-nbd" horizon { seconds: 604800 } parameters {
    r: 0.243 alpha: 4.414 a: 0.793 b: 2.426 typical_gap { seconds: 2592000 } version: "mine-3" })");
  BuyRegularly(4, kWeek);
  ann_.Until(Deadline().value());
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  const PurchaseModel mine{PurchaseModelKind::kBgNbd, 0.243, 4.414, 0.793, 2.426};
  const double weeks = absl::FDivDuration(absl::FromUnixMillis(alerts[0].decided_at_ms()) - kStart, kWeek);
  EXPECT_NEAR(alerts[0].risk(), RiskOfNoPurchase(mine, {3, 3, weeks}, 1), 1e-12);
  EXPECT_EQ(alerts[0].model(), "bg-nbd");
  EXPECT_EQ(alerts[0].model_version(), "mine-3");
}

TEST(ChurnConfigTest, RefusesLinesInTheWrongOrderAndParametersThatAreNone) {
  const auto refusal = [](std::string_view config) {
    return std::string(Churn().SetConfig(ConfigOf<ChurnConfig>(config)).message());
  };
  EXPECT_EQ(refusal(""), "");
  EXPECT_EQ(refusal("clear_risk: 0.7"), "clear_risk: expected less than raise_risk, which is 0.7, got 0.7");
  EXPECT_EQ(refusal("escalate_risk: 0.6"), "escalate_risk: expected at least raise_risk, which is 0.7, got 0.6");
  EXPECT_EQ(refusal("escalate_overdue: 1"), "escalate_overdue: expected at least raise_overdue, which is 2, got 1");
  EXPECT_THAT(refusal("parameters { r: -1 alpha: 1 a: 1 b: 1 }"), HasSubstr("parameters: purchase model: expected r"));
}

TEST_F(ChurnTest, APurchaseThatIsToldLateScoresNoMomentThatHasPassed) {
  const int64_t moment_ms = absl::ToUnixMillis(kStart + 10 * kWeek);
  Configure(Text("score_at: ", moment_ms));
  const absl::Time last = BuyRegularly(5, kWeek);
  ann_.Until(kStart + 10 * kWeek);
  EXPECT_THAT(ann_.ctx.Take<v1::ChurnScore>(), SizeIs(1));
  ann_.Buy(last + absl::Hours(1));
  EXPECT_FALSE(ann_.ctx.DeadlineOf("churn", "score").has_value());
  EXPECT_THAT(ann_.ctx.Take<v1::ChurnScore>(), IsEmpty());
}

}  // namespace
}  // namespace ebb
