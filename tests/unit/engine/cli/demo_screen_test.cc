#include "engine/cli/demo_screen.h"

#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace ebb {
namespace {

constexpr int64_t kPiDay = 1741944390000;  // 2025-03-14T09:26:30Z

v1::ChurnAlert Alert(v1::ChurnAlert::Kind kind) {
  v1::ChurnAlert alert;
  alert.set_customer_id("customer-000017");
  alert.set_kind(kind);
  alert.set_risk(0.899);
  alert.set_horizon_days(28);
  alert.set_decided_at_ms(kPiDay);
  for (const char* text : {"silent for 40 days", "usually 7 days apart", "a complaint", "the fourth"}) {
    alert.add_reasons()->set_text(text);
  }
  return alert;
}

v1::MarketingTrigger Trigger() {
  v1::MarketingTrigger trigger;
  trigger.set_customer_id("customer-000023");
  trigger.set_type("abandoned-cart");
  trigger.set_channel(v1::CHANNEL_EMAIL);
  trigger.set_released_at_ms(kPiDay);
  trigger.add_reasons()->set_text("2 articles left behind");
  return trigger;
}

// What a screen writes of `shown`.
template <class... Shown>
std::string Written(bool terminal, const Shown&... shown) {
  std::ostringstream out;
  DemoScreen screen(out, terminal);
  (screen.Print(shown), ...);
  return out.str();
}

TEST(DemoScreenTest, AnAlertIsALineWithItsThreeStrongestReasons) {
  EXPECT_EQ(Written(false, Alert(v1::ChurnAlert::RAISED)),
            "2025-03-14 09:26  alert   raised             customer-000017  risk 89% in 28 days: silent for 40 days | "
            "usually 7 days apart | a complaint\n");
}

TEST(DemoScreenTest, ATriggerIsALineWithItsChannelInTheSameColumns) {
  EXPECT_EQ(Written(false, Trigger()),
            "2025-03-14 09:26  trigger abandoned-cart     customer-000023  by email: 2 articles left behind\n");
}

TEST(DemoScreenTest, OnATerminalTheColourTellsWhatKindItIs) {
  EXPECT_NE(Written(true, Alert(v1::ChurnAlert::RAISED)).find("\033[33malert   raised   "), std::string::npos);
  EXPECT_NE(Written(true, Alert(v1::ChurnAlert::ESCALATED)).find("\033[31malert   escalated"), std::string::npos);
  EXPECT_NE(Written(true, Alert(v1::ChurnAlert::CLEARED)).find("\033[32malert   cleared  "), std::string::npos);
  EXPECT_NE(Written(true, Trigger()).find("\033[36mtrigger abandoned-cart   "), std::string::npos);
}

TEST(DemoScreenTest, OnATerminalALineTakesThePlaceOfTheStatusLine) {
  std::ostringstream out;
  DemoScreen screen(out, true);
  screen.ShowStatus("busy");
  screen.Print("a line");
  screen.ShowStatus("");
  EXPECT_EQ(out.str(), "\r\033[Kbusy\r\033[Ka line\n\r\033[K");
}

TEST(DemoScreenTest, ElsewhereThereIsNeitherStatusLineNorColour) {
  std::ostringstream out;
  DemoScreen screen(out, false);
  screen.ShowStatus("busy");
  EXPECT_EQ(out.str(), "");
  screen.Print("a line");
  screen.Print(Trigger());
  EXPECT_EQ(out.str().find('\033'), std::string::npos);
  EXPECT_EQ(out.str().find('\r'), std::string::npos);
}

TEST(DemoScreenTest, NumbersAndNamesAreWrittenForPeople) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Grouped(UINT64_MAX), "18,446,744,073,709,551,615");
  EXPECT_EQ(Spoken("NO_CONSENT"), "no-consent");
  EXPECT_EQ(DemoTime(0), "1970-01-01 00:00");
}

}  // namespace
}  // namespace ebb
