#include "operators/churn/models/spend_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "operators/churn/models/special_functions.h"

namespace ebb {
namespace {

constexpr double kWeeksPerYear = 365.25 / 7;

// Ten points of Gauss and Legendre on [-1, 1], those above 0 with their weights (Abramowitz and Stegun, table 25.4).
constexpr std::pair<double, double> kGaussLegendre[] = {{0.1488743389816312, 0.2955242247147529},
                                                        {0.4333953941292472, 0.2692667193099963},
                                                        {0.6794095682990244, 0.2190863625159821},
                                                        {0.8650633666889845, 0.1494513491505806},
                                                        {0.9739065285171717, 0.0666713443086881}};

template <typename F>
double Integrate(double from, double to, const F& f) {
  const double middle = (from + to) / 2;
  const double half = (to - from) / 2;
  double sum = 0;
  for (const auto& [point, weight] : kGaussLegendre) {
    sum += weight * (f(middle - half * point) + f(middle + half * point));
  }
  return sum * half;
}

}  // namespace

absl::Status ValidateParameters(const GammaGamma& model) {
  const std::pair<const char*, double> parameters[] = {{"p", model.p}, {"q", model.q}, {"v", model.v}};
  for (const auto& [name, value] : parameters) {
    if (std::isfinite(value) && value > 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("spend model: expected ", name, " to be a number above 0, got ",
                                                   value, "; fit p, q and v to your purchases"));
  }
  return absl::OkStatus();
}

std::optional<double> PopulationSpend(const GammaGamma& model) { return ExpectedSpend(model, {}); }

std::optional<double> ExpectedSpend(const GammaGamma& model, const SpendHistory& history) {
  if (!(model.q > 1)) return std::nullopt;
  if (!(history.x > 0)) return model.p * model.v / (model.q - 1);
  return model.p * (model.v + history.x * history.mean) / (model.p * history.x + model.q - 1);
}

double LogLikelihood(const GammaGamma& model, const SpendHistory& history) {
  const double shape = model.p * history.x;
  const double total = history.x * history.mean;
  return -model.q * std::log1p(total / model.v) - shape * std::log1p(model.v / total) - std::log(history.mean) -
         LogBeta(shape, model.q);
}

double DiscountedPurchases(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks,
                           double annual_discount_rate) {
  const double rate = std::log1p(annual_discount_rate) / kWeeksPerYear;
  const auto expected_by = [&](double weeks) { return ExpectedPurchases(model, history, weeks); };
  const double undiscounted = expected_by(horizon_weeks);
  if (rate == 0 || !(horizon_weeks > 0)) return undiscounted;
  // By parts, which needs no derivative. Expected purchases bend most within the first purchases or lifetimes to be
  // expected, so the panels grow from there.
  constexpr double kGrowth = 4;
  double panel = (model.alpha + history.T) / (1 + model.r + history.x);
  if (model.kind == PurchaseModelKind::kParetoNbd) {
    panel = std::min(panel, (model.beta + history.T) / (1 + model.s));
  }
  panel /= kGrowth;
  double integral = 0;
  for (double from = 0; from < horizon_weeks;) {
    const double to = std::min(horizon_weeks, from + std::min(panel, kGrowth / std::abs(rate)));
    integral += Integrate(from, to, [&](double weeks) { return std::exp(-rate * weeks) * expected_by(weeks); });
    from = to;
    panel *= kGrowth;
  }
  return std::exp(-rate * horizon_weeks) * undiscounted + rate * integral;
}

std::optional<double> LifetimeValue(const PurchaseModel& model, const PurchaseHistory& history,
                                    const GammaGamma& spend_model, const SpendHistory& spend, double horizon_weeks,
                                    double annual_discount_rate) {
  const std::optional<double> mean = ExpectedSpend(spend_model, spend);
  if (!mean) return std::nullopt;
  return *mean * DiscountedPurchases(model, history, horizon_weeks, annual_discount_rate);
}

}  // namespace ebb
