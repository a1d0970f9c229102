// BG/NBD and MBG/NBD, in closed form; purchase_model.h says what the functions give.
//
//   P(no purchase in the next H) = 1 - P(alive) * [1 - ((alpha + T) / (alpha + T + H))^(r + x)]
#ifndef EBB_OPERATORS_CHURN_MODELS_BETA_GEOMETRIC_H_
#define EBB_OPERATORS_CHURN_MODELS_BETA_GEOMETRIC_H_

#include "operators/churn/models/purchase_model.h"

namespace ebb::beta_geometric {

[[nodiscard]] double PAlive(const PurchaseModel& model, const PurchaseHistory& history);

[[nodiscard]] double RiskOfNoPurchase(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks);

// Source: Newton's method; the logarithm of 1 - risk is concave in log(alpha + T), so from the right it converges
// without overshooting. About eight steps.
[[nodiscard]] double WeeksUntilRisk(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks,
                                    double threshold);

[[nodiscard]] double ExpectedPurchases(const PurchaseModel& model, const PurchaseHistory& history,
                                       double horizon_weeks);

[[nodiscard]] double LogLikelihood(const PurchaseModel& model, const PurchaseHistory& history);

}  // namespace ebb::beta_geometric

#endif  // EBB_OPERATORS_CHURN_MODELS_BETA_GEOMETRIC_H_
