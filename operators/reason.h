#ifndef EBB_OPERATORS_REASON_H_
#define EBB_OPERATORS_REASON_H_

// Reasons and numbers as they stand in results. Stateless; any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "ebb/v1/header.pb.h"
#include "operators/features/event_history.h"
#include "state/text.h"

namespace ebb {

// "1 day", "12 days".
inline std::string SpokenCount(double count, std::string_view noun) {
  const std::string rounded = absl::StrFormat("%.0f", count);
  return Text(rounded, " ", noun, rounded == "1" ? "" : "s");
}
inline std::string SpokenDays(int64_t ms) { return SpokenCount(DaysOf(ms), "day"); }

// "60 minutes": a week and more to the day; below, what is whole.
inline std::string SpokenDuration(absl::Duration duration) {
  const auto say = [](int64_t count, std::string_view unit) { return Text(count, " ", unit, count == 1 ? "" : "s"); };
  const int64_t seconds = absl::ToInt64Seconds(duration);
  constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds >= 7 * kDay || (seconds >= 2 * kDay && seconds % kDay == 0)) return say(seconds / kDay, "day");
  if (seconds >= 2 * kHour && seconds % kHour == 0) return say(seconds / kHour, "hour");
  if (seconds >= kMinute && seconds % kMinute == 0) return say(seconds / kMinute, "minute");
  return say(seconds, "second");
}

inline v1::Reason MakeReason(std::string_view code, double value, double baseline, double contribution,
                             std::string text) {
  v1::Reason reason;
  reason.set_code(std::string(code));
  reason.set_value(value);
  reason.set_baseline(baseline);
  reason.set_contribution(contribution);
  reason.set_text(std::move(text));
  return reason;
}
// The same where nothing is weighed.
inline v1::Reason MakeReason(std::string_view code, double value, double baseline, std::string text) {
  return MakeReason(code, value, baseline, 1, std::move(text));
}

}  // namespace ebb

#endif  // EBB_OPERATORS_REASON_H_
