#include "operators/marketing/trigger.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::Candidate;
using operators::TriggerConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
constexpr absl::Duration kMinute = absl::Minutes(1);

constexpr std::string_view kCart = R"(
  name: "abandoned-cart" on: "cart-added" wait { seconds: 3600 } unless { on: "purchased" }
  channels: "app" channels: "email"
  priority: 30 expires_after { seconds: 86400 } rule_version: "7" )";
constexpr std::string_view kBrowse = R"(
  name: "abandoned-browse" on: "browse-viewed" wait { seconds: 1800 } min_count: 3 same: "category"
  unless { on: "purchased" } channels: "email" )";
constexpr std::string_view kComplaint = R"(
  name: "service-recovery" on: "complaint-opened" wait { seconds: 7200 } restart: false 
  unless { on: "ticket-resolved" when: "event.ticket_id == waiting.ticket_id" }
  channels: "phone" purpose: "service" )";
constexpr std::string_view kWinBack = R"(
  name: "win-back" on: "churn-raised" unless { on: "purchased" } unless { on: "churn-cleared" } channels: "email" )";

class TriggerTest : public ::testing::Test {
 protected:
  void Configure(std::string_view config, std::string_view more = "") {
    const absl::Status status = trigger_.SetConfig(ConfigOf<TriggerConfig>(Text(config, more)));
    ASSERT_TRUE(status.ok()) << status;
  }
  void Add(absl::Time at, std::string sku = "milk", int64_t quantity_milli = 1000) {
    ann_.Browse(at, v1::Browse::ADD_TO_CART, std::move(sku), "dairy", quantity_milli);
  }
  void View(absl::Time at, std::string category) { ann_.Browse(at, v1::Browse::VIEW, "x", std::move(category)); }
  void Alert(absl::Time at, v1::ChurnAlert::Kind kind) {
    v1::ChurnAlert alert;
    alert.set_alert_id("alert-1");
    alert.set_kind(kind);
    alert.set_decided_at_ms(absl::ToUnixMillis(at));
    alert.add_reasons()->set_text("no purchase for 41 days; usually buys every 12 days");
    ann_.Until(at);
    ann_.ctx.Send(trigger_, alert, at);
  }
  std::vector<Candidate> Candidates() { return ann_.ctx.Take<Candidate>(); }
  std::optional<absl::Time> Deadline() { return ann_.ctx.DeadlineOf("trigger", "wait"); }

  Trigger trigger_;
  Customer ann_{trigger_, "trigger"};
};

