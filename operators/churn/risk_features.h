// What models of churn look at, from a customer's profile. Pure functions; any thread, no state, the same bits on every
// run. Models are fitted to these very numbers and score them, so that there is one way to compute each.
#ifndef EBB_OPERATORS_CHURN_RISK_FEATURES_H_
#define EBB_OPERATORS_CHURN_RISK_FEATURES_H_

#include <cstdint>

#include "ebb/v1/risk_features.pb.h"
#include "operators/features/customer_profile.pb.h"

namespace ebb {

// Replaces *features by those as of `at_ms`, which no event of the profile may be later than, of a customer with at
// least one order. Takes time in proportion to the days with a purchase.
void ComputeRiskFeatures(const operators::CustomerProfile& profile, int64_t at_ms, v1::RiskFeatures* features);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_RISK_FEATURES_H_
