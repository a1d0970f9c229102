#include "operators/churn/models/spend_model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace ebb {
namespace {

// As published, rounded: CDNOW 1/10 sample.
constexpr GammaGamma kPublished{.p = 6.25, .q = 3.74, .v = 15.44};
constexpr PurchaseModel kPareto{
    .kind = PurchaseModelKind::kParetoNbd, .r = 0.5533, .alpha = 10.578, .s = 0.6061, .beta = 11.669};

TEST(SpendModelTest, WithoutHistoryACustomerSpendsWhatThePopulationDoes) {
  EXPECT_NEAR(*PopulationSpend(kPublished), 6.25 * 15.44 / 2.74, 1e-12);
  EXPECT_EQ(*ExpectedSpend(kPublished, {.x = 0, .mean = 999}), *PopulationSpend(kPublished));
}

TEST(SpendModelTest, ExpectedSpendIsTheWeightedMeanOfCustomerAndPopulation) {
  // 6.25 (15.44 + 10) / (6.25 + 2.74)
  EXPECT_NEAR(*ExpectedSpend(kPublished, {.x = 1, .mean = 10}), 159.0 / 8.99, 1e-12);
  const double weight = 6.25 * 4 / (6.25 * 4 + 2.74);
  EXPECT_NEAR(*ExpectedSpend(kPublished, {.x = 4, .mean = 80}),
              weight * 80 + (1 - weight) * *PopulationSpend(kPublished), 1e-12);
  EXPECT_NEAR(*ExpectedSpend(kPublished, {.x = 1e6, .mean = 80}), 80, 1e-3);
}

TEST(SpendModelTest, ThereIsNoMeanWhenQIsAtMostOne) {
  for (double q : {0.3, 1.0}) {
    const GammaGamma model{.p = 6, .q = q, .v = 15};
    EXPECT_FALSE(PopulationSpend(model));
    EXPECT_FALSE(ExpectedSpend(model, {.x = 5, .mean = 30}));
    EXPECT_FALSE(LifetimeValue(kPareto, {}, model, {}, 52, 0.1));
  }
}

TEST(SpendModelTest, LogLikelihoodAgreesWithNumericalIntegrationOverTheRates) {
  for (const SpendHistory& history : {SpendHistory{1, 10}, {3, 35}, {12, 140}}) {
    const double shape = kPublished.p * history.x;
    double density = 0;
    constexpr double kStep = 0.01;
    for (double log_rate = -30; log_rate < 10; log_rate += kStep) {
      const double rate = std::exp(log_rate);
      const double spends = shape * std::log(rate * history.x) + (shape - 1) * std::log(history.mean) -
                            rate * history.x * history.mean - std::lgamma(shape);
      const double rates =
          kPublished.q * std::log(kPublished.v * rate) - kPublished.v * rate - std::lgamma(kPublished.q);
      density += std::exp(spends + rates) * kStep;
    }
    EXPECT_NEAR(LogLikelihood(kPublished, history), std::log(density), 1e-10);
  }
}

TEST(SpendModelTest, WithoutDiscountFutureSpendIsPurchasesTimesMean) {
  const PurchaseHistory history{2, 30.43, 38.86};
  EXPECT_EQ(DiscountedPurchases(kPareto, history, 39, 0), ExpectedPurchases(kPareto, history, 39));
  EXPECT_DOUBLE_EQ(*LifetimeValue(kPareto, history, kPublished, {2, 35}, 39, 0),
                   ExpectedPurchases(kPareto, history, 39) * *ExpectedSpend(kPublished, {2, 35}));
}

TEST(SpendModelTest, DiscountedPurchasesAreTheSumOfSmallSteps) {
  constexpr double kWeeksPerYear = 365.25 / 7;
  for (const PurchaseModel& model : {kPareto, kMailOrderMbgNbd, kGrocerBgNbd}) {
    for (const PurchaseHistory& history : {PurchaseHistory{2, 30.43, 38.86}, {0, 0, 0}, {40, 36, 39}}) {
      for (double rate : {0.1, 1.5, -0.2}) {
        constexpr int kSteps = 20'000;
        constexpr double kHorizon = 156;
        double sum = 0;
        double before = 0;
        for (int step = 0; step < kSteps; ++step) {
          const double middle = kHorizon * (step + 0.5) / kSteps;
          const double by = ExpectedPurchases(model, history, kHorizon * (step + 1) / kSteps);
          sum += (by - before) * std::pow(1 + rate, -middle / kWeeksPerYear);
          before = by;
        }
        EXPECT_NEAR(DiscountedPurchases(model, history, kHorizon, rate) / sum, 1, 1e-7);
      }
    }
  }
}

TEST(SpendModelTest, ExtremesGiveNumbers) {
  for (double p : {1e-6, 1.0, 1e6}) {
    for (double q : {1e-6, 1 + 1e-9, 3.0, 1e6}) {
      for (double v : {1e-6, 1.0, 1e6}) {
        const GammaGamma model{p, q, v};
        for (const SpendHistory& history : {SpendHistory{1, 1e-9}, {1, 1e9}, {900, 35}, {100'000, 1e9}}) {
          EXPECT_TRUE(std::isfinite(LogLikelihood(model, history))) << p << ", " << q << ", " << v;
          const std::optional<double> spend = ExpectedSpend(model, history);
          ASSERT_EQ(spend.has_value(), q > 1);
          if (!spend) continue;
          const double population = *PopulationSpend(model);
          EXPECT_GE(*spend, std::min(population, history.mean) * (1 - 1e-12));
          EXPECT_LE(*spend, std::max(population, history.mean) * (1 + 1e-12));
        }
      }
    }
  }
  for (const PurchaseModel& model : {kPareto, kMailOrderMbgNbd, kGrocerBgNbd}) {
    for (const PurchaseHistory& history : {PurchaseHistory{0, 0, 0}, {900, 4000, 4000}, {900, 10, 4000}}) {
      for (double horizon : {0.0, 1e-9, 52.0, 5000.0}) {
        const double all = ExpectedPurchases(model, history, horizon);
        const double discounted = DiscountedPurchases(model, history, horizon, 0.1);
        EXPECT_TRUE(discounted >= 0 && discounted <= all * (1 + 1e-9)) << discounted << " of " << all;
        EXPECT_LE(DiscountedPurchases(model, history, horizon, 1000), discounted * (1 + 1e-9));
      }
    }
  }
}

TEST(SpendModelTest, ParametersThatAreNotPositiveAreNamed) {
  EXPECT_TRUE(ValidateParameters(kPublished).ok());
  const absl::Status status = ValidateParameters(GammaGamma{.p = 6, .q = NAN, .v = 15});
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("expected q to be a number above 0, got nan"), absl::string_view::npos) << status;
}

}  // namespace
}  // namespace ebb
