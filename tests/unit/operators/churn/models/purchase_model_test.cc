#include "operators/churn/models/purchase_model.h"

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ebb {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kMillisecond = 1 / kMillisPerWeek;

// As published, rounded: Fader, Hardie, Lee (2005), CDNOW 1/10 sample.
constexpr PurchaseModel kPublished{PurchaseModelKind::kBgNbd, 0.243, 4.414, 0.793, 2.426};
constexpr PurchaseHistory kPublishedCustomer{.x = 2, .t_x = 30.43, .T = 38.86};

const std::vector<PurchaseModel>& Models() {
  static const auto* models =
      new std::vector<PurchaseModel>{kGrocerMbgNbd, kGrocerBgNbd, kMailOrderMbgNbd, kMailOrderBgNbd};
  return *models;
}

const std::vector<PurchaseHistory>& Histories() {
  static const auto* histories = new std::vector<PurchaseHistory>{
      {0, 0, 0}, {0, 0, 38}, {1, 0.5, 0.5}, {2, 30.43, 38.86}, {40, 36, 36}, {300, 900, 900}, {900, 3000, 3010}};
  return *histories;
}

void ExpectRelative(double expected, double actual, double tolerance) {
  EXPECT_NEAR(actual / expected, 1, tolerance) << "expected " << expected << ", got " << actual;
}

TEST(PurchaseModelTest, PublishedValuesHoldWithinTheirRounding) {
  ExpectRelative(1.226, ExpectedPurchases(kPublished, kPublishedCustomer, 39), 0.005);
  ExpectRelative(0.0532, ExpectedPurchases(kPublished, {}, 1), 0.005);
  ExpectRelative(1.8576, ExpectedPurchases(kPublished, {}, 78), 0.005);
}

TEST(PurchaseModelTest, FittedDefaultsGivePublishedValuesToTheLastDigit) {
  EXPECT_NEAR(ExpectedPurchases(kMailOrderBgNbd, kPublishedCustomer, 39), 1.226, 0.0005);
  EXPECT_NEAR(ExpectedPurchases(kMailOrderBgNbd, {}, 1), 0.0532, 0.00005);
  EXPECT_NEAR(ExpectedPurchases(kMailOrderBgNbd, {}, 78), 1.8576, 0.0005);
}

// References computed with 40 digits from the published, untransformed formulas.
struct Reference {
  PurchaseModel model;
  PurchaseHistory history;
  double horizon_weeks;
  double p_alive;
  double active;  // 1 - risk
  double expected;
};

TEST(PurchaseModelTest, ClosedFormsAgreeWithFortyDigitArithmetic) {
  const Reference references[] = {
      {kMailOrderBgNbd, {2, 30.43, 38.86}, 39, 0.72660917370233521, 1 - 0.44539262380931283, 1.2259068652905555},
      {kMailOrderBgNbd, {0, 0, 38}, 39, 1, 1 - 0.85368807848162703, 0.19833617467647578},
      {kMailOrderBgNbd, {300, 900, 1000}, 52, 8.0399067456598909e-12, 8.0399e-12, 1.2249963071146326e-10},
      {kMailOrderBgNbd, {1, 0.5, 1}, 5000, 0.7306295995892562, 1 - 0.26952113728426874, 25.396003799403172},
      {kMailOrderMbgNbd, {2, 30.43, 38.86}, 39, 0.70612568918414187, 1 - 0.44008126144808906, 1.2626692078025406},
      {kMailOrderMbgNbd, {0, 0, 0}, 78, 0.64421930832476372, 1 - 0.51940633391041721, 1.8036304105238014},
      {kMailOrderMbgNbd, {0, 0, 38}, 39, 0.39212413950604677, 1 - 0.88920046986514545, 0.15755697832217833},
      {kMailOrderMbgNbd, {40, 36, 39}, 4, 0.7425465059801336, 1 - 0.2813202312621384, 2.568688403286157},
      {kGrocerMbgNbd, {0, 0, 38}, 39, 0.89800261438089551, 1 - 0.44342816112108066, 1.2481777481828271},
      {kGrocerMbgNbd, {40, 36, 39}, 4, 0.98874369288057784, 1 - 0.031026206885225307, 4.0530482442475067},
      {kGrocerMbgNbd, {300, 900, 1000}, 52, 1.6393366984853671e-10, 1.63934e-10, 2.5637975369329403e-9},
  };
  for (const Reference& reference : references) {
    ExpectRelative(reference.p_alive, PAlive(reference.model, reference.history), 1e-10);
    EXPECT_NEAR(RiskOfNoPurchase(reference.model, reference.history, reference.horizon_weeks), 1 - reference.active,
                1e-14);
    ExpectRelative(reference.expected,
                   ExpectedPurchases(reference.model, reference.history, reference.horizon_weeks), 1e-10);
  }
}

TEST(PurchaseModelTest, ExpectedPurchasesPassesSmoothlyThroughAEqualToOne) {
  const PurchaseModel at_one{PurchaseModelKind::kBgNbd, 0.5, 4, 1, 2.5};
  PurchaseModel beside = at_one;
  beside.a = 1 + 1e-12;
  ExpectRelative(1.152432274085474, ExpectedPurchases(at_one, {3, 10, 20}, 26), 1e-12);
  ExpectRelative(1.152432274085474, ExpectedPurchases(beside, {3, 10, 20}, 26), 1e-10);
}

TEST(PurchaseModelTest, LogLikelihoodAgreesWithFortyDigitArithmetic) {
  EXPECT_NEAR(LogLikelihood(kMailOrderBgNbd, {0, 0, 38.86}), -0.55380731296888189, 1e-11);
  EXPECT_NEAR(LogLikelihood(kMailOrderBgNbd, {2, 30.43, 38.86}), -9.4596921895378553, 1e-11);
  EXPECT_NEAR(LogLikelihood(kMailOrderBgNbd, {29, 37, 38}), -43.851630978989203, 1e-11);
  EXPECT_NEAR(LogLikelihood(kMailOrderMbgNbd, {0, 0, 38.86}), -0.53961135669367629, 1e-11);
  EXPECT_NEAR(LogLikelihood(kMailOrderMbgNbd, {2, 30.43, 38.86}), -9.4858555059424971, 1e-11);
  EXPECT_NEAR(LogLikelihood(kMailOrderMbgNbd, {29, 37, 38}), -44.388366765798965, 1e-11);
}

TEST(PurchaseModelTest, OneTimeBuyersAreSurelyAliveOnlyInBgNbdButTheirRiskRisesInBoth) {
  EXPECT_EQ(PAlive(kMailOrderBgNbd, {0, 0, 500}), 1);
  EXPECT_LT(PAlive(kMailOrderMbgNbd, {0, 0, 500}), 0.2);
  for (const PurchaseModel& model : Models()) {
    EXPECT_GT(RiskOfNoPurchase(model, {0, 0, 500}, 4), RiskOfNoPurchase(model, {0, 0, 50}, 4));
  }
}

TEST(PurchaseModelTest, RiskRisesWithSilenceAndFallsWithTheHorizon) {
  for (const PurchaseModel& model : Models()) {
    for (PurchaseHistory history : Histories()) {
      double previous = 0;
      for (double silence = 0; silence < 200; silence += 0.01) {
        history.T = history.t_x + silence;
        const double risk = RiskOfNoPurchase(model, history, 4);
        ASSERT_GE(risk, previous) << "x " << history.x << ", T " << history.T;
        ASSERT_LE(RiskOfNoPurchase(model, history, 5), risk);
        previous = risk;
      }
    }
  }
}

TEST(PurchaseModelTest, ExtremesNeitherOverflowNorLoseTheirMeaning) {
  for (const PurchaseModel& model : Models()) {
    for (double x : {0.0, 1.0, 500.0, 100'000.0}) {
      for (double t_x : {0.0, 1e-9, 3000.0}) {
        for (double T : {t_x, t_x + 1e-9, t_x + 5000, t_x + 1e9}) {
          for (double horizon : {0.0, 1e-9, 4.0, 5000.0}) {
            const PurchaseHistory history{x, t_x, T};
            const double alive = PAlive(model, history);
            const double risk = RiskOfNoPurchase(model, history, horizon);
            const double expected = ExpectedPurchases(model, history, horizon);
            EXPECT_TRUE(alive >= 0 && alive <= 1) << alive;
            EXPECT_TRUE(risk >= 0 && risk <= 1) << risk;
            EXPECT_TRUE(std::isfinite(expected)) << expected;
            EXPECT_TRUE(std::isfinite(LogLikelihood(model, history)));
          }
        }
      }
    }
    EXPECT_EQ(RiskOfNoPurchase(model, {2, 30, 40}, 0), 1) << "nobody buys within no time";
  }
}

TEST(PurchaseModelTest, RiskEqualsTheThresholdAtTheCrossingAndNotOneMillisecondBefore) {
  int crossings = 0;
  for (const PurchaseModel& model : Models()) {
    for (const PurchaseHistory& history : Histories()) {
      for (double horizon : {1.0, 4.0, 39.0}) {
        for (double threshold : {0.05, 0.3, 0.5, 0.7, 0.9, 0.99}) {
          const double silence = WeeksUntilRisk(model, history, horizon, threshold);
          if (silence == 0) {
            EXPECT_GE(RiskOfNoPurchase(model, history, horizon), threshold);
            continue;
          }
          ++crossings;
          ASSERT_TRUE(std::isfinite(silence));
          PurchaseHistory then = history;
          then.T = history.T + silence;
          const double risk = RiskOfNoPurchase(model, then, horizon);
          EXPECT_NEAR(risk, threshold, 1e-9);
          EXPECT_GE(risk, threshold);
          then.T = history.T + silence - kMillisecond;
          EXPECT_LT(RiskOfNoPurchase(model, then, horizon), threshold);
        }
      }
    }
  }
  EXPECT_GT(crossings, 300);
}

TEST(PurchaseModelTest, CrossingIsTheSameMomentFromWhereverInTheSilenceItIsAsked) {
  const double from_purchase = WeeksUntilRisk(kGrocerMbgNbd, {20, 30, 30}, 4, 0.7);
  const double two_weeks_later = WeeksUntilRisk(kGrocerMbgNbd, {20, 30, 32}, 4, 0.7);
  EXPECT_NEAR(from_purchase, 2 + two_weeks_later, kMillisecond / 1000);
}

TEST(PurchaseModelTest, CrossingIsNowWhenAtTheThresholdAndNeverWhenOutOfReach) {
  const PurchaseHistory history{2, 30, 40};
  const double risk = RiskOfNoPurchase(kMailOrderMbgNbd, history, 4);
  EXPECT_EQ(WeeksUntilRisk(kMailOrderMbgNbd, history, 4, risk), 0);
  EXPECT_EQ(WeeksUntilRisk(kMailOrderMbgNbd, history, 4, risk / 2), 0);
  EXPECT_EQ(WeeksUntilRisk(kMailOrderMbgNbd, history, 4, 0), 0);
  EXPECT_EQ(WeeksUntilRisk(kMailOrderMbgNbd, history, 0, 0.999), 0);
  EXPECT_EQ(WeeksUntilRisk(kMailOrderMbgNbd, history, 4, 1), kInfinity);
  EXPECT_EQ(WeeksUntilRisk(kGrocerMbgNbd, {300, 900, 900}, 4, 1), kInfinity) << "though rounded to 1 in the end";
  EXPECT_EQ(WeeksUntilRisk(kMailOrderBgNbd, {0, 0, 0}, 5000, 0.999), kInfinity) << "takes more than a thousand years";
}

TEST(PurchaseModelTest, HistoryAtCountsInWeeksAndHoldsOneDaysPurchasesAsOne) {
  constexpr int64_t kDay = 86'400'000;
  const PurchaseHistory history = HistoryAt(2, 10 * kDay, 24 * kDay, 31 * kDay);
  EXPECT_EQ(history.x, 2);
  EXPECT_EQ(history.t_x, 2);
  EXPECT_EQ(history.T, 3);
  EXPECT_EQ(HistoryAt(0, 10 * kDay, 10 * kDay + 3'600'000, 17 * kDay).t_x, 0);
}

TEST(PurchaseModelTest, ParametersThatAreNotPositiveAreNamed) {
  for (const PurchaseModel& model : Models()) EXPECT_TRUE(ValidateParameters(model).ok());
  PurchaseModel model = kGrocerMbgNbd;
  model.alpha = 0;
  EXPECT_EQ(ValidateParameters(model).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(ValidateParameters(model).message()).find("expected alpha to be a number above 0, got 0"),
            std::string::npos);
  model.alpha = std::nan("");
  EXPECT_FALSE(ValidateParameters(model).ok());
  model.alpha = kInfinity;
  EXPECT_FALSE(ValidateParameters(model).ok());
}

}  // namespace
}  // namespace ebb
