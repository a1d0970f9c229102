#ifndef EBB_OPERATORS_FEATURES_SOUNDNESS_H_
#define EBB_OPERATORS_FEATURES_SOUNDNESS_H_

#include "operators/features/customer_profile.pb.h"

namespace ebb {

// Whether the profile can be worked with: tables have whole rows, packed bytes are whole, and numbers can be reckoned
// with. Not whether it is right. Any thread.
bool IsSound(const operators::CustomerProfile& profile);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_SOUNDNESS_H_
