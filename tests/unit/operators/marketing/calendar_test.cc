#include "operators/marketing/calendar.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::CustomerProfile;
using Config = operators::TriggerConfig::Calendar;

absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M", text, &time, &error)) << error;
  return time;
}

std::string Refusal(std::string_view config) {
  Calendar calendar;
  Refusals refusals;
  calendar.Configure(ConfigOf<Config>(config), &refusals);
  return std::string(refusals.ToStatus().message());
}

// Days in milliseconds since 1970, as configs hold them.
std::string Period(const std::string& name, const char* from, const char* to) {
  const auto ms = [](const char* day) { return absl::ToUnixMillis(At(absl::StrCat(day, " 00:00").c_str())); };
  return absl::StrCat(" periods { name: \"", name, "\" from: ", ms(from), " to: ", ms(to), " }");
}

// Of the calendar: "2027-02-28 08:00 birthday 2027-2-28 (37)" for the moment (UTC), the name, the day and which.
std::string Next(std::string_view config, const char* after, const CustomerProfile::Basics& basics,
                 std::optional<int64_t> last_day = std::nullopt) {
  Calendar calendar;
  Refusals refusals;
  calendar.Configure(ConfigOf<Config>(config), &refusals);
  EXPECT_TRUE(refusals.empty()) << refusals.ToStatus();
  const auto day = calendar.Next(At(after), last_day, basics);
  if (!day) return "never";
  const auto& date = day->event.date();
  return absl::StrCat(absl::FormatTime("%Y-%m-%d %H:%M", day->at, absl::UTCTimeZone()), " ", day->event.name(), " ",
                      date.year(), "-", date.month(), "-", date.day(), " (", day->event.years(), ")");
}

constexpr char kBirthday[] = R"(at: "09:00" zone_when_unknown: "Europe/Berlin" anniversary: "birthday")";
constexpr char kJoined[] = R"(at: "09:00" zone_when_unknown: "UTC" anniversary: "joined")";

CustomerProfile::Basics Born(int year, int month, int day, std::string zone = "") {
  CustomerProfile::Basics basics;
  basics.mutable_birthday()->set_year(year);
  basics.mutable_birthday()->set_month(month);
  basics.mutable_birthday()->set_day(day);
  basics.set_time_zone(std::move(zone));
  return basics;
}

TEST(CalendarTest, ABirthdayComesByTheCustomersOwnClock) {
  EXPECT_EQ(Next(kBirthday, "2026-03-01 00:00", Born(1990, 7, 14, "Asia/Tokyo")),
            "2026-07-14 00:00 birthday 2026-7-14 (36)");
  EXPECT_EQ(Next(kBirthday, "2026-03-01 00:00", Born(0, 7, 14, "America/New_York")),
            "2026-07-14 13:00 birthday 2026-7-14 (0)");
  // An unknown zone is the configured one, whether it was never told or does not exist.
  EXPECT_EQ(Next(kBirthday, "2026-03-01 00:00", Born(0, 7, 14)), "2026-07-14 07:00 birthday 2026-7-14 (0)");
  EXPECT_EQ(Next(kBirthday, "2026-03-01 00:00", Born(0, 7, 14, "Mars/Olympus")),
            "2026-07-14 07:00 birthday 2026-7-14 (0)");
}

TEST(CalendarTest, TheMomentItselfIsOver) {
  EXPECT_EQ(Next(kBirthday, "2026-07-14 06:59", Born(1990, 7, 14)), "2026-07-14 07:00 birthday 2026-7-14 (36)");
  EXPECT_EQ(Next(kBirthday, "2026-07-14 07:00", Born(1990, 7, 14)), "2027-07-14 07:00 birthday 2027-7-14 (37)");
}

