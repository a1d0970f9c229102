#ifndef EBB_OPERATORS_EXPLAIN_WORDS_H_
#define EBB_OPERATORS_EXPLAIN_WORDS_H_

// How explanations are worded. Whatever they are given, what they return is UTF-8 without control characters but the
// end of a line. Stateless; any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "engine/wording/wording.h"
#include "operators/reason.h"
#include "state/text.h"

namespace ebb {

// "2026-05-04T10:11:12Z".
inline std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}
// The same of milliseconds since 1970; "not said" for 0, which stands for no moment.
inline std::string MomentText(int64_t ms) { return ms == 0 ? "not said" : TimeText(absl::FromUnixMillis(ms)); }

// "once", "2 times".
inline std::string TimesText(int64_t count) { return count == 1 ? "once" : Text(count, " times"); }

// Instead of what is remembered, where that cannot be used.
inline constexpr std::string_view kDamaged =
    "what is remembered here is damaged or of another version of ebb, and is left out";

// A line of a section, and one below such a line.
inline std::string Line(std::string_view text) { return Text("  ", Printable({text.data(), text.size()}), "\n"); }
inline std::string SubLine(std::string_view text) { return Text("    ", Printable({text.data(), text.size()}), "\n"); }

}  // namespace ebb

#endif  // EBB_OPERATORS_EXPLAIN_WORDS_H_
