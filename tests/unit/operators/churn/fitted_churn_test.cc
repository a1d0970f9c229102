// The churn operator with a model that was fitted: when it speaks up, and why.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/churn/churn.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::ChurnConfig;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kWeek = absl::Hours(24 * 7);

// Reaches .7 when nothing was bought for thirty days: log(31) is 3.43398720448....
constexpr char kThirtyDays[] = R"({
  "format": 1, "id": "silence", "version": "3", "horizonDays": 28, "typicalGapDays": 7,
  "features": [{"name": "silence_days", "median": 5}],
  "logistic": {"intercept": 0.8472978604, "terms": [{"weight": 10, "mean": 3.4339872034, "scale": 1}]}})";
// High on the days from the 16th to the 18th only.
constexpr char kThreeDays[] = R"({
  "format": 1, "id": "peak", "version": "1", "horizonDays": 28, "typicalGapDays": 7,
  "features": [{"name": "silence_days", "median": 5}],
  "trees": {"model": "forest", "trees": [{"feature": [0, -1, 0, -1, -1], "threshold": [16, 0, 19, 0, 0],
                                           "left": [1, 0, 3, 0, 0], "value": [0, -3, 0, 3, -3]}]}})";

class FittedChurnTest : public ::testing::Test {
 protected:
  absl::Status Configure(const std::string& fitted, std::string_view rest = "") {
    ChurnConfig config = ConfigOf<ChurnConfig>(rest);
    config.set_fitted(fitted);
    return churn_.SetConfig(config);
  }
  // On five days, a week apart; returns the last.
  absl::Time BuyWeekly() {
    for (int i = 0; i < 5; ++i) ann_.Buy(kStart + i * kWeek);
    return kStart + 4 * kWeek;
  }
  std::optional<absl::Time> Deadline() { return ann_.ctx.DeadlineOf("churn", "crossing"); }
  std::vector<v1::ChurnAlert> Alerts() { return ann_.ctx.Take<v1::ChurnAlert>(); }

  Churn churn_;
  Customer ann_{churn_, "churn"};
};

TEST_F(FittedChurnTest, RaisesOnTheFirstDayOnWhichTheModelReachesTheLine) {
  ASSERT_TRUE(Configure(kThirtyDays).ok());
  const absl::Time last = BuyWeekly();
  // Nothing is asked of the model before twice the usual gap has passed, and then for two weeks at a time.
  EXPECT_EQ(Deadline(), last + 14 * kDay);
  ann_.Until(last + 14 * kDay);
  EXPECT_EQ(Deadline(), last + 28 * kDay);
  ann_.Until(last + 28 * kDay);
  EXPECT_EQ(Deadline(), last + 30 * kDay);
  EXPECT_THAT(Alerts(), IsEmpty());
  ann_.Until(last + 30 * kDay);
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_EQ(alerts[0].kind(), v1::ChurnAlert::RAISED);
  EXPECT_NEAR(alerts[0].risk(), 0.7, 1e-6);
  EXPECT_EQ(alerts[0].decided_at_ms(), absl::ToUnixMillis(last + 30 * kDay));
  EXPECT_EQ(alerts[0].model(), "silence");
  EXPECT_EQ(alerts[0].model_version(), "3");
  EXPECT_EQ(alerts[0].horizon_days(), 28);
}

TEST_F(FittedChurnTest, SaysWhichFeaturesLedToIt) {
  ASSERT_TRUE(Configure(kThirtyDays).ok());
  ann_.Until(BuyWeekly() + 30 * kDay);
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  ASSERT_EQ(alerts[0].reasons_size(), 1);
  EXPECT_EQ(alerts[0].reasons(0).code(), "silence_days");
  EXPECT_EQ(alerts[0].reasons(0).value(), 30);
  EXPECT_EQ(alerts[0].reasons(0).baseline(), 5);
  EXPECT_THAT(alerts[0].reasons(0).text(), HasSubstr("30; usual are 5"));
}

TEST_F(FittedChurnTest, FindsTheFirstOfDaysAmongWhichTheRiskFallsAgain) {
  ASSERT_TRUE(Configure(kThreeDays).ok());
  const absl::Time last = BuyWeekly();
  ann_.Until(last + 14 * kDay);
  EXPECT_EQ(Deadline(), last + 16 * kDay);
  ann_.Until(last + 16 * kDay);
  EXPECT_THAT(Alerts(), SizeIs(1));
}

TEST_F(FittedChurnTest, APurchaseClearsAndBeginsAnew) {
  ASSERT_TRUE(Configure(kThirtyDays).ok());
  const absl::Time last = BuyWeekly();
  ann_.Until(last + 31 * kDay);
  EXPECT_THAT(Alerts(), SizeIs(1));
  ann_.Buy(last + 31 * kDay);
  const auto alerts = Alerts();
  ASSERT_THAT(alerts, SizeIs(1));
  EXPECT_EQ(alerts[0].kind(), v1::ChurnAlert::CLEARED);
  EXPECT_EQ(alerts[0].reasons(0).code(), "purchase");
}

TEST_F(FittedChurnTest, AnotherModelMovesTheTimersOfWhoSleeps) {
  ASSERT_TRUE(Configure(kThirtyDays).ok());
  const absl::Time last = BuyWeekly();
  ann_.Until(last + 14 * kDay);
  EXPECT_EQ(Deadline(), last + 28 * kDay);
  ASSERT_TRUE(Configure(kThreeDays).ok());
  ASSERT_TRUE(churn_.visits());
  ann_.Until(last + 15 * kDay);
  ann_.ctx.Visit(churn_);
  EXPECT_EQ(Deadline(), last + 16 * kDay);
}

TEST_F(FittedChurnTest, RefusesWhatIsNoModel) {
  const auto refusal = [&](const std::string& fitted, std::string_view rest = "") {
    return std::string(Configure(fitted, rest).message());
  };
  EXPECT_THAT(refusal("{"), HasSubstr("fitted: "));
  EXPECT_THAT(refusal(std::string(kThirtyDays, 200)), HasSubstr("fitted: "));
  std::string unknown = kThirtyDays;
  unknown.replace(unknown.find("silence_days"), 12, "moon_phase");
  EXPECT_THAT(refusal(unknown), HasSubstr("moon_phase"));
  EXPECT_THAT(refusal(kThirtyDays, "parameters { r: 1 alpha: 1 a: 1 b: 2 version: 'x' typical_gap { seconds: 86400 } }"),
              HasSubstr("parameters: expected none beside a fitted model"));
}

}  // namespace
}  // namespace ebb
