#include "operators/explain/decision.h"

#include <limits>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;

template <class Message>
Message Made(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message)) << text;
  return message;
}

constexpr char kTrigger[] = R"text(
  trigger_id: "0c9a1f0f6b7e4d21a3a5b9e86d0c4f11" customer_id: "anna" type: "abandoned-cart" channel: CHANNEL_EMAIL
  expires_at_ms: 1777976472000 priority: 30 purpose: PURPOSE_MARKETING campaign: "carts"
  decided_at_ms: 1777890072000 released_at_ms: 1777890972000 rule_version: "3" skus: "rug" skus: "lamp"
  reasons { code: "cart_added" value: 2 baseline: 1 contribution: 1
            text: "put 2 articles into the basket; nothing called it off for 60 minutes" }
  reasons { code: "clause" contribution: 1 text: "event.price_minor > 0  (event.price_minor = 1299)" }
  payload { key: "price" value: "12.99" } payload { key: "bottle" value: "rug" }
  published: "carts@2" published: "brakes@1")text";

TEST(DecisionTest, ATriggerThatMayBeSentIsToldInFull) {
  EXPECT_EQ(DecisionPage(Made<v1::MarketingTrigger>(kTrigger)),
            R"(abandoned-cart for customer anna: released through email

  id         0c9a1f0f6b7e4d21a3a5b9e86d0c4f11
  decided    2026-05-04T10:21:12Z
  released   2026-05-04T10:36:12Z
  expires    2026-05-05T10:21:12Z
  purpose    marketing
  campaign   carts
  priority   30
  articles   rug, lamp
  payload    bottle = rug
  payload    price = 12.99
  made by    rule_version 3, with what was published: carts@2, brakes@1

why
  put 2 articles into the basket; nothing called it off for 60 minutes  [2, compared with 1]
  it is true that event.price_minor > 0  (event.price_minor = 1299)
)");
}

TEST(DecisionTest, OneThatIsWithheldBeginsWithItsCause) {
  v1::WithheldTrigger withheld;
  *withheld.mutable_trigger() = Made<v1::MarketingTrigger>(R"(
      trigger_id: "11" customer_id: "anna" type: "birthday" channel: CHANNEL_APP purpose: PURPOSE_SERVICE
      decided_at_ms: 1777890072000 expires_at_ms: 1777976472000 rule_version: "1" generated: true
      reasons { code: "calendar" value: 1 baseline: 1 contribution: 1 text: "the day has come: birthday" })");
  withheld.set_cause(v1::WithheldTrigger::NO_CONSENT);
  withheld.set_text("no consent to service through any of: app");
  withheld.set_withheld_at_ms(1777890072000);
  EXPECT_EQ(DecisionPage(withheld), R"(birthday for customer anna: not sent

  cause      NO_CONSENT: no consent to service through any of: app
  id         11
  decided    2026-05-04T10:21:12Z
  withheld   2026-05-04T10:21:12Z
  expires    2026-05-05T10:21:12Z
  preferred  app
  purpose    service
  priority   0
  made by    rule_version 1, as the pipeline file has it
  beware     events that a generator made up have a part in it

why
  the day has come: birthday  [1, compared with 1]
)");
}

