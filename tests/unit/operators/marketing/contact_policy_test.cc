#include "operators/marketing/contact_policy.h"

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::Candidate;
using operators::ContactPolicyConfig;
using operators::ContactState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Noon in Berlin, on a Wednesday of July.
const absl::Time kNoon = absl::FromUnixSeconds(1'499'853'600);
constexpr absl::Duration kMinute = absl::Minutes(1);
constexpr absl::Duration kHour = absl::Hours(1);

constexpr std::string_view kNight = R"(
  quiet_hours {
    start: "21:00" end: "08:00" zones_when_unknown: "Europe/Berlin" zones_when_unknown: "Europe/Lisbon" } )";

Candidate Offer(std::string type, absl::Time at, int priority,
                std::vector<v1::Channel> channels = {v1::CHANNEL_EMAIL}) {
  Candidate candidate;
  candidate.mutable_channels()->Add(channels.begin(), channels.end());
  candidate.set_cancelled_by_purchase(true);
  candidate.set_cancelled_from_ms(absl::ToUnixMillis(at - kHour));
  v1::MarketingTrigger& trigger = *candidate.mutable_trigger();
  trigger.set_trigger_id("candidate-" + type);
  trigger.set_customer_id("ann");
  trigger.set_type(std::move(type));
  trigger.set_priority(priority);
  trigger.set_purpose(v1::PURPOSE_MARKETING);
  trigger.set_decided_at_ms(absl::ToUnixMillis(at));
  trigger.set_expires_at_ms(absl::ToUnixMillis(at + 24 * kHour));
  return candidate;
}

class ContactPolicyTest : public ::testing::Test {
 protected:
  void Configure(std::string_view config = "") {
    const absl::Status status = policy_.SetConfig(ConfigOf<ContactPolicyConfig>(config));
    ASSERT_TRUE(status.ok()) << status;
  }
  void Consent(v1::Channel channel = v1::CHANNEL_EMAIL, bool granted = true, absl::Time at = kNoon - 24 * kHour) {
    ann_.Consent(at, v1::PURPOSE_MARKETING, channel, granted);
  }
  void Send(const Candidate& candidate, std::optional<absl::Time> at = std::nullopt) {
    const absl::Time when = at.value_or(absl::FromUnixMillis(candidate.trigger().decided_at_ms()));
    ann_.Until(when);
    ann_.ctx.Send(policy_, candidate, when);
  }
  // What came out since the last time, as "released cart by email at +15m" or "OUTRANKED cart at +15m".
  std::vector<std::string> Decisions() {
    std::vector<std::string> lines;
    const auto after = [](int64_t ms) { return absl::FormatDuration(absl::FromUnixMillis(ms) - kNoon); };
    for (const auto& trigger : ann_.ctx.Take<v1::MarketingTrigger>()) {
      lines.push_back(Text("released ", trigger.type(), " by ", v1::Channel_Name(trigger.channel()), " at +",
                           after(trigger.released_at_ms())));
    }
    for (const auto& withheld : ann_.ctx.Take<v1::WithheldTrigger>()) {
      lines.push_back(Text(v1::WithheldTrigger::Cause_Name(withheld.cause()), " ", withheld.trigger().type(), " at +",
                           after(withheld.withheld_at_ms())));
    }
    return lines;
  }
  std::optional<absl::Time> Deadline() { return ann_.ctx.DeadlineOf("contact-policy", "release"); }

  ContactPolicy policy_;
  Customer ann_{policy_, "contact-policy"};
};

TEST_F(ContactPolicyTest, WithoutConsentNothingIsSent) {
  Configure();
  Send(Offer("cart", kNoon, 1));
  EXPECT_THAT(Decisions(), ElementsAre("NO_CONSENT cart at +0"));
  EXPECT_EQ(ann_.ctx.Counted(policy_, "no_consent"), 1);
  EXPECT_FALSE(ann_.ctx.HasState("contact-policy", "contacts"));
}

TEST_F(ContactPolicyTest, ConsentToAnotherPurposeOrChannelIsNone) {
  Configure();
  Consent(v1::CHANNEL_SMS);
  ann_.Consent(kNoon - kHour, v1::PURPOSE_SERVICE, v1::CHANNEL_EMAIL);
  Send(Offer("cart", kNoon, 1));
  EXPECT_THAT(Decisions(), ElementsAre("NO_CONSENT cart at +0"));
}

