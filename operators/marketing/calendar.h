#ifndef EBB_OPERATORS_MARKETING_CALENDAR_H_
#define EBB_OPERATORS_MARKETING_CALENDAR_H_

// The days on which a calendar trigger starts, by the clock on the customer's wall. Immutable once configured; any
// thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "ebb/v1/customer.pb.h"
#include "engine/pipeline/refusals.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/marketing/trigger.pb.h"

namespace ebb {

// Bounds on a calendar.
inline constexpr int kMaxPeriods = 100;
inline constexpr int kMaxPeriodDays = 92;

class Calendar {
 public:
  struct Day {
    absl::Time at;       // When it starts the trigger.
    int64_t number = 0;  // The day that it is about, in days since 1970.
    v1::CalendarDay event;
    absl::Time ends = absl::InfiniteFuture();  // Of a period: when its last day is over.
  };

  // Adds what is wrong with the config, by paths below "calendar".
  void Configure(const operators::TriggerConfig::Calendar& config, Refusals* refusals);

  // Tells calendars apart that have been configured differently; never 0.
  uint32_t fingerprint() const { return fingerprint_; }

  // The first day that starts after `after`; none when there is none to be foreseen, as without a birthday. What lies
  // on or before `last_day`, and what is left of a period that had started by then, is over.
  std::optional<Day> Next(absl::Time after, std::optional<int64_t> last_day,
                          const operators::CustomerProfile::Basics& basics) const;

 private:
  struct Period {
    std::string name;
    absl::CivilDay from;
    absl::CivilDay to;
  };

  // Whether there may be any, as is asked at every event of a customer who has none: no time zone is looked up for it.
  bool HasDays(absl::Time after, const operators::CustomerProfile::Basics& basics) const;
  void ConfigurePeriods(const operators::TriggerConfig::Calendar& config, Refusals* refusals);
  std::optional<Day> NextAnniversary(absl::Time after, int64_t last_day, absl::TimeZone zone,
                                     const operators::CustomerProfile::Basics& basics) const;
  std::optional<Day> NextOfMonth(absl::Time after, int64_t last_day, absl::TimeZone zone) const;
  std::optional<Day> NextPeriod(absl::Time after, int64_t last_day, absl::TimeZone zone) const;
  Day MakeDay(std::string_view name, absl::CivilDay date, int years, int days_before, absl::TimeZone zone) const;

  uint32_t fingerprint_ = 0;
  std::string anniversary_;
  int day_of_month_ = 0;
  int days_before_ = 0;
  int minute_ = 0;               // Of the day.
  std::vector<Period> periods_;  // In order of time.
  absl::TimeZone zone_when_unknown_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_CALENDAR_H_