TEST_F(TriggerTest, DecidesWhenTheWaitIsOver) {
  Configure(kCart);
  Add(kStart, "milk");
  Add(kStart + 5 * kMinute, "bread");
  EXPECT_EQ(Deadline(), kStart + 65 * kMinute);
  ann_.Until(kStart + 64 * kMinute);
  EXPECT_THAT(Candidates(), IsEmpty());
  ann_.Until(kStart + 65 * kMinute);
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  const Candidate& candidate = candidates[0];
  EXPECT_THAT(candidate.channels(), ElementsAre(v1::CHANNEL_APP, v1::CHANNEL_EMAIL));
  EXPECT_TRUE(candidate.cancelled_by_purchase());
  EXPECT_EQ(candidate.cancelled_from_ms(), absl::ToUnixMillis(kStart + 5 * kMinute));
  const v1::MarketingTrigger& trigger = candidate.trigger();
  EXPECT_EQ(trigger.type(), "abandoned-cart");
  EXPECT_EQ(trigger.customer_id(), "ann");
  EXPECT_EQ(trigger.priority(), 30);
  EXPECT_EQ(trigger.purpose(), v1::PURPOSE_MARKETING);
  EXPECT_EQ(trigger.decided_at_ms(), absl::ToUnixMillis(kStart + 65 * kMinute));
  EXPECT_EQ(trigger.expires_at_ms(), absl::ToUnixMillis(kStart + 65 * kMinute + absl::Hours(24)));
  EXPECT_EQ(trigger.released_at_ms(), 0);
  EXPECT_EQ(trigger.rule_version(), "7");
  EXPECT_THAT(trigger.skus(), ElementsAre("milk", "bread"));
  ASSERT_THAT(trigger.reasons(), SizeIs(1));
  EXPECT_EQ(trigger.reasons(0).code(), "cart_added");
  EXPECT_EQ(trigger.reasons(0).text(), "put 2 articles into the basket; nothing called it off for 60 minutes");
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(TriggerTest, WithoutRestartTheFirstEventSetsTheMoment) {
  Configure(kCart, "restart: false");
  Add(kStart);
  Add(kStart + 5 * kMinute);
  EXPECT_EQ(Deadline(), kStart + 60 * kMinute);
}

TEST_F(TriggerTest, APurchaseCallsItOffAtOnce) {
  Configure(kCart);
  Add(kStart);
  ann_.Buy(kStart + 10 * kMinute);
  EXPECT_EQ(Deadline(), std::nullopt);
  EXPECT_FALSE(ann_.ctx.HasState("trigger", "trigger"));
  EXPECT_EQ(ann_.ctx.Counted(trigger_, "called_off"), 1);
}

TEST_F(TriggerTest, ACancellationOfAnOrderCallsNothingOff) {
  Configure(kCart);
  ann_.Buy(kStart - absl::Hours(2), "o1");
  Add(kStart);
  ann_.CallOffOrder(kStart + kMinute, "o1");
  EXPECT_EQ(Deadline(), kStart + 60 * kMinute);
}

TEST_F(TriggerTest, WhatIsDeliveredInAnotherOrderEndsTheSame) {
  Configure(kCart);
  // The purchase happened between the two additions, and is told last or first.
  Add(kStart, "milk");
  Add(kStart + 20 * kMinute, "bread");
  ann_.Buy(kStart + 10 * kMinute);
  ann_.Until(kStart + 80 * kMinute);
  auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().skus(), ElementsAre("bread"));

  ann_.Buy(kStart + 130 * kMinute);
  Add(kStart + 120 * kMinute, "milk");
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(TriggerTest, WhatIsTakenOutOfTheBasketDoesNotCount) {
  Configure(kCart);
  Add(kStart, "milk", 2000);
  Add(kStart + kMinute, "bread");
  ann_.Browse(kStart + 2 * kMinute, v1::Browse::REMOVE_FROM_CART, "bread", "", 1000);
  ann_.Browse(kStart + 3 * kMinute, v1::Browse::REMOVE_FROM_CART, "milk", "", 1000);
  EXPECT_EQ(Deadline(), kStart + 60 * kMinute);
  ann_.Browse(kStart + 4 * kMinute, v1::Browse::REMOVE_FROM_CART, "milk");
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(TriggerTest, CountsEventsThatHaveTheCategoryInCommon) {
  Configure(kBrowse);
  View(kStart, "dairy");
  View(kStart + kMinute, "wine");
  View(kStart + 2 * kMinute, "wine");
  ann_.Until(kStart + absl::Hours(1));
  EXPECT_THAT(Candidates(), IsEmpty());
  EXPECT_EQ(ann_.ctx.Counted(trigger_, "too_few"), 1);

  const absl::Time later = kStart + absl::Hours(2);
  for (const char* category : {"wine", "dairy", "wine", "wine"}) View(later, category);
  ann_.Until(later + absl::Hours(1));
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].trigger().reasons(0).text(),
            "looked at category wine 3 times; nothing called it off for 30 minutes");
  EXPECT_EQ(candidates[0].trigger().reasons(0).value(), 3);
}

TEST_F(TriggerTest, RemembersABoundedNumberOfEvents) {
  Configure(kBrowse);
  for (int i = 0; i < 3 * kMaxTriggerEvents; ++i) View(kStart + i * kMinute, "wine");
  EXPECT_EQ(ann_.ctx.State<operators::WaitingEvents>("trigger", "waiting").events_size(), kMaxTriggerEvents);
}