TEST_F(ContactPolicyTest, ReleasesThroughTheFirstChannelWithConsentWhenTheWindowCloses) {
  Configure();
  Consent();
  Consent(v1::CHANNEL_SMS);
  Send(Offer("cart", kNoon, 1, {v1::CHANNEL_APP, v1::CHANNEL_SMS, v1::CHANNEL_EMAIL}));
  EXPECT_THAT(Decisions(), IsEmpty());
  ann_.Until(kNoon + 15 * kMinute);
  const auto released = ann_.ctx.Take<v1::MarketingTrigger>();
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_EQ(released[0].channel(), v1::CHANNEL_SMS);
  EXPECT_EQ(released[0].released_at_ms(), absl::ToUnixMillis(kNoon + 15 * kMinute));
  EXPECT_EQ(released[0].decided_at_ms(), absl::ToUnixMillis(kNoon));
  EXPECT_NE(released[0].trigger_id(), "candidate-cart");
  EXPECT_FALSE(released[0].trigger_id().empty());
  EXPECT_FALSE(ann_.ctx.HasState("contact-policy", "contacts"));
}

TEST_F(ContactPolicyTest, TheHighestPriorityWinsTheWindowHoweverLateItComes) {
  Configure();
  Consent();
  Send(Offer("cart", kNoon, 30));
  Send(Offer("browse", kNoon + 5 * kMinute, 20));
  Send(Offer("win-back", kNoon + 14 * kMinute, 50));
  ann_.Until(kNoon + 15 * kMinute);
  EXPECT_THAT(Decisions(), ElementsAre("released win-back by CHANNEL_EMAIL at +15m", "OUTRANKED cart at +15m",
                                       "OUTRANKED browse at +15m"));
}

TEST_F(ContactPolicyTest, OfEqualPriorityTheLaterDecisionWins) {
  Configure();
  Consent();
  Send(Offer("older", kNoon, 30));
  Send(Offer("newer", kNoon + kMinute, 30));
  ann_.Until(kNoon + kHour);
  EXPECT_THAT(Decisions(), ElementsAre("released newer by CHANNEL_EMAIL at +15m", "OUTRANKED older at +15m"));
}

TEST_F(ContactPolicyTest, OneThatMayNotBeSentDoesNotOutrankOthers) {
  Configure("caps { max: 0 window { seconds: 60 } channel: \"sms\" }");
  Consent();
  Consent(v1::CHANNEL_SMS);
  Send(Offer("capped", kNoon, 50, {v1::CHANNEL_SMS}));
  Send(Offer("cart", kNoon, 30));
  ann_.Until(kNoon + kHour);
  EXPECT_THAT(Decisions(), ElementsAre("released cart by CHANNEL_EMAIL at +15m", "FREQUENCY_CAP capped at +15m"));
}

TEST_F(ContactPolicyTest, WithoutAWindowItIsReleasedAtOnce) {
  Configure("winner_window { seconds: 0 }");
  Consent();
  Send(Offer("cart", kNoon, 1));
  EXPECT_THAT(Decisions(), ElementsAre("released cart by CHANNEL_EMAIL at +0"));
}

TEST_F(ContactPolicyTest, HoldsOverQuietHoursInTheZoneOfTheCustomer) {
  Configure(kNight);
  Consent();
  ann_.LiveIn(kNoon - kHour, "Asia/Tokyo");
  Send(Offer("cart", kNoon + 2 * kHour, 1));  // 21:00 in Tokyo
  EXPECT_EQ(Deadline(), kNoon + 13 * kHour);
  Send(Offer("browse", kNoon + 5 * kHour, 2));
  ann_.Until(kNoon + 13 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("released browse by CHANNEL_EMAIL at +13h", "OUTRANKED cart at +13h"));
}

TEST_F(ContactPolicyTest, AMoveToAnotherZoneMovesTheMoment) {
  Configure(kNight);
  Consent();
  Send(Offer("cart", kNoon + 10 * kHour, 1));
  EXPECT_EQ(Deadline(), kNoon + 21 * kHour);  // 08:00 in Lisbon
  ann_.LiveIn(kNoon + 11 * kHour, "America/New_York");
  EXPECT_THAT(Decisions(), ElementsAre("released cart by CHANNEL_EMAIL at +11h"));
}

