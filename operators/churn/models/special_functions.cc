#include "operators/churn/models/special_functions.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "operators/churn/models/quadrature.h"

namespace ebb {
namespace {

// Beyond this z the series takes longer than the integral.
constexpr double kSeriesMaxZ = 0.95;
constexpr int kSeriesMaxTerms = 2'000;
constexpr double kSeriesMaxSum = 1e290;

// From here on Stirling's series has all digits with four terms.
constexpr double kStirlingFrom = 15;

// What log(Gamma(value)) has beyond (value - 1/2) log(value) - value + log(2 pi) / 2 (A&S 6.1.41).
double StirlingRest(double value) {
  const double inverse = 1 / value;
  const double square = inverse * inverse;
  return inverse * (1.0 / 12 - square * (1.0 / 360 - square * (1.0 / 1260 - square / 1680)));
}

// None when the terms do not die out soon enough, or their sum is too large.
std::optional<double> SumSeries(double a, double b, double c, double z) {
  double term = 1;
  double sum = 0;
  for (int n = 0; n < kSeriesMaxTerms; ++n) {
    if (sum + term == sum) return sum;
    sum += term;
    if (sum > kSeriesMaxSum) break;
    term *= (a + n) * (b + n) / ((c + n) * (n + 1)) * z;
  }
  return std::nullopt;
}

}  // namespace

double SoftPlus(double value) { return value > 0 ? value + std::log1p(std::exp(-value)) : std::log1p(std::exp(value)); }

double Logistic(double value) { return 1 / (1 + std::exp(-value)); }

double LogAdd(double a, double b) {
  const double larger = std::max(a, b);
  if (std::isinf(larger)) return larger;
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

double LogGamma(double value) {
  int sign = 0;
  return lgamma_r(value, &sign);  // std::lgamma writes a global
}

double LogRisingFactorial(double value, double count) {
  const double end = value + count;
  if (value < kStirlingFrom) return LogGamma(end) - LogGamma(value);
  return (value - 0.5) * std::log1p(count / value) + count * (std::log(end) - 1) + StirlingRest(end) -
         StirlingRest(value);
}

double LogBeta(double a, double b) {
  const double smaller = std::min(a, b);
  return LogGamma(smaller) - LogRisingFactorial(std::max(a, b), smaller);
}

double LogHypergeometric2F1(double a, double b, double c, double z, double rest) {
  if (z < 0) return -a * std::log(rest) + LogHypergeometric2F1(a, c - b, c, -z / rest, 1 / rest);
  if (z <= kSeriesMaxZ) {
    if (const std::optional<double> sum = SumSeries(a, b, c, z)) return std::log(*sum);
  }
  const double log_rest_of_z = std::log(rest);
  const double log_integral = LogIntegralOverUnit([&](double log_t, double log_rest) {
    return (b - 1) * log_t + (c - b - 1) * log_rest - a * LogAdd(log_rest, log_t + log_rest_of_z);
  });
  return log_integral - LogBeta(b, c - b);
}

}  // namespace ebb
