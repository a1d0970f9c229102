#ifndef EBB_ENGINE_CLI_SHOP_HABITS_H_
#define EBB_ENGINE_CLI_SHOP_HABITS_H_

// Constants of the simulated customers that several files share. For shop_*.cc only.

#include <array>
#include <cstdint>

#include "ebb/v1/header.pb.h"
#include "ebb/v1/member.pb.h"

namespace ebb {

// In seconds, but for the last two.
inline constexpr double kSecond = 1, kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
inline constexpr int64_t kHourMs = 3'600'000, kDayMs = 24 * kHourMs;

struct Region {
  const char* time_zone;
  const char* language;
  const char* currency;
  int utc_offset_hours;  // In winter: near enough for when people are awake.
};
inline constexpr std::array<Region, 6> kRegions = {{
    {"Europe/Berlin", "de-DE", "EUR", 1},
    {"Europe/Zurich", "de-CH", "CHF", 1},
    {"Europe/Lisbon", "pt-PT", "EUR", 0},
    {"Europe/London", "en-GB", "GBP", 0},
    {"Europe/Helsinki", "fi-FI", "EUR", 2},
    {"America/New_York", "en-US", "USD", -5},
}};

// The boxes of the form that customers tick, or not, when they join.
struct Box {
  v1::Purpose purpose;
  v1::Channel channel;
  double share;
};
inline constexpr std::array<Box, 6> kBoxes = {{
    {v1::PURPOSE_MARKETING, v1::CHANNEL_EMAIL, 0.75},
    {v1::PURPOSE_MARKETING, v1::CHANNEL_APP, 0.5},
    {v1::PURPOSE_MARKETING, v1::CHANNEL_SMS, 0.25},
    {v1::PURPOSE_SERVICE, v1::CHANNEL_EMAIL, 0.95},
    {v1::PURPOSE_SERVICE, v1::CHANNEL_APP, 0.6},
    {v1::PURPOSE_SERVICE, v1::CHANNEL_SMS, 0.6},
}};
inline constexpr uint8_t kMailBox = 1;  // The bit of the first.
inline constexpr double kMailGapDays = 14;

inline int64_t ToMs(double seconds) { return static_cast<int64_t>(seconds * 1000); }

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_SHOP_HABITS_H_
