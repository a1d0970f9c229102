#include "state/customer_rows.h"

#include <string_view>

namespace ebb {

absl::StatusOr<CustomerRows> MergedRows(Store& store, const std::string& first, const std::string& end,
                                        std::initializer_list<const CustomerRows*> changes) {
  CustomerRows merged;
  auto status = store.Scan(first, end, [&](std::string_view key, std::string_view value) {
    merged[std::string(key)] = std::string(value);
    return true;
  });
  if (!status.ok()) return status;
  for (const CustomerRows* changed : changes) {
    if (changed == nullptr) continue;
    for (auto it = changed->lower_bound(first); it != changed->end() && it->first < end; ++it) {
      merged[it->first] = it->second;
    }
  }
  return merged;
}

}  // namespace ebb
