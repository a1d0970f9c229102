#include "operators/churn/fit/fit.h"

#include <cmath>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/churn/risk_model.h"
#include "operators/features/event_history.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kFirstMs = 1'500'076'800'000;

double Truth(const v1::RiskFeatures& features) {
  const double score = 1.5 * std::log1p(features.silence_days()) - 2 * std::log1p(features.days_8w()) - 0.5;
  return 1 / (1 + std::exp(-score));
}

// Customers of a made-up shop, whose risk is known; cut-offs four weeks apart.
TrainingRowList Rows(int customers, int cutoffs, uint32_t seed = 1, int first_cutoff = 0) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> any(0, 1);
  TrainingRowList rows;
  for (int cutoff = first_cutoff; cutoff < first_cutoff + cutoffs; ++cutoff) {
    for (int customer = 0; customer < customers; ++customer) {
      v1::TrainingRow& row = rows.emplace_back();
      row.set_customer_id("customer-" + std::to_string(10'000 + customer));
      row.set_cutoff_ms(kFirstMs + cutoff * 28 * kMillisPerDay);
      row.set_horizon_days(28);
      v1::RiskFeatures& features = *row.mutable_features();
      features.set_repeat_days(std::floor(any(random) * any(random) * 20));
      features.set_silence_days(any(random) * 60);
      features.set_span_days(features.repeat_days() == 0 ? 0 : features.repeat_days() * (3 + 10 * any(random)));
      features.set_age_days(features.span_days() + features.silence_days());
      features.set_gap_mean_days(features.repeat_days() == 0 ? 0 : features.span_days() / features.repeat_days());
      features.set_days_8w(std::floor(any(random) * 8));
      row.set_bought(any(random) > Truth(features));
    }
  }
  return rows;
}

std::string Refusal(const TrainingRowList& training, const TrainingRowList& judged,
                    const std::string& model = "logistic") {
  const auto fit = FitChurn(training, judged, {model, "churn", "1"});
  return fit.ok() ? "" : std::string(fit.status().message());
}

// How well the truth itself would rank the judged rows.
double BestAuc(const TrainingRowList& judged) {
  std::vector<Prediction> predictions;
  for (const v1::TrainingRow& row : judged) predictions.push_back({Truth(row.features()), !row.bought()});
  return *RocAuc(predictions);
}

class FitEachTest : public ::testing::TestWithParam<const char*> {};

TEST_P(FitEachTest, FindsWhatThereIsToFindAndRisksComeTrue) {
  const TrainingRowList judged = Rows(2000, 1, 99, 8);
  const auto fit = FitChurn(Rows(2000, 4), judged, {GetParam(), "churn", "1"});
  ASSERT_TRUE(fit.ok()) << fit.status();
  ASSERT_THAT(fit->judgements, SizeIs(3));
  EXPECT_EQ(fit->judgements[0].name, GetParam());
  EXPECT_GT(fit->judgements[0].auc, BestAuc(judged) - 0.02);
  EXPECT_GT(fit->judgements[0].auc, fit->judgements[2].auc) << "recency alone";
  for (const CalibrationRow& row : fit->judgements[0].calibration) {
    EXPECT_NEAR(row.mean_predicted, row.observed_rate, std::max(0.05, 3.5 * row.standard_error));
  }
  EXPECT_TRUE(RiskModel::Make(fit->model).ok());
  EXPECT_THAT(fit->remarks, IsEmpty());
}

TEST_P(FitEachTest, TheSameRowsGiveTheSameModel) {
  const TrainingRowList judged = Rows(300, 1, 99, 8);
  const auto a = FitChurn(Rows(300, 4), judged, {GetParam(), "churn", "1"});
  const auto b = FitChurn(Rows(300, 4), judged, {GetParam(), "churn", "1"});
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->model.SerializeAsString(), b->model.SerializeAsString());
}

INSTANTIATE_TEST_SUITE_P(Models, FitEachTest, ::testing::Values("logistic", "forest", "boosted"));

TEST(FitTest, NoHorizonReachesBeyondTheCutOffThatIsJudged) {
  TrainingRowList training = Rows(500, 3);
  const TrainingRowList judged = Rows(500, 1, 99, 2);
  const auto fit = FitChurn(training, judged, {"logistic", "churn", "1"});
  ASSERT_TRUE(fit.ok()) << fit.status();
  // The third cut-off is that of the judged rows: its outcome is not known then.
  EXPECT_EQ(fit->model.training().cutoffs_ms_size(), 2);
  EXPECT_EQ(fit->model.training().rows(), 1000);
  EXPECT_EQ(fit->model.training().customers(), 500);
}

TEST(FitTest, AnotherHorizonRanksOnly) {
  TrainingRowList judged = Rows(500, 1, 99, 8);
  for (v1::TrainingRow& row : judged) row.set_horizon_days(273);
  const auto fit = FitChurn(Rows(500, 3), judged, {"logistic", "churn", "1"});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_FALSE(fit->judgements[0].brier.has_value());
  EXPECT_THAT(fit->remarks, ::testing::Contains(HasSubstr("fitted for 28 days and judged on 273")));
}

TEST(FitTest, PurchaseModelsTakeTheirHistoriesFromTheJudgedRows) {
  const auto fit = FitChurn({}, Rows(1000, 1), {"mbgnbd", "churn", "1"});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_EQ(fit->model.purchases().model(), "mbg-nbd");
  EXPECT_THAT(fit->judgements, SizeIs(2));
}

TEST(FitTest, WhatCannotBeLearntFromIsRefusedInWordsThatHelp) {
  const TrainingRowList judged = Rows(200, 1, 99, 8);
  EXPECT_THAT(Refusal(Rows(99, 2), judged), HasSubstr("expected at least 100 customers to learn from, got 99"));
  EXPECT_THAT(Refusal(Rows(200, 1, 1, 8), judged), HasSubstr("no cut-off to learn from: its horizon must end by"));
  EXPECT_THAT(Refusal(Rows(200, 2), {}), HasSubstr("no row to judge"));
  EXPECT_THAT(Refusal(Rows(200, 2), Rows(200, 2, 1, 8)), HasSubstr("rows of one cut-off"));
  EXPECT_THAT(Refusal(Rows(200, 2), judged, "oracle"), HasSubstr("--model: expected logistic, forest"));
  TrainingRowList one_class = Rows(200, 2);
  for (v1::TrainingRow& row : one_class) row.set_bought(true);
  EXPECT_THAT(Refusal(one_class, judged), HasSubstr("every customer bought within the horizon of 28 days"));
  TrainingRowList nobody = judged;
  for (v1::TrainingRow& row : nobody) row.set_bought(false);
  EXPECT_THAT(Refusal(Rows(200, 2), nobody),
              HasSubstr("nobody bought within the horizon of 28 days: nothing to judge"));
  EXPECT_THAT(Refusal(Rows(200, 2), Rows(99, 1, 1, 8)),
              HasSubstr("at least 100 customers to judge the model on, got 99"));
  TrainingRowList alike = Rows(200, 2);
  for (v1::TrainingRow& row : alike) *row.mutable_features() = alike.front().features();
  EXPECT_THAT(Refusal(alike, judged), HasSubstr("all customers are alike"));
}

}  // namespace
}  // namespace ebb
