#include "operators/explain/standing.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/text.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'777'890'072);  // 2026-05-04T10:21:12Z.

constexpr std::string_view kBefore = R"(
application: shop
sources:
  browses: {topic: shop.browses, type: ebb.v1.Browse}
  purchases: {topic: shop.purchases, type: ebb.v1.Purchase}
  supports: {topic: shop.supports, type: ebb.v1.Support}
  members: {topic: shop.members, type: ebb.v1.Member}
operators:
  - {id: intake, type: intake, inputs: [browses, purchases, supports, members]}
  - {id: profile, type: customer-profile, inputs: [intake]}
  - {id: churn, type: churn, inputs: [intake], config: {min_repeat_days: 3, lifetime_cap: 2}}
)";
constexpr std::string_view kAfter = R"(
sinks:
  triggers: {topic: shop.triggers, type: ebb.v1.MarketingTrigger, inputs: [policy]}
  alerts: {topic: shop.alerts, type: ebb.v1.ChurnAlert, inputs: [churn]}
dead_letters: {topic: shop.dead-letters}
)";

// What every test that is about something else has: a policy that lets the rule through.
constexpr std::string_view kPolicy = "  - {id: policy, type: contact-policy, inputs: [intake, wine]}\n";
// Marketing by electronic mail.
constexpr std::string_view kConsent =
    R"("profile/profile": {"consents": {"key": [260], "given_ms": ["1"], "withdrawn_ms": ["0"]}})";

std::string Rule(std::string_view config) {
  return Text("  - {id: wine, type: trigger, inputs: [intake, churn], config: {name: dear-wine, channels: [email], ",
              config, "}}\n");
}

class StandingTest : public ::testing::Test {
 protected:
  void Load(std::string_view operators) {
    auto spec = LoadPipeline(Text(kBefore, operators, kAfter), "shop.yaml", Surroundings::OfPublished());
    ASSERT_TRUE(spec.ok()) << spec.status().message();
    standing_.spec = *std::move(spec);
  }
  void Remember(std::string_view states, std::string_view timers = "") {
    auto remembered =
        Remembered::Parse(Text(R"({"as_of_epoch": 7, "states": {)", states, R"(}, "timers": {)", timers, "}}"));
    ASSERT_TRUE(remembered.ok()) << remembered.status();
    standing_.remembered = *std::move(remembered);
  }
  template <class Event>
  void Happened(Event event, absl::Duration ago, std::string source, std::string refused = "") {
    event.mutable_header()->set_event_time_ms(absl::ToUnixMillis(kNow - ago));
    CustomerEvent happened;
    happened.position.set_source(std::move(source));
    happened.position.set_partition(2);
    happened.position.set_offset(static_cast<int64_t>(standing_.events.size()));
    happened.position.set_event_id(Text("e-", standing_.events.size()));
    happened.topic = "shop.topic";
    happened.message = std::make_shared<Event>(std::move(event));
    happened.refused = std::move(refused);
    standing_.events.push_back(std::move(happened));
  }
  void View(absl::Duration ago, std::string category, int64_t price_minor, std::string refused = "") {
    v1::Browse browse;
    browse.set_action(v1::Browse::VIEW);
    browse.set_sku("bottle");
    browse.set_category(std::move(category));
    browse.set_price_minor(price_minor);
    Happened(browse, ago, "browses", std::move(refused));
  }
  void Buy(absl::Duration ago) {
    v1::Purchase purchase;
    purchase.set_kind(v1::Purchase::ORDER);
    Happened(purchase, ago, "purchases");
  }
  std::string Section(std::string_view id) const {
    for (const OperatorSpec& op : standing_.spec->operators) {
      if (op.id != id) continue;
      return op.type == "trigger" ? RuleText(op, standing_)
             : op.type == "churn" ? AlertsText(op, standing_)
                                  : PolicyText(op, standing_);
    }
    return "";
  }

  Standing standing_{nullptr, "anna", "", std::nullopt, kNow, {}, kNow - absl::Hours(1)};
};

