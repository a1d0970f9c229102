#ifndef EBB_OPERATORS_INTAKE_LIMITS_H_
#define EBB_OPERATORS_INTAKE_LIMITS_H_

// What later operators may rely on.

#include <cstddef>
#include <cstdint>

namespace ebb {

// The longest name of a category.
inline constexpr size_t kMaxCategoryBytes = 255;
// The greatest single amount, in minor units: so many lines as fit into a record add up without overflow.
inline constexpr int64_t kMaxMinor = 10'000'000'000'000;

}  // namespace ebb

#endif  // EBB_OPERATORS_INTAKE_LIMITS_H_