TEST(CalendarTest, TheTwentyNinthOfFebruaryIsTheTwentyEighthInOtherYears) {
  const auto leap = Born(1992, 2, 29, "UTC");
  EXPECT_EQ(Next(kBirthday, "2026-01-01 00:00", leap), "2026-02-28 09:00 birthday 2026-2-28 (34)");
  EXPECT_EQ(Next(kBirthday, "2028-01-01 00:00", leap), "2028-02-29 09:00 birthday 2028-2-29 (36)");
  EXPECT_EQ(Next(kBirthday, "2100-01-01 00:00", leap), "2100-02-28 09:00 birthday 2100-2-28 (108)");
}

TEST(CalendarTest, ADayThatWasHadDoesNotComeAgainWhenTheClockIsPutBack) {
  // Had in Tokyo; the customer then moves to New York, where the hour is still to come.
  const int64_t day = absl::CivilDay(2026, 7, 14) - absl::CivilDay(1970, 1, 1);
  EXPECT_EQ(Next(kBirthday, "2026-07-14 03:00", Born(1990, 7, 14, "America/New_York"), day),
            "2027-07-14 13:00 birthday 2027-7-14 (37)");
}

TEST(CalendarTest, WithoutABirthdayOrWithAnImpossibleOneThereIsNoDay) {
  EXPECT_EQ(Next(kBirthday, "2026-01-01 00:00", CustomerProfile::Basics()), "never");
  for (const auto& [month, day] : {std::pair(13, 1), {0, 1}, {2, 30}, {4, 31}, {5, 0}, {5, 400}}) {
    EXPECT_EQ(Next(kBirthday, "2026-01-01 00:00", Born(1990, month, day)), "never") << month << "-" << day;
  }
}

TEST(CalendarTest, ItMayComeSomeDaysBeforeOverTheTurnOfTheYear) {
  const std::string config = std::string(kBirthday) + " days_before: 14";
  EXPECT_EQ(Next(config, "2026-12-01 00:00", Born(1990, 1, 5, "UTC")), "2026-12-22 09:00 birthday 2027-1-5 (37)");
  EXPECT_EQ(Next(config, "2026-12-25 00:00", Born(1990, 1, 5, "UTC")), "2027-12-22 09:00 birthday 2028-1-5 (38)");
}

TEST(CalendarTest, TheDayOfJoiningComesFromTheFirstYearOn) {
  CustomerProfile::Basics basics;
  EXPECT_EQ(Next(kJoined, "2026-01-01 00:00", basics), "never");
  basics.set_joined_ms(absl::ToUnixMillis(At("2026-05-04 08:00")));
  EXPECT_EQ(Next(kJoined, "2026-05-04 08:00", basics), "2027-05-04 09:00 joined 2027-5-4 (1)");
}

TEST(CalendarTest, ADayOfTheMonthIsTheLastWhereTheMonthIsShorter) {
  constexpr char kMonthly[] = R"(at: "10:00" zone_when_unknown: "UTC" day_of_month: 31)";
  EXPECT_EQ(Next(kMonthly, "2026-01-31 10:00", {}), "2026-02-28 10:00 monthly 2026-2-28 (0)");
  EXPECT_EQ(Next(kMonthly, "2026-03-01 00:00", {}), "2026-03-31 10:00 monthly 2026-3-31 (0)");
  EXPECT_EQ(Next(kMonthly, "2026-12-31 10:00", {}), "2027-01-31 10:00 monthly 2027-1-31 (0)");
  constexpr char kBefore[] = R"(at: "10:00" zone_when_unknown: "UTC" day_of_month: 8 days_before: 60)";
  EXPECT_EQ(Next(kBefore, "2026-01-01 00:00", {}), "2026-01-07 10:00 monthly 2026-3-8 (0)");
}

