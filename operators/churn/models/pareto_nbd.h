// Pareto/NBD; purchase_model.h says what the functions give.
//
// All of it is made of two functions of a moment t at which the customer is alive, with m = r + x: the probability that
// the customer leaves before buying again, and that it is the other way round,
//   g(t) = s/(m+s) * 2F1(m, 1; m+s+1; (alpha-beta) / (alpha+t))
//   h(t) = m/(m+s) * 2F1(s, 1; m+s+1; (beta-alpha) / (beta+t)) = 1 - g(t)
// and the probability that neither happens from t to u,
//   S(t, u) = ((alpha+t) / (alpha+u))^m * ((beta+t) / (beta+u))^s
// Silence since t_x is to have left before the next purchase, or to buy later than T, having lived that long:
//   N(T) = g(t_x) + S(t_x, T) h(T)
// From these, with sums of positive numbers only:
//   P(alive) = S(t_x, T) / N(T)
//   P(no purchase in the next H) = N(T + H) / N(T)
//   likelihood = Gamma(r+x)/Gamma(r) * alpha^r beta^s / ((alpha+t_x)^(r+x) (beta+t_x)^s) * N(T)
//
// Sources: Schmittlein, Morrison, Colombo (1987); Fader, Hardie (2005), "A Note on Deriving the Pareto/NBD Model and
// Related Expressions", of whose A_0 g is the first term (with Abramowitz and Stegun 15.3.4 applied, to have positive
// terms). The risk follows by integrating lambda e^(-(lambda + mu) t) over the horizon and over both rates.
#ifndef EBB_OPERATORS_CHURN_MODELS_PARETO_NBD_H_
#define EBB_OPERATORS_CHURN_MODELS_PARETO_NBD_H_

#include "operators/churn/models/purchase_model.h"

namespace ebb::pareto_nbd {

[[nodiscard]] double PAlive(const PurchaseModel& model, const PurchaseHistory& history);

[[nodiscard]] double RiskOfNoPurchase(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks);

// Source: regula falsi in the Illinois form (Dowell and Jarratt, 1971) on the log-odds of the risk, which are nearly
// linear in log(alpha + T), with bisection where that is slow. About a dozen steps.
[[nodiscard]] double WeeksUntilRisk(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks,
                                    double threshold);

[[nodiscard]] double ExpectedPurchases(const PurchaseModel& model, const PurchaseHistory& history,
                                       double horizon_weeks);

[[nodiscard]] double LogLikelihood(const PurchaseModel& model, const PurchaseHistory& history);

}  // namespace ebb::pareto_nbd

#endif  // EBB_OPERATORS_CHURN_MODELS_PARETO_NBD_H_
