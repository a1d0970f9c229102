// Integrals over (0, 1) of what may be too large, too small or too steep for plain numbers: in logarithms, by the
// double exponential rule, which does not mind singular ends.
#ifndef EBB_OPERATORS_CHURN_MODELS_QUADRATURE_H_
#define EBB_OPERATORS_CHURN_MODELS_QUADRATURE_H_

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "operators/churn/models/special_functions.h"

namespace ebb {

// The logarithm of the integral over t from 0 to 1 of exp(log_f(log t, log(1 - t))). `log_f` is called some hundred
// times, up to 2^18 for peaks a millionth wide; it may return minus infinity. The integrand must have one peak at most,
// ends included. Both arguments are exact where t or 1 - t are too small for a number, so that t^(a - 1) has all of its
// integral down to a = 1e-8.
// Source: Takahasi and Mori (1974), "Double exponential formulas for numerical integration", with the substitution
// t = 1 / (1 + e^(-pi sinh u)).
template <typename LogF>
double LogIntegralOverUnit(const LogF& log_f) {
  constexpr double kReach = 20;
  constexpr int kCoarsePanels = 80;
  constexpr double kNegligible = 50;  // e^-50 of the peak
  constexpr int kMinHalvings = 3;
  constexpr int kMaxHalvings = 14;
  // The error is about squared by each halving.
  constexpr double kTolerance = 1e-10;
  constexpr double kPi = std::numbers::pi;

  const auto log_term = [&](double u) {
    const double w = kPi * std::sinh(u);
    const double log_t = -SoftPlus(-w);
    const double log_rest = -SoftPlus(w);
    return log_f(log_t, log_rest) + std::log(kPi * std::cosh(u)) + log_t + log_rest;
  };

  double step = 2 * kReach / kCoarsePanels;
  double terms[kCoarsePanels + 1];
  for (int n = 0; n <= kCoarsePanels; ++n) terms[n] = log_term(-kReach + n * step);
  double peak = *std::max_element(terms, terms + kCoarsePanels + 1);
  if (!std::isfinite(peak)) return peak;
  int first = 0;
  int last = kCoarsePanels;
  while (terms[first] < peak - kNegligible) ++first;
  while (terms[last] < peak - kNegligible) --last;
  first = std::max(first - 1, 0);
  last = std::min(last + 1, kCoarsePanels);

  double sum = 0;
  const auto add = [&](double term) {
    if (term > peak) {
      sum *= std::exp(peak - term);
      peak = term;
    }
    sum += std::exp(term - peak);
  };
  for (int n = first; n <= last; ++n) add(terms[n]);
  const double begin = -kReach + first * step;
  double integral = peak + std::log(sum * step);
  int panels = last - first;
  for (int halving = 1; halving <= kMaxHalvings; ++halving, panels *= 2) {
    for (int n = 0; n < panels; ++n) add(log_term(begin + (n + 0.5) * step));
    step /= 2;
    const double finer = peak + std::log(sum * step);
    const double change = std::abs(finer - integral);
    integral = finer;
    if (halving >= kMinHalvings && !(change > kTolerance)) break;
  }
  return integral;
}

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_QUADRATURE_H_