TEST_F(StandingTest, AClauseThatWasFalseIsToldWithWhatItHadRead) {
  Load(Rule("on: browse-viewed, when: 'event.category == \"wine\" && event.price_minor >= 2000 && "
            "1000 / customer.orders > 0'") +
       std::string(kPolicy));
  Remember(kConsent);
  View(absl::Minutes(30), "tea", 2500);
  EXPECT_EQ(Section("wine"), R"(
dear-wine, on browse-viewed
  nothing waits
  browse-viewed at 2026-05-04T09:51:12Z, event e-0 (shop.topic, partition 2, offset 0): its condition does not hold
    false   event.category == "wine"  (event.category = "tea")
    true    event.price_minor >= 2000  (event.price_minor = 2500)
    failed  1000 / customer.orders > 0  (customer.orders = 0): division by zero
)");
}

TEST_F(StandingTest, WhatCallsOffIsNamed) {
  Load(Rule("on: browse-viewed, wait: 2h, unless: [{on: purchased}]") + std::string(kPolicy));
  Remember(kConsent);
  Buy(absl::Minutes(50));
  View(absl::Minutes(30), "wine", 2500);
  Buy(absl::Minutes(20));
  View(absl::Minutes(10), "wine", 2500);
  EXPECT_EQ(Section("wine"), R"(
dear-wine, on browse-viewed
  nothing waits
  browse-viewed at 2026-05-04T09:51:12Z, event e-1 (shop.topic, partition 2, offset 1): it has no condition
    it waits for 2 hours
    called off at 2026-05-04T10:01:12Z by event e-2 (shop.topic, partition 2, offset 2)
  browse-viewed at 2026-05-04T10:11:12Z, event e-3 (shop.topic, partition 2, offset 3): it has no condition
    it waits for 2 hours
)");
}

TEST_F(StandingTest, WhatIsTakenOutOfTheBasketIsTold) {
  Load(Rule("on: cart-added, wait: 1h") + std::string(kPolicy));
  Remember(kConsent);
  v1::Browse browse;
  browse.set_sku("rug");
  browse.set_action(v1::Browse::REMOVE_FROM_CART);
  Happened(browse, absl::Minutes(40), "browses");
  browse.set_action(v1::Browse::ADD_TO_CART);
  Happened(browse, absl::Minutes(30), "browses");
  browse.set_action(v1::Browse::REMOVE_FROM_CART);
  Happened(browse, absl::Minutes(20), "browses");
  browse.set_sku("lamp");
  Happened(browse, absl::Minutes(10), "browses");
  EXPECT_EQ(Section("wine"), R"(
dear-wine, on cart-added
  nothing waits
  cart-added at 2026-05-04T09:51:12Z, event e-1 (shop.topic, partition 2, offset 1): it has no condition
    it waits for 60 minutes
    taken out of the basket at 2026-05-04T10:01:12Z by event e-2 (shop.topic, partition 2, offset 2)
)");
}

TEST_F(StandingTest, AnEventThatIntakeRefusesNeitherStartsNorCallsOff) {
  Load(Rule("on: browse-viewed, unless: [{on: browse-viewed}]") + std::string(kPolicy));
  Remember(kConsent);
  View(absl::Minutes(30), "wine", 2500);
  View(absl::Minutes(20), "wine", -1, "for intake refuses it: expected a price of at least 0, got -1");
  EXPECT_THAT(Section("wine"), Not(HasSubstr("called off")));
  EXPECT_THAT(Section("wine"), HasSubstr("left out, for intake refuses it: expected a price of at least 0, got -1\n"));
}

TEST_F(StandingTest, AlertsAreEventsOfRulesThatTakeThem) {
  Load(Rule("on: churn-raised, when: event.risk > 0.9") + std::string(kPolicy));
  Remember(kConsent);
  CustomerEvent alert;
  alert.topic = "shop.alerts";
  alert.position.set_event_id("22");
  auto message = std::make_shared<v1::ChurnAlert>();
  message->set_kind(v1::ChurnAlert::RAISED);
  message->set_risk(0.75);
  message->set_decided_at_ms(absl::ToUnixMillis(kNow));
  alert.message = message;
  standing_.events.push_back(std::move(alert));
  EXPECT_THAT(Section("wine"), HasSubstr("    false   event.risk > 0.9  (event.risk = 0.75)\n"));
}

TEST_F(StandingTest, WithoutEventsItSaysSinceWhen) {
  Load(Rule("on: browse-viewed") + std::string(kPolicy));
  Remember(kConsent);
  Buy(absl::Minutes(5));
  EXPECT_THAT(Section("wine"), HasSubstr("\n  no event browse-viewed since 2026-05-04T09:21:12Z\n"));
}

