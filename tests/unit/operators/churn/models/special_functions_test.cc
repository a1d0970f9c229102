#include "operators/churn/models/special_functions.h"

#include <gtest/gtest.h>

#include <cmath>

#include "operators/churn/models/quadrature.h"

namespace ebb {
namespace {

// References computed with 40 digits.
TEST(SpecialFunctionsTest, HypergeometricFunctionAgreesWithFortyDigitArithmetic) {
  struct Reference {
    double a, b, c, z, log_value;
  };
  const Reference references[] = {
      {0.5, 1, 3, 0.3, 0.055105799623556853},     {3, 1, 3.5, 0.94, 2.124949030068384},
      {3, 1, 3.5, 0.96, 2.3870475006531742},      {3, 1, 3.5, 0.999999, 7.9862500491738109},
      {20.5, 1, 21.1, 0.999, 5.1203962125281524}, {300, 1, 300.6, 0.5, 0.6911596978225409},
      {0.25, 2, 2.5, -5, -0.39232224695914412},   {12, 3, 40, -1e6, -37.432184398477327},
      {900, 1, 901, -0.3, -0.26210804046748972},  {0.1, 1, 1e6, 0.99999, 9.999910499801034e-8},
      {50, 40, 60, 0.9, 73.022899749677464},      {1e5, 1, 100'001.5, 0.9, 2.3024501162742892},
  };
  for (const Reference& it : references) {
    EXPECT_NEAR(LogHypergeometric2F1(it.a, it.b, it.c, it.z, 1 - it.z), it.log_value, 2e-11)
        << it.a << ", " << it.b << ", " << it.c << ", " << it.z;
  }
}

TEST(SpecialFunctionsTest, HypergeometricFunctionIsElementaryWhereTextbooksSaySo) {
  for (double z : {-1e9, -3.0, -0.5, 1e-9, 0.3, 0.94, 0.951, 0.999, 1 - 1e-9}) {
    EXPECT_NEAR(LogHypergeometric2F1(1, 1, 2, z, 1 - z), std::log(-std::log1p(-z) / z), 1e-11) << z;
    EXPECT_NEAR(LogHypergeometric2F1(3, 1, 2, z, 1 - z), std::log(std::expm1(-2 * std::log1p(-z)) / (2 * z)), 1e-11)
        << z;
  }
}

TEST(SpecialFunctionsTest, HypergeometricFunctionOfNothingIsOne) {
  EXPECT_EQ(LogHypergeometric2F1(3, 1, 2, 0, 1), 0);
  EXPECT_EQ(LogHypergeometric2F1(0, 1, 2, 0.5, 0.5), 0);
}

TEST(SpecialFunctionsTest, SeriesAndIntegralMeetWithoutAStep) {
  for (double a : {1e-6, 0.3, 5.0, 400.0, 1e5}) {
    for (double rest : {1e-6, 0.5, 10.0}) {
      const double c = a + rest + 1;
      const double series = LogHypergeometric2F1(a, 1, c, 0.95, 0.05);
      const double integral = LogHypergeometric2F1(a, 1, c, std::nextafter(0.95, 1), 0.05);
      EXPECT_NEAR(series, integral, 1e-10) << a << ", " << rest;
    }
  }
}

TEST(SpecialFunctionsTest, HypergeometricFunctionIsFiniteAndRisesWithItsArgumentAtExtremes) {
  for (double a : {1e-6, 0.5, 30.0, 1e4, 1e6}) {
    for (double excess : {1e-6, 0.5, 30.0, 1e6}) {
      double previous = -1e-10;
      for (double rest : {1 - 1e-12, 0.7, 0.1, 0.049, 1e-3, 1e-6, 1e-12}) {
        const double log_value = LogHypergeometric2F1(a, 1, a + excess + 1, 1 - rest, rest);
        ASSERT_TRUE(std::isfinite(log_value)) << a << ", " << excess << ", " << rest;
        EXPECT_GE(log_value, previous - 1e-9) << a << ", " << excess << ", " << rest;
        previous = log_value;
      }
    }
  }
}

TEST(SpecialFunctionsTest, RatiosOfGammaFunctionsKeepTheirDigits) {
  EXPECT_EQ(LogRisingFactorial(0.3, 0), 0);
  EXPECT_EQ(LogRisingFactorial(1e8, 0), 0);
  EXPECT_NEAR(LogRisingFactorial(0.25, 3), std::log(0.25 * 1.25 * 2.25), 1e-14);
  EXPECT_NEAR(LogRisingFactorial(1e6, 2), std::log(1e6) + std::log(1e6 + 1), 1e-14 * 30);
  EXPECT_NEAR(LogRisingFactorial(16, 3), std::log(16.0 * 17 * 18), 2e-14);
  EXPECT_NEAR(LogBeta(1, 1e6), -std::log(1e6), 1e-13);
  EXPECT_NEAR(LogBeta(2, 3), std::log(1.0 / 12), 1e-14);
  EXPECT_NEAR(LogBeta(1e-6, 1e-6), std::log(2e6), 1e-11);
}

TEST(SpecialFunctionsTest, SumsOfExponentialsDoNotOverflow) {
  EXPECT_EQ(SoftPlus(1e6), 1e6);
  EXPECT_EQ(SoftPlus(-1e6), 0);
  EXPECT_DOUBLE_EQ(SoftPlus(0), std::log(2));
  EXPECT_EQ(Logistic(-1e6), 0);
  EXPECT_EQ(Logistic(1e6), 1);
  EXPECT_DOUBLE_EQ(LogAdd(1e6, 1e6), 1e6 + std::log(2));
  EXPECT_EQ(LogAdd(-INFINITY, 3), 3);
  EXPECT_EQ(LogAdd(-INFINITY, -INFINITY), -INFINITY);
}

TEST(QuadratureTest, BetaIntegralsComeOutForFlatSingularAndNeedleShapes) {
  for (double a : {1e-6, 0.01, 1.0, 7.0, 1e4, 1e6}) {
    for (double b : {1e-6, 0.5, 3.0, 1e3, 1e6}) {
      const double log_integral =
          LogIntegralOverUnit([&](double log_t, double log_rest) { return (a - 1) * log_t + (b - 1) * log_rest; });
      EXPECT_NEAR(log_integral, LogBeta(a, b), 1e-10 + 1e-15 * std::abs(LogBeta(a, b))) << a << ", " << b;
    }
  }
}

}  // namespace
}  // namespace ebb
