#include "operators/churn/models/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

namespace ebb {
namespace {

using testing::HasSubstr;

void Add(std::vector<Prediction>& predictions, double score, int happened, int did_not) {
  for (int n = 0; n < happened; ++n) predictions.push_back({score, true});
  for (int n = 0; n < did_not; ++n) predictions.push_back({score, false});
}

// Customers whose churn is likelier than the scorer says where it says little, and the other way round.
std::vector<Prediction> Overconfident(int count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform;
  std::vector<Prediction> predictions;
  for (int n = 0; n < count; ++n) {
    const double log_odds = 8 * uniform(random) - 4;
    const double truth = 1 / (1 + std::exp(0.3 - 0.5 * log_odds));
    predictions.push_back({1 / (1 + std::exp(-log_odds)), uniform(random) < truth});
  }
  return predictions;
}

int RowsOutOfBounds(const std::vector<Prediction>& predictions) {
  const std::vector<CalibrationRow> rows = *CalibrationTable(predictions);
  return static_cast<int>(
      std::count_if(rows.begin(), rows.end(), [](const CalibrationRow& row) { return !row.within_bounds; }));
}

TEST(PlattScalingTest, FitsTwoScoresExactly) {
  std::vector<Prediction> predictions;
  Add(predictions, -1, 2, 8);
  Add(predictions, 1, 8, 2);
  // Targets are 11/12 and 1/12, so the rates to fit are .25 and .75.
  const auto platt = PlattScaling::Fit(predictions);
  ASSERT_TRUE(platt.ok());
  EXPECT_NEAR(platt->slope(), std::log(3), 1e-8);
  EXPECT_NEAR(platt->intercept(), 0, 1e-8);
  EXPECT_NEAR(platt->Risk(1), 0.75, 1e-8);
}

TEST(PlattScalingTest, StaysFiniteWhereScoresPartTheOutcomes) {
  std::vector<Prediction> predictions;
  Add(predictions, 1e6, 0, 30);
  Add(predictions, 1e6 + 1, 30, 0);
  const auto platt = PlattScaling::Fit(predictions);
  ASSERT_TRUE(platt.ok());
  EXPECT_NEAR(platt->Risk(1e6), 1.0 / 32, 1e-6);
  EXPECT_NEAR(platt->Risk(1e6 + 1), 31.0 / 32, 1e-6);
}

TEST(PlattScalingTest, OneScoreForAllGivesTheBaseRate) {
  std::vector<Prediction> predictions;
  Add(predictions, 0.5, 30, 10);
  const auto platt = PlattScaling::Fit(predictions);
  ASSERT_TRUE(platt.ok());
  EXPECT_EQ(platt->slope(), 0);
  EXPECT_NEAR(platt->Risk(7), (30 * 31.0 / 32 + 10 / 12.0) / 40, 1e-8);
}

TEST(IsotonicRegressionTest, PoolsWhatWouldFall) {
  const auto isotonic = IsotonicRegression::Fit({{4, true}, {2, true}, {1, false}, {3, false}, {5, true}});
  ASSERT_TRUE(isotonic.ok());
  const std::vector<IsotonicRegression::Step>& steps = isotonic->steps();
  ASSERT_EQ(steps.size(), 3u);
  EXPECT_EQ(steps[0].risk, 0);
  EXPECT_EQ(steps[1].lowest_score, 2);
  EXPECT_EQ(steps[1].highest_score, 3);
  EXPECT_EQ(steps[1].risk, 0.5);
  EXPECT_EQ(steps[2].risk, 1);
  EXPECT_EQ(isotonic->Risk(-7), 0);
  EXPECT_EQ(isotonic->Risk(1.5), 0.25);
  EXPECT_EQ(isotonic->Risk(2), 0.5);
  EXPECT_EQ(isotonic->Risk(2.7), 0.5);
  EXPECT_EQ(isotonic->Risk(3.5), 0.75);
  EXPECT_EQ(isotonic->Risk(4.5), 1);
  EXPECT_EQ(isotonic->Risk(99), 1);
}

TEST(IsotonicRegressionTest, PoolsAllTheWayDown) {
  // 1/2, 2/3 and then nobody of four: all of them are one group.
  std::vector<Prediction> predictions;
  Add(predictions, 1, 1, 1);
  Add(predictions, 2, 2, 1);
  Add(predictions, 3, 0, 4);
  const auto isotonic = IsotonicRegression::Fit(predictions);
  ASSERT_TRUE(isotonic.ok());
  ASSERT_EQ(isotonic->steps().size(), 1u);
  EXPECT_DOUBLE_EQ(isotonic->Risk(2), 3.0 / 9);
}

TEST(CalibratorsTest, MakeRisksTrueOnCustomersWhomTheyHaveNotSeen) {
  const std::vector<Prediction> past = Overconfident(20'000, 1);
  const std::vector<Prediction> later = Overconfident(20'000, 2);
  ASSERT_GE(RowsOutOfBounds(later), 8);

  std::vector<Prediction> log_odds = past;
  for (Prediction& prediction : log_odds) prediction.score = LogOdds(prediction.score);
  const auto platt = PlattScaling::Fit(log_odds);
  const auto isotonic = IsotonicRegression::Fit(past);
  ASSERT_TRUE(platt.ok());
  ASSERT_TRUE(isotonic.ok());
  EXPECT_NEAR(platt->slope(), 0.5, 0.05);
  EXPECT_NEAR(platt->intercept(), -0.3, 0.05);

  std::vector<Prediction> by_platt = later;
  for (Prediction& prediction : by_platt) prediction.score = platt->Risk(LogOdds(prediction.score));
  EXPECT_EQ(RowsOutOfBounds(by_platt), 0);
  EXPECT_LT(*BrierScore(by_platt), *BrierScore(later));
  EXPECT_NEAR(*RocAuc(by_platt), *RocAuc(later), 1e-12) << "calibration does not rank anew";
  std::vector<Prediction> by_isotonic = later;
  for (Prediction& prediction : by_isotonic) prediction.score = isotonic->Risk(prediction.score);
  EXPECT_EQ(RowsOutOfBounds(by_isotonic), 0);
  EXPECT_LT(*BrierScore(by_isotonic), *BrierScore(later));
}

TEST(CalibratorsTest, RefuseInWordsWhatTellsThemNothing) {
  const auto why = [](const std::vector<Prediction>& predictions) {
    const absl::Status platt = PlattScaling::Fit(predictions).status();
    EXPECT_EQ(platt, IsotonicRegression::Fit(predictions).status());
    EXPECT_EQ(platt.code(), absl::StatusCode::kInvalidArgument);
    return std::string(platt.message());
  };
  EXPECT_THAT(why({}), HasSubstr("expected predictions with their outcomes, got none"));
  EXPECT_THAT(why({{1, true}, {2, true}}), HasSubstr("of 2 customers it happened to all"));
  EXPECT_THAT(why({{1, false}}), HasSubstr("of 1 customers it happened to nobody"));
  EXPECT_THAT(why({{1, false}, {NAN, true}}), HasSubstr("expected scores to be numbers, got nan"));
}

TEST(CalibratorsTest, LogOddsOfCertaintiesAreFinite) {
  EXPECT_EQ(LogOdds(0.5), 0);
  EXPECT_NEAR(LogOdds(0.75), std::log(3), 1e-15);
  EXPECT_TRUE(std::isfinite(LogOdds(0)));
  EXPECT_TRUE(std::isfinite(LogOdds(1)));
}

}  // namespace
}  // namespace ebb
