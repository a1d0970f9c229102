#ifndef EBB_OPERATORS_INTAKE_SEEN_EVENTS_H_
#define EBB_OPERATORS_INTAKE_SEEN_EVENTS_H_

// Which events came already. Pure functions; any thread. Seconds are since 1970.

#include <cstdint>
#include <string_view>

#include "operators/intake/intake.pb.h"

namespace ebb {

// What identifies an event.
uint64_t EventHash(std::string_view source, std::string_view event_id);

// Whether the event came at `since` or later.
bool WasSeen(const operators::SeenEvents& seen, uint64_t id, int64_t since);

// Remembers an event that was not seen. False when the oldest of more than `max_entries` was forgotten for it.
bool Remember(uint64_t id, int64_t second, int max_entries, operators::SeenEvents* seen);

// Forgets what came before `second`.
void ForgetBefore(int64_t second, operators::SeenEvents* seen);

}  // namespace ebb

#endif  // EBB_OPERATORS_INTAKE_SEEN_EVENTS_H_