TEST_F(ContactPolicyTest, WhatExpiresWhileItIsHeldIsNeverSent) {
  Configure(kNight);
  Consent();
  Candidate cart = Offer("cart", kNoon + 10 * kHour, 1);
  cart.mutable_trigger()->set_expires_at_ms(absl::ToUnixMillis(kNoon + 12 * kHour));
  Send(cart);
  Send(Offer("browse", kNoon + 11 * kHour, 0));
  ann_.Until(kNoon + 48 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("released browse by CHANNEL_EMAIL at +21h", "EXPIRED cart at +12h"));
}

TEST_F(ContactPolicyTest, WhatExpiresAtTheMomentOfReleaseIsNotSent) {
  Configure();
  Consent();
  Candidate cart = Offer("cart", kNoon, 1);
  cart.mutable_trigger()->set_expires_at_ms(absl::ToUnixMillis(kNoon + 15 * kMinute));
  Send(cart);
  ann_.Until(kNoon + kHour);
  EXPECT_THAT(Decisions(), ElementsAre("EXPIRED cart at +15m"));
}

TEST_F(ContactPolicyTest, WhatCameTooLateIsExpiredAtOnce) {
  Configure();
  Consent();
  Send(Offer("cart", kNoon, 1), kNoon + 24 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("EXPIRED cart at +24h"));
}

TEST_F(ContactPolicyTest, ConsentIsAskedForAgainAtTheRelease) {
  Configure(kNight);
  Consent();
  Consent(v1::CHANNEL_SMS);
  Send(Offer("cart", kNoon + 10 * kHour, 2));
  Send(Offer("browse", kNoon + 10 * kHour, 1, {v1::CHANNEL_EMAIL, v1::CHANNEL_SMS}));
  Consent(v1::CHANNEL_EMAIL, false, kNoon + 11 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("CONSENT_WITHDRAWN cart at +11h"));
  ann_.Until(kNoon + 30 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("released browse by CHANNEL_SMS at +21h"));
}

TEST_F(ContactPolicyTest, APurchaseCancelsWhatWaitsAtOnce) {
  Configure(kNight);
  Consent();
  Send(Offer("cart", kNoon + 10 * kHour, 1));
  Candidate newsletter = Offer("newsletter", kNoon + 10 * kHour, 0);
  newsletter.set_cancelled_by_purchase(false);
  Send(newsletter);
  ann_.Buy(kNoon + 8 * kHour);  // Told late, from before what led to the candidate.
  EXPECT_THAT(Decisions(), IsEmpty());
  ann_.Buy(kNoon + 11 * kHour, "o1");
  EXPECT_THAT(Decisions(), ElementsAre("CANCELLED cart at +11h"));
  ann_.CallOffOrder(kNoon + 12 * kHour, "o1");
  ann_.Until(kNoon + 30 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("released newsletter by CHANNEL_EMAIL at +21h"));
}

TEST_F(ContactPolicyTest, WhatItsTriggerCallsOffIsCancelledAtOnce) {
  Configure(kNight);
  Consent();
  Send(Offer("cart", kNoon + 10 * kHour, 1));
  Send(Offer("browse", kNoon + 10 * kHour, 0));
  Candidate called_off;
  called_off.set_called_off(true);
  called_off.mutable_trigger()->set_trigger_id("candidate-cart");
  Send(called_off, kNoon + 11 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("CANCELLED cart at +11h"));
  Send(called_off, kNoon + 12 * kHour);
  ann_.Until(kNoon + 30 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("released browse by CHANNEL_EMAIL at +21h"));
}

TEST_F(ContactPolicyTest, CapsCountInRollingWindows) {
  Configure("caps { max: 1 window { seconds: 86400 } } caps { max: 2 window { seconds: 604800 } }");
  Consent();
  const auto offered_at = [&](int hour) {
    Send(Offer("cart", kNoon + hour * kHour, 1));
    ann_.Until(kNoon + (hour + 1) * kHour);
    return Decisions();
  };
  EXPECT_THAT(offered_at(0), ElementsAre(HasSubstr("released")));
  EXPECT_THAT(offered_at(23), ElementsAre("FREQUENCY_CAP cart at +23h15m"));
  EXPECT_THAT(offered_at(24), ElementsAre("released cart by CHANNEL_EMAIL at +24h15m"));
  EXPECT_THAT(offered_at(7 * 24 - 1), ElementsAre(HasSubstr("FREQUENCY_CAP")));
  EXPECT_THAT(offered_at(7 * 24), ElementsAre(HasSubstr("released")));
  EXPECT_EQ(ann_.ctx.State<ContactState>("contact-policy", "contacts").contacts_size(), 2);
}

