#ifndef EBB_OPERATORS_VALUE_REASON_H_
#define EBB_OPERATORS_VALUE_REASON_H_

// Reasons and times as they stand in results. Stateless; any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "ebb/v1/header.pb.h"
#include "operators/features/event_history.h"
#include "state/text.h"

namespace ebb {

inline double DaysOf(int64_t ms) { return static_cast<double>(ms) / static_cast<double>(kMillisPerDay); }

// "1 day", "12 days".
inline std::string SpokenDays(int64_t ms) {
  const std::string days = absl::StrFormat("%.0f", DaysOf(ms));
  return Text(days, days == "1" ? " day" : " days");
}

inline v1::Reason MakeReason(std::string_view code, double value, double baseline, std::string text) {
  v1::Reason reason;
  reason.set_code(std::string(code));
  reason.set_value(value);
  reason.set_baseline(baseline);
  reason.set_contribution(1);
  reason.set_text(std::move(text));
  return reason;
}

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_REASON_H_
