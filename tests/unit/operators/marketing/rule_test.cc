// What triggers do with the expressions of their rules.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/marketing/trigger.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::Candidate;
using operators::TriggerConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
constexpr absl::Duration kDay = absl::Hours(24);

std::string Refusal(std::string_view config) {
  const auto whole = Text(R"(name: "rule" channels: "email" )", config);
  return std::string(Trigger().SetConfig(ConfigOf<TriggerConfig>(whole)).message());
}

class RuleTest : public ::testing::Test {
 protected:
  void Configure(std::string_view config) {
    const auto whole = Text(R"(name: "rule" channels: "email" )", config);
    const absl::Status status = trigger_.SetConfig(ConfigOf<TriggerConfig>(whole));
    ASSERT_TRUE(status.ok()) << status;
  }
  void View(absl::Time at, std::string category, int64_t price_minor = 0) {
    v1::Browse browse;
    browse.set_action(v1::Browse::VIEW);
    browse.set_sku("x");
    browse.set_category(std::move(category));
    browse.set_price_minor(price_minor);
    ann_.Do(browse, at);
  }
  std::vector<Candidate> Candidates() { return ann_.ctx.Take<Candidate>(); }
  std::optional<absl::Time> Deadline(std::string_view timer = "wait") { return ann_.ctx.DeadlineOf("trigger", timer); }
  int64_t Counted(std::string_view counter) { return ann_.ctx.Counted(trigger_, counter); }

  Trigger trigger_;
  Customer ann_{trigger_, "trigger"};
};

TEST_F(RuleTest, StartsOnlyWhenItsConditionHolds) {
  Configure(R"(on: "browse-viewed" when: "event.category == 'wine' && customer.orders >= 1")");
  View(kStart, "wine");
  ann_.Buy(kStart + absl::Hours(1));
  View(kStart + absl::Hours(2), "tea");
  EXPECT_THAT(Candidates(), IsEmpty());
  EXPECT_EQ(Counted("not_met"), 2);
  View(kStart + absl::Hours(3), "wine");
  EXPECT_THAT(Candidates(), SizeIs(1));
}

TEST_F(RuleTest, TellsTheClausesThatWereTrueWithWhatTheyRead) {
  Configure(
      R"r(on: "browse-viewed" when: "event.category == 'wine' && (customer.orders >= 1 || event.price_minor > 5)")r");
  View(kStart, "wine", 9);
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  const auto& reasons = candidates[0].trigger().reasons();
  ASSERT_THAT(reasons, SizeIs(3));
  EXPECT_EQ(reasons[0].text(), "looked at an article once");
  EXPECT_EQ(reasons[1].code(), "clause");
  EXPECT_EQ(reasons[1].text(), R"(event.category == 'wine'  (event.category = "wine"))");
  EXPECT_THAT(reasons[2].text(), HasSubstr("customer.orders = 0, event.price_minor = 9"));
}

TEST_F(RuleTest, AConditionThatFailsDoesNotHoldAndIsCounted) {
  Configure(R"(on: "browse-viewed" when: "100 / event.price_minor > 1")");
  View(kStart, "wine", 0);
  EXPECT_THAT(Candidates(), IsEmpty());
  EXPECT_EQ(Counted("when_failed"), 1);
  EXPECT_EQ(Counted("not_met"), 0);
  View(kStart + kDay, "wine", 7);
  EXPECT_THAT(Candidates(), SizeIs(1));
  EXPECT_EQ(Counted("when_failed"), 1);
}

TEST_F(RuleTest, AConditionThatOverflowsDoesNotHold) {
  Configure(R"(on: "browse-viewed" when: "event.price_minor * 9223372036854775807 > 0")");
  View(kStart, "wine", 2);
  EXPECT_THAT(Candidates(), IsEmpty());
  EXPECT_EQ(Counted("when_failed"), 1);
}

