#include "operators/features/event_history.h"

#include <algorithm>
#include <cmath>

#include "operators/features/columns.h"

namespace ebb {
namespace {

using operators::CustomerProfile;
using Days = google::protobuf::RepeatedField<uint32_t>;

// Days come in twos: the distance to the day before, and the count.
constexpr int kFields = 2;

// Forgets the days before `first`, given that the last one is `day`.
void ForgetBefore(int64_t first, int64_t day, Days* days) {
  int entry = days->size() - kFields;
  while (entry > 0 && day - days->Get(entry) >= first) {
    day -= days->Get(entry);
    entry -= kFields;
  }
  if (entry <= 0) return;
  EraseRows(0, entry, days);
  days->Set(0, 0);
}

void AppendDay(int64_t day, int64_t last_day, Days* days) {
  // Beyond the counted days nothing is kept, so that a distance is small.
  if (day - last_day >= kCountedDays) days->Clear();
  days->Add(days->empty() ? 0 : static_cast<uint32_t>(day - last_day));
  days->Add(1);
  ForgetBefore(day - kCountedDays + 1, day, days);
}

// Counts an event of a day up to `last_day`, the day of the last entry.
void CountOnDay(int64_t wanted, int64_t last_day, Days* days) {
  if (last_day - wanted >= kCountedDays) return;
  int64_t day = last_day;
  int entry = days->size() - kFields;
  while (wanted < day && entry > 0) {
    day -= days->Get(entry);
    entry -= kFields;
  }
  if (day == wanted) {
    days->Set(entry + 1, days->Get(entry + 1) + 1);
    return;
  }
  // The new day goes before the first entry, or between `entry` and the next.
  const bool before_all = wanted < day;
  const int place = before_all ? 0 : entry + kFields;
  const int64_t next_day = before_all ? day : day + days->Get(place);
  days->Set(place, static_cast<uint32_t>(next_day - wanted));
  InsertAt(days, place, before_all ? 0 : wanted - day);
  InsertAt(days, place + 1, 1);
}

}  // namespace

double DecayWeight(int64_t age_ms, double half_life_ms) {
  return std::exp2(-static_cast<double>(age_ms) / half_life_ms);
}

void AddEvent(int64_t time_ms, double half_life_ms, CustomerProfile::EventHistory* history) {
  const bool is_first = history->total() == 0;
  const int64_t last_ms = is_first ? time_ms : history->last_ms();
  const int64_t day = DayOf(time_ms);
  history->set_total(history->total() + 1);
  if (is_first || day > DayOf(last_ms)) {
    AppendDay(day, DayOf(last_ms), history->mutable_days());
  } else {
    CountOnDay(day, DayOf(last_ms), history->mutable_days());
  }
  if (time_ms > last_ms) {
    history->set_decayed(history->decayed() * DecayWeight(time_ms - last_ms, half_life_ms) + 1);
  } else {
    history->set_decayed(history->decayed() + DecayWeight(last_ms - time_ms, half_life_ms));
  }
  history->set_last_ms(std::max(time_ms, last_ms));
}

int64_t CountLastDays(const CustomerProfile::EventHistory& history, int64_t today, int64_t days) {
  int64_t count = 0;
  int64_t day = DayOf(history.last_ms());
  for (int entry = history.days_size() - kFields; entry >= 0 && day > today - days; entry -= kFields) {
    count += history.days(entry + 1);
    day -= history.days(entry);
  }
  return count;
}

std::optional<int64_t> DayOfLatest(const CustomerProfile::EventHistory& history, int64_t count) {
  int64_t day = DayOf(history.last_ms());
  for (int entry = history.days_size() - kFields; entry >= 0; entry -= kFields) {
    count -= history.days(entry + 1);
    if (count <= 0) return day;
    day -= history.days(entry);
  }
  return std::nullopt;
}

}  // namespace ebb
