#ifndef EBB_OPERATORS_MARKETING_QUIET_HOURS_H_
#define EBB_OPERATORS_MARKETING_QUIET_HOURS_H_

// Hours of the day in which customers are left alone, by the reading of the clock on their wall. Immutable; any
// thread.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ebb {

class QuietHours {
 public:
  // Without quiet hours.
  QuietHours() = default;

  // From `start` to before `end`, as "21:00" and "08:00"; past midnight when the end is earlier. InvalidArgument for
  // anything else, for equal ones, and for zones that are not in the system's IANA time zone database.
  static absl::StatusOr<QuietHours> Create(std::string_view start, std::string_view end,
                                           const std::vector<std::string>& zones_when_unknown);

  // The earliest moment from `from` on at which it is not quiet for someone in the zone; with a zone that is unknown,
  // in any of the zones for that case. InfiniteFuture when there is none within days, as when those zones together
  // leave no gap.
  absl::Time NextAllowed(absl::Time from, std::string_view zone) const;

 private:
  bool IsQuiet(absl::Time time, absl::TimeZone zone) const;
  // The end of the quiet hours that `time` lies in.
  absl::Time EndAfter(absl::Time time, absl::TimeZone zone) const;

  int start_minute_ = 0;  // Of the day.
  int end_minute_ = 0;    // Equal to the start: never quiet.
  std::vector<absl::TimeZone> zones_when_unknown_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_QUIET_HOURS_H_
