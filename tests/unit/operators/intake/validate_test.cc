#include "operators/intake/validate.h"

#include <string>
#include <tuple>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "operators/intake/limits.h"

namespace ebb {
namespace {

// The reason for which an event in text format is refused, "" when it is not. The header gets an id.
template <class Event>
std::string ReasonFor(const std::string& text) {
  Event event;
  event.mutable_header()->set_event_id("e1");
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(text, &event)) << text;
  const auto fault = FindFault(event);
  if (!fault) return "";
  EXPECT_FALSE(fault->text.empty());
  return fault->reason;
}
std::string Purchase(const std::string& text) { return ReasonFor<v1::Purchase>(text); }
std::string Browse(const std::string& text) { return ReasonFor<v1::Browse>(text); }
std::string Support(const std::string& text) { return ReasonFor<v1::Support>(text); }
std::string Member(const std::string& text) { return ReasonFor<v1::Member>(text); }
std::string Engagement(const std::string& text) { return ReasonFor<v1::Engagement>(text); }

constexpr char kOrder[] = "kind: ORDER order_id: 'o1' currency: 'EUR' ";

TEST(ValidateTest, AnEventNeedsAnId) {
  EXPECT_EQ(FindFault(v1::Purchase())->reason, "missing-event-id");
  EXPECT_EQ(FindFault(v1::Browse())->reason, "missing-event-id");
  EXPECT_EQ(FindFault(v1::Support())->reason, "missing-event-id");
  EXPECT_EQ(FindFault(v1::Member())->reason, "missing-event-id");
  EXPECT_EQ(FindFault(v1::Engagement())->reason, "missing-event-id");
}

TEST(ValidateTest, AChannelMustBeKnownWhereItIsNamed) {
  EXPECT_EQ(Browse("action: VIEW header { channel: CHANNEL_WEB }"), "");
  v1::Browse browse;
  browse.mutable_header()->set_event_id("e1");
  browse.mutable_header()->set_channel(static_cast<v1::Channel>(99));
  EXPECT_EQ(FindFault(browse)->reason, "unknown-channel");
}

TEST(ValidateTest, SoundPurchasesPass) {
  EXPECT_EQ(Purchase(kOrder), "");
  EXPECT_EQ(Purchase(std::string(kOrder) + "lines { sku: 'a' price_minor: 1 quantity_milli: 1 }"), "");
  EXPECT_EQ(Purchase("kind: REFUND order_id: 'o1'"), "");
  EXPECT_EQ(Purchase("kind: CANCELLATION order_id: 'o1'"), "");
}

TEST(ValidateTest, PurchasesAreRefusedForAReason) {
  EXPECT_EQ(Purchase("order_id: 'o1' currency: 'EUR'"), "unknown-kind");
  EXPECT_EQ(Purchase("kind: ORDER currency: 'EUR'"), "missing-order-id");
  EXPECT_EQ(Purchase("kind: ORDER order_id: 'o1'"), "unknown-currency");
  EXPECT_EQ(Purchase("kind: ORDER order_id: 'o1' currency: 'QQQ'"), "unknown-currency");
  EXPECT_EQ(Purchase("kind: CANCELLATION order_id: 'o1' currency: 'QQQ'"), "unknown-currency");
  EXPECT_EQ(Purchase("kind: REFUND order_id: 'o1' lines { price_minor: 5 }"), "unknown-currency");
  EXPECT_EQ(Purchase(std::string(kOrder) + "discount_minor: -1"), "negative-amount");
  EXPECT_EQ(Purchase(std::string(kOrder) + "lines {} lines { price_minor: -1 }"), "negative-amount");
  EXPECT_EQ(Purchase(std::string(kOrder) + "lines { discount_minor: -1 }"), "negative-amount");
  EXPECT_EQ(Purchase(std::string(kOrder) + "lines { quantity_milli: -1 }"), "negative-quantity");
  EXPECT_EQ(Purchase(std::string(kOrder) + "lines { price_minor: 10000000000001 }"), "amount-too-large");
  const std::string fits(kMaxCategoryBytes, 'x');
  EXPECT_EQ(Purchase(std::string(kOrder) + "lines { category: '" + fits + "' }"), "");
  EXPECT_EQ(Purchase(std::string(kOrder) + "lines { category: '" + fits + "x' }"), "category-too-long");
}

TEST(ValidateTest, BrowsesAreRefusedForAReason) {
  EXPECT_EQ(Browse("action: SEARCH query: 'socks'"), "");
  EXPECT_EQ(Browse("action: VIEW price_minor: 5 currency: 'EUR'"), "");
  EXPECT_EQ(Browse("sku: 'a'"), "unknown-kind");
  EXPECT_EQ(Browse("action: VIEW price_minor: 5"), "unknown-currency");
  EXPECT_EQ(Browse("action: VIEW currency: 'euro'"), "unknown-currency");
  EXPECT_EQ(Browse("action: VIEW price_minor: -5 currency: 'EUR'"), "negative-amount");
  EXPECT_EQ(Browse("action: ADD_TO_CART quantity_milli: -1"), "negative-quantity");
  EXPECT_EQ(Browse("action: VIEW category: '" + std::string(kMaxCategoryBytes + 1, 'x') + "'"), "category-too-long");
}

TEST(ValidateTest, SupportIsRefusedForAReason) {
  EXPECT_EQ(Support("kind: OPENED ticket_id: 't'"), "");
  EXPECT_EQ(Support("kind: SURVEY_CSAT csat: 1") + Support("kind: SURVEY_CSAT csat: 5"), "");
  EXPECT_EQ(Support("kind: SURVEY_NPS nps: 0") + Support("kind: SURVEY_NPS nps: 10"), "");
  EXPECT_EQ(Support("ticket_id: 't'"), "unknown-kind");
  for (const char* kind : {"OPENED", "ANSWERED", "RESOLVED", "REOPENED"}) {
    EXPECT_EQ(Support(std::string("kind: ") + kind), "missing-ticket-id") << kind;
  }
  EXPECT_EQ(Support("kind: SURVEY_CSAT"), "csat-out-of-range");
  EXPECT_EQ(Support("kind: SURVEY_CSAT csat: 6"), "csat-out-of-range");
  EXPECT_EQ(Support("kind: SURVEY_NPS nps: -1"), "nps-out-of-range");
  EXPECT_EQ(Support("kind: SURVEY_NPS nps: 11"), "nps-out-of-range");
}

TEST(ValidateTest, MembersAreRefusedForAReason) {
  EXPECT_EQ(Member("joined {}") + Member("erasure_asked {}") + Member("profile {}"), "");
  EXPECT_EQ(Member(""), "missing-change");
  EXPECT_EQ(Member("consent { purpose: PURPOSE_MARKETING channel: CHANNEL_EMAIL }"), "");
  EXPECT_EQ(Member("consent { channel: CHANNEL_EMAIL }"), "unknown-purpose");
  EXPECT_EQ(Member("consent { purpose: PURPOSE_MARKETING }"), "unknown-channel");
  EXPECT_EQ(Member("linked { ids { kind: ID_KIND_CARD value: '1' } }"), "");
  EXPECT_EQ(Member("linked {}"), "invalid-identifier");
  EXPECT_EQ(Member("linked { ids { kind: ID_KIND_CARD } }"), "invalid-identifier");
  EXPECT_EQ(Member("linked { ids { value: '1' } }"), "invalid-identifier");
}

TEST(ValidateTest, TimeZonesAreNamesOfTheIanaDatabase) {
  for (const char* zone : {"Europe/Berlin", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5"}) {
    EXPECT_EQ(Member(std::string("profile { time_zone: '") + zone + "' }"), "") << zone;
  }
  for (const char* zone : {"Europe/Atlantis", "/etc/passwd", "../UTC", "localtime", "file:UTC", "Europe/../UTC"}) {
    EXPECT_EQ(Member(std::string("profile { time_zone: '") + zone + "' }"), "unknown-time-zone") << zone;
  }
}

TEST(ValidateTest, LanguagesAreTags) {
  EXPECT_EQ(Member("profile { language: 'zh-Hant-TW' }"), "");
  for (const char* language : {"de CH", "de--CH", "-de", "1a", "germanlanguage", "äö"}) {
    EXPECT_EQ(Member(std::string("profile { language: '") + language + "' }"), "invalid-language") << language;
  }
}

TEST(ValidateTest, BirthdaysAreDaysOfTheCalendar) {
  const auto birthday = [](int year, int month, int day) {
    return Member("profile { birthday { year: " + std::to_string(year) + " month: " + std::to_string(month) +
                  " day: " + std::to_string(day) + " } }");
  };
  EXPECT_EQ(birthday(2000, 2, 29) + birthday(0, 2, 29) + birthday(1999, 12, 31), "");
  for (const auto& [year, month, day] : {std::tuple(1999, 2, 29), {1999, 4, 31}, {1999, 13, 1}, {1999, 0, 1},
                                         {1999, 1, 0}, {-1, 1, 1}, {10000, 1, 1}, {1999, 1, 400},
                                         {1999, 1, 2000000000}}) {
    EXPECT_EQ(birthday(year, month, day), "invalid-date") << year << "-" << month << "-" << day;
  }
}

TEST(ValidateTest, EngagementIsRefusedForAReason) {
  EXPECT_EQ(Engagement("kind: SENT"), "");
  EXPECT_EQ(Engagement("kind: UNSUBSCRIBED header { channel: CHANNEL_SMS }"), "");
  EXPECT_EQ(Engagement("trigger_id: 't'"), "unknown-kind");
  EXPECT_EQ(Engagement("kind: UNSUBSCRIBED"), "missing-channel");
}

TEST(ValidateTest, TextsShowForeignValuesShortAndEscaped) {
  v1::Browse browse;
  browse.mutable_header()->set_event_id("e1");
  browse.set_action(v1::Browse::VIEW);
  browse.set_currency("\x01" + std::string(1000, 'x'));
  const std::string text = FindFault(browse)->text;
  EXPECT_LT(text.size(), 200u);
  EXPECT_NE(text.find("\\x01"), std::string::npos);
}

}  // namespace
}  // namespace ebb