TEST_F(ContactPolicyTest, AContactLeavesTheRollingWindowToTheMillisecond) {
  Configure("winner_window { seconds: 0 } caps { max: 1 window { seconds: 86400 } }");
  Consent();
  Send(Offer("first", kNoon, 1));
  Send(Offer("early", kNoon + 24 * kHour - absl::Milliseconds(1), 1));
  Send(Offer("late", kNoon + 24 * kHour, 1));
  EXPECT_THAT(Decisions(), ElementsAre(HasSubstr("released first"), HasSubstr("released late"),
                                       HasSubstr("FREQUENCY_CAP early")));
}

TEST_F(ContactPolicyTest, ACappedChannelGivesWayToTheNext) {
  Configure("caps { max: 1 window { seconds: 86400 } channel: \"app\" }");
  Consent();
  Consent(v1::CHANNEL_APP);
  for (const int hour : {0, 1}) Send(Offer("cart", kNoon + hour * kHour, 1, {v1::CHANNEL_APP, v1::CHANNEL_EMAIL}));
  ann_.Until(kNoon + 2 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("released cart by CHANNEL_APP at +15m",
                                       "released cart by CHANNEL_EMAIL at +1h15m"));
}

TEST_F(ContactPolicyTest, TellsWhichChannelsItPassedOverAndWhy) {
  Configure("caps { max: 1 window { seconds: 86400 } channel: \"sms\" }");
  for (const auto channel : {v1::CHANNEL_SMS, v1::CHANNEL_EMAIL}) Consent(channel);
  const std::vector<v1::Channel> channels = {v1::CHANNEL_APP, v1::CHANNEL_SMS, v1::CHANNEL_EMAIL};
  for (const int hour : {0, 1}) Send(Offer("cart", kNoon + hour * kHour, 1, channels));
  Send(Offer("coupon", kNoon + 2 * kHour, 1, {v1::CHANNEL_APP, v1::CHANNEL_SMS}));
  ann_.Until(kNoon + 3 * kHour);
  using Passed = v1::MarketingTrigger::PassedOver;
  const auto passed_over = [](const v1::MarketingTrigger& trigger) {
    std::vector<std::string> lines;
    for (const Passed& passed : trigger.passed_over()) {
      lines.push_back(Text(v1::Channel_Name(passed.channel()), " ", Passed::Cause_Name(passed.cause())));
    }
    return lines;
  };
  const auto released = ann_.ctx.Take<v1::MarketingTrigger>();
  ASSERT_THAT(released, SizeIs(2));
  EXPECT_EQ(released[0].channel(), v1::CHANNEL_SMS);
  EXPECT_THAT(passed_over(released[0]), ElementsAre("CHANNEL_APP NO_CONSENT"));
  EXPECT_EQ(released[1].channel(), v1::CHANNEL_EMAIL);
  EXPECT_THAT(passed_over(released[1]), ElementsAre("CHANNEL_APP NO_CONSENT", "CHANNEL_SMS FREQUENCY_CAP"));
  const auto withheld = ann_.ctx.Take<v1::WithheldTrigger>();
  ASSERT_THAT(withheld, SizeIs(1));
  EXPECT_THAT(passed_over(withheld[0].trigger()), ElementsAre("CHANNEL_APP NO_CONSENT", "CHANNEL_SMS FREQUENCY_CAP"));
  EXPECT_EQ(withheld[0].text(), "as many contacts as allowed were made lately through each of: sms");
}

TEST_F(ContactPolicyTest, ServiceTellsWhichChannelsItPassedOverToo) {
  Configure();
  ann_.Consent(kNoon - kHour, v1::PURPOSE_SERVICE, v1::CHANNEL_EMAIL);
  Candidate apology = Offer("apology", kNoon, 1, {v1::CHANNEL_PHONE, v1::CHANNEL_EMAIL});
  apology.mutable_trigger()->set_purpose(v1::PURPOSE_SERVICE);
  Send(apology);
  const auto released = ann_.ctx.Take<v1::MarketingTrigger>();
  ASSERT_THAT(released, SizeIs(1));
  EXPECT_EQ(released[0].channel(), v1::CHANNEL_EMAIL);
  ASSERT_THAT(released[0].passed_over(), SizeIs(1));
  EXPECT_EQ(released[0].passed_over(0).channel(), v1::CHANNEL_PHONE);
}

