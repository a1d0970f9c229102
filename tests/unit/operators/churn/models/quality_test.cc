#include "operators/churn/models/quality.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace ebb {
namespace {

using testing::HasSubstr;

template <typename T>
void ExpectRefused(const absl::StatusOr<T>& result, const std::string& why) {
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr(why));
}

TEST(RocAucTest, CountsPairsInTheRightOrder) {
  // .35 is above .1 and below .4; .8 is above both.
  EXPECT_DOUBLE_EQ(*RocAuc({{0.1, false}, {0.4, false}, {0.35, true}, {0.8, true}}), 0.75);
  EXPECT_DOUBLE_EQ(*RocAuc({{1, false}, {2, true}}), 1);
  EXPECT_DOUBLE_EQ(*RocAuc({{2, false}, {1, true}}), 0);
}

TEST(RocAucTest, TiesCountHalf) {
  EXPECT_DOUBLE_EQ(*RocAuc({{0.5, true}, {0.5, false}}), 0.5);
  // .5 wins against .2 and ties with .5; .9 wins twice.
  EXPECT_DOUBLE_EQ(*RocAuc({{0.2, false}, {0.5, true}, {0.5, false}, {0.9, true}}), 3.5 / 4);
  EXPECT_DOUBLE_EQ(*RocAuc({{0.9, true}, {0.5, false}, {0.5, true}, {0.2, false}}), 3.5 / 4);
}

TEST(QualityTest, OneOutcomeOnlyAndNoPredictionsAreRefusedInWords) {
  const std::vector<Prediction> none;
  ExpectRefused(RocAuc(none), "expected predictions with their outcomes, got none");
  ExpectRefused(PrecisionInTopDecile(none), "got none");
  ExpectRefused(BrierScore(none), "got none");
  ExpectRefused(CalibrationTable(none), "got none");
  ExpectRefused(LiftChart(none), "got none");
  ExpectRefused(RocAuc({{0.1, true}, {0.2, true}}), "of 2 customers it happened to all");
  ExpectRefused(RocAuc({{0.1, false}, {0.2, false}, {0.3, false}}), "of 3 customers it happened to nobody");
  ExpectRefused(LiftChart({{0.1, false}}), "of 1 customers it happened to nobody");
}

TEST(QualityTest, ScoresThatAreNoNumbersOrNoRisksAreRefused) {
  ExpectRefused(RocAuc({{0.1, true}, {NAN, false}}), "expected scores to be numbers, got nan");
  ExpectRefused(PrecisionInTopDecile({{INFINITY, true}}), "expected scores to be numbers, got inf");
  ExpectRefused(BrierScore({{1.5, true}}), "expected risks from 0 to 1, got 1.5");
  ExpectRefused(CalibrationTable({{-0.5, true}}), "expected risks from 0 to 1, got -0.5");
}

TEST(QualityTest, OneOutcomeIsEnoughForPrecisionBrierAndCalibration) {
  EXPECT_EQ(*PrecisionInTopDecile({{0.3, true}}), 1);
  EXPECT_DOUBLE_EQ(*BrierScore({{0.3, true}}), 0.49);
  EXPECT_EQ(CalibrationTable({{0.3, false}})->size(), 1u);
}

TEST(QualityTest, BrierScoreIsTheMeanSquare) {
  // .01 + .16 + .4225 + .04
  EXPECT_DOUBLE_EQ(*BrierScore({{0.1, false}, {0.4, false}, {0.35, true}, {0.8, true}}), 0.6325 / 4);
}

// 20 customers with scores 0 to 19, of whom those above 16 churn, and the lowest.
std::vector<Prediction> Twenty() {
  std::vector<Prediction> predictions;
  for (int score = 0; score < 20; ++score) predictions.push_back({double(score), score > 16 || score == 0});
  return predictions;
}

TEST(QualityTest, PrecisionLooksAtTheHighestTenth) {
  EXPECT_DOUBLE_EQ(*PrecisionInTopDecile(Twenty()), 1);
  std::vector<Prediction> predictions = Twenty();
  predictions[18].happened = false;
  EXPECT_DOUBLE_EQ(*PrecisionInTopDecile(predictions), 0.5);
}