TEST_F(TriggerTest, KeepsTheLatestEventsWhoeverIsToldFirst) {
  Configure(kCart, "keep: 2");
  Add(kStart, "milk");
  Add(kStart + 5 * kMinute, "bread");
  Add(kStart + 10 * kMinute, "wine");
  Add(kStart + 2 * kMinute, "beer");
  EXPECT_EQ(ann_.ctx.Counted(trigger_, "given_up"), 2);
  Add(kStart + 7 * kMinute, "cheese");
  EXPECT_EQ(ann_.ctx.Counted(trigger_, "given_up"), 3);
  EXPECT_EQ(Deadline(), kStart + 70 * kMinute);
  ann_.Until(kStart + 70 * kMinute);
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().skus(), ElementsAre("wine", "cheese"));
}

TEST_F(TriggerTest, KeepsTheFirstEventsWithoutRestart) {
  Configure(kCart, "keep: 2 restart: false");
  Add(kStart, "milk");
  Add(kStart + 10 * kMinute, "bread");
  Add(kStart + 20 * kMinute, "wine");
  Add(kStart + 10 * kMinute, "beer");
  EXPECT_EQ(ann_.ctx.Counted(trigger_, "given_up"), 2);
  Add(kStart - kMinute, "cheese");
  EXPECT_EQ(ann_.ctx.Counted(trigger_, "given_up"), 3);
  EXPECT_EQ(Deadline(), kStart + 59 * kMinute);
  ann_.Until(kStart + 59 * kMinute);
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().skus(), ElementsAre("milk", "cheese"));
}

TEST_F(TriggerTest, KeepsOneOnly) {
  Configure(kCart, "keep: 1");
  Add(kStart, "milk");
  Add(kStart + 5 * kMinute, "bread");
  Add(kStart + 2 * kMinute, "beer");
  EXPECT_EQ(Deadline(), kStart + 65 * kMinute);
  ann_.Until(kStart + 65 * kMinute);
  auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().skus(), ElementsAre("bread"));

  const absl::Time later = kStart + absl::Hours(9);
  Configure(kCart, "keep: 1 restart: false");
  Add(later, "milk");
  Add(later + 5 * kMinute, "bread");
  Add(later - 5 * kMinute, "beer");
  EXPECT_EQ(Deadline(), later + 55 * kMinute);
  ann_.Until(later + 55 * kMinute);
  candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().skus(), ElementsAre("beer"));
}

TEST_F(TriggerTest, WhatWaitedBeforeTheRuleWasGoneForAWhileDoesNotCount) {
  Configure(kCart);
  // Its timer went with the rule.
  ann_.ctx.State<operators::TriggerState>("trigger", "trigger").set_waiting(1);
  ann_.ctx.State<operators::WaitingEvents>("trigger", "waiting").add_events()->set_sku("wine");
  ann_.Browse(kStart, v1::Browse::REMOVE_FROM_CART, "wine");
  Add(kStart, "milk");
  ann_.Until(kStart + absl::Hours(1));
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().skus(), ElementsAre("milk"));
}

TEST_F(TriggerTest, AnAnsweredComplaintNeedsNoRecovery) {
  Configure(kComplaint);
  ann_.Ticket(kStart, v1::Support::OPENED, "question", /*complaint=*/false);
  EXPECT_EQ(Deadline(), std::nullopt);
  ann_.Ticket(kStart, v1::Support::OPENED, "t1");
  ann_.Ticket(kStart + kMinute, v1::Support::OPENED, "t2");
  EXPECT_EQ(Deadline(), kStart + absl::Hours(2));
  ann_.Ticket(kStart + 2 * kMinute, v1::Support::RESOLVED, "t1", false);
  EXPECT_EQ(Deadline(), kStart + absl::Hours(2) + kMinute);
  ann_.Ticket(kStart + 3 * kMinute, v1::Support::RESOLVED, "t2", false);
  EXPECT_EQ(Deadline(), std::nullopt);
  ann_.Ticket(kStart + 4 * kMinute, v1::Support::REOPENED, "t2");
  ann_.Until(kStart + absl::Hours(3));
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].trigger().purpose(), v1::PURPOSE_SERVICE);
  EXPECT_FALSE(candidates[0].cancelled_by_purchase());
  EXPECT_EQ(candidates[0].trigger().reasons(0).text(), "complained, ticket t2; nothing called it off for 2 hours");
}

