#include "operators/churn/models/pareto_nbd.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "operators/churn/models/special_functions.h"

namespace ebb::pareto_nbd {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Half a millisecond, for the crossing of a risk.
constexpr double kCrossingWeeks = 0.5 / kMillisPerWeek;
constexpr int kMaxCrossingSteps = 200;

// A gamma distributed rate: shape, and rate of the distribution.
struct Rate {
  double shape;
  double weeks;
};

Rate Purchasing(const PurchaseModel& model, const PurchaseHistory& history, double at) {
  return {model.r + history.x, model.alpha + at};
}

Rate Leaving(const PurchaseModel& model, double at) { return {model.s, model.beta + at}; }

// The probability that of two events at these rates the one of `first` comes first.
double ProbabilityOfFirst(const Rate& first, const Rate& second) {
  const double shapes = first.shape + second.shape;
  // Of both forms the one whose terms are positive.
  const bool slower = second.weeks >= first.weeks;
  const double ratio = slower ? first.weeks / second.weeks : second.weeks / first.weeks;
  const double z = std::abs(second.weeks - first.weeks) / std::max(first.weeks, second.weeks);
  const double log_series = LogHypergeometric2F1(slower ? second.shape : first.shape + 1, 1, shapes + 1, z, ratio);
  const double log_scale = std::log(first.shape / shapes) + (slower ? 0 : std::log(ratio));
  return std::min(1.0, std::exp(log_scale + log_series));
}

// log S(from, to)
double LogNeither(const PurchaseModel& model, const PurchaseHistory& history, double from, double to) {
  return -(model.r + history.x) * std::log1p((to - from) / (model.alpha + from)) -
         model.s * std::log1p((to - from) / (model.beta + from));
}

double LeavesFirst(const PurchaseModel& model, const PurchaseHistory& history, double at) {
  return ProbabilityOfFirst(Leaving(model, at), Purchasing(model, history, at));
}

double BuysFirst(const PurchaseModel& model, const PurchaseHistory& history, double at) {
  return ProbabilityOfFirst(Purchasing(model, history, at), Leaving(model, at));
}

// N(T)
double Silence(const PurchaseModel& model, const PurchaseHistory& history, double leaves_first, double until) {
  return leaves_first + std::exp(LogNeither(model, history, history.t_x, until)) * BuysFirst(model, history, until);
}

PurchaseHistory After(PurchaseHistory history, double silence_weeks) {
  history.T += silence_weeks;
  return history;
}

}  // namespace

double PAlive(const PurchaseModel& model, const PurchaseHistory& history) {
  const double neither = std::exp(LogNeither(model, history, history.t_x, history.T));
  const double silence = Silence(model, history, LeavesFirst(model, history, history.t_x), history.T);
  return silence > 0 ? std::min(1.0, neither / silence) : 0;
}

double RiskOfNoPurchase(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  const double leaves_first = LeavesFirst(model, history, history.t_x);
  const double silence = Silence(model, history, leaves_first, history.T);
  if (!(silence > 0)) return 1;
  return std::min(1.0, Silence(model, history, leaves_first, history.T + horizon_weeks) / silence);
}

double WeeksUntilRisk(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks,
                      double threshold) {
  const auto risk_after = [&](double silence) {
    return pareto_nbd::RiskOfNoPurchase(model, After(history, silence), horizon_weeks);
  };
  if (threshold >= 1) return kInfinity;
  const double risk_now = risk_after(0);
  if (risk_now >= threshold) return 0;
  const double risk_at_last = risk_after(kMaxSilenceWeeks);
  if (!(risk_at_last >= threshold)) return kInfinity;

  const double scale = model.alpha + history.T;
  const double target = std::log(threshold) - std::log1p(-threshold);
  const auto above_target = [&](double risk) {
    constexpr double kEdge = std::numeric_limits<double>::epsilon();
    return std::log(std::max(risk, kEdge)) - std::log(std::max(1 - risk, kEdge)) - target;
  };
  // The risk is below the threshold at `low` and not at `high`.
  double low = 0;
  double high = kMaxSilenceWeeks;
  double low_value = above_target(risk_now);
  double high_value = above_target(risk_at_last);
  double width_before = high - low;
  int last_side = 0;
  for (int step = 1; step <= kMaxCrossingSteps && high - low > kCrossingWeeks; ++step) {
    const double low_log = std::log1p(low / scale);
    const double high_log = std::log1p(high / scale);
    double share = low_value / (low_value - high_value);
    if (step % 4 == 0) {
      if (high - low > width_before / 2) share = 0.5;
      width_before = high - low;
    }
    const double guess = scale * std::expm1(low_log + share * (high_log - low_log));
    // A little inside, so that the interval closes from both sides.
    const double next = std::clamp(guess, low + kCrossingWeeks / 2, high - kCrossingWeeks / 2);
    const double risk = risk_after(next);
    const int side = risk >= threshold ? 1 : -1;
    if (side > 0) {
      high = next;
      high_value = above_target(risk);
      if (side == last_side) low_value /= 2;
    } else {
      low = next;
      low_value = above_target(risk);
      if (side == last_side) high_value /= 2;
    }
    last_side = side;
  }
  return high;
}

double ExpectedPurchases(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  // (1 - e^power) / (s - 1), with its limit at s = 1.
  const double log_rest = -std::log1p(horizon_weeks / (model.beta + history.T));
  const double power = (model.s - 1) * log_rest;
  const double alive_weeks = (model.beta + history.T) * (power == 0 ? -log_rest : -std::expm1(power) / (model.s - 1));
  return pareto_nbd::PAlive(model, history) * (model.r + history.x) / (model.alpha + history.T) * alive_weeks;
}

double LogLikelihood(const PurchaseModel& model, const PurchaseHistory& history) {
  const double silence = Silence(model, history, LeavesFirst(model, history, history.t_x), history.T);
  return LogRisingFactorial(model.r, history.x) - history.x * std::log(model.alpha + history.t_x) -
         model.r * std::log1p(history.t_x / model.alpha) - model.s * std::log1p(history.t_x / model.beta) +
         std::log(silence);
}

}  // namespace ebb::pareto_nbd
