#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

#include "operators/churn/models/purchase_model.h"

namespace ebb {
namespace {

PurchaseModel ParetoNbd(double r, double alpha, double s, double beta) {
  return {.kind = PurchaseModelKind::kParetoNbd, .r = r, .alpha = alpha, .s = s, .beta = beta};
}

// As published, rounded: CDNOW 1/10 sample.
const PurchaseModel kPublished = ParetoNbd(0.5533, 10.578, 0.6061, 11.669);

PurchaseHistory Silent(PurchaseHistory history, double weeks) {
  history.T += weeks;
  return history;
}

// From the published formulas (A_0 as a difference of two 2F1), with 40 digits.
struct Reference {
  PurchaseModel model;
  PurchaseHistory history;
  double horizon_weeks;
  double p_alive;
  double risk;
  double expected;
  double log_likelihood;
};

TEST(ParetoNbdTest, AgreesWithFortyDigitArithmetic) {
  const Reference references[] = {
      {kPublished,
       {2, 30.43, 38.86},
       39,
       0.86914415785215558,
       0.40805780486427902,
       1.4552118183625915,
       -9.5541299608162105},
      {kPublished, {0, 0, 38}, 39, 0.30029983448915328, 0.92884475699665166, 0.11059848255274189, -0.51837621770774539},
      {kPublished, {0, 0, 0}, 78, 1, 0.55254778423547729, 1.910213391376872, 0},
      {kPublished, {29, 37, 38}, 4, 0.98314503114309176, 0.12491680426300147, 2.3364591874470738, -45.042018907716439},
      {kPublished,
       {300, 900, 1000},
       52,
       1.1709241387805953e-11,
       0.9999999999883143,
       1.7833991141589426e-10,
       -643.65688631662625},
      {ParetoNbd(2, 1.5, 0.02, 40),
       {40, 36, 39},
       4,
       0.99425127460777023,
       0.025002597606167888,
       4.1222483872519805,
       -40.617386970097746},
      {ParetoNbd(0.5, 20, 3, 2),
       {5, 10, 30},
       26,
       0.0057393866119916787,
       0.99688879244713931,
       0.0070264833004835106,
       -19.790174598719965},
      {ParetoNbd(0.5, 10, 1, 10),
       {3, 10, 20},
       26,
       0.46390456937674257,
       0.66093655916202544,
       1.0134181259130093,
       -10.454825501210838},
      {ParetoNbd(0.001, 1000, 0.001, 0.001),
       {1, 0.5, 5000},
       52,
       0.95710763014513063,
       0.99176819327548564,
       0.0083031846996646456,
       -15.580647307670284},
  };
  for (const Reference& it : references) {
    SCOPED_TRACE(testing::Message() << "x " << it.history.x << ", T " << it.history.T << ", r " << it.model.r);
    EXPECT_NEAR(PAlive(it.model, it.history) / it.p_alive, 1, 1e-10);
    EXPECT_NEAR(RiskOfNoPurchase(it.model, it.history, it.horizon_weeks), it.risk, 1e-13);
    EXPECT_NEAR(ExpectedPurchases(it.model, it.history, it.horizon_weeks) / it.expected, 1, 1e-10);
    EXPECT_NEAR(LogLikelihood(it.model, it.history), it.log_likelihood, 1e-10);
  }
}

// The mean over both rates, gamma distributed, of `f(lambda, mu)` by the trapezoidal rule over their logarithms.
double MeanOverRates(const PurchaseModel& model, const std::function<double(double, double)>& f) {
  constexpr double kStep = 0.1;
  const auto log_density = [](double shape, double weeks, double rate) {
    return shape * std::log(weeks * rate) - weeks * rate - std::lgamma(shape);
  };
  double sum = 0;
  for (double log_lambda = -60; log_lambda < 6; log_lambda += kStep) {
    const double lambda = std::exp(log_lambda);
    for (double log_mu = -60; log_mu < 6; log_mu += kStep) {
      const double mu = std::exp(log_mu);
      const double weight = log_density(model.r, model.alpha, lambda) + log_density(model.s, model.beta, mu);
      if (weight > -60) sum += std::exp(weight) * f(lambda, mu);
    }
  }
  return sum * kStep * kStep;
}

// The story itself: purchases at a rate, a lifetime at another, nothing seen after t_x.
TEST(ParetoNbdTest, AgreesWithNumericalIntegrationOverTheRates) {
  constexpr double kHorizon = 13;
  for (const PurchaseModel& model : {kPublished, ParetoNbd(2, 5, 1.3, 9), ParetoNbd(0.9, 4, 0.7, 30)}) {
    for (const PurchaseHistory& history : {PurchaseHistory{0, 0, 20}, {2, 15, 20}, {7, 19, 20}, {4, 6, 40}}) {
      const auto silent_until = [&](double until) {
        return MeanOverRates(model, [&](double lambda, double mu) {
          const double both = lambda + mu;
          return std::pow(lambda, history.x) / both *
                 (mu * std::exp(-both * history.t_x) + lambda * std::exp(-both * until));
        });
      };
      const double seen = silent_until(history.T);
      const double alive = MeanOverRates(model, [&](double lambda, double mu) {
        return std::pow(lambda, history.x) * std::exp(-(lambda + mu) * history.T);
      });
      const double bought = MeanOverRates(model, [&](double lambda, double mu) {
        return std::pow(lambda, history.x) * std::exp(-(lambda + mu) * history.T) * lambda / mu *
               -std::expm1(-mu * kHorizon);
      });
      EXPECT_NEAR(LogLikelihood(model, history), std::log(seen), 1e-8);
      EXPECT_NEAR(PAlive(model, history), alive / seen, 1e-8);
      EXPECT_NEAR(RiskOfNoPurchase(model, history, kHorizon), silent_until(history.T + kHorizon) / seen, 1e-8);
      EXPECT_NEAR(ExpectedPurchases(model, history, kHorizon), bought / seen, 1e-8);
    }
  }
}

TEST(ParetoNbdTest, ExpectedPurchasesPassesSmoothlyThroughSEqualToOne) {
  const PurchaseHistory history{3, 10, 20};
  const double at_one = ExpectedPurchases(ParetoNbd(0.5, 10, 1, 10), history, 26);
  EXPECT_NEAR(ExpectedPurchases(ParetoNbd(0.5, 10, 1 + 1e-12, 10), history, 26), at_one, 1e-10);
  EXPECT_NEAR(ExpectedPurchases(ParetoNbd(0.5, 10, 1 - 1e-12, 10), history, 26), at_one, 1e-10);
}

TEST(ParetoNbdTest, EqualScalesAreNoSpecialCase) {
  const PurchaseHistory history{3, 10, 20};
  const double equal = RiskOfNoPurchase(ParetoNbd(0.5, 10, 0.6, 10), history, 26);
  EXPECT_NEAR(RiskOfNoPurchase(ParetoNbd(0.5, 10 + 1e-9, 0.6, 10), history, 26), equal, 1e-9);
  EXPECT_NEAR(RiskOfNoPurchase(ParetoNbd(0.5, 10 - 1e-9, 0.6, 10), history, 26), equal, 1e-9);
}

TEST(ParetoNbdTest, OneTimeBuyersMayHaveLeft) {
  EXPECT_EQ(PAlive(kPublished, {0, 0, 0}), 1);
  EXPECT_LT(PAlive(kPublished, {0, 0, 500}), 0.1);
}

TEST(ParetoNbdTest, RiskRisesWithSilenceAndFallsWithTheHorizon) {
  constexpr double kRounding = 1e-15;
  for (const PurchaseModel& model : {kPublished, ParetoNbd(2, 1.5, 0.02, 40), ParetoNbd(0.5, 20, 3, 2)}) {
    for (const PurchaseHistory& history : {PurchaseHistory{0, 0, 0}, {2, 30, 30}, {300, 900, 900}}) {
      double previous = 0;
      for (double silence = 0; silence < 100; silence += 0.05) {
        const double risk = RiskOfNoPurchase(model, Silent(history, silence), 4);
        ASSERT_GE(risk, previous - kRounding) << "x " << history.x << ", silence " << silence;
        ASSERT_LE(RiskOfNoPurchase(model, Silent(history, silence), 5), risk);
        previous = risk;
      }
      EXPECT_EQ(RiskOfNoPurchase(model, history, 0), 1) << "nobody buys within no time";
    }
  }
}

TEST(ParetoNbdTest, RiskReachesTheThresholdAtTheCrossingAndNotOneMillisecondBefore) {
  constexpr double kMillisecond = 1 / kMillisPerWeek;
  int crossings = 0;
  for (const PurchaseModel& model : {kPublished, ParetoNbd(2, 1.5, 0.02, 40), ParetoNbd(0.5, 20, 3, 2)}) {
    for (const PurchaseHistory& history : {PurchaseHistory{0, 0, 0}, {1, 0.5, 0.5}, {40, 36, 36}, {300, 900, 900}}) {
      for (double horizon : {1.0, 4.0, 39.0}) {
        for (double threshold : {0.05, 0.3, 0.5, 0.7, 0.9, 0.99}) {
          const double silence = WeeksUntilRisk(model, history, horizon, threshold);
          if (silence == 0) {
            EXPECT_GE(RiskOfNoPurchase(model, history, horizon), threshold);
            continue;
          }
          ++crossings;
          ASSERT_TRUE(std::isfinite(silence));
          EXPECT_GE(RiskOfNoPurchase(model, Silent(history, silence), horizon), threshold);
          EXPECT_LT(RiskOfNoPurchase(model, Silent(history, silence - kMillisecond), horizon), threshold);
        }
      }
    }
  }
  EXPECT_GT(crossings, 100);
}

TEST(ParetoNbdTest, CrossingIsNowWhenAtTheThresholdAndNeverWhenOutOfReach) {
  const PurchaseHistory history{2, 30, 40};
  const double risk = RiskOfNoPurchase(kPublished, history, 4);
  EXPECT_EQ(WeeksUntilRisk(kPublished, history, 4, risk), 0);
  EXPECT_EQ(WeeksUntilRisk(kPublished, history, 4, 0), 0);
  EXPECT_EQ(WeeksUntilRisk(kPublished, history, 4, 1), INFINITY);
  EXPECT_EQ(WeeksUntilRisk(ParetoNbd(1, 1, 1e-6, 1e6), {0, 0, 0}, 5000, 0.999), INFINITY)
      << "takes more than a thousand years";
}

TEST(ParetoNbdTest, ParametersAreNamedAsTheModelHasThem) {
  EXPECT_TRUE(ValidateParameters(kPublished).ok());
  const absl::Status status = ValidateParameters(ParetoNbd(1, 1, 0, 1));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("expected s to be a number above 0, got 0"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace ebb
