#include "operators/churn/risk_model.h"

#include <cmath>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "operators/churn/models/purchase_model.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;

constexpr char kHead[] = R"(format: 1 id: "churn" version: "7" horizon_days: 28 typical_gap_days: 9 )";

v1::ChurnModel ModelOf(const std::string& text) {
  v1::ChurnModel model;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(kHead + text, &model)) << text;
  return model;
}

std::shared_ptr<const RiskModel> Made(const std::string& text) {
  auto made = RiskModel::Make(ModelOf(text));
  EXPECT_TRUE(made.ok()) << made.status();
  return made.ok() ? *made : nullptr;
}

std::string Refusal(const v1::ChurnModel& model) {
  const auto made = RiskModel::Make(model);
  return made.ok() ? "" : std::string(made.status().message());
}

v1::RiskFeatures Features(double silence_days, double orders) {
  v1::RiskFeatures features;
  features.set_silence_days(silence_days);
  features.set_orders(orders);
  return features;
}

double Logistic(double score) { return 1 / (1 + std::exp(-score)); }

constexpr char kLogistic[] = R"(
  features { name: "silence_days" median: 6 } features { name: "orders" median: 3 }
  logistic { intercept: 0.5 terms { weight: 2 mean: 1 scale: 4 } terms { weight: -1 mean: 0 scale: 0.5 } })";

// Silence of 10 days and more leads right, and there fewer than 5 orders left.
constexpr char kTrees[] = R"(
  features { name: "silence_days" median: 6 } features { name: "orders" median: 3 }
  trees { model: "boosted" base: 0.1
    trees { feature: [0, -1, 1, -1, -1] threshold: [10, 0, 5, 0, 0] left: [1, 0, 3, 0, 0]
            value: [0.0, -1.0, 2.0, 3.0, 1.0] } })";

TEST(RiskModelTest, LogisticRegressionIsASumOfStandardisedLogarithms) {
  const auto model = Made(kLogistic);
  const double score = 0.5 + 2 * (std::log(11) - 1) / 4 - std::log(4) / 0.5;
  EXPECT_DOUBLE_EQ(model->Risk(Features(10, 3)), Logistic(score));
  EXPECT_FALSE(model->rises_in_silence());
}

TEST(RiskModelTest, ContributionsOfLogisticRegressionAddUpToTheScoreLessItsIntercept) {
  const auto contributions = Made(kLogistic)->Explain(Features(10, 3));
  ASSERT_EQ(contributions.size(), 2u);
  EXPECT_EQ(contributions[0].feature, "orders");
  EXPECT_EQ(contributions[0].value, 3);
  EXPECT_EQ(contributions[0].usual, 3);
  EXPECT_DOUBLE_EQ(contributions[0].contribution, -std::log(4) / 0.5);
  EXPECT_EQ(contributions[1].feature, "silence_days");
  EXPECT_DOUBLE_EQ(contributions[1].contribution, 2 * (std::log(11) - 1) / 4);
}

TEST(RiskModelTest, APurchaseModelWithinALogisticOneIsATermOfItsOwn) {
  const std::string text = R"(
    features { name: "silence_days" median: 6 }
    logistic { intercept: 0.5 terms { weight: 2 mean: 1 scale: 4 }
      purchases { model: "mbg-nbd" r: 1.4 alpha: 1.36 a: 0.034 b: 34.1 }
      purchases_term { weight: 3 mean: -1 scale: 2 } })";
  const auto model = Made(text);
  v1::RiskFeatures features;
  features.set_repeat_days(20);
  features.set_span_days(140);
  features.set_silence_days(21);
  features.set_age_days(161);
  const PurchaseModel own{PurchaseModelKind::kMbgNbd, 1.4, 1.36, 0.034, 34.1};
  const double risk = RiskOfNoPurchase(own, {20, 20, 23}, 4);
  const double score = 0.5 + 2 * (std::log(22) - 1) / 4 + 3 * (std::log(risk / (1 - risk)) + 1) / 2;
  EXPECT_NEAR(model->Risk(features), Logistic(score), 1e-9);
  // The silence has both terms' part in it, so that reasons stay those of features.
  double sum = 0;
  for (const Contribution& c : model->Explain(features)) {
    EXPECT_TRUE(c.feature == "silence_days" || c.feature == "repeat_days") << c.feature;
    sum += c.contribution;
  }
  EXPECT_NEAR(sum, score - 0.5, 1e-9);

  v1::ChurnModel broken = ModelOf(text);
  broken.mutable_logistic()->mutable_purchases()->set_b(0);
  EXPECT_THAT(Refusal(broken), HasSubstr("logistic.purchases: purchase model: expected b"));
  broken = ModelOf(text);
  broken.mutable_logistic()->clear_purchases_term();
  EXPECT_THAT(Refusal(broken), HasSubstr("logistic: expected purchases and purchases_term, or neither"));
  broken = ModelOf(text);
  broken.mutable_logistic()->mutable_purchases_term()->set_scale(std::nan(""));
  EXPECT_THAT(Refusal(broken), HasSubstr("logistic.purchases_term: expected finite numbers"));
}

