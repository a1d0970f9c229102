#ifndef EBB_STATE_CUSTOMER_ROWS_H_
#define EBB_STATE_CUSTOMER_ROWS_H_

// The rows of a customer's map and list states.

#include <initializer_list>
#include <optional>
#include <string>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "state/store.h"

namespace ebb {

// By full key; absent: erased.
using CustomerRows = absl::btree_map<std::string, std::optional<std::string>>;

// The rows from `first` up to before `end` as the store has them, with what `changes` say on top, the last of them
// above all; null is no change. Rows that they erase are there as erased. Errors as Store::Scan.
absl::StatusOr<CustomerRows> MergedRows(Store& store, const std::string& first, const std::string& end,
                                        std::initializer_list<const CustomerRows*> changes);

}  // namespace ebb

#endif  // EBB_STATE_CUSTOMER_ROWS_H_