TEST(CalendarTest, APeriodComesOnceWheneverTheCustomerIsFirstKnownInIt) {
  const std::string config = std::string(R"(at: "09:00" zone_when_unknown: "UTC")") +
                             Period("summer", "2026-07-01", "2026-07-10") +
                             Period("advent", "2026-11-29", "2026-12-24");
  EXPECT_EQ(Next(config, "2026-01-01 00:00", {}), "2026-07-01 09:00 summer 2026-7-1 (0)");
  EXPECT_EQ(Next(config, "2026-07-04 12:00", {}), "2026-07-05 09:00 summer 2026-7-5 (0)");
  const int64_t had = absl::CivilDay(2026, 7, 5) - absl::CivilDay(1970, 1, 1);
  EXPECT_EQ(Next(config, "2026-07-05 09:00", {}, had), "2026-11-29 09:00 advent 2026-11-29 (0)");
  EXPECT_EQ(Next(config, "2026-07-10 09:00", {}), "2026-11-29 09:00 advent 2026-11-29 (0)");
  EXPECT_EQ(Next(config, "2026-12-24 09:00", {}), "never");
  // The last day ends late in the west.
  CustomerProfile::Basics western;
  western.set_time_zone("Pacific/Pago_Pago");
  EXPECT_EQ(Next(config, "2026-12-24 19:00", western), "2026-12-24 20:00 advent 2026-12-24 (0)");
  EXPECT_EQ(Next(config, "2026-12-24 20:00", western), "never");
}

TEST(CalendarTest, ClocksThatArePutForwardOrBackAreFollowed) {
  constexpr char kNight[] = R"(at: "02:30" zone_when_unknown: "Europe/Berlin" day_of_month: 29)";
  // 2026-03-29: from 02:00 to 03:00 at 01:00 UTC.
  EXPECT_EQ(Next(kNight, "2026-03-28 00:00", {}), "2026-03-29 01:00 monthly 2026-3-29 (0)");
  constexpr char kTwice[] = R"(at: "02:30" zone_when_unknown: "Europe/Berlin" day_of_month: 25)";
  // 2026-10-25: 02:30 is at 00:30 and 01:30 UTC.
  EXPECT_EQ(Next(kTwice, "2026-10-24 00:00", {}), "2026-10-25 00:30 monthly 2026-10-25 (0)");
  EXPECT_EQ(Next(kTwice, "2026-10-25 00:30", {}), "2026-11-25 01:30 monthly 2026-11-25 (0)");
}

TEST(CalendarTest, RefusesWhatIsNoCalendar) {
  const std::string base = R"(at: "09:00" zone_when_unknown: "UTC" )";
  EXPECT_EQ(Refusal(base + "day_of_month: 8"), "");
  EXPECT_EQ(Refusal(base), "calendar: expected one of anniversary, day_of_month and periods, got none");
  EXPECT_EQ(Refusal(base + R"(day_of_month: 8 anniversary: "birthday")"),
            "calendar: expected one of anniversary, day_of_month and periods, got several; write a trigger for each");
  EXPECT_EQ(Refusal(R"(at: "9" zone_when_unknown: "Moon" day_of_month: 8)"),
            "calendar.at: expected a time of the day from \"00:00\" to \"23:59\", got \"9\"\n"
            "calendar.zone_when_unknown: expected an IANA time zone such as \"Europe/Berlin\", got \"Moon\"");
}

TEST(CalendarTest, RefusesPeriodsThatOverlapOrNeverEnd) {
  const std::string base = R"(at: "09:00" zone_when_unknown: "UTC")";
  EXPECT_EQ(Refusal(base + Period("a", "2026-07-01", "2026-09-30")), "");
  EXPECT_EQ(
      Refusal(base + Period("a", "2026-07-01", "2026-10-01")),
      "calendar.periods[0].to: expected an end within 92 days of the beginning, got 93 days; what never ends is no "
      "occasion");
  EXPECT_EQ(Refusal(base + Period("a", "2026-07-02", "2026-07-01")),
            "calendar.periods[0].to: expected a day not before 2026-07-02, got 2026-07-01");
  EXPECT_EQ(Refusal(base + Period("a", "2026-07-01", "2026-07-10") + Period("b", "2026-07-10", "2026-07-11")),
            "calendar.periods[1].from: expected days that no other period has, got 2026-07-10, which \"a\" has from "
            "2026-07-01 to 2026-07-10");
  EXPECT_EQ(Refusal(base + Period("a", "2026-07-01", "2026-07-10") + Period("b", "2026-07-11", "2026-07-11")), "");
}

}  // namespace
}  // namespace ebb
