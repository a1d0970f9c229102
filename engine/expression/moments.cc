#include "engine/expression/moments.h"

#include <cstdio>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"

namespace ebb::expression {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;
// The years 1 to 9999.
constexpr int64_t kFirstSecond = -62'135'596'800;
constexpr int64_t kLastSecond = 253'402'300'799;
constexpr int64_t kMaxDurationSeconds = 315'576'000'000;

bool IsMoment(Kind kind, int64_t seconds, int32_t nanos) {
  if (kind == Kind::kTimestamp) {
    return seconds >= kFirstSecond && seconds <= kLastSecond && nanos >= 0 && nanos < kNanosPerSecond;
  }
  const bool one_sign = (seconds <= 0 || nanos >= 0) && (seconds >= 0 || nanos <= 0);
  return std::abs(nanos) < kNanosPerSecond && one_sign &&
         (std::abs(seconds) < kMaxDurationSeconds || (std::abs(seconds) == kMaxDurationSeconds && nanos == 0));
}

// absl is more generous than RFC 3339: years of one digit, spaces around.
bool HasShapeOfTimestamp(std::string_view text) {
  static constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd";
  if (text.size() <= kShape.size()) return false;
  for (size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == 'd' ? !absl::ascii_isdigit(text[i]) : text[i] != kShape[i]) return false;
  }
  const char last = text.back();
  return last == 'Z' || (last >= '0' && last <= '9');
}

}  // namespace

Value CheckedMoment(Kind kind, int64_t seconds, int32_t nanos, int column) {
  // The smallest of all has no counterpart above zero.
  if (seconds == INT64_MIN || nanos == INT32_MIN) return Fail(Failure::kTimeRange, column);
  return IsMoment(kind, seconds, nanos) ? Moment(kind, seconds, nanos) : Fail(Failure::kTimeRange, column);
}

Value MakeMoment(Kind kind, int64_t seconds, int64_t nanos, int column) {
  if (__builtin_add_overflow(seconds, nanos / kNanosPerSecond, &seconds)) return Fail(Failure::kTimeRange, column);
  nanos %= kNanosPerSecond;
  if (nanos < 0 && (kind == Kind::kTimestamp || seconds > 0)) {
    if (__builtin_sub_overflow(seconds, 1, &seconds)) return Fail(Failure::kTimeRange, column);
    nanos += kNanosPerSecond;
  } else if (nanos > 0 && kind == Kind::kDuration && seconds < 0) {
    seconds += 1;
    nanos -= kNanosPerSecond;
  }
  return CheckedMoment(kind, seconds, static_cast<int32_t>(nanos), column);
}

Value ParseTimestamp(std::string_view text, int column) {
  absl::Time time;
  std::string error;
  if (!HasShapeOfTimestamp(text) || !absl::ParseTime(absl::RFC3339_full, std::string(text), &time, &error)) {
    return Fail(Failure::kConversion, column);
  }
  const int64_t seconds = absl::ToUnixSeconds(time);
  const int64_t nanos = absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds));
  return MakeMoment(Kind::kTimestamp, seconds, nanos, column);
}

Value ParseDuration(std::string_view text, int column) {
  absl::Duration duration;
  if (!absl::ParseDuration(std::string(text), &duration)) return Fail(Failure::kConversion, column);
  if (duration == absl::InfiniteDuration() || duration == -absl::InfiniteDuration()) {
    const bool by_name = text.find("inf") != std::string_view::npos;
    return Fail(by_name ? Failure::kConversion : Failure::kTimeRange, column);
  }
  const int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &duration);
  return MakeMoment(Kind::kDuration, seconds, absl::ToInt64Nanoseconds(duration), column);
}

absl::Time ToTime(const Value& timestamp) {
  return absl::FromUnixSeconds(timestamp.integer) + absl::Nanoseconds(timestamp.nanos());
}

absl::Duration ToDuration(const Value& duration) {
  return absl::Seconds(duration.integer) + absl::Nanoseconds(duration.nanos());
}

size_t FormatMoment(const Value& moment, char* text) {
  int size = 0;
  if (moment.kind == Kind::kTimestamp) {
    const absl::CivilSecond civil = absl::ToCivilSecond(absl::FromUnixSeconds(moment.integer), absl::UTCTimeZone());
    size = std::snprintf(text, kMaxMomentBytes, "%04d-%02d-%02dT%02d:%02d:%02d", static_cast<int>(civil.year()),
                         civil.month(), civil.day(), civil.hour(), civil.minute(), civil.second());
  } else {
    const bool negative = moment.integer < 0 || moment.nanos() < 0;
    size = std::snprintf(text, kMaxMomentBytes, "%s%lld", negative ? "-" : "",
                         static_cast<long long>(std::abs(moment.integer)));
  }
  if (moment.nanos() != 0) {
    size += std::snprintf(text + size, kMaxMomentBytes - static_cast<size_t>(size), ".%09d", std::abs(moment.nanos()));
    while (text[size - 1] == '0') --size;
  }
  text[size++] = moment.kind == Kind::kTimestamp ? 'Z' : 's';
  return static_cast<size_t>(size);
}

}  // namespace ebb::expression