TEST_F(ContactPolicyTest, AnOpenComplaintStopsPromotionButNotService) {
  Configure();
  Consent();
  ann_.Consent(kNoon - kHour, v1::PURPOSE_SERVICE, v1::CHANNEL_EMAIL);
  Send(Offer("held", kNoon, 1));
  ann_.Ticket(kNoon + kMinute, v1::Support::OPENED, "t1");
  Send(Offer("cart", kNoon + 2 * kMinute, 1));
  Candidate apology = Offer("apology", kNoon + 3 * kMinute, 1);
  apology.mutable_trigger()->set_purpose(v1::PURPOSE_SERVICE);
  Send(apology);
  EXPECT_THAT(Decisions(), ElementsAre("released apology by CHANNEL_EMAIL at +3m", "OPEN_COMPLAINT cart at +2m"));
  ann_.Until(kNoon + kHour);
  EXPECT_THAT(Decisions(), ElementsAre("OPEN_COMPLAINT held at +15m"));
}

TEST_F(ContactPolicyTest, ServiceNeedsNothingButConsentAndCountsTowardsNoCap) {
  Configure(Text(kNight, "caps { max: 1 window { seconds: 86400 } } holdout_share: 1"));
  Candidate apology = Offer("apology", kNoon + 12 * kHour, 1);
  apology.mutable_trigger()->set_purpose(v1::PURPOSE_SERVICE);
  Send(apology);
  EXPECT_THAT(Decisions(), ElementsAre("NO_CONSENT apology at +12h"));
  ann_.Consent(kNoon + 12 * kHour, v1::PURPOSE_SERVICE, v1::CHANNEL_EMAIL);
  Send(apology);
  Send(apology);
  EXPECT_THAT(Decisions(), SizeIs(2));
  EXPECT_FALSE(ann_.ctx.HasState("contact-policy", "contacts"));
}

TEST_F(ContactPolicyTest, TheComparisonGroupFaresLikeTheOthersButGetsNothing) {
  Configure("holdout_share: 1 caps { max: 1 window { seconds: 86400 } }");
  Consent();
  Send(Offer("cart", kNoon, 1));
  Send(Offer("browse", kNoon, 0));
  Send(Offer("again", kNoon + kHour, 0));
  ann_.Until(kNoon + 2 * kHour);
  EXPECT_THAT(Decisions(),
              ElementsAre("HOLDOUT cart at +15m", "OUTRANKED browse at +15m", "FREQUENCY_CAP again at +1h15m"));
}

TEST_F(ContactPolicyTest, WhoIsHeldOutIsRecordedWithTheGroupsAndTheChannelNotTaken) {
  Configure("holdout_share: 1");
  Consent(v1::CHANNEL_SMS);
  Candidate cart = Offer("cart", kNoon, 1, {v1::CHANNEL_EMAIL, v1::CHANNEL_SMS});
  Send(cart);
  cart.set_held_out(true);
  Send(cart, kNoon + kHour);
  ann_.Until(kNoon + 2 * kHour);
  const auto withheld = ann_.ctx.Take<v1::WithheldTrigger>();
  ASSERT_THAT(withheld, SizeIs(2));
  EXPECT_THAT(withheld[0].groups(), ElementsAre(v1::WithheldTrigger::OF_ALL));
  EXPECT_THAT(withheld[1].groups(), ElementsAre(v1::WithheldTrigger::OF_ALL, v1::WithheldTrigger::OF_CAMPAIGN));
  EXPECT_EQ(withheld[0].trigger().channel(), v1::CHANNEL_SMS);
}