TEST(QualityTest, PrecisionTakesItsPartOfThoseWhoTieAtTheCut) {
  std::vector<Prediction> predictions(20);
  for (int n = 0; n < 5; ++n) predictions[n].happened = true;
  EXPECT_DOUBLE_EQ(*PrecisionInTopDecile(predictions), 0.25);
  predictions.back() = {1, true};
  // The first for sure, the second one of 5 in 19.
  EXPECT_DOUBLE_EQ(*PrecisionInTopDecile(predictions), (1 + 5.0 / 19) / 2);
}

TEST(QualityTest, LiftChartTellsWhatEachDepthFinds) {
  const std::vector<LiftPoint> points = *LiftChart(Twenty());
  ASSERT_EQ(points.size(), 10u);
  EXPECT_DOUBLE_EQ(points[0].share_found, 0.5);
  EXPECT_DOUBLE_EQ(points[0].lift, 5);
  EXPECT_DOUBLE_EQ(points[1].share_found, 0.75);
  EXPECT_DOUBLE_EQ(points[1].lift, 3.75);
  EXPECT_DOUBLE_EQ(points[8].share_found, 0.75);
  EXPECT_DOUBLE_EQ(points[9].share_of_customers, 1);
  EXPECT_DOUBLE_EQ(points[9].share_found, 1);
  EXPECT_DOUBLE_EQ(points[9].lift, 1);
}

TEST(QualityTest, LiftOfOneScoreForAllIsOne) {
  std::vector<Prediction> predictions(37);
  predictions[3].happened = true;
  const std::vector<LiftPoint> points = *LiftChart(predictions);
  for (const LiftPoint& point : points) EXPECT_NEAR(point.lift, 1, 1e-12);
}

TEST(CalibrationTableTest, HasARowForEachTenthOfCustomers) {
  std::vector<Prediction> predictions;
  for (int row = 0; row < 10; ++row) {
    for (int n = 0; n < 4; ++n) predictions.push_back({row / 10.0 + n / 100.0, n < 2});
  }
  const std::vector<CalibrationRow> rows = *CalibrationTable(predictions);
  ASSERT_EQ(rows.size(), 10u);
  EXPECT_NEAR(rows[3].mean_predicted, 0.315, 1e-12);
  EXPECT_DOUBLE_EQ(rows[3].observed_rate, 0.5);
  EXPECT_EQ(rows[3].count, 4);
  const double variance = 0.3 * 0.7 + 0.31 * 0.69 + 0.32 * 0.68 + 0.33 * 0.67;
  EXPECT_NEAR(rows[3].standard_error, std::sqrt(variance) / 4, 1e-12);
  EXPECT_TRUE(rows[3].within_bounds) << ".185 is within 2.6 * .232";
  // 0, .01, .02 and .03, of whom half: .485 is not within 2.6 * .0605
  EXPECT_NEAR(rows[0].standard_error, std::sqrt(0.0099 + 0.0196 + 0.0291) / 4, 1e-12);
  EXPECT_FALSE(rows[0].within_bounds);
}

TEST(CalibrationTableTest, ThreeInAHundredAreForgivenHoweverManyCustomers) {
  const auto is_within = [](double predicted) {
    std::vector<Prediction> predictions(1'000'000, {.score = predicted});
    for (size_t n = 0; n < predictions.size() / 2; ++n) predictions[n].happened = true;
    return CalibrationTable(predictions)->front().within_bounds;
  };
  EXPECT_TRUE(is_within(0.4701));
  EXPECT_FALSE(is_within(0.4699));
}

TEST(CalibrationTableTest, EqualRisksStayTogether) {
  std::vector<Prediction> predictions(30, {.score = 0.5});
  for (int n = 0; n < 10; ++n) predictions[n].score = 0.9;
  const std::vector<CalibrationRow> rows = *CalibrationTable(predictions);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].count, 20);
  EXPECT_EQ(rows[1].count, 10);
}

TEST(SplitAtTest, TheMomentItselfBelongsToTheLater) {
  const absl::Time moment = absl::FromUnixSeconds(1000);
  const auto split = SplitAt({{1, true, moment - absl::Seconds(1)}, {2, true, moment}}, moment);
  ASSERT_TRUE(split.ok());
  ASSERT_EQ(split->first.size(), 1u);
  EXPECT_EQ(split->first[0].score, 1);
  ASSERT_EQ(split->second.size(), 1u);
  ExpectRefused(SplitAt({{1, true}}, moment), "expected each prediction to have a time");
}

}  // namespace
}  // namespace ebb
