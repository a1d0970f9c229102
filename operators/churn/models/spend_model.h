// How much a customer spends on a day with a purchase: the Gamma-Gamma model.
//
// Spend varies around the customer's own mean (gamma distributed: shape `p`), which varies over customers (its rate is
// gamma distributed: shape `q`, rate `v`), independently of how often they buy. `v` and all spends are in one unit of
// one currency; which one is the caller's choice.
//
// Pure functions: any thread, no state. Parameters as `ValidateParameters` wants them.
//
// Sources: Fader, Hardie, Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis"; Fader, Hardie
// (2013), "The Gamma-Gamma Model of Monetary Value".
#ifndef EBB_OPERATORS_CHURN_MODELS_SPEND_MODEL_H_
#define EBB_OPERATORS_CHURN_MODELS_SPEND_MODEL_H_

#include <optional>

#include "absl/status/status.h"
#include "operators/churn/models/purchase_model.h"

namespace ebb {

struct GammaGamma {
  double p = 0;
  double q = 0;
  double v = 0;  // money
};

struct SpendHistory {
  double x = 0;     // days with a purchase that the mean is of; the first one left out, as in PurchaseHistory
  double mean = 0;  // money a day; means nothing when x is 0
};

// OK when the parameters are finite and above zero, otherwise kInvalidArgument naming the one that is not.
[[nodiscard]] absl::Status ValidateParameters(const GammaGamma& model);

// p v / (q - 1): the mean spend over customers; none when q <= 1, where it is infinite.
[[nodiscard]] std::optional<double> PopulationSpend(const GammaGamma& model);

// The expected mean spend of a customer, p (v + x mean) / (p x + q - 1): between the customer's mean and that of the
// population, nearer to the customer's the more is known. None when q <= 1.
[[nodiscard]] std::optional<double> ExpectedSpend(const GammaGamma& model, const SpendHistory& history);

// The logarithm of the density of one customer's mean, for x and mean above 0.
[[nodiscard]] double LogLikelihood(const GammaGamma& model, const SpendHistory& history);

// ExpectedPurchases of the next `horizon_weeks`, each counted at what it is worth now: 1 / (1 + rate)^(years until
// then), rate above -1. Integrates numerically; relative error below 1e-7.
[[nodiscard]] double DiscountedPurchases(const PurchaseModel& model, const PurchaseHistory& history,
                                         double horizon_weeks, double annual_discount_rate);

// What the customer will spend in the next `horizon_weeks`, at today's worth: DiscountedPurchases times ExpectedSpend.
// Revenue; a margin is the caller's to apply. None when there is no expected spend.
[[nodiscard]] std::optional<double> LifetimeValue(const PurchaseModel& model, const PurchaseHistory& history,
                                                  const GammaGamma& spend_model, const SpendHistory& spend,
                                                  double horizon_weeks, double annual_discount_rate);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_SPEND_MODEL_H_
