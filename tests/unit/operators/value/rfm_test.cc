#include "operators/value/rfm.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::Candidate;
using operators::RfmConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kMoment = absl::Milliseconds(1);

constexpr std::string_view kCutoffs = R"(
  cutoffs { version: "2026-01" recency_days: [7, 21, 45, 90] orders: [1, 2, 3, 4] spent: [2, 4, 6, 8] } )";

class RfmTest : public ::testing::Test {
 protected:
  absl::Status Configured(std::string_view more) { return rfm_.SetConfig(ConfigOf<RfmConfig>(more)); }
  void Configure(std::string_view more = "") {
    const absl::Status status = Configured(Text(kCutoffs, more));
    ASSERT_TRUE(status.ok()) << status;
  }
  std::vector<v1::SegmentChange> Changes() { return ann_.ctx.Take<v1::SegmentChange>(); }
  std::vector<std::string> Ways() {
    std::vector<std::string> ways;
    for (const auto& change : Changes()) ways.push_back(Text(change.from(), ">", change.to()));
    return ways;
  }

  Rfm rfm_;
  Customer ann_{rfm_, "rfm"};
};

TEST_F(RfmTest, TellsTheFirstSegmentWithItsScores) {
  Configure();
  ann_.Buy(kStart);
  const auto changes = Changes();
  ASSERT_THAT(changes, SizeIs(1));
  const v1::SegmentChange& change = changes[0];
  EXPECT_EQ(change.kind(), v1::SegmentChange::ENTERED);
  EXPECT_EQ(change.to(), "new-customers");
  EXPECT_EQ(change.recency(), 5);
  EXPECT_EQ(change.frequency(), 1);
  EXPECT_EQ(change.monetary(), 1);
  EXPECT_EQ(change.cutoffs_version(), "2026-01");
  EXPECT_EQ(change.table_version(), "1");
  EXPECT_EQ(change.reasons(1).text(), "1 order: 1 of 5");
  EXPECT_EQ(change.reasons(2).text(), "1.99 spent: 1 of 5");
}

TEST_F(RfmTest, PurchasesMoveOnAndTheSameSegmentIsNotToldAgain) {
  Configure();
  for (int day = 0; day < 4; ++day) ann_.Buy(kStart + day * kDay);
  EXPECT_THAT(Ways(),
              ElementsAre(">new-customers", "new-customers>potential-loyalists", "potential-loyalists>champions"));
}

TEST_F(RfmTest, SilenceMovesOnJustBeyondEachCutoff) {
  Configure();
  ann_.Buy(kStart);
  EXPECT_THAT(Ways(), ElementsAre(">new-customers"));
  ann_.Until(kStart + 7 * kDay);
  EXPECT_THAT(Ways(), IsEmpty());
  ann_.Until(kStart + 7 * kDay + kMoment);
  EXPECT_THAT(Ways(), ElementsAre("new-customers>promising"));
  ann_.Until(kStart + 21 * kDay + kMoment);
  EXPECT_THAT(Ways(), ElementsAre("promising>about-to-sleep"));
  ann_.Until(kStart + 45 * kDay + kMoment);
  EXPECT_THAT(Ways(), ElementsAre("about-to-sleep>lost"));
  ann_.Until(kStart + 1000 * kDay);
  EXPECT_THAT(Ways(), IsEmpty());
  EXPECT_EQ(ann_.ctx.DeadlineOf("rfm", "recency-falls"), std::nullopt);
}

TEST_F(RfmTest, WhoseOrdersAreAllTakenBackLeaves) {
  Configure();
  ann_.Buy(kStart, "o1");
  ann_.CallOffOrder(kStart + kDay, "o1");
  const auto changes = Changes();
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_EQ(changes[1].kind(), v1::SegmentChange::LEFT);
  EXPECT_EQ(changes[1].from(), "new-customers");
  EXPECT_EQ(changes[1].to(), "");
  EXPECT_EQ(changes[1].recency(), 0);
  EXPECT_EQ(ann_.ctx.DeadlineOf("rfm", "recency-falls"), std::nullopt);
}

