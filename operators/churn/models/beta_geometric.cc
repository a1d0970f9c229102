#include "operators/churn/models/beta_geometric.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/churn/models/quadrature.h"
#include "operators/churn/models/special_functions.h"

namespace ebb::beta_geometric {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Newton's method needs about eight steps; the bound is for arguments that are not numbers.
constexpr int kMaxNewtonSteps = 100;

// Beyond this z the series of ExpectedPurchases takes longer than the integral.
constexpr double kSeriesMaxZ = 0.95;
constexpr int kSeriesMaxTerms = 2'000;

// The part of the terms of the series that may cancel.
constexpr double kLeastRemainder = 1e-4;

// MBG/NBD is BG/NBD with b + 1 in place of b, except that those who bought once may have left too.
double EffectiveB(const PurchaseModel& model) {
  return model.kind == PurchaseModelKind::kMbgNbd ? model.b + 1 : model.b;
}

bool MayHaveLeft(const PurchaseModel& model, const PurchaseHistory& history) {
  return model.kind == PurchaseModelKind::kMbgNbd || history.x > 0;
}

// log((alpha + T) / (alpha + t_x))
double LogSilence(const PurchaseModel& model, const PurchaseHistory& history) {
  return std::log1p((history.T - history.t_x) / (model.alpha + history.t_x));
}

// Of leaving with the last purchase, as seen then; minus infinity for who cannot.
double LogOddsOfLeavingAtLast(const PurchaseModel& model, const PurchaseHistory& history) {
  if (!MayHaveLeft(model, history)) return -kInfinity;
  return std::log(model.a / (EffectiveB(model) + history.x - 1));
}

// log((1 - P(alive)) / P(alive))
double LogOddsOfHavingLeft(const PurchaseModel& model, const PurchaseHistory& history) {
  return LogOddsOfLeavingAtLast(model, history) + (model.r + history.x) * LogSilence(model, history);
}

// -log of the probability that a customer who is alive buys nothing in the horizon, leaving aside.
double QuietExponent(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  return (model.r + history.x) * std::log1p(horizon_weeks / (model.alpha + history.T));
}

PurchaseHistory After(PurchaseHistory history, double silence_weeks) {
  history.T += silence_weeks;
  return history;
}

// log(1 - risk) and its derivative with respect to log(alpha + T).
struct LogActive {
  double value;
  double slope;
};

LogActive LogActiveOf(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  const double log_odds = LogOddsOfHavingLeft(model, history);
  const double exponent = QuietExponent(model, history, horizon_weeks);
  const double count = model.r + history.x;
  const double exponent_slope = -count * horizon_weeks / (model.alpha + history.T + horizon_weeks);
  return {std::log(-std::expm1(-exponent)) - SoftPlus(log_odds),
          exponent_slope / std::expm1(exponent) - count * Logistic(log_odds)};
}

// log(1 - e^-value) where value may be too small for a number.
double LogOneMinusExp(double log_value) {
  constexpr double kFirstOrder = -37;
  return log_value < kFirstOrder ? log_value : std::log(-std::expm1(-std::exp(log_value)));
}

// log(log(1 + e^value))
double LogSoftPlus(double value) {
  constexpr double kFirstOrder = -37;
  return value < kFirstOrder ? value : std::log(SoftPlus(value));
}

// Expected purchases of who is alive, as the mean over the probability p to leave, beta distributed, of
//   1/p * [1 - (1 + p t / (alpha + T))^-(r + x)]
double IntegrateExpected(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  const double b = EffectiveB(model) + history.x;
  const double log_count = std::log(model.r + history.x);
  const double log_span = std::log(horizon_weeks / (model.alpha + history.T));
  const double log_integral = LogIntegralOverUnit([&](double log_p, double log_rest) {
    return (model.a - 2) * log_p + (b - 1) * log_rest + LogOneMinusExp(log_count + LogSoftPlus(log_p + log_span));
  });
  return std::exp(log_integral - LogBeta(model.a, b));
}

// The same as a series, or a number that is not above 0 when that is too long or has lost its digits. The published
// form, with C = a + b + x - 1 and z = t / (alpha + T + t),
//   C / (a - 1) * [1 - (1 - z)^(r + x) * 2F1(r + x, b + x; C; z)],
// loses all digits when x is large or a is near 1. Euler's transformation of 2F1 (Abramowitz and Stegun 15.3.3) turns
// the bracket into 1 - (1 - z)^(a - 1) * 2F1(A, a - 1; C; z), A = a + b - 1 - r, whose terms after the first all hold
// the factor a - 1, and C but for the first's denominator: both cancel.
double SumExpected(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  const double b = EffectiveB(model);
  const double c = model.a + b + history.x - 1;
  const double first = model.a + b - 1 - model.r;
  const double z = horizon_weeks / (model.alpha + history.T + horizon_weeks);
  if (z > kSeriesMaxZ) return 0;
  const double log_rest = -std::log1p(horizon_weeks / (model.alpha + history.T));  // log(1 - z)
  const double power = (model.a - 1) * log_rest;

  double term = first * z;
  double sum = 0;
  double size = 0;
  int n = 1;
  for (; n <= kSeriesMaxTerms && sum + term != sum; ++n) {
    sum += term;
    size += std::abs(term);
    term *= (first + n) * (model.a + n - 1) / ((c + n) * (n + 1)) * z;
  }
  const double head = c * (power == 0 ? -log_rest : -std::expm1(power) / (model.a - 1));
  const double expected = head - std::exp(power) * sum;
  return n <= kSeriesMaxTerms && expected > kLeastRemainder * (std::abs(head) + std::exp(power) * size) ? expected : 0;
}

}  // namespace

