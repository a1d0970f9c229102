#ifndef EBB_OPERATORS_EVENT_TIME_H_
#define EBB_OPERATORS_EVENT_TIME_H_

// The moment as of which operators decide. Stateless; any thread.

#include <algorithm>

#include "absl/time/time.h"

namespace ebb {

// A timer decides as of its deadline; a record as of its own time or, when it comes late, as of the watermark: a
// decision is never made for a moment that the customer's timers have left behind.
template <class Context>
absl::Time DecisionTime(const Context& ctx) {
  return std::max(ctx.now(), ctx.watermark());
}

}  // namespace ebb

#endif  // EBB_OPERATORS_EVENT_TIME_H_