TEST_F(TriggerTest, AnAlertLeadsToACandidateAtOnceAndGivesItsReasons) {
  Configure(kWinBack);
  Alert(kStart, v1::ChurnAlert::ESCALATED);
  EXPECT_THAT(Candidates(), IsEmpty());
  Alert(kStart, v1::ChurnAlert::RAISED);
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_EQ(candidates[0].trigger().alert_id(), "alert-1");
  EXPECT_EQ(candidates[0].trigger().decided_at_ms(), absl::ToUnixMillis(kStart));
  ASSERT_THAT(candidates[0].trigger().reasons(), SizeIs(1));
  EXPECT_THAT(candidates[0].trigger().reasons(0).text(), HasSubstr("no purchase for 41 days"));
}

TEST_F(TriggerTest, AClearedAlertCallsOffAWinBackThatWaits) {
  Configure(kWinBack, "wait { seconds: 3600 }");
  Alert(kStart, v1::ChurnAlert::RAISED);
  EXPECT_EQ(Deadline(), kStart + absl::Hours(1));
  Alert(kStart + kMinute, v1::ChurnAlert::CLEARED);
  EXPECT_EQ(Deadline(), std::nullopt);
}

TEST_F(TriggerTest, KeepsToCooldownAndLifetimeCap) {
  Configure(kCart, "cooldown { seconds: 86400 } lifetime_cap: 2");
  for (const int hour : {0, 12, 30, 90}) {
    Add(kStart + absl::Hours(hour));
    ann_.Until(kStart + absl::Hours(hour + 1));
  }
  EXPECT_THAT(Candidates(), SizeIs(2));
  EXPECT_EQ(ann_.ctx.Counted(trigger_, "cooling_down"), 1);
  EXPECT_EQ(ann_.ctx.Counted(trigger_, "lifetime_cap"), 1);
}

TEST_F(TriggerTest, OneGeneratedEventMarksTheCandidate) {
  Configure(kCart);
  Add(kStart);
  v1::Browse browse;
  browse.set_action(v1::Browse::ADD_TO_CART);
  browse.set_sku("bread");
  browse.mutable_header()->set_generated(true);
  ann_.Do(browse, kStart + kMinute);
  Add(kStart + 2 * kMinute);
  ann_.Until(kStart + absl::Hours(2));
  const auto candidates = Candidates();
  ASSERT_THAT(candidates, SizeIs(1));
  EXPECT_TRUE(candidates[0].trigger().generated());
}

TEST(TriggerConfigTest, RefusesWhatCanNeverHappen) {
  const auto refusal = [](std::string_view config, std::string_view more) {
    return std::string(Trigger().SetConfig(ConfigOf<TriggerConfig>(Text(config, more))).message());
  };
  EXPECT_EQ(refusal(kCart, ""), "");
  EXPECT_THAT(refusal(kWinBack, "min_count: 2"), HasSubstr("min_count: above 1 it needs a wait"));
  EXPECT_THAT(refusal(kBrowse, "keep: 2"), HasSubstr("keep: expected no less than the min_count, which is 3, got 2"));
  EXPECT_THAT(refusal(kWinBack, "same: \"sku\""), HasSubstr("same: expected any with on: churn-raised"));
}

}  // namespace
}  // namespace ebb