TEST(ContactPolicyHoldoutTest, DrawsItsShareOfCustomersAndAnotherSaltAnotherGroup) {
  const auto is_held_out = [](int customer, const char* salt) {
    ContactPolicy policy;
    EXPECT_TRUE(policy.SetConfig(ConfigOf<ContactPolicyConfig>(
        Text("holdout_share: 0.25 holdout_salt: \"", salt, "\""))).ok());
    Customer someone(policy, "contact-policy", Text("c", customer));
    someone.Consent(kNoon, v1::PURPOSE_MARKETING, v1::CHANNEL_EMAIL);
    someone.ctx.Send(policy, Offer("cart", kNoon, 1), kNoon);
    someone.Until(kNoon + kHour);
    return someone.ctx.Take<v1::MarketingTrigger>().empty();
  };
  constexpr int kCustomers = 1000;
  int held_out = 0, both = 0;
  for (int i = 0; i < kCustomers; ++i) {
    const bool first = is_held_out(i, "a"), second = is_held_out(i, "b");
    held_out += first;
    both += first && second;
  }
  EXPECT_NEAR(held_out, kCustomers / 4, 50);
  EXPECT_NEAR(both, kCustomers / 16, 30);
  EXPECT_EQ(is_held_out(7, "a"), is_held_out(7, "a"));
}

TEST_F(ContactPolicyTest, OnlySoManyWait) {
  Configure(kNight);
  Consent();
  for (int i = 0; i <= kMaxPending; ++i) Send(Offer(Text("t", i), kNoon + 12 * kHour, i));
  EXPECT_THAT(Decisions(), ElementsAre("OUTRANKED t0 at +12h"));
}

TEST_F(ContactPolicyTest, WhatIsBeyondTheOverallCapIsWithheldAndStillAContact) {
  Configure(R"(caps { max: 1 window { seconds: 86400 } } brakes { max_per_minute: 100 max_per_day: 1000 })");
  Consent();
  ann_.ctx.set_allowances_used_up(true);
  Send(Offer("cart", kNoon, 30));
  ann_.Until(kNoon + kHour);
  EXPECT_THAT(Decisions(), ElementsAre("OVERALL_CAP cart at +15m"));
  ann_.ctx.set_allowances_used_up(false);
  Send(Offer("browse", kNoon + 2 * kHour, 20));
  ann_.Until(kNoon + 3 * kHour);
  EXPECT_THAT(Decisions(), ElementsAre("FREQUENCY_CAP browse at +2h15m"));
  EXPECT_EQ(ann_.ctx.Counted(policy_, "overall_cap"), 1);
  EXPECT_EQ(ann_.ctx.Counted(policy_, "released"), 0);
}

TEST_F(ContactPolicyTest, RefusesQuietHoursThatAreNone) {
  const auto config = ConfigOf<ContactPolicyConfig>("quiet_hours { start: \"9pm\" end: \"08:00\" }");
  EXPECT_THAT(std::string(policy_.SetConfig(config).message()), HasSubstr("quiet_hours: expected a time of the day"));
}

// What a customer allows, kept beside the operator and as simply as can be.
struct Allowed {
  std::set<std::pair<int, int>> consents;  // Purpose and channel.
  std::set<std::string> complaints;
  std::string zone;

  static bool IsNight(absl::Time time, const std::string& name) {
    absl::TimeZone zone;
    EXPECT_TRUE(absl::LoadTimeZone(name, &zone));
    const int hour = absl::ToCivilHour(time, zone).hour();
    return hour >= 21 || hour < 8;
  }
  bool IsQuiet(absl::Time time) const {
    if (!zone.empty()) return IsNight(time, zone);
    return IsNight(time, "Europe/Berlin") || IsNight(time, "Europe/Lisbon");
  }
};

// Random events and steps of time, three weeks around the change to summer time.
class ContactPolicyProperty : public ::testing::TestWithParam<int> {
 protected:
  static constexpr int kDayCap = 2, kWeekCap = 3, kSmsCap = 1;