TEST_F(RuleTest, WaitsAsLongAsTheCustomerUsuallyDoes) {
  Configure(R"r(on: "purchased" wait_for: "has(customer.purchase_gap) ? customer.purchase_gap : duration('720h')")r");
  ann_.Buy(kStart, "o1");
  EXPECT_EQ(Deadline(), kStart + 30 * kDay);
  ann_.Buy(kStart + 10 * kDay, "o2");
  EXPECT_EQ(Deadline(), kStart + 20 * kDay);
  ann_.Until(kStart + 20 * kDay);
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].trigger().reasons(0).text(),
            "bought an article, orders o1, o2; nothing called it off for 10 days");
}

TEST_F(RuleTest, AWaitIsNeitherNegativeNorEndlessAndOneThatFailsStartsNothing) {
  Configure(R"r(on: "browse-viewed" wait_for: "duration(event.category)")r");
  View(kStart, "-5h");
  EXPECT_THAT(Candidates(), SizeIs(1));
  View(kStart + kDay, "87600h");
  EXPECT_EQ(Deadline(), kStart + kDay + kMaxWait);
  View(kStart + 2 * kDay, "soon");
  EXPECT_EQ(Deadline(), kStart + kDay + kMaxWait);
  EXPECT_EQ(Counted("wait_failed"), 1);
}

constexpr char kTwoLooks[] = R"(on: "browse-viewed" min_count: 2 same: "sku" within { seconds: 604800 } )";

TEST_F(RuleTest, EventsMayCountForLongerThanTheWait) {
  Configure(Text(kTwoLooks, "wait { seconds: 7200 }"));
  View(kStart, "wine");
  EXPECT_EQ(Deadline(), kStart + 7 * kDay);
  View(kStart + 6 * kDay, "wine");
  EXPECT_EQ(Deadline(), kStart + 6 * kDay + absl::Hours(2));
  ann_.Until(kStart + 7 * kDay);
  EXPECT_THAT(Candidates(), SizeIs(1));
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(RuleTest, EventsThatAreTooFewAreGivenUpWhenTheyAreTooOld) {
  Configure(Text(kTwoLooks, "wait { seconds: 7200 }"));
  ann_.Browse(kStart, v1::Browse::VIEW, "rug");
  ann_.Browse(kStart + 3 * kDay, v1::Browse::VIEW, "lamp");
  EXPECT_EQ(Deadline(), kStart + 7 * kDay);
  ann_.Until(kStart + 7 * kDay);
  EXPECT_EQ(Counted("too_few"), 1);
  EXPECT_EQ(Deadline(), kStart + 10 * kDay);
  ann_.Browse(kStart + 8 * kDay, v1::Browse::VIEW, "rug");
  EXPECT_EQ(Deadline(), kStart + 10 * kDay);
  ann_.Until(kStart + 15 * kDay);
  EXPECT_EQ(Counted("too_few"), 3);
  EXPECT_THAT(Candidates(), IsEmpty());
  EXPECT_FALSE(ann_.ctx.HasState("trigger", "trigger"));
}

TEST_F(RuleTest, WithoutAWaitTheLastOfSoManyEventsDecides) {
  Configure(kTwoLooks);
  View(kStart, "wine");
  View(kStart + kDay, "wine");
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].trigger().decided_at_ms(), absl::ToUnixMillis(kStart + kDay));
  EXPECT_EQ(candidates[0].trigger().reasons(0).text(), "looked at article x 2 times");
}

TEST_F(RuleTest, WhatCallsItOffMayDependOnWhatWaits) {
  Configure(R"(on: "browse-viewed" wait { seconds: 86400 }
               unless { on: "cart-added" when: "event.sku == waiting.sku && event.quantity_milli > 1000" })");
  View(kStart, "wine");
  ann_.Browse(kStart + absl::Minutes(1), v1::Browse::ADD_TO_CART, "y", "wine", 2000);
  ann_.Browse(kStart + absl::Minutes(2), v1::Browse::ADD_TO_CART, "x", "wine", 1000);
  EXPECT_NE(Deadline(), std::nullopt);
  ann_.Browse(kStart + absl::Minutes(3), v1::Browse::ADD_TO_CART, "x", "wine", 2000);
  EXPECT_EQ(Deadline(), std::nullopt);
  EXPECT_EQ(Counted("called_off"), 1);
}