TEST_F(RfmTest, EntryAsksForItsTriggerButNotAgainWithinTheCooldown) {
  Configure(R"(version: "4" triggers { segment: "promising" name: "second-order" channels: "sms" channels: "email"
               priority: 7 expires_after { seconds: 3600 } cooldown { seconds: 2592000 } purpose: "marketing" })");
  ann_.Buy(kStart);
  EXPECT_THAT(ann_.ctx.Take<Candidate>(), IsEmpty());
  ann_.Until(kStart + 8 * kDay);
  const auto candidates = ann_.ctx.Take<Candidate>();
  ASSERT_THAT(candidates, SizeIs(1));
  const Candidate& candidate = candidates[0];
  EXPECT_THAT(candidate.channels(), ElementsAre(v1::CHANNEL_SMS, v1::CHANNEL_EMAIL));
  EXPECT_EQ(candidate.trigger().type(), "second-order");
  EXPECT_EQ(candidate.trigger().priority(), 7);
  EXPECT_EQ(candidate.trigger().rule_version(), "4");
  EXPECT_EQ(candidate.trigger().decided_at_ms(), absl::ToUnixMillis(kStart + 7 * kDay + kMoment));
  EXPECT_EQ(candidate.trigger().expires_at_ms() - candidate.trigger().decided_at_ms(), 3'600'000);
  EXPECT_EQ(candidate.trigger().purpose(), v1::PURPOSE_MARKETING);
  EXPECT_THAT(candidate.trigger().reasons(), SizeIs(3));

  ann_.CallOffOrder(kStart + 9 * kDay, "o0");
  ann_.Buy(kStart + 10 * kDay);
  ann_.Until(kStart + 18 * kDay);
  EXPECT_THAT(Ways(), ElementsAre(">new-customers", "new-customers>promising", "promising>", ">new-customers",
                                  "new-customers>promising"));
  EXPECT_THAT(ann_.ctx.Take<Candidate>(), IsEmpty());
  EXPECT_EQ(ann_.ctx.Counted(rfm_, "cooling_down"), 1);
}

TEST_F(RfmTest, PublishedCutoffsMoveWhoSleeps) {
  Configure();
  for (int day = 0; day < 4; ++day) ann_.Buy(kStart + day * kDay);
  Changes();
  ASSERT_TRUE(Configured(R"(cutoffs { version: "2026-02" recency_days: [7, 21, 45, 90] orders: [9, 10, 11, 12]
                                      spent: [2, 4, 6, 8] })")
                  .ok());
  ASSERT_TRUE(rfm_.visits());
  ann_.ctx.Visit(rfm_);
  const auto changes = Changes();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].to(), "new-customers");
  EXPECT_EQ(changes[0].cutoffs_version(), "2026-02");
  EXPECT_THAT(changes[0].published(), ElementsAre("change@1"));
}

TEST_F(RfmTest, TakesCutoffsAsTheyAreFitted) {
  EXPECT_TRUE(Configured(R"(fitted: '{"format": 1, "version": "a", "recency_days": [1,2,3,4], "orders": [1,1,2,3],'
                            ' "spent": [1,2,3,4]}')")
                  .ok());
  EXPECT_THAT(
      std::string(Configured(R"(fitted: '{"format": 1, "version": "a", "recency_days": [1,2,4,3]}')").message()),
      HasSubstr("fitted: recency_days: expected four numbers"));
  EXPECT_THAT(std::string(Configured("").message()), HasSubstr("cutoffs: expected either cutoffs or fitted"));
  EXPECT_THAT(std::string(Configured(Text(kCutoffs, "fitted: 'x'")).message()), HasSubstr("either cutoffs or fitted"));
  EXPECT_THAT(std::string(Configured(R"(cutoffs { version: "a" recency_days: [2, 1, 3, 4] })").message()),
              HasSubstr("cutoffs.recency_days: expected"));
}

}  // namespace
}  // namespace ebb