TEST_F(StandingTest, OfManyEventsTheLatestAreShown) {
  Load(Rule("on: browse-viewed") + std::string(kPolicy));
  Remember(kConsent);
  for (int i = 0; i < 23; ++i) View(absl::Minutes(30 - i), "wine", 1);
  EXPECT_THAT(Section("wine"), HasSubstr("  the latest 3 of 23 events browse-viewed:\n  browse-viewed at "
                                         "2026-05-04T10:11:12Z, event e-20 "));
  standing_.trigger = "dear-wine";
  EXPECT_THAT(Section("wine"), HasSubstr("  the latest 20 of 23 events browse-viewed:\n  browse-viewed at "
                                         "2026-05-04T09:54:12Z, event e-3 "));
}

TEST_F(StandingTest, WhatWaitsRestsAndIsUsedUpIsSaid) {
  Load(Rule("on: browse-viewed, wait: 1h, min_count: 3, same: sku, cooldown: 7d, lifetime_cap: 2") +
       std::string(kPolicy));
  const std::string remembered =
      Text(kConsent, R"(, "wine/waiting": {"events": [{"at_ms": "1777890000000"}, {"at_ms": "1777889000000"}]},
                          "wine/trigger": {"decided": "2", "last_decided_ms": "1777700000000"})");
  Remember(remembered, R"("wine/wait": "2026-05-04T11:20:00+00:00")");
  EXPECT_EQ(Section("wine"), R"(
dear-wine, on browse-viewed
  2 events wait, the first since 2026-05-04T10:03:20Z; decided at 2026-05-04T11:20:00Z; 3 are needed, of the same sku
  asked 2 times, last at 2026-05-02T05:33:20Z
  asks no more before 2026-05-09T05:33:20Z (cooldown)
  asks never again: lifetime_cap is 2, and is used up
  no event browse-viewed since 2026-05-04T09:21:12Z
)");
  // Left from when the pipeline last had the rule.
  Remember(remembered);
  EXPECT_THAT(Section("wine"), HasSubstr("nothing waits\n"));
}

TEST_F(StandingTest, ARestThatIsOverIsNotTold) {
  Load(Rule("on: browse-viewed, cooldown: 1d") + std::string(kPolicy));
  Remember(Text(kConsent, R"(, "wine/trigger": {"decided": "1", "last_decided_ms": "1777700000000"})"));
  EXPECT_THAT(Section("wine"), HasSubstr("  asked once, last at 2026-05-02T05:33:20Z\n"));
  EXPECT_THAT(Section("wine"), Not(HasSubstr("cooldown")));
}

TEST_F(StandingTest, WhatKeepsItFromBeingSentIsSaid) {
  Load(Rule("on: browse-viewed, holdout_share: 1, campaign: spring") +
       "  - {id: policy, type: contact-policy, inputs: [intake, wine], config: {brakes: {paused: [dear-wine]}}}\n");
  Remember("");
  EXPECT_EQ(Section("wine"), R"(
dear-wine, on browse-viewed
  nothing waits
  cannot be sent: no consent to marketing through any of: email
  cannot be sent: the customer is in the comparison group of the campaign spring
  cannot be sent: the brakes of policy pause it
  no event browse-viewed since 2026-05-04T09:21:12Z
)");
}

TEST_F(StandingTest, ARuleThatNoPolicyTakesIsFound) {
  Load(Rule("on: browse-viewed") + "  - {id: policy, type: contact-policy, inputs: [intake]}\n");
  Remember(kConsent);
  EXPECT_THAT(Section("wine"), HasSubstr("  cannot be sent: no contact-policy has it among its inputs\n"));
}

TEST_F(StandingTest, ACalendarSaysItsNextDayAndWhetherItsConditionWouldHold) {
  Load(Rule("on: calendar, when: customer.member, "
            "calendar: {day_of_month: 8, at: '10:00', zone_when_unknown: Europe/Berlin}") +
       std::string(kPolicy));
  Remember(Text(kConsent, R"(, "wine/trigger": {"last_day": "20551"})"));
  EXPECT_EQ(Section("wine"), R"(
dear-wine, on calendar
  nothing waits
  last started for the day 2026-04-08
  its calendar is not known to the customer yet: the next event finds the day
  next day: monthly, at 2026-05-08T08:00:00Z: its condition does not hold
    false   customer.member  (customer.member = false)
)");
}