TEST(RiskModelTest, AValueAtTheThresholdGoesRight) {
  const auto model = Made(kTrees);
  EXPECT_DOUBLE_EQ(model->Risk(Features(9.99, 4)), Logistic(0.1 - 1));
  EXPECT_DOUBLE_EQ(model->Risk(Features(10, 4)), Logistic(0.1 + 3));
  EXPECT_DOUBLE_EQ(model->Risk(Features(10, 5)), Logistic(0.1 + 1));
}

TEST(RiskModelTest, ContributionsOfTreesAreTheStepsOfTheWay) {
  const auto contributions = Made(kTrees)->Explain(Features(10, 5));
  ASSERT_EQ(contributions.size(), 2u);
  EXPECT_EQ(contributions[0].feature, "silence_days");
  EXPECT_DOUBLE_EQ(contributions[0].contribution, 2);
  EXPECT_EQ(contributions[1].feature, "orders");
  EXPECT_DOUBLE_EQ(contributions[1].contribution, -1);
}

TEST(RiskModelTest, APurchaseModelGivesItsOwnRisk) {
  const auto model = Made(R"(purchases { model: "mbg-nbd" r: 1.4 alpha: 1.36 a: 0.034 b: 34.1 })");
  v1::RiskFeatures features;
  features.set_repeat_days(20);
  features.set_span_days(140);
  features.set_age_days(161);
  const PurchaseModel own{PurchaseModelKind::kMbgNbd, 1.4, 1.36, 0.034, 34.1};
  EXPECT_NEAR(model->Risk(features), RiskOfNoPurchase(own, {20, 20, 23}, 4), 1e-9);
  EXPECT_TRUE(model->rises_in_silence());
  EXPECT_EQ(model->Explain(features)[0].feature, "silence_days");
}

TEST(RiskModelTest, CalibrationIsALineOrSteps) {
  const std::string platt = " calibration { platt { slope: 0.5 intercept: -1 } }";
  EXPECT_DOUBLE_EQ(Made(kTrees + platt)->Risk(Features(0, 0)), Logistic(0.5 * -0.9 - 1));
  const std::string steps = R"( calibration {
    steps { lowest_score: -2 highest_score: -1.9 risk: 0.1 } steps { lowest_score: 0.1 highest_score: 2 risk: 0.3 }
    steps { lowest_score: 3 highest_score: 3 risk: 0.9 } })";
  const auto model = Made(kTrees + steps);
  // Halfway between the first two steps, on the second, and beyond the last.
  EXPECT_DOUBLE_EQ(model->Risk(Features(0, 0)), 0.2);
  EXPECT_DOUBLE_EQ(model->Risk(Features(10, 5)), 0.3);
  EXPECT_DOUBLE_EQ(model->Risk(Features(10, 4)), 0.9);
}

TEST(RiskModelTest, WhatCannotBeScoredIsRefusedWithItsPlace) {
  v1::ChurnModel model = ModelOf(kLogistic);
  model.set_format(2);
  EXPECT_EQ(Refusal(model), "format: expected 1, got 2");

  model = ModelOf(kLogistic);
  model.mutable_features(1)->set_name("shoe_size");
  EXPECT_THAT(Refusal(model), HasSubstr("features[1].name: shoe_size is no feature"));

  model = ModelOf(kLogistic);
  model.mutable_features(1)->set_name("silence_days");
  EXPECT_THAT(Refusal(model), HasSubstr("features[1].name: silence_days is listed twice"));

  model = ModelOf(kLogistic);
  model.mutable_logistic()->mutable_terms(0)->set_weight(std::nan(""));
  EXPECT_THAT(Refusal(model), HasSubstr("logistic.terms[0]: expected finite numbers"));

  model = ModelOf(kLogistic);
  model.mutable_logistic()->mutable_terms()->RemoveLast();
  EXPECT_THAT(Refusal(model), HasSubstr("expected one for each of the 2 features, got 1"));

  model = ModelOf(kTrees);
  model.mutable_trees()->mutable_trees(0)->set_left(2, 2);
  EXPECT_THAT(Refusal(model), HasSubstr("trees.trees[0].left[2]"));

  model = ModelOf(kTrees);
  model.mutable_trees()->mutable_trees(0)->mutable_threshold()->RemoveLast();
  EXPECT_THAT(Refusal(model), HasSubstr("expected columns of equal length"));

  model = ModelOf("");
  EXPECT_THAT(Refusal(model), HasSubstr("expected one of purchases, logistic and trees"));

  model = ModelOf(R"(purchases { model: "pareto-nbd" r: 1 alpha: 2 s: 0 beta: 3 })");
  EXPECT_THAT(Refusal(model), HasSubstr("expected s to be a number above 0"));

  model = ModelOf(std::string(kTrees) + R"( calibration { steps { lowest_score: 1 highest_score: 2 risk: 0.5 }
                                             steps { lowest_score: 2 highest_score: 3 risk: 0.4 } })");
  EXPECT_THAT(Refusal(model), HasSubstr("calibration.steps[1]: expected rising"));
}

TEST(RiskModelTest, WhatIsNoJsonOfAModelIsRefused) {
  EXPECT_THAT(std::string(ParseChurnModel("{\"format\": 1").status().message()), HasSubstr("not a model of churn"));
  EXPECT_THAT(std::string(ParseChurnModel("{\"shape\": 1}").status().message()), HasSubstr("shape"));
}

}  // namespace
}  // namespace ebb
