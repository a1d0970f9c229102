#include "engine/cli/demo_screen.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "state/text.h"

namespace ebb {
namespace {

// ECMA-48's numbers for the colours of text.
constexpr int kRed = 31, kGreen = 32, kYellow = 33, kCyan = 36;

int ColourOf(v1::ChurnAlert::Kind kind) {
  switch (kind) {
    case v1::ChurnAlert::ESCALATED:
      return kRed;
    case v1::ChurnAlert::CLEARED:
      return kGreen;
    default:
      return kYellow;
  }
}

// More would not be read while the next line comes.
constexpr int kMaxReasons = 3;

template <class Reasons>
std::string Join(const Reasons& reasons) {
  return absl::StrJoin(reasons.begin(), reasons.begin() + std::min(reasons.size(), kMaxReasons), " | ",
                       [](std::string* out, const v1::Reason& reason) { *out += reason.text(); });
}

std::string Column(std::string_view what, std::string_view name) {
  return absl::StrFormat("%-7s %-17s", std::string(what), std::string(name));
}

}  // namespace

void DemoScreen::Print(std::string_view text) {
  // On a terminal the status line is overwritten; it comes back with the next ShowStatus().
  if (terminal_) out_ << "\r\033[K";
  out_ << text << "\n" << std::flush;
}

void DemoScreen::Print(const v1::ChurnAlert& alert) {
  const std::string label = Column("alert", Spoken(v1::ChurnAlert::Kind_Name(alert.kind())));
  const std::string risk =
      absl::StrFormat("risk %2.0f%% in %.0f days", std::floor(100 * alert.risk()), alert.horizon_days());
  Print(Text(DemoTime(alert.decided_at_ms()), "  ", Paint(label, ColourOf(alert.kind())), "  ", alert.customer_id(),
             "  ", risk, ": ", Join(alert.reasons())));
}

void DemoScreen::Print(const v1::MarketingTrigger& trigger) {
  constexpr std::string_view kPrefix = "CHANNEL_";
  const std::string channel = Spoken(v1::Channel_Name(trigger.channel())).substr(kPrefix.size());
  Print(Text(DemoTime(trigger.released_at_ms()), "  ", Paint(Column("trigger", trigger.type()), kCyan), "  ",
             trigger.customer_id(), "  by ", channel, ": ", Join(trigger.reasons())));
}

void DemoScreen::ShowStatus(std::string_view text) {
  if (terminal_) out_ << "\r\033[K" << text << std::flush;
}

std::string DemoScreen::Paint(std::string_view text, int colour) const {
  return terminal_ ? Text("\033[", colour, "m", text, "\033[0m") : std::string(text);
}

std::string DemoTime(int64_t time_ms) {
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixMillis(time_ms), absl::UTCTimeZone());
}

std::string Grouped(uint64_t number) {
  std::string digits = Text(number);
  for (size_t from_end = 3; from_end < digits.size(); from_end += 4) digits.insert(digits.size() - from_end, ",");
  return digits;
}

std::string Spoken(std::string_view enum_name) {
  std::string name = absl::StrReplaceAll(absl::string_view(enum_name.data(), enum_name.size()), {{"_", "-"}});
  absl::AsciiStrToLower(&name);
  return name;
}

}  // namespace ebb
