#ifndef EBB_OPERATORS_FEATURES_CUSTOMER_VIEW_H_
#define EBB_OPERATORS_FEATURES_CUSTOMER_VIEW_H_

// A customer as rules see one. Any thread, the same bits on every run.

#include <cstdint>
#include <string_view>

#include "ebb/v1/customer.pb.h"
#include "ebb/v1/customer_features.pb.h"
#include "operators/features/customer_profile.pb.h"

namespace ebb {

// Categories that rules are told.
inline constexpr int kViewedCategories = 8;

// Fills the customer from the profile as of `as_of_ms`, or as of the profile's latest event when that is later. What
// `customer` held before is replaced; a message that is used again keeps its memory. `features` is scratch of the same
// kind.
void ViewCustomer(const operators::CustomerProfile& profile, std::string_view id, int64_t as_of_ms,
                  v1::CustomerFeatures* features, v1::Customer* customer);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_CUSTOMER_VIEW_H_