double PAlive(const PurchaseModel& model, const PurchaseHistory& history) {
  return Logistic(-LogOddsOfHavingLeft(model, history));
}

double RiskOfNoPurchase(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  return 1 + beta_geometric::PAlive(model, history) * std::expm1(-QuietExponent(model, history, horizon_weeks));
}

double WeeksUntilRisk(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks,
                      double threshold) {
  const auto risk_after = [&](double silence) {
    return beta_geometric::RiskOfNoPurchase(model, After(history, silence), horizon_weeks);
  };
  if (threshold >= 1) return kInfinity;
  if (risk_after(0) >= threshold) return 0;
  if (!(risk_after(kMaxSilenceWeeks) >= threshold)) return kInfinity;

  // From the right, each step stays right of the crossing until rounding stops it.
  const double target = std::log1p(-threshold);
  double silence = kMaxSilenceWeeks;
  for (int step = 0; step < kMaxNewtonSteps; ++step) {
    const PurchaseHistory then = After(history, silence);
    const LogActive active = LogActiveOf(model, then, horizon_weeks);
    // (alpha + T) times e^shift, written so that the difference keeps its digits.
    const double next = silence + (model.alpha + then.T) * std::expm1((target - active.value) / active.slope);
    if (!(next < silence)) break;
    silence = std::max(next, 0.0);
  }
  // Rounding may have ended a few units early.
  const double spacing = std::nextafter(history.T + silence, kInfinity) - (history.T + silence);
  for (double nudge = spacing; risk_after(silence) < threshold; nudge *= 2) silence += nudge;
  return silence;
}

double ExpectedPurchases(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  if (!(horizon_weeks > 0)) return 0;
  double expected = SumExpected(model, history, horizon_weeks);
  if (!(expected > 0)) expected = IntegrateExpected(model, history, horizon_weeks);
  return beta_geometric::PAlive(model, history) * expected;
}

double LogLikelihood(const PurchaseModel& model, const PurchaseHistory& history) {
  // Purchases after which the customer could have left.
  const double stays = history.x + (model.kind == PurchaseModelKind::kMbgNbd ? 1 : 0);
  const double buys = LogRisingFactorial(model.r, history.x) - history.x * std::log(model.alpha + history.t_x) -
                      model.r * std::log1p(history.t_x / model.alpha);
  const double since = -(model.r + history.x) * LogSilence(model, history);
  return buys + LogRisingFactorial(model.b, stays) - LogRisingFactorial(model.a + model.b, stays) +
         LogAdd(since, LogOddsOfLeavingAtLast(model, history));
}

}  // namespace ebb::beta_geometric