TEST_F(RuleTest, AConditionalPurchaseCallsNothingOffThatIsHeldByThePolicy) {
  Configure(R"(on: "browse-viewed" unless { on: "purchased" when: "event.lines.size() > 3" })");
  View(kStart, "wine");
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_FALSE(candidates[0].cancelled_by_purchase());
}

TEST_F(RuleTest, WhatCallsItOffReachesWhatThePolicyHolds) {
  Configure(R"(on: "browse-viewed" expires_after { seconds: 7200 }
               unless { on: "cart-added" when: "event.sku == waiting.sku" })");
  View(kStart, "wine");
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_FALSE(candidates[0].called_off());
  ann_.Browse(kStart + absl::Minutes(10), v1::Browse::ADD_TO_CART, "y");
  EXPECT_THAT(Candidates(), IsEmpty());
  ann_.Browse(kStart + absl::Minutes(20), v1::Browse::ADD_TO_CART, "x");
  const auto called_off = Candidates();
  ASSERT_THAT(called_off, SizeIs(1));
  EXPECT_TRUE(called_off[0].called_off());
  EXPECT_EQ(called_off[0].trigger().trigger_id(), candidates[0].trigger().trigger_id());
  ann_.Browse(kStart + absl::Minutes(30), v1::Browse::ADD_TO_CART, "x");
  EXPECT_THAT(Candidates(), IsEmpty());
}

TEST_F(RuleTest, WhatHasExpiredIsNotCalledOff) {
  Configure(R"(on: "browse-viewed" expires_after { seconds: 7200 } unless { on: "searched" })");
  View(kStart, "wine");
  EXPECT_THAT(Candidates(), SizeIs(1));
  EXPECT_EQ(Deadline("candidate"), kStart + absl::Hours(2));
  ann_.Until(kStart + absl::Hours(2));
  EXPECT_EQ(Deadline("candidate"), std::nullopt);
  ann_.Browse(kStart + absl::Hours(3), v1::Browse::SEARCH);
  EXPECT_THAT(Candidates(), IsEmpty());
}

TEST_F(RuleTest, WhatOnlyPurchasesCallOffIsLeftToThePolicy) {
  Configure(R"(on: "browse-viewed" unless { on: "purchased" })");
  View(kStart, "wine");
  EXPECT_THAT(Candidates(), SizeIs(1));
  EXPECT_EQ(Deadline("candidate"), std::nullopt);
  ann_.Buy(kStart + absl::Hours(1));
  EXPECT_THAT(Candidates(), IsEmpty());
}

TEST_F(RuleTest, AConditionalPurchaseLetsWhatIsToldLateStart) {
  Configure(R"(on: "browse-viewed" unless { on: "purchased" when: "event.lines.size() > 3" })");
  ann_.Buy(kStart + absl::Hours(1));
  View(kStart, "wine");
  EXPECT_THAT(Candidates(), SizeIs(1));
}

TEST_F(RuleTest, WhatCallsOffAndFailsIsCountedAndCallsNothingOff) {
  Configure(R"(on: "browse-viewed" wait { seconds: 3600 }
               unless { on: "searched" when: "1 % event.price_minor == 0" })");
  View(kStart, "wine");
  ann_.Browse(kStart + absl::Minutes(1), v1::Browse::SEARCH);
  EXPECT_NE(Deadline(), std::nullopt);
  EXPECT_EQ(Counted("unless_failed"), 1);
}

