#include "operators/intake/intake.h"

#include <memory>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/fake_context.h"

namespace ebb {
namespace {

using testing::SizeIs;

absl::Time Day(double day) { return absl::FromUnixSeconds(1'700'000'000) + day * absl::Hours(24); }

class IntakeTest : public testing::Test {
 protected:
  IntakeTest() { Start(256); }

  // A new instance, as after a restart.
  void Start(int max_entries) {
    operators::IntakeConfig config;
    config.mutable_window()->set_seconds(7 * 86'400);
    config.set_max_entries(max_entries);
    intake_ = std::make_unique<Intake>();
    ASSERT_TRUE(intake_->SetConfig(config).ok());
    ctx_.Bind(*intake_, "intake");
  }

  void Browse(std::string id, absl::Time at, std::string source = "shop") {
    v1::Browse browse;
    browse.mutable_header()->set_event_id(std::move(id));
    browse.mutable_header()->set_source(std::move(source));
    browse.mutable_header()->set_event_time_ms(absl::ToUnixMillis(at));
    browse.set_action(v1::Browse::VIEW);
    ctx_.Send(*intake_, browse);
  }
  size_t Passed() { return ctx_.Take<v1::Browse>().size(); }

  FakeContext ctx_;
  std::unique_ptr<Intake> intake_;
};

TEST_F(IntakeTest, IsRegistered) {
  EXPECT_NE(OperatorRegistry::Get().Create("intake"), nullptr);
}

TEST_F(IntakeTest, SoundEventsOfEveryKindPassNormalised) {
  v1::Purchase purchase;
  purchase.mutable_header()->set_event_id("1");
  purchase.set_order_id("o1");
  purchase.set_currency("eur");
  ctx_.Send(*intake_, purchase);
  v1::Support support;
  support.mutable_header()->set_event_id("2");
  support.set_kind(v1::Support::OPENED);
  support.set_ticket_id("t");
  ctx_.Send(*intake_, support);
  v1::Member member;
  member.mutable_header()->set_event_id("3");
  member.mutable_joined();
  ctx_.Send(*intake_, member);
  v1::Engagement engagement;
  engagement.mutable_header()->set_event_id("4");
  engagement.set_kind(v1::Engagement::OPENED);
  ctx_.Send(*intake_, engagement);
  Browse("5", Day(0));
  const auto purchases = ctx_.Take<v1::Purchase>();
  ASSERT_THAT(purchases, SizeIs(1));
  EXPECT_EQ(purchases[0].currency(), "EUR");
  EXPECT_EQ(purchases[0].kind(), v1::Purchase::ORDER);
  EXPECT_THAT(ctx_.Take<v1::Support>(), SizeIs(1));
  EXPECT_THAT(ctx_.Take<v1::Member>(), SizeIs(1));
  EXPECT_THAT(ctx_.Take<v1::Engagement>(), SizeIs(1));
  EXPECT_EQ(Passed(), 1u);
  EXPECT_THAT(ctx_.rejections(), SizeIs(0));
}

TEST_F(IntakeTest, AFaultyEventIsRejectedAndLeavesNoTrace) {
  v1::Browse browse;
  browse.mutable_header()->set_event_id("1");
  ctx_.Send(*intake_, browse);
  ASSERT_THAT(ctx_.rejections(), SizeIs(1));
  EXPECT_EQ(ctx_.rejections()[0].reason, "unknown-kind");
  EXPECT_EQ(Passed(), 0u);
  EXPECT_FALSE(ctx_.HasState("intake", "seen"));
}

TEST_F(IntakeTest, ADuplicateIsCountedAndDroppedNotRejected) {
  Browse("1", Day(0));
  Browse("1", Day(0));
  Browse("1", Day(1));
  EXPECT_EQ(Passed(), 1u);
  EXPECT_EQ(ctx_.Counted(*intake_, "duplicate"), 2);
  EXPECT_THAT(ctx_.rejections(), SizeIs(0));
}

TEST_F(IntakeTest, TheSameIdOfAnotherSourceIsAnotherEvent) {
  Browse("1", Day(0), "shop");
  Browse("1", Day(0), "app");
  EXPECT_EQ(Passed(), 2u);
}

TEST_F(IntakeTest, TheSameIdInAnotherKindOfEventIsADuplicate) {
  Browse("1", Day(0), "shop");
  v1::Engagement engagement;
  engagement.mutable_header()->set_event_id("1");
  engagement.mutable_header()->set_source("shop");
  engagement.mutable_header()->set_event_time_ms(absl::ToUnixMillis(Day(0)));
  engagement.set_kind(v1::Engagement::OPENED);
  ctx_.Send(*intake_, engagement);
  EXPECT_THAT(ctx_.Take<v1::Engagement>(), SizeIs(0));
}

TEST_F(IntakeTest, ANewInstanceKnowsWhatTheOldOneSaw) {
  Browse("1", Day(0));
  Start(256);
  Browse("1", Day(0));
  EXPECT_EQ(Passed(), 1u);
}

TEST_F(IntakeTest, AnEventIsRememberedForTheWindow) {
  Browse("1", Day(0));
  Browse("2", Day(6.9));
  Browse("1", Day(6.9));
  EXPECT_EQ(Passed(), 2u);
  Browse("1", Day(7.1));
  EXPECT_EQ(Passed(), 1u);
}

TEST_F(IntakeTest, WhatExpiredGoesWithTheNextEvent) {
  Browse("1", Day(0));
  Browse("2", Day(8));
  EXPECT_EQ(ctx_.State<operators::SeenEvents>("intake", "seen").id_size(), 1);
}

TEST_F(IntakeTest, IdleStateGoesAwayByItself) {
  Browse("1", Day(0));
  Browse("2", Day(3));
  ctx_.AdvanceTo(Day(8));
  EXPECT_EQ(ctx_.State<operators::SeenEvents>("intake", "seen").id_size(), 1);
  ctx_.AdvanceTo(Day(11));
  EXPECT_FALSE(ctx_.HasState("intake", "seen"));
  EXPECT_EQ(ctx_.DeadlineOf("intake", "forget"), std::nullopt);
}

TEST_F(IntakeTest, ALateEventIsRememberedFromWhenItCame) {
  Browse("1", Day(0));
  ctx_.AdvanceTo(Day(100));
  Browse("late", Day(50));
  Browse("late", Day(50));
  ctx_.AdvanceTo(Day(106));
  Browse("late", Day(50));
  EXPECT_EQ(Passed(), 2u);
}

TEST_F(IntakeTest, TheOldestIsForgottenEarlyWhenThereAreTooMany) {
  Start(2);
  Browse("1", Day(0));
  Browse("2", Day(0.1));
  Browse("3", Day(0.2));
  EXPECT_EQ(ctx_.Counted(*intake_, "forgotten-early"), 1);
  Browse("3", Day(0.2));
  EXPECT_EQ(ctx_.Counted(*intake_, "duplicate"), 1);
  Browse("1", Day(0));
  EXPECT_EQ(Passed(), 4u);
}

}  // namespace
}  // namespace ebb
