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

// Fields of a v1::Customer: bit n stands for the field with number n.
using CustomerFields = uint32_t;
inline constexpr CustomerFields kAllCustomerFields = ~CustomerFields{0};

// Fills fields of the customer, and those that are reckoned with them, from the profile as of `as_of_ms`, or as of the
// profile's latest event when that is later. `customer` has none of them yet; a message that was cleared keeps its
// memory. `features` is scratch of the same kind.
void ViewCustomer(const operators::CustomerProfile& profile, std::string_view id, int64_t as_of_ms,
                  CustomerFields fields, v1::CustomerFeatures* features, v1::Customer* customer);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_CUSTOMER_VIEW_H_