TEST(DecisionTest, ChannelsThatWerePassedOverAreTold) {
  const auto trigger = Made<v1::MarketingTrigger>(R"(
      trigger_id: "11" customer_id: "anna" type: "birthday" channel: CHANNEL_SMS purpose: PURPOSE_MARKETING
      passed_over { channel: CHANNEL_APP cause: NO_CONSENT } passed_over { channel: CHANNEL_EMAIL cause: FREQUENCY_CAP }
      passed_over { channel: 66 cause: 7 })");
  EXPECT_THAT(DecisionPage(trigger), HasSubstr("birthday for customer anna: released through sms\n"));
  EXPECT_THAT(DecisionPage(trigger), HasSubstr(R"(
  not by     app: no consent
  not by     email: a cap is reached
  not by     channel 66: cause 7
  purpose    marketing
)"));
}

TEST(DecisionTest, OneWithheldForComparisonNamesTheGroupsAndTheChannelItWouldHaveTaken) {
  v1::WithheldTrigger withheld;
  withheld.mutable_trigger()->set_channel(v1::CHANNEL_EMAIL);
  withheld.set_cause(v1::WithheldTrigger::HOLDOUT);
  withheld.add_groups(v1::WithheldTrigger::OF_ALL);
  withheld.add_groups(v1::WithheldTrigger::OF_CAMPAIGN);
  EXPECT_THAT(DecisionPage(withheld), HasSubstr(R"(
  channel    email
  customer   gets nothing promotional, gets nothing of this campaign
)"));
  withheld.set_cause(v1::WithheldTrigger::OVERALL_CAP);
  EXPECT_THAT(DecisionPage(withheld), HasSubstr("  channel    email\n"));
}

constexpr char kAlert[] = R"(
  alert_id: "22" customer_id: "anna" kind: RAISED risk: 0.8249 horizon_days: 28 decided_at_ms: 1777890072000
  reasons { code: "days_since_purchase" value: 34.2 baseline: 6.1 contribution: 2.314
            text: "no purchase for 34 days; usually buys every 6 days" }
  reasons { code: "days_since_contact" value: 3 baseline: 34 contribution: -2.1 text: "was in touch 3 days ago" }
  model: "mbg-nbd" model_version: "grocer-1" episode: 2)";

TEST(DecisionTest, AnAlertIsToldWithWhatSpokeForItAndAgainst) {
  EXPECT_EQ(DecisionPage(Made<v1::ChurnAlert>(kAlert)), R"(churn alert for customer anna: raised

  id         22
  decided    2026-05-04T10:21:12Z
  risk       0.82 that nothing is bought within 28 days
  episode    2 of this customer
  made by    model mbg-nbd grocer-1, as the pipeline file has it

why
  no purchase for 34 days; usually buys every 6 days  [34.2, usual 6.1, weighs +2.31]
  was in touch 3 days ago  [3, usual 34, weighs -2.10]
)");
}

TEST(DecisionTest, AListHasALineForEach) {
  v1::WithheldTrigger withheld;
  *withheld.mutable_trigger() = Made<v1::MarketingTrigger>(kTrigger);
  withheld.set_cause(v1::WithheldTrigger::FREQUENCY_CAP);
  withheld.set_withheld_at_ms(1777890972000);
  EXPECT_EQ(
      DecisionLine(Made<v1::MarketingTrigger>(kTrigger)) + DecisionLine(withheld) +
          DecisionLine(Made<v1::ChurnAlert>(kAlert)),
      "  2026-05-04T10:36:12Z  abandoned-cart        released through email        0c9a1f0f6b7e4d21a3a5b9e86d0c4f11\n"
      "  2026-05-04T10:36:12Z  abandoned-cart        withheld: FREQUENCY_CAP       0c9a1f0f6b7e4d21a3a5b9e86d0c4f11\n"
      "  2026-05-04T10:21:12Z  churn alert           raised, risk 0.82             22\n");
}

TEST(DecisionTest, WhatIsMissingIsSaidToBe) {
  EXPECT_EQ(DecisionPage(v1::WithheldTrigger()), R"(not said for customer not said: not sent

  cause      CAUSE_UNSPECIFIED
  id         not said
  decided    not said
  withheld   not said
  expires    not said
  preferred  not said
  purpose    PURPOSE_UNSPECIFIED
  priority   0
  made by    rule_version not said, as the pipeline file has it

why
  no reason was given
)");
}

TEST(DecisionTest, WhatALaterVersionMayHaveAddedIsShownByNumber) {
  v1::WithheldTrigger withheld;
  withheld.set_cause(static_cast<v1::WithheldTrigger::Cause>(77));
  withheld.mutable_trigger()->set_channel(static_cast<v1::Channel>(66));
  withheld.mutable_trigger()->set_purpose(static_cast<v1::Purpose>(55));
  withheld.mutable_trigger()->add_reasons();
  withheld.mutable_trigger()->add_reasons()->set_code("lunar_phase");
  const std::string page = DecisionPage(withheld);
  for (const char* shown : {"cause      cause 77\n", "preferred  channel 66\n", "purpose    purpose 55\n",
                            "  a reason without words\n", "  lunar_phase\n"}) {
    EXPECT_NE(page.find(shown), std::string::npos) << shown << page;
  }
  v1::ChurnAlert alert;
  alert.set_kind(static_cast<v1::ChurnAlert::Kind>(9));
  EXPECT_EQ(DecisionLine(alert),
            "  not said              churn alert           kind 9, risk 0.00             not said\n");
}

TEST(DecisionTest, NoTextReachesTheTerminalAsACommand) {
  auto trigger = Made<v1::MarketingTrigger>(kTrigger);
  trigger.set_customer_id("an\x1b[2Jna\n");
  trigger.mutable_reasons(0)->set_text(
      "\r\x7f\xc2\x9b"
      "31m“quoted” 'as is'");
  trigger.set_rule_version("\xff");
  const std::string page = DecisionPage(trigger);
  EXPECT_EQ(page.substr(0, page.find('\n')), R"(abandoned-cart for customer an\x1b[2Jna\x0a: released through email)");
  EXPECT_NE(page.find(R"(  \x0d\x7f\x9b31m“quoted” 'as is'  [)"), std::string::npos) << page;
  EXPECT_NE(page.find(R"(rule_version \xff,)"), std::string::npos) << page;
}

TEST(DecisionTest, MomentsBeyondAllCalendarsAreShown) {
  v1::ChurnAlert alert;
  for (const int64_t ms : {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()}) {
    alert.set_decided_at_ms(ms);
    EXPECT_NE(DecisionLine(alert).find("churn alert"), std::string::npos);
  }
}

TEST(TippingTest, IsAnEventTimeAloneOrAPublication) {
  EXPECT_EQ(TippingText(Made<v1::Position>(R"(source: "browses" partition: 2 offset: 17 event_id: "e-9")"), "shop.b"),
            "event e-9 of source browses: topic shop.b, partition 2, offset 17");
  EXPECT_EQ(TippingText(Made<v1::Position>(R"(source: "gone" offset: 17 event_id: "e-9")"), ""),
            "event e-9 of source gone: partition 0, offset 17");
  EXPECT_EQ(TippingText(Made<v1::Position>(R"(offset: -1 event_id: "wait")"), ""), "time alone: the timer wait fired");
  EXPECT_EQ(TippingText(Made<v1::Position>(R"(offset: -1 event_id: "threshold@1")"), ""),
            "no event: threshold@1 was published and came into force");
  EXPECT_EQ(TippingText(v1::Position(), ""), "not said");
}

}  // namespace
}  // namespace ebb
