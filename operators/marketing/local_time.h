#ifndef EBB_OPERATORS_MARKETING_LOCAL_TIME_H_
#define EBB_OPERATORS_MARKETING_LOCAL_TIME_H_

// The clock on a customer's wall. Stateless; any thread.

#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"

namespace ebb {

// "21:30" as minutes since midnight; InvalidArgument for anything but "00:00" to "23:59".
absl::StatusOr<int> MinuteOfDay(std::string_view text);

// The zone of that IANA name; none for any other. Names come from events: none leads out of the time zone database, nor
// to the zone of this machine.
std::optional<absl::TimeZone> FindTimeZone(std::string_view name);

// The moment at which the clock shows that minute of the day: the first one where it shows it twice, and where it is
// put forward past it, the moment at which that is done.
absl::Time MomentOf(absl::CivilDay day, int minute, absl::TimeZone zone);

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_LOCAL_TIME_H_
