// One suite over all purchase models: whatever the parameters and the history, results are numbers that mean something.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "operators/churn/models/purchase_model.h"

namespace ebb {
namespace {

constexpr double kRounding = 1e-8;

class ExtremesTest : public testing::TestWithParam<PurchaseModelKind> {
 protected:
  // Tiny, usual and large, all combined.
  std::vector<PurchaseModel> Models() const {
    std::vector<PurchaseModel> models;
    for (double r : {1e-6, 0.5, 1e3, 1e6}) {
      for (double alpha : {1e-6, 5.0, 1e6}) {
        for (double first : {1e-6, 0.8, 1.0, 1e3, 1e6}) {
          for (double second : {1e-6, 3.0, 1e6}) {
            if (GetParam() == PurchaseModelKind::kParetoNbd) {
              models.push_back({.kind = GetParam(), .r = r, .alpha = alpha, .s = first, .beta = second});
            } else {
              models.push_back({.kind = GetParam(), .r = r, .alpha = alpha, .a = first, .b = second});
            }
          }
        }
      }
    }
    return models;
  }

  static std::string Describe(const PurchaseModel& model, const PurchaseHistory& history) {
    return testing::PrintToString(std::make_tuple("r, alpha, a, b, s, beta", model.r, model.alpha, model.a, model.b,
                                                  model.s, model.beta, "x, t_x, T", history.x, history.t_x, history.T));
  }

  // From the day of the last purchase on.
  const std::vector<PurchaseHistory> histories_ = {{0, 0, 0},       {1, 1e-9, 1e-9},   {3, 20, 20},
                                                   {300, 900, 900}, {900, 4000, 4000}, {100'000, 1, 1}};
  const std::vector<double> silences_ = {0, 1e-9, 1, 30, 5000, 50'000};
};

TEST_P(ExtremesTest, ProbabilitiesStayWithinZeroAndOneAndMoveTheRightWay) {
  for (const PurchaseModel& model : Models()) {
    for (const PurchaseHistory& start : histories_) {
      double alive_before = 1;
      double risk_before = 0;
      for (double silence : silences_) {
        PurchaseHistory history = start;
        history.T += silence;
        const std::string what = Describe(model, history);
        const double alive = PAlive(model, history);
        ASSERT_TRUE(alive >= 0 && alive <= 1) << what << alive;
        ASSERT_LE(alive, alive_before + kRounding) << what;
        alive_before = alive;
        const double risk = RiskOfNoPurchase(model, history, 4);
        ASSERT_TRUE(risk >= 0 && risk <= 1) << what << risk;
        ASSERT_GE(risk, risk_before - kRounding) << what;
        ASSERT_GE(risk, 1 - alive - kRounding) << what << "who left buys nothing";
        ASSERT_LE(RiskOfNoPurchase(model, history, 5000), risk + kRounding) << what;
        ASSERT_EQ(RiskOfNoPurchase(model, history, 0), 1) << what;
        risk_before = risk;
      }
    }
  }
}

TEST_P(ExtremesTest, ExpectedPurchasesIsFiniteAndRisesWithTheHorizonNoFasterThanWithoutLeaving) {
  for (const PurchaseModel& model : Models()) {
    for (const PurchaseHistory& start : histories_) {
      for (double silence : {0.0, 30.0, 5000.0}) {
        PurchaseHistory history = start;
        history.T += silence;
        const double rate = (model.r + history.x) / (model.alpha + history.T);
        double before = 0;
        for (double horizon : {0.0, 1e-9, 4.0, 5000.0}) {
          const double expected = ExpectedPurchases(model, history, horizon);
          ASSERT_TRUE(std::isfinite(expected)) << Describe(model, history) << horizon;
          ASSERT_GE(expected, before * (1 - kRounding)) << Describe(model, history) << horizon;
          ASSERT_LE(expected, rate * horizon * (1 + kRounding)) << Describe(model, history) << horizon;
          ASSERT_GE(expected, (1 - RiskOfNoPurchase(model, history, horizon)) * (1 - kRounding) - kRounding)
              << Describe(model, history) << horizon << ": one who buys buys at least once";
          before = expected;
        }
      }
    }
  }
}

TEST_P(ExtremesTest, LogLikelihoodIsFiniteAndFallsWithSilence) {
  for (const PurchaseModel& model : Models()) {
    for (const PurchaseHistory& start : histories_) {
      double before = INFINITY;
      for (double silence : silences_) {
        PurchaseHistory history = start;
        history.T += silence;
        const double log_likelihood = LogLikelihood(model, history);
        ASSERT_TRUE(std::isfinite(log_likelihood)) << Describe(model, history);
        ASSERT_LE(log_likelihood, before + kRounding * (1 + std::abs(before))) << Describe(model, history);
        before = log_likelihood;
      }
    }
  }
}

TEST_P(ExtremesTest, CrossingIsWhereTheRiskReachesTheThreshold) {
  for (const PurchaseModel& model : Models()) {
    for (const PurchaseHistory& history : histories_) {
      for (double threshold : {0.1, 0.7, 0.95}) {
        const double silence = WeeksUntilRisk(model, history, 4, threshold);
        ASSERT_GE(silence, 0) << Describe(model, history);
        PurchaseHistory then = history;
        then.T += std::isfinite(silence) ? silence : kMaxSilenceWeeks;
        const double risk = RiskOfNoPurchase(model, then, 4);
        if (std::isfinite(silence)) {
          ASSERT_GE(risk, threshold) << Describe(model, history);
        } else {
          ASSERT_LT(risk, threshold) << Describe(model, history);
        }
      }
    }
  }
}

// From the published formula with 40 digits; where the series loses its digits or is too long.
TEST(ExtremesOfBetaGeometricTest, ExpectedPurchasesAgreesWithFortyDigitArithmetic) {
  constexpr auto kBgNbd = PurchaseModelKind::kBgNbd;
  constexpr auto kMbgNbd = PurchaseModelKind::kMbgNbd;
  const struct {
    PurchaseModel model;
    PurchaseHistory history;
    double horizon_weeks;
    double expected;
  } references[] = {
      {{kBgNbd, 50, 4, 2, 3}, {3, 10, 20}, 26, 6.195189256516377e-12},
      {{kMbgNbd, 1, 4, 1000, 3}, {3, 10, 20}, 26, 0.0006614613832128627},
      {{kMbgNbd, 2, 4, 0.01, 1e5}, {3, 10, 20}, 26, 5.416656887104907},
      {{kBgNbd, 0.2, 4, 0.8, 2.4}, {1, 0.5, 1}, 50'000, 45.94902109712629},
      {{kMbgNbd, 30, 10, 5, 300}, {100, 200, 210}, 52, 4.080206545468653},
      {{kMbgNbd, 0.001, 0.001, 20, 20}, {0, 0, 0}, 100, 0.0112598683681756},
  };
  for (const auto& it : references) {
    EXPECT_NEAR(ExpectedPurchases(it.model, it.history, it.horizon_weeks) / it.expected, 1, 1e-12) << it.model.r;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ExtremesTest,
                         testing::Values(PurchaseModelKind::kBgNbd, PurchaseModelKind::kMbgNbd,
                                         PurchaseModelKind::kParetoNbd),
                         [](const testing::TestParamInfo<PurchaseModelKind>& kind) {
                           switch (kind.param) {
                             case PurchaseModelKind::kBgNbd: return "BgNbd";
                             case PurchaseModelKind::kMbgNbd: return "MbgNbd";
                             case PurchaseModelKind::kParetoNbd: return "ParetoNbd";
                           }
                           return "";
                         });

}  // namespace
}  // namespace ebb
