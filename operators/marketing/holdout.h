#ifndef EBB_OPERATORS_MARKETING_HOLDOUT_H_
#define EBB_OPERATORS_MARKETING_HOLDOUT_H_

// Who is held out for comparison: a stable draw, the same on every run and machine. Stateless; any thread.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "state/hash.h"
#include "state/text.h"

namespace ebb {

// A share, 0 to 1, is drawn in steps of a hundredth of a percent.
inline constexpr uint64_t kHoldoutSteps = 10'000;

// Whether the customer is in the group of that share. Another salt draws another group; a greater share only adds.
inline bool IsInHoldout(double share, std::string_view salt, std::string_view customer) {
  const auto steps = static_cast<uint64_t>(std::lround(share * static_cast<double>(kHoldoutSteps)));
  return StableHash64(Text(salt, "\n", customer)) % kHoldoutSteps < steps;
}

// The salt with which a campaign draws its own group.
inline std::string CampaignSalt(std::string_view campaign) { return Text("campaign ", campaign); }

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_HOLDOUT_H_
