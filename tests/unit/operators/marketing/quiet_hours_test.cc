#include "operators/marketing/quiet_hours.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;

absl::Time Utc(std::string_view text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M:%E*S", std::string(text), &time, &error)) << text << ": " << error;
  return time;
}

QuietHours Hours(std::string_view start, std::string_view end, std::vector<std::string> zones = {"Europe/Berlin"}) {
  auto hours = QuietHours::Create(start, end, zones);
  EXPECT_TRUE(hours.ok()) << hours.status();
  return *hours;
}

TEST(QuietHoursTest, WithoutAnyEveryMomentIsAllowed) {
  EXPECT_EQ(QuietHours().NextAllowed(Utc("2021-01-10 03:00:00"), "Europe/Berlin"), Utc("2021-01-10 03:00:00"));
}

TEST(QuietHoursTest, HoldOverMidnightByTheClockOfTheZone) {
  const QuietHours night = Hours("21:00", "08:00");
  const auto berlin = [&](std::string_view utc) { return night.NextAllowed(Utc(utc), "Europe/Berlin"); };
  EXPECT_EQ(berlin("2021-01-10 19:59:59.999"), Utc("2021-01-10 19:59:59.999"));
  EXPECT_EQ(berlin("2021-01-10 20:00:00"), Utc("2021-01-11 07:00:00"));
  EXPECT_EQ(berlin("2021-01-11 06:59:59.999"), Utc("2021-01-11 07:00:00"));
  EXPECT_EQ(berlin("2021-01-11 07:00:00"), Utc("2021-01-11 07:00:00"));
  EXPECT_EQ(night.NextAllowed(Utc("2021-01-10 19:00:00"), "Asia/Kolkata"), Utc("2021-01-11 02:30:00"));
}

TEST(QuietHoursTest, HoldWithinADay) {
  const QuietHours nap = Hours("13:00", "15:00");
  EXPECT_EQ(nap.NextAllowed(Utc("2021-01-10 11:59:00"), "Europe/Berlin"), Utc("2021-01-10 11:59:00"));
  EXPECT_EQ(nap.NextAllowed(Utc("2021-01-10 12:30:00"), "Europe/Berlin"), Utc("2021-01-10 14:00:00"));
}

TEST(QuietHoursTest, AnEndThatTheClockSkipsIsWhenItIsPutForward) {
  EXPECT_EQ(Hours("21:00", "02:30").NextAllowed(Utc("2021-03-28 00:30:00"), "Europe/Berlin"),
            Utc("2021-03-28 01:00:00"));
  EXPECT_EQ(Hours("21:00", "08:00").NextAllowed(Utc("2021-03-28 00:30:00"), "Europe/Berlin"),
            Utc("2021-03-28 06:00:00"));
}

TEST(QuietHoursTest, AnHourThatTheClockShowsTwiceIsQuietTwice) {
  const QuietHours night = Hours("21:00", "02:30");
  EXPECT_EQ(night.NextAllowed(Utc("2021-10-30 20:00:00"), "Europe/Berlin"), Utc("2021-10-31 00:30:00"));
  EXPECT_EQ(night.NextAllowed(Utc("2021-10-31 01:10:00"), "Europe/Berlin"), Utc("2021-10-31 01:30:00"));
}

TEST(QuietHoursTest, AgreeWithTheClockOnTheWallMinuteByMinute) {
  const QuietHours night = Hours("22:15", "07:45");
  for (const char* name : {"Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"}) {
    absl::TimeZone zone;
    ASSERT_TRUE(absl::LoadTimeZone(name, &zone));
    const auto is_quiet = [&](absl::Time time) {
      const absl::CivilSecond local = absl::ToCivilSecond(time, zone);
      const int minute = local.hour() * 60 + local.minute();
      return minute >= 22 * 60 + 15 || minute < 7 * 60 + 45;
    };
    for (const char* around : {"2021-03-27", "2021-04-03", "2021-10-02", "2021-10-30", "2021-11-06"}) {
      const absl::Time first = Utc(std::string(around) + " 00:00:00");
      absl::Time allowed = absl::InfinitePast();
      for (int minute = 3 * 24 * 60; minute-- > 0;) {
        const absl::Time time = first + absl::Minutes(minute);
        if (!is_quiet(time)) allowed = time;
        if (allowed == absl::InfinitePast()) continue;
        ASSERT_EQ(night.NextAllowed(time, name), allowed) << name << " " << time;
      }
    }
  }
}

TEST(QuietHoursTest, WithAnUnknownZoneItIsQuietWhenItIsInAnyOfTheList) {
  const QuietHours night = Hours("21:00", "08:00", {"Europe/Athens", "Europe/Lisbon"});
  for (const char* zone : {"", "Europe/Atlantis", "/usr/share/zoneinfo/Asia/Tokyo", "../zoneinfo/Asia/Tokyo",
                           "file:/usr/share/zoneinfo/Asia/Tokyo", "localtime", "libc:localtime"}) {
    EXPECT_EQ(night.NextAllowed(Utc("2021-01-10 18:59:00"), zone), Utc("2021-01-10 18:59:00")) << zone;
    EXPECT_EQ(night.NextAllowed(Utc("2021-01-10 19:00:00"), zone), Utc("2021-01-11 08:00:00")) << zone;
  }
}

TEST(QuietHoursTest, ZonesThatLeaveNoGapAreNeverAllowed) {
  const QuietHours night = Hours("21:00", "08:00", {"Europe/Berlin", "America/New_York", "Asia/Tokyo"});
  EXPECT_EQ(night.NextAllowed(Utc("2021-01-10 12:00:00"), ""), absl::InfiniteFuture());
}

TEST(QuietHoursTest, RefuseWhatIsNoTimeOrZone) {
  const auto refusal = [](std::string_view start, std::string_view end, std::vector<std::string> zones) {
    return std::string(QuietHours::Create(start, end, zones).status().message());
  };
  for (const char* bad : {"", "9:00", "24:00", "12:60", "12-30", "+1:00", "12:+5", "12:300"}) {
    EXPECT_THAT(refusal(bad, "08:00", {"UTC"}), HasSubstr("expected a time of the day")) << bad;
  }
  EXPECT_THAT(refusal("08:00", "08:00", {"UTC"}), HasSubstr("both 08:00"));
  EXPECT_THAT(refusal("21:00", "08:00", {"Berlin"}), HasSubstr("got \"Berlin\""));
  EXPECT_THAT(refusal("21:00", "08:00", {}), HasSubstr("at least one zone"));
}

}  // namespace
}  // namespace ebb
