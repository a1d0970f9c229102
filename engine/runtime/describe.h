#ifndef EBB_ENGINE_RUNTIME_DESCRIBE_H_
#define EBB_ENGINE_RUNTIME_DESCRIBE_H_

// A customer's whole state as a person can read it.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "ebb/v1/changelog.pb.h"
#include "state/customer_cache.h"
#include "state/store.h"

namespace ebb {

// JSON: customer, epoch as of which it is true, each state by name, each armed timer with its deadline, and the rows
// of map and list states: those in the store, with `unwritten` over them, by full key, absent ones erased; may be null.
// NotFound: nothing is known of the customer.
absl::StatusOr<std::string> DescribeCustomer(const v1::Manifest& manifest, std::string_view customer,
                                             std::string_view body, uint64_t epoch, Store* store,
                                             const CustomerRows* unwritten = nullptr);

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_DESCRIBE_H_