TEST_F(RuleTest, APurchaseDoesNotCallOffWhatItStarts) {
  Configure(R"(on: "purchased" wait { seconds: 3600 } unless { on: "purchased" } when: "customer.orders == 1")");
  ann_.Buy(kStart, "o1");
  EXPECT_EQ(Deadline(), kStart + absl::Hours(1));
  ann_.Buy(kStart + absl::Minutes(10), "o2");
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(RuleTest, NorWhatItStartsAtOnce) {
  Configure(R"(on: "purchased" unless { on: "purchased" })");
  ann_.Buy(kStart, "o1");
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_TRUE(candidates[0].cancelled_by_purchase());
  EXPECT_EQ(candidates[0].cancelled_from_ms(), absl::ToUnixMillis(kStart) + 1);
}

TEST_F(RuleTest, AddsWhatTheMessageNeeds) {
  Configure(R"(on: "browse-viewed" wait { seconds: 3600 }
               payload { key: "category" value: "event.category" }
               payload { key: "price" value: "double(event.price_minor) / 100.0" }
               payload { key: "orders" value: "customer.orders" }
               payload { key: "at" value: "now" }
               payload { key: "none" value: "customer.categories[0]" })");
  View(kStart, "wine", 950);
  ann_.Until(kStart + absl::Hours(1));
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().payload(),
              UnorderedElementsAre(Pair("category", "wine"), Pair("price", "9.5"), Pair("orders", "0"),
                                   Pair("at", "2017-07-14T02:40:00+00:00")));
  EXPECT_EQ(Counted("payload_failed"), 1);
}

TEST_F(RuleTest, EachExpressionSeesWhatItAsksOfTheCustomer) {
  Configure(R"rule(on: "browse-viewed" wait { seconds: 3600 }
               when: "customer.orders == 0"
               payload { key: "consents" value: "customer.consents.size()" }
               payload { key: "looks" value: "customer.browses.total" })rule");
  ann_.Consent(kStart - absl::Hours(1), v1::PURPOSE_MARKETING, v1::CHANNEL_EMAIL);
  View(kStart, "wine", 950);
  ann_.Until(kStart + absl::Hours(1));
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().payload(), UnorderedElementsAre(Pair("consents", "1"), Pair("looks", "1")));
}

TEST_F(RuleTest, AChangeOfFeaturesStartsItEachTimeTheConditionComesToHold) {
  Configure(R"(on: "features-changed" when: "event.orders == 1")");
  const auto change = [&](int64_t hour, int64_t orders) {
    v1::CustomerFeatures features;
    features.set_orders(orders);
    features.set_as_of_ms(absl::ToUnixMillis(kStart + absl::Hours(hour)));
    ann_.ctx.Send(trigger_, features, kStart + absl::Hours(hour));
  };
  change(0, 0);
  EXPECT_THAT(Candidates(), IsEmpty());
  EXPECT_FALSE(ann_.ctx.HasState("trigger", "trigger"));
  change(1, 1);
  EXPECT_THAT(Candidates(), SizeIs(1));
  change(2, 1);
  EXPECT_THAT(Candidates(), IsEmpty());
  change(3, 2);
  change(4, 1);
  EXPECT_THAT(Candidates(), SizeIs(1));
}

TEST_F(RuleTest, ABirthdayStartsItEachYearAndMovesWithTheZone) {
  Configure(R"(on: "calendar" expires_after { seconds: 172800 }
               calendar { at: "09:00" zone_when_unknown: "UTC" anniversary: "birthday" }
               payload { key: "age" value: "event.years" })");
  v1::Member told;
  auto* birthday = told.mutable_profile()->mutable_birthday();
  birthday->set_year(1990);
  birthday->set_month(9);
  birthday->set_day(1);
  ann_.Browse(kStart, v1::Browse::VIEW, "x");
  EXPECT_EQ(Deadline("calendar"), std::nullopt);
  ann_.Do(told, kStart);
  const absl::Time noon = absl::FromCivil(absl::CivilSecond(2017, 9, 1, 9), absl::UTCTimeZone());
  EXPECT_EQ(Deadline("calendar"), noon);
  ann_.LiveIn(kStart + kDay, "Asia/Tokyo");
  EXPECT_EQ(Deadline("calendar"), noon - absl::Hours(9));
  ann_.Until(noon);
  auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].trigger().decided_at_ms(), absl::ToUnixMillis(noon - absl::Hours(9)));
  EXPECT_THAT(candidates[0].trigger().payload(), ElementsAre(Pair("age", "27")));
  EXPECT_EQ(candidates[0].trigger().reasons(0).text(), "the day has come: birthday");
  EXPECT_EQ(candidates[0].trigger().expires_at_ms(), absl::ToUnixMillis(noon - absl::Hours(9) + 2 * kDay));
  ann_.Until(noon + 365 * kDay);
  EXPECT_THAT(Candidates(), SizeIs(1));
}

