#include "operators/marketing/quiet_hours.h"

#include <algorithm>
#include <string>

#include "absl/time/civil_time.h"
#include "operators/marketing/local_time.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr int kMinutesPerDay = 24 * 60;

// Ends of quiet hours that are looked at before giving up: a few days' worth of them in many zones.
constexpr int kMaxSteps = 200;

}  // namespace

absl::StatusOr<QuietHours> QuietHours::Create(std::string_view start, std::string_view end,
                                              const std::vector<std::string>& zones_when_unknown) {
  QuietHours hours;
  const auto start_minute = MinuteOfDay(start);
  if (!start_minute.ok()) return start_minute.status();
  const auto end_minute = MinuteOfDay(end);
  if (!end_minute.ok()) return end_minute.status();
  if (*start_minute == *end_minute) {
    return absl::InvalidArgumentError(
        Text("start and end are both ", start, "; leave quiet_hours out to have none"));
  }
  hours.start_minute_ = *start_minute;
  hours.end_minute_ = *end_minute;
  for (const std::string& name : zones_when_unknown) {
    const auto zone = FindTimeZone(name);
    if (!zone) {
      return absl::InvalidArgumentError(
          Text("expected IANA time zones such as \"Europe/Berlin\", got \"", name, "\""));
    }
    hours.zones_when_unknown_.push_back(*zone);
  }
  if (hours.zones_when_unknown_.empty()) {
    return absl::InvalidArgumentError("expected at least one zone for customers whose zone is unknown");
  }
  return hours;
}

absl::Time QuietHours::NextAllowed(absl::Time from, std::string_view zone) const {
  if (start_minute_ == end_minute_) return from;
  const auto known = FindTimeZone(zone);
  const std::vector<absl::TimeZone> zones = known ? std::vector<absl::TimeZone>{*known} : zones_when_unknown_;
  absl::Time time = from;
  for (int step = 0; step < kMaxSteps; ++step) {
    const auto quiet = std::find_if(zones.begin(), zones.end(), [&](const auto& z) { return IsQuiet(time, z); });
    if (quiet == zones.end()) return time;
    time = EndAfter(time, *quiet);
  }
  return absl::InfiniteFuture();
}

bool QuietHours::IsQuiet(absl::Time time, absl::TimeZone zone) const {
  const absl::CivilSecond local = absl::ToCivilSecond(time, zone);
  const int minute = local.hour() * 60 + local.minute();
  // How long ago, by the clock, they last began, against how long they take.
  const auto after_start = [&](int m) { return (m - start_minute_ + kMinutesPerDay) % kMinutesPerDay; };
  return after_start(minute) < after_start(end_minute_);
}

absl::Time QuietHours::EndAfter(absl::Time time, absl::TimeZone zone) const {
  const absl::CivilSecond local = absl::ToCivilSecond(time, zone);
  absl::CivilDay day(local);
  if (local.hour() * 60 + local.minute() >= end_minute_) ++day;
  const absl::TimeZone::TimeInfo end =
      zone.At(absl::CivilSecond(day.year(), day.month(), day.day(), end_minute_ / 60, end_minute_ % 60));
  // A clock put forward past the end ends them at that instant; a clock put back may show the end twice.
  if (end.kind == absl::TimeZone::TimeInfo::SKIPPED) return end.trans;
  return end.pre > time ? end.pre : end.post;
}

}  // namespace ebb
