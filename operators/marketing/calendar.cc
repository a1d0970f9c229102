#include "operators/marketing/calendar.h"

#include <algorithm>
#include <limits>

#include "operators/features/event_history.h"
#include "operators/marketing/local_time.h"
#include "state/hash.h"
#include "state/text.h"

namespace ebb {
namespace {

using Config = operators::TriggerConfig::Calendar;

constexpr absl::CivilDay kEpoch(1970, 1, 1);

std::string Shown(absl::CivilDay day) { return absl::FormatCivilTime(day); }

// The same day of another year; of 29 February the day before where there is none.
absl::CivilDay InYear(absl::civil_year_t year, int month, int day) {
  const absl::CivilDay same(year, month, day);
  return same.month() == month ? same : absl::CivilDay(year, month, 28);
}

bool IsDate(const v1::Member::Date& date) {
  return date.month() >= 1 && date.month() <= 12 && date.day() >= 1 &&
         absl::CivilDay(2000, date.month(), date.day()).month() == date.month();
}

// The day of a time in a config; none when it is not the beginning of one.
std::optional<absl::CivilDay> WholeDay(int64_t time_ms) {
  if (time_ms % kMillisPerDay != 0) return std::nullopt;
  return kEpoch + DayOf(time_ms);
}

}  // namespace

void Calendar::Configure(const Config& config, Refusals* refusals) {
  const int kinds =
      (config.anniversary().empty() ? 0 : 1) + (config.day_of_month() > 0 ? 1 : 0) + (config.periods().empty() ? 0 : 1);
  if (kinds != 1) {
    refusals->Add("calendar", Text("expected one of anniversary, day_of_month and periods, got ",
                                   kinds == 0 ? "none" : "several; write a trigger for each"));
  }
  const auto minute = MinuteOfDay(config.at());
  if (minute.ok()) minute_ = *minute;
  if (!minute.ok()) refusals->Add("calendar.at", minute.status().message().data());
  const auto zone = FindTimeZone(config.zone_when_unknown());
  if (zone) zone_when_unknown_ = *zone;
  if (!zone) {
    refusals->Add("calendar.zone_when_unknown", Text("expected an IANA time zone such as \"Europe/Berlin\", got \"",
                                                     config.zone_when_unknown(), "\""));
  }
  anniversary_ = config.anniversary();
  day_of_month_ = config.day_of_month();
  days_before_ = config.days_before();
  if (days_before_ > 0 && !config.periods().empty()) {
    refusals->Add("calendar.days_before", "expected 0 with periods, which have a first day of their own");
  }
  ConfigurePeriods(config, refusals);
  fingerprint_ = static_cast<uint32_t>(StableHash64(config.SerializeAsString())) | 1;
}

void Calendar::ConfigurePeriods(const Config& config, Refusals* refusals) {
  periods_.clear();
  if (config.periods_size() > kMaxPeriods) {
    return refusals->Add("calendar.periods",
                         Text("at most ", kMaxPeriods, " are possible, got ", config.periods_size()));
  }
  for (int i = 0; i < config.periods_size(); ++i) {
    const auto& given = config.periods(i);
    const std::string path = Text("calendar.periods[", i, "]");
    const auto from = WholeDay(given.from()), to = WholeDay(given.to());
    if (!from || !to) {
      refusals->Add(Text(path, from ? ".to" : ".from"), "expected a day such as 2024-02-29, got a time of the day");
      continue;
    }
    if (*to < *from) {
      refusals->Add(Text(path, ".to"), Text("expected a day not before ", Shown(*from), ", got ", Shown(*to)));
      continue;
    }
    if (*to - *from >= kMaxPeriodDays) {
      refusals->Add(Text(path, ".to"), Text("expected an end within ", kMaxPeriodDays, " days of the beginning, got ",
                                            *to - *from + 1, " days; what never ends is no occasion"));
      continue;
    }
    const auto shared = std::find_if(periods_.begin(), periods_.end(),
                                     [&](const Period& other) { return *from <= other.to && other.from <= *to; });
    if (shared != periods_.end()) {
      refusals->Add(Text(path, ".from"),
                    Text("expected days that no other period has, got ", Shown(std::max(*from, shared->from)),
                         ", which \"", shared->name, "\" has from ", Shown(shared->from), " to ", Shown(shared->to)));
      continue;
    }
    periods_.push_back({given.name(), *from, *to});
  }
  std::sort(periods_.begin(), periods_.end(), [](const Period& a, const Period& b) { return a.from < b.from; });
}

bool Calendar::HasDays(absl::Time after, const operators::CustomerProfile::Basics& basics) const {
  if (anniversary_ == "birthday") return IsDate(basics.birthday());
  if (anniversary_ == "joined") return basics.has_joined_ms();
  // No zone is more than a day behind.
  return day_of_month_ > 0 ||
         (!periods_.empty() && absl::ToCivilDay(after, absl::UTCTimeZone()) <= periods_.back().to + 1);
}

std::optional<Calendar::Day> Calendar::Next(absl::Time after, std::optional<int64_t> last_day,
                                            const operators::CustomerProfile::Basics& basics) const {
  if (!HasDays(after, basics)) return std::nullopt;
  const absl::TimeZone zone = FindTimeZone(basics.time_zone()).value_or(zone_when_unknown_);
  const int64_t last = last_day.value_or(std::numeric_limits<int64_t>::min());
  if (!anniversary_.empty()) return NextAnniversary(after, last, zone, basics);
  return day_of_month_ > 0 ? NextOfMonth(after, last, zone) : NextPeriod(after, last, zone);
}

std::optional<Calendar::Day> Calendar::NextAnniversary(absl::Time after, int64_t last_day, absl::TimeZone zone,
                                                       const operators::CustomerProfile::Basics& basics) const {
  int month = 0, day = 0;
  absl::civil_year_t first_year = 0;  // 0 for a birthday whose year is not known.
  if (anniversary_ == "birthday") {
    month = basics.birthday().month();
    day = basics.birthday().day();
    first_year = basics.birthday().year();
  } else {
    const absl::CivilDay joined = absl::ToCivilDay(absl::FromUnixMillis(basics.joined_ms()), zone);
    month = joined.month();
    day = joined.day();
    first_year = joined.year();
  }
  const absl::civil_year_t this_year = absl::ToCivilDay(after, zone).year();
  // This year's may be over, and a day of next year may have been announced already.
  for (absl::civil_year_t year = this_year; year <= this_year + 2; ++year) {
    if (first_year > 0 && year <= first_year) continue;
    const absl::CivilDay date = InYear(year, month, day);
    const int years = first_year > 0 ? static_cast<int>(year - first_year) : 0;
    Day next = MakeDay(anniversary_, date, years, days_before_, zone);
    if (next.at > after && next.number > last_day) return next;
  }
  return std::nullopt;
}

std::optional<Calendar::Day> Calendar::NextOfMonth(absl::Time after, int64_t last_day, absl::TimeZone zone) const {
  absl::CivilMonth month(absl::ToCivilDay(after, zone));
  // As above; days_before reaches two months back.
  for (int ahead = 0; ahead <= 4; ++ahead, ++month) {
    const absl::CivilDay last_of_month = absl::CivilDay(month + 1) - 1;
    const absl::CivilDay date = std::min(absl::CivilDay(month) + (day_of_month_ - 1), last_of_month);
    Day next = MakeDay("monthly", date, 0, days_before_, zone);
    if (next.at > after && next.number > last_day) return next;
  }
  return std::nullopt;
}

std::optional<Calendar::Day> Calendar::NextPeriod(absl::Time after, int64_t last_day, absl::TimeZone zone) const {
  const absl::CivilDay today = absl::ToCivilDay(after, zone);
  for (const Period& period : periods_) {
    if (period.to < today || last_day >= period.from - kEpoch) continue;
    for (absl::CivilDay date = std::max(period.from, today); date <= period.to; ++date) {
      Day next = MakeDay(period.name, date, 0, 0, zone);
      if (next.at <= after) continue;
      next.ends = MomentOf(period.to + 1, 0, zone);
      return next;
    }
  }
  return std::nullopt;
}

Calendar::Day Calendar::MakeDay(std::string_view name, absl::CivilDay date, int years, int days_before,
                                absl::TimeZone zone) const {
  Day day;
  day.at = MomentOf(date - days_before, minute_, zone);
  day.number = date - kEpoch;
  day.event.set_name(name.data(), name.size());
  day.event.mutable_date()->set_year(static_cast<int>(date.year()));
  day.event.mutable_date()->set_month(date.month());
  day.event.mutable_date()->set_day(date.day());
  day.event.set_years(years);
  return day;
}

}  // namespace ebb
