#include "operators/intake/seen_events.h"

#include <algorithm>

#include "state/hash.h"

namespace ebb {
namespace {

void ForgetOldest(int count, operators::SeenEvents* seen) {
  if (count == 0) return;
  seen->mutable_id()->erase(seen->id().begin(), seen->id().begin() + count);
  seen->mutable_second()->erase(seen->second().begin(), seen->second().begin() + count);
}

}  // namespace

uint64_t EventHash(std::string_view source, std::string_view event_id) {
  return StableHash64(event_id, StableHash64(source));
}

bool WasSeen(const operators::SeenEvents& seen, uint64_t id, int64_t since) {
  for (int row = seen.id_size() - 1; row >= 0 && seen.second(row) >= since; --row) {
    if (seen.id(row) == id) return true;
  }
  return false;
}

bool Remember(uint64_t id, int64_t second, int max_entries, operators::SeenEvents* seen) {
  const auto& seconds = seen->second();
  const auto place = std::upper_bound(seconds.begin(), seconds.end(), second) - seconds.begin();
  seen->add_id(id);
  seen->add_second(second);
  std::rotate(seen->mutable_id()->begin() + place, seen->mutable_id()->end() - 1, seen->mutable_id()->end());
  auto* column = seen->mutable_second();
  std::rotate(column->begin() + place, column->end() - 1, column->end());
  const int excess = std::max(seen->id_size() - max_entries, 0);
  ForgetOldest(excess, seen);
  return excess == 0;
}

void ForgetBefore(int64_t second, operators::SeenEvents* seen) {
  const auto& seconds = seen->second();
  ForgetOldest(static_cast<int>(std::lower_bound(seconds.begin(), seconds.end(), second) - seconds.begin()), seen);
}

}  // namespace ebb
