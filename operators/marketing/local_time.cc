#include "operators/marketing/local_time.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "state/text.h"

namespace ebb {

absl::StatusOr<int> MinuteOfDay(std::string_view text) {
  int hour = 0, minute = 0;
  const std::string digits(text);
  const bool well_formed = text.size() == 5 && text[2] == ':' && absl::ascii_isdigit(text[0]) &&
                           absl::ascii_isdigit(text[3]) && absl::SimpleAtoi(digits.substr(0, 2), &hour) &&
                           absl::SimpleAtoi(digits.substr(3), &minute) && hour < 24 && minute < 60;
  if (!well_formed) {
    return absl::InvalidArgumentError(
        Text("expected a time of the day from \"00:00\" to \"23:59\", got \"", text, "\""));
  }
  return hour * 60 + minute;
}

std::optional<absl::TimeZone> FindTimeZone(std::string_view name) {
  const auto is_plain = [](char c) { return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '+' || c == '-'; };
  absl::TimeZone zone;
  if (name.empty() || name[0] == '/' || name == "localtime" || !std::all_of(name.begin(), name.end(), is_plain) ||
      !absl::LoadTimeZone(std::string(name), &zone)) {
    return std::nullopt;
  }
  return zone;
}

absl::Time MomentOf(absl::CivilDay day, int minute, absl::TimeZone zone) {
  const absl::TimeZone::TimeInfo info =
      zone.At(absl::CivilSecond(day.year(), day.month(), day.day(), minute / 60, minute % 60));
  return info.kind == absl::TimeZone::TimeInfo::SKIPPED ? info.trans : info.pre;
}

}  // namespace ebb