TEST_F(StandingTest, ABirthdayThatNobodyKnowsNeverComes) {
  Load(Rule("on: calendar, calendar: {anniversary: birthday, zone_when_unknown: Europe/Berlin}") +
       std::string(kPolicy));
  Remember(kConsent);
  EXPECT_THAT(Section("wine"), HasSubstr("  no day is to be foreseen: the birthday is not known\n"));
}

TEST_F(StandingTest, ARuleOnFeaturesSaysWhetherItsConditionHeld) {
  Load(
      "  - {id: wine, type: trigger, inputs: [intake, profile], config: {name: dear-wine, channels: [email], "
      "on: features-changed, when: event.orders > 2}}\n" +
      std::string(kPolicy));
  Remember(R"("profile/profile": {"browse": {"total": "1", "last_ms": "1777890000000", "days": [0, 1]}},
              "wine/trigger": {"held": true})");
  EXPECT_EQ(Section("wine"), R"(
dear-wine, on features-changed
  nothing waits
  cannot be sent: no consent to marketing through any of: email
  its condition held when features changed last: it starts again only after it did not
  as features are now: its condition does not hold
    false   event.orders > 2  (event.orders = 0)
)");
}

TEST_F(StandingTest, ThePolicySaysWhatWaitsAndWhatIsUsedUp) {
  Load(Rule("on: browse-viewed") + R"(
  - id: policy
    type: contact-policy
    inputs: [intake, wine]
    config:
      quiet_hours: {start: "21:00", end: "08:00", zones_when_unknown: [Europe/Berlin]}
      caps: [{max: 1, window: 1d}, {max: 2, window: 7d}, {max: 1, window: 14d, channel: sms}, {max: 0, window: 1d}]
      holdout_share: 1
      brakes: {shadow: true, paused: [carts, wine], max_per_minute: 600, max_per_day: 20000}
)");
  // The window closes at 23:00 in Berlin.
  Remember(Text(kConsent, R"(, "policy/contacts": {
      "pending": [{"trigger": {"type": "dear-wine", "priority": 3, "decided_at_ms": "1777889000000",
                               "expires_at_ms": "1777976472000"}}],
      "closes_at_ms": "1777928400000",
      "contacts": [{"at_ms": "1777880000000", "channel": "CHANNEL_EMAIL"}]})"));
  EXPECT_EQ(Section("policy"), R"(
what policy lets through
  brakes: paused are carts, wine
  brakes: everything is decided for trial only (shadow)
  brakes: 600 messages a minute, all customers together
  brakes: 20000 messages a day, all customers together
  the customer is in the comparison group, which gets nothing promotional
  consents: marketing/email
  dear-wine waits since 2026-05-04T10:03:20Z, priority 3; expires at 2026-05-05T10:21:12Z
  the best of what waits is sent once others could compete with it: at 2026-05-04T21:00:00Z
  and not in quiet hours, which end at 2026-05-05T06:00:00Z
  cap: 1 of 1 in 24 hours: reached until 2026-05-05T07:33:20Z
  cap: 1 of 2 in 7 days
  cap: 0 of 1 in 14 days through sms
  cap: none in 24 hours
)");
}

TEST_F(StandingTest, WithoutConsentNothingCanBeSent) {
  Load(Rule("on: browse-viewed") + std::string(kPolicy));
  Remember("");
  EXPECT_EQ(Section("policy"), R"(
what policy lets through
  consents: none, and so nothing can be sent
  nothing waits to be sent
)");
}

TEST_F(StandingTest, AlertsSayWhatIsInForceAndWhatIsMissing) {
  Load(Rule("on: browse-viewed") + std::string(kPolicy));
  Remember(R"("churn/churn": {"status": "ESCALATED", "episode": "2", "raised_at_ms": "1777700000000"})",
           R"("churn/crossing": "2026-06-01T00:00:00+00:00")");
  EXPECT_EQ(Section("churn"), R"(
alerts of churn
  raised 2 times, last at 2026-05-02T05:33:20Z; it is in force, escalated
  not judged yet: bought on 0 days after the first; 3 are needed
  not raised again: 2 in a life are allowed, and were raised
  not raised again before 2026-05-30T05:33:20Z (cooldown)
  if nothing is bought, the next step is due at 2026-06-01T00:00:00Z
)");
  Remember("");
  EXPECT_THAT(Section("churn"), HasSubstr("\n  never raised\n"));
}

