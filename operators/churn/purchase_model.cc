#include "operators/churn/purchase_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"

namespace ebb {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Newton's method needs about eight steps; the bound is for arguments that are not numbers.
constexpr int kMaxNewtonSteps = 100;

// Enough for a horizon of 10,000 (alpha + T).
constexpr int kMaxSeriesTerms = 1'000'000;

// MBG/NBD is BG/NBD with b + 1 in place of b, except that those who bought once may have left too.
double EffectiveB(const PurchaseModel& model) {
  return model.kind == PurchaseModelKind::kMbgNbd ? model.b + 1 : model.b;
}

bool MayHaveLeft(const PurchaseModel& model, const PurchaseHistory& history) {
  return model.kind == PurchaseModelKind::kMbgNbd || history.x > 0;
}

double LogGamma(double value) {
  int sign = 0;
  return lgamma_r(value, &sign);  // std::lgamma writes a global
}

// log((1 - P(alive)) / P(alive)), minus infinity for who cannot have left.
double LogOddsOfHavingLeft(const PurchaseModel& model, const PurchaseHistory& history) {
  if (!MayHaveLeft(model, history)) return -kInfinity;
  const double silence = (history.T - history.t_x) / (model.alpha + history.t_x);
  return std::log(model.a / (EffectiveB(model) + history.x - 1)) + (model.r + history.x) * std::log1p(silence);
}

// -log of the probability that a customer who is alive buys nothing in the horizon, leaving aside.
double QuietExponent(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  return (model.r + history.x) * std::log1p(horizon_weeks / (model.alpha + history.T));
}

// log(1 + e^value) without overflow.
double SoftPlus(double value) {
  return value > 0 ? value + std::log1p(std::exp(-value)) : std::log1p(std::exp(value));
}

// 1 / (1 + e^-value); e^-value may overflow to infinity, which gives the right 0.
double Logistic(double value) { return 1 / (1 + std::exp(-value)); }

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

}  // namespace

absl::Status ValidateParameters(const PurchaseModel& model) {
  const struct {
    const char* name;
    double value;
  } parameters[] = {{"r", model.r}, {"alpha", model.alpha}, {"a", model.a}, {"b", model.b}};
  for (const auto& [name, value] : parameters) {
    if (std::isfinite(value) && value > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("purchase model: expected ", name, " to be a number above 0, got ", value,
                     "; leave all four out for the defaults, or fit them with deploy/data/fit_btyd.py"));
  }
  return absl::OkStatus();
}

PurchaseHistory HistoryAt(int64_t repeat_days, int64_t first_ms, int64_t last_ms, int64_t now_ms) {
  return {.x = static_cast<double>(repeat_days),
          .t_x = repeat_days > 0 ? static_cast<double>(last_ms - first_ms) / kMillisPerWeek : 0,
          .T = static_cast<double>(now_ms - first_ms) / kMillisPerWeek};
}

double PAlive(const PurchaseModel& model, const PurchaseHistory& history) {
  return Logistic(-LogOddsOfHavingLeft(model, history));
}

double RiskOfNoPurchase(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  return 1 + PAlive(model, history) * std::expm1(-QuietExponent(model, history, horizon_weeks));
}

double WeeksUntilRisk(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks,
                      double threshold) {
  const auto risk_after = [&](double silence) {
    return RiskOfNoPurchase(model, After(history, silence), horizon_weeks);
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

// The published form, with C = a + b + x - 1 and z = t / (alpha + T + t),
//   P(alive) * C / (a - 1) * [1 - (1 - z)^(r + x) * 2F1(r + x, b + x; C; z)],
// loses all digits when x is large or a is near 1. Euler's transformation of 2F1 (Abramowitz and Stegun 15.3.3) turns
// the bracket into 1 - (1 - z)^(a - 1) * 2F1(A, a - 1; C; z), A = a + b - 1 - r, whose terms after the first all hold
// the factor a - 1, and C but for the first's denominator: both cancel.
double ExpectedPurchases(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  const double b = EffectiveB(model);
  const double c = model.a + b + history.x - 1;
  const double first = model.a + b - 1 - model.r;
  const double z = horizon_weeks / (model.alpha + history.T + horizon_weeks);
  const double log_rest = -std::log1p(horizon_weeks / (model.alpha + history.T));  // log(1 - z)
  const double power = (model.a - 1) * log_rest;

  double term = first * z;
  double sum = 0;
  for (int n = 1; n <= kMaxSeriesTerms && sum + term != sum; ++n) {
    sum += term;
    term *= (first + n) * (model.a + n - 1) / ((c + n) * (n + 1)) * z;
  }
  const double head = power == 0 ? -log_rest : -std::expm1(power) / (model.a - 1);
  return PAlive(model, history) * (c * head - std::exp(power) * sum);
}

double LogLikelihood(const PurchaseModel& model, const PurchaseHistory& history) {
  const double b = EffectiveB(model);
  const double count = model.r + history.x;
  const double never_left = LogGamma(b + history.x) - LogGamma(model.a + b + history.x) + LogGamma(model.a + model.b) -
                            LogGamma(model.b) - count * std::log(model.alpha + history.T);
  return LogGamma(count) - LogGamma(model.r) + model.r * std::log(model.alpha) + never_left +
         SoftPlus(LogOddsOfHavingLeft(model, history));
}

}  // namespace ebb