  void SetUp() override {
    ASSERT_TRUE(policy_
                    .SetConfig(ConfigOf<ContactPolicyConfig>(Text(kNight, R"(
      caps { max: 2 window { seconds: 86400 } } caps { max: 3 window { seconds: 604800 } }
      caps { max: 1 window { seconds: 172800 } channel: "sms" } )")))
                    .ok());
  }
  int Pick(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  v1::Channel PickChannel() {
    return std::array{v1::CHANNEL_EMAIL, v1::CHANNEL_SMS, v1::CHANNEL_APP}[static_cast<size_t>(Pick(3))];
  }
  v1::Purpose PickPurpose() { return Pick(4) == 0 ? v1::PURPOSE_SERVICE : v1::PURPOSE_MARKETING; }

  void Act(absl::Time at) {
    switch (Pick(8)) {
      case 0: {
        const v1::Purpose purpose = PickPurpose();
        const v1::Channel channel = PickChannel();
        const bool granted = Pick(3) > 0;
        granted ? (void)allowed_.consents.insert({purpose, channel})
                : (void)allowed_.consents.erase({purpose, channel});
        return ann_.Consent(at, purpose, channel, granted);
      }
      case 1:
        allowed_.zone = std::array{"Asia/Tokyo", "America/New_York", "Europe/Berlin"}[static_cast<size_t>(Pick(3))];
        return ann_.LiveIn(at, allowed_.zone);
      case 2:
        return Pick(4) == 0 ? ann_.Buy(at) : void();
      case 3: {
        const std::string ticket = Text("t", Pick(2));
        const bool opens = Pick(3) == 0;
        opens ? (void)allowed_.complaints.insert(ticket) : (void)allowed_.complaints.erase(ticket);
        return ann_.Ticket(at, opens ? v1::Support::OPENED : v1::Support::RESOLVED, ticket);
      }
      default: {
        Candidate candidate = Offer(Text("c", offered_++), at, Pick(4), {PickChannel(), PickChannel()});
        candidate.mutable_trigger()->set_purpose(PickPurpose());
        candidate.mutable_trigger()->set_expires_at_ms(absl::ToUnixMillis(at + Pick(40) * kHour));
        ann_.ctx.Send(policy_, candidate, at);
      }
    }
  }

  void Check() {
    withheld_ += ann_.ctx.Take<v1::WithheldTrigger>().size();
    for (const auto& sent : ann_.ctx.Take<v1::MarketingTrigger>()) {
      const absl::Time at = absl::FromUnixMillis(sent.released_at_ms());
      ++released_;
      ASSERT_TRUE(allowed_.consents.count({sent.purpose(), sent.channel()})) << sent.DebugString();
      ASSERT_LT(sent.released_at_ms(), sent.expires_at_ms());
      if (sent.purpose() == v1::PURPOSE_SERVICE) continue;
      ASSERT_FALSE(allowed_.IsQuiet(at)) << at << " in " << allowed_.zone;
      ASSERT_THAT(allowed_.complaints, IsEmpty());
      const auto earlier = [&](absl::Duration window, bool sms_only) {
        return std::count_if(promoted_.begin(), promoted_.end(), [&](const v1::MarketingTrigger& other) {
          return other.released_at_ms() > absl::ToUnixMillis(at - window) &&
                 (!sms_only || other.channel() == v1::CHANNEL_SMS);
        });
      };
      ASSERT_LT(earlier(24 * kHour, false), kDayCap);
      ASSERT_LT(earlier(7 * 24 * kHour, false), kWeekCap);
      if (sent.channel() == v1::CHANNEL_SMS) {
        ASSERT_LT(earlier(48 * kHour, true), kSmsCap);
      }
      ASSERT_EQ(earlier(15 * kMinute, false), 0) << "two winners in one window";
      promoted_.push_back(sent);
    }
  }

  std::mt19937 random_{static_cast<unsigned>(GetParam())};
  ContactPolicy policy_;
  Customer ann_{policy_, "contact-policy"};
  Allowed allowed_;
  int offered_ = 0;
  size_t released_ = 0, withheld_ = 0;
  std::vector<v1::MarketingTrigger> promoted_;
};

TEST_P(ContactPolicyProperty, NothingForbiddenIsEverSentAndEveryCandidateEndsOnce) {
  absl::Time at = absl::FromUnixSeconds(1'489'924'800);  // 2017-03-19
  for (int step = 0; step < 400; ++step) {
    at += kMinute * (1 + Pick(Pick(3) == 0 ? 10 : 240));
    ann_.Until(at);
    Check();
    if (HasFatalFailure()) return;
    Act(at);
    Check();
    if (HasFatalFailure()) return;
  }
  ann_.Until(at + 100 * kHour);
  Check();
  EXPECT_EQ(released_ + withheld_, static_cast<size_t>(offered_));
  EXPECT_GT(promoted_.size(), 2u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ContactPolicyProperty, ::testing::Range(1, 41));

}  // namespace
}  // namespace ebb