TEST_F(RuleTest, AnotherCalendarHoldsFromTheCustomersNextEvent) {
  // 2017-08-01 to 2017-08-02, and then 2017-07-20 as well.
  constexpr char kAugust[] = R"(periods { name: "august" from: 1501545600000 to: 1501632000000 })";
  constexpr char kJuly[] = R"(periods { name: "july" from: 1500508800000 to: 1500508800000 })";
  const auto configure = [&](std::string_view periods) {
    Configure(Text(R"(on: "calendar" calendar { at: "12:00" zone_when_unknown: "UTC" )", periods, "}"));
  };
  configure(kAugust);
  ann_.Browse(kStart, v1::Browse::VIEW, "x");
  EXPECT_EQ(Deadline("calendar"), absl::FromUnixSeconds(1'501'588'800));
  configure(Text(kAugust, kJuly));
  ann_.Browse(kStart + kDay, v1::Browse::VIEW, "x");
  EXPECT_EQ(Deadline("calendar"), absl::FromUnixSeconds(1'500'552'000));
  configure(R"(anniversary: "birthday")");
  ann_.Browse(kStart + 2 * kDay, v1::Browse::VIEW, "x");
  EXPECT_EQ(Deadline("calendar"), std::nullopt);
  EXPECT_FALSE(ann_.ctx.HasState("trigger", "trigger"));
}

TEST_F(RuleTest, APublishedCalendarReachesThoseWhoAreSilent) {
  const auto configure = [&](int day) {
    Configure(Text(R"(on: "calendar" calendar { at: "12:00" zone_when_unknown: "UTC" day_of_month: )", day, "}"));
  };
  configure(31);
  EXPECT_TRUE(trigger_.visits());
  ann_.Browse(kStart, v1::Browse::VIEW, "x");
  EXPECT_EQ(Deadline("calendar"), absl::FromCivil(absl::CivilSecond(2017, 7, 31, 12), absl::UTCTimeZone()));
  configure(20);
  trigger_.Visit(ann_.ctx);
  EXPECT_EQ(Deadline("calendar"), absl::FromCivil(absl::CivilSecond(2017, 7, 20, 12), absl::UTCTimeZone()));
}

TEST_F(RuleTest, APromotionIsNotOfferedBeyondItsEnd) {
  // 2017-07-14 to 2017-07-15.
  Configure(R"(on: "calendar" expires_after { seconds: 864000 } when: "event.name == 'summer'"
               calendar { at: "12:00" zone_when_unknown: "UTC"
                          periods { name: "summer" from: 1499990400000 to: 1500076800000 } })");
  ann_.Browse(kStart, v1::Browse::VIEW, "x");
  ann_.Until(kStart + 5 * kDay);
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].trigger().expires_at_ms(), 1'500'163'200'000);
  EXPECT_EQ(Deadline("calendar"), std::nullopt);
}

TEST_F(RuleTest, HoldsOutAShareOfTheCustomersOfACampaign) {
  const auto held_out = [](std::string_view config, std::string id) {
    Trigger trigger;
    EXPECT_TRUE(
        trigger
            .SetConfig(ConfigOf<TriggerConfig>(Text(R"(name: "rule" channels: "email" on: "browse-viewed" )", config)))
            .ok());
    Customer customer(trigger, "trigger", std::move(id));
    customer.Browse(kStart, v1::Browse::VIEW, "x");
    const auto candidates = customer.ctx.Take<Candidate>();
    EXPECT_THAT(candidates, SizeIs(1));
    return !candidates.empty() && candidates[0].held_out();
  };
  int spring = 0, same = 0, both = 0;
  constexpr int kCustomers = 400;
  for (int i = 0; i < kCustomers; ++i) {
    const std::string id = Text("c", i);
    const bool in_spring = held_out(R"(holdout_share: 0.5 campaign: "spring")", id);
    const bool in_autumn = held_out(R"(holdout_share: 0.5 campaign: "autumn")", id);
    spring += in_spring;
    both += in_spring && in_autumn;
    same += in_spring == held_out(R"(holdout_share: 0.5 campaign: "spring" priority: 7)", id);
  }
  EXPECT_NEAR(spring, kCustomers / 2, 40);
  EXPECT_NEAR(both, kCustomers / 4, 40);
  EXPECT_EQ(same, kCustomers);
  EXPECT_FALSE(held_out("", "c1"));
}

TEST(RuleConfigTest, TellsEveryMistakeWithItsColumn) {
  EXPECT_EQ(
      Refusal(R"(on: "browse-viewed" when: "event.categry == 'wine' && customer.order > 2"
                       unless { on: "purchased" when: "event.sku == waiting.sku" }
                       payload { key: "price" value: "event.price_minor / 2.0" })"),
      "when:7: expected a field of ebb.v1.Browse, got \"categry\"; did you mean \"category\"? (known: header, action, "
      "session_id, device_id, sku, category, price_minor, currency, query and quantity_milli)\n"
      "when:37: expected a field of ebb.v1.Customer, got \"order\"; did you mean \"orders\"? (known: id, orders, "
      "repeat_days, first_purchase, last_purchase, days_since_purchase, purchase_gap, purchase_gap_days, overdue, "
      "spent, refunded, purchases, browses, supports, engagements, categories, open_tickets, open_complaints, "
      "consents, member, joined, time_zone, language, birthday and generated)\n"
      "unless[0].when:7: expected a field of ebb.v1.Purchase, got \"sku\" (known: header, order_id, kind, lines, "
      "discount_minor, coupon, currency and store)\n"
      "payload.price:19: expected int / int, uint / uint or double / double, got int / double");
}

TEST(RuleConfigTest, RefusesWhatDoesNotFitTogether) {
  EXPECT_THAT(Refusal(R"(on: "browse-viewed" when: "1")"), HasSubstr("when:1: expected bool"));
  EXPECT_THAT(Refusal(R"(on: "browse-viewed" wait_for: "1")"), HasSubstr("wait_for:1: expected duration"));
  EXPECT_THAT(Refusal(R"r(on: "browse-viewed" wait_for: "duration('1h')" wait { seconds: 5 })r"),
              HasSubstr("wait_for: expected either wait or wait_for, got both"));
  EXPECT_THAT(Refusal(R"(on: "browse-viewed" payload { key: "Sku-1" value: "1" })"),
              HasSubstr("payload: expected names of a-z, 0-9 and _ of at most 64, got \"Sku-1\""));
  EXPECT_THAT(
      Refusal(R"(on: "purchased" payload { key: "lines" value: "event.lines" })"),
      HasSubstr("payload.lines:1: expected a scalar as the value of the whole, got list(ebb.v1.Purchase.Line)"));
  EXPECT_THAT(Refusal(R"(on: "browse-viewed" within { seconds: 60 })"),
              HasSubstr("within: expected only with a min_count above 1"));
  EXPECT_THAT(Refusal(R"(on: "browse-viewed" min_count: 2 within { seconds: 60 } wait { seconds: 61 })"),
              HasSubstr("within: expected no less than the wait"));
  EXPECT_THAT(Refusal(R"(on: "features-changed")"), HasSubstr("on: features-changed needs a when"));
  EXPECT_THAT(Refusal(R"(on: "message-opened" cooldown { seconds: 86399 })"),
              HasSubstr("cooldown: expected at least 1d with on: message-opened"));
  EXPECT_THAT(Refusal(R"(on: "calendar")"), HasSubstr("on: calendar needs a calendar with its days"));
  EXPECT_THAT(Refusal(R"(on: "searched" calendar { at: "09:00" zone_when_unknown: "UTC" day_of_month: 1 })"),
              HasSubstr("calendar: expected only with on: calendar"));
  EXPECT_THAT(Refusal(R"(on: "searched" holdout_share: 0.1 purpose: "service")"),
              HasSubstr("holdout_share: expected 0 with purpose: service"));
  const std::string long_rule(expression::kMaxTextBytes + 1, ' ');
  EXPECT_THAT(Refusal(Text(R"(on: "searched" when: ")", long_rule, R"(")")), HasSubstr("when:"));
}

}  // namespace
}  // namespace ebb
