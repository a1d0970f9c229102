#ifndef EBB_OPERATORS_FEATURES_EVENT_HISTORY_H_
#define EBB_OPERATORS_FEATURES_EVENT_HISTORY_H_

// Counts and decayed counts of one kind of event. Pure functions; any thread. Events may come in any order.

#include <cstdint>
#include <optional>

#include "operators/features/customer_profile.pb.h"

namespace ebb {

inline constexpr int64_t kMillisPerDay = 86'400'000;
inline constexpr int64_t kDaysPerWeek = 7;
// How far back days are counted one by one.
inline constexpr int64_t kCountedDays = 90;

// The day (UTC) of a moment, in days since 1970.
inline int64_t DayOf(int64_t time_ms) {
  return time_ms / kMillisPerDay - (time_ms % kMillisPerDay < 0 ? 1 : 0);
}

// A span of time in days.
inline double DaysOf(int64_t ms) { return static_cast<double>(ms) / static_cast<double>(kMillisPerDay); }

// The weight, as of one moment, of what happened `age_ms` before it: 2^(-age / half-life).
double DecayWeight(int64_t age_ms, double half_life_ms);

void AddEvent(int64_t time_ms, double half_life_ms, operators::CustomerProfile::EventHistory* history);

// How many events fell on the last `days` days up to `today`; at most kCountedDays, and no event later than today.
int64_t CountLastDays(const operators::CustomerProfile::EventHistory& history, int64_t today, int64_t days);

// The day of the `count`-th latest event, from 1, as far as days are counted one by one; none when there are fewer.
std::optional<int64_t> DayOfLatest(const operators::CustomerProfile::EventHistory& history, int64_t count);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_EVENT_HISTORY_H_