TEST_F(StandingTest, WhatIsDamagedIsLeftOutAndSaidToBe) {
  Load(Rule("on: browse-viewed, cooldown: 7d, when: event.price_minor > 5") + std::string(kPolicy));
  View(absl::Minutes(30), "wine", 2500);
  // Beyond all times; of a type that this version does not know; of an enum that it does not know.
  Remember(R"("wine/trigger": {"decided": "9223372036854775807", "last_decided_ms": "9223372036854775807"},
              "policy/contacts": "0a0b", "churn/churn": {"status": 9, "episode": "1"})",
           R"("wine/wait": "soon", "churn/crossing": 5)");
  const std::string damaged = "  what is remembered here is damaged or of another version of ebb, and is left out\n";
  EXPECT_EQ(Section("wine"), Text("\ndear-wine, on browse-viewed\n", damaged,
                                  "  browse-viewed at 2026-05-04T09:51:12Z, event e-0 (shop.topic, partition 2, "
                                  "offset 0)\n"));
  EXPECT_EQ(Section("policy"), Text("\nwhat policy lets through\n", damaged));
  EXPECT_EQ(Section("churn"), Text("\nalerts of churn\n", damaged));
  Remember(R"("wine/trigger": {"of_a_later_version": 1}, "policy/contacts": {"contacts": [{"channel": 99}]})",
           R"("wine/wait": "soon", "churn/crossing": 5)");
  EXPECT_THAT(Section("wine"), HasSubstr("\n  nothing waits\n"));
  EXPECT_THAT(Section("policy"), HasSubstr("\n  nothing waits to be sent\n"));
  EXPECT_THAT(Section("churn"), HasSubstr("\n  never raised\n"));
}

TEST_F(StandingTest, WhatIsNoJsonIsRefused) {
  EXPECT_FALSE(Remembered::Parse("").ok());
  EXPECT_FALSE(Remembered::Parse("{").ok());
  EXPECT_EQ(Remembered::Parse(R"({"as_of_epoch": -1, "states": 3, "timers": null})")->epoch(), 0u);
}

TEST_F(StandingTest, WithoutStateOnlyTheEventsAreNamed) {
  Load(Rule("on: browse-viewed, when: event.price_minor > 5") + std::string(kPolicy));
  View(absl::Minutes(30), "wine\x1b[2J", 2500);
  EXPECT_EQ(Section("wine"), R"(
dear-wine, on browse-viewed
  browse-viewed at 2026-05-04T09:51:12Z, event e-0 (shop.topic, partition 2, offset 0)
)");
  EXPECT_EQ(Section("policy"), "\nwhat policy lets through\n");
}

TEST_F(StandingTest, NoTextReachesTheTerminalAsACommand) {
  Load(Rule("on: browse-viewed, when: event.category == 'wine'") + std::string(kPolicy));
  Remember(kConsent);
  View(absl::Minutes(30), "wine\x1b[2J\x7f", 2500);
  const std::string text = Section("wine");
  EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  EXPECT_EQ(text.find('\x7f'), std::string::npos) << text;
}

TEST_F(StandingTest, OneRuleIsShownAlone) {
  Load(Rule("on: browse-viewed") +
       "  - {id: tea, type: trigger, inputs: [intake], config: {name: tea, on: purchased, channels: [email]}}\n" +
       std::string(kPolicy));
  Remember(kConsent);
  EXPECT_EQ(TriggerNames(*standing_.spec), (std::vector<std::string>{"tea", "dear-wine"}));
  standing_.trigger = "dear-wine";
  EXPECT_THAT(StandingText(standing_), HasSubstr("dear-wine, on"));
  EXPECT_THAT(StandingText(standing_), HasSubstr("what policy lets through"));
  EXPECT_THAT(StandingText(standing_), Not(HasSubstr("tea, on")));
  EXPECT_THAT(StandingText(standing_), Not(HasSubstr("alerts of")));
  standing_.trigger = "entered-segment";
  EXPECT_THAT(StandingText(standing_), HasSubstr("\nentered-segment\n  no rule of type trigger asks for it"));
  standing_.trigger = "";
  EXPECT_THAT(StandingText(standing_), HasSubstr("tea, on"));
  EXPECT_THAT(StandingText(standing_), HasSubstr("alerts of churn"));
}

}  // namespace
}  // namespace ebb
