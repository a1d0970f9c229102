#include "operators/value/tags.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::TagsConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
const absl::Time kMidnight = absl::FromUnixSeconds(1'499'990'400);  // Of that day, UTC.
constexpr absl::Duration kDay = absl::Hours(24);
constexpr absl::Duration kMoment = absl::Milliseconds(1);

class TagsTest : public ::testing::Test {
 protected:
  absl::Status Configured(std::string_view tags) { return tags_.SetConfig(ConfigOf<TagsConfig>(tags)); }
  void Configure(std::string_view tags) {
    const absl::Status status = Configured(tags);
    ASSERT_TRUE(status.ok()) << status;
  }
  std::vector<v1::TagChange> Changes() { return ann_.ctx.Take<v1::TagChange>(); }
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const auto& change : Changes()) told.push_back(Text(change.is_set() ? "+" : "-", change.tag()));
    return told;
  }
  void BuyOf(absl::Time at, std::string category) {
    v1::Purchase purchase;
    purchase.set_kind(v1::Purchase::ORDER);
    purchase.set_order_id(Text("o", absl::ToUnixMillis(at)));
    purchase.set_currency("EUR");
    auto* line = purchase.add_lines();
    line->set_category(std::move(category));
    line->set_price_minor(100);
    ann_.Do(purchase, at);
  }
  std::optional<absl::Time> Deadline() { return ann_.ctx.DeadlineOf("tags", "falls"); }

  Tags tags_;
  Customer ann_{tags_, "tags"};
};

TEST_F(TagsTest, ACountSetsATagAndTimeAloneTakesItAway) {
  Configure(R"(version: "3" tags { name: "regular" count: "purchase" days: 30 at_least: 3 })");
  ann_.Buy(kStart);
  ann_.Buy(kStart + 5 * kDay);
  EXPECT_THAT(Changes(), IsEmpty());
  ann_.Buy(kStart + 9 * kDay);
  const auto set = Changes();
  ASSERT_THAT(set, SizeIs(1));
  EXPECT_TRUE(set[0].is_set());
  EXPECT_EQ(set[0].tag(), "regular");
  EXPECT_THAT(set[0].tags(), ElementsAre("regular"));
  EXPECT_EQ(set[0].table_version(), "3");
  EXPECT_EQ(set[0].reasons(0).text(), "purchases in the last 30 days: 3");
  // The first purchase's day is no more among the last thirty from that midnight on.
  EXPECT_EQ(Deadline(), kMidnight + 30 * kDay);
  ann_.Until(kMidnight + 30 * kDay - kMoment);
  EXPECT_THAT(Changes(), IsEmpty());
  ann_.Until(kMidnight + 30 * kDay);
  const auto taken = Changes();
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_FALSE(taken[0].is_set());
  EXPECT_THAT(taken[0].tags(), IsEmpty());
  EXPECT_EQ(taken[0].reasons(0).value(), 2);
  EXPECT_EQ(Deadline(), std::nullopt);
  EXPECT_FALSE(ann_.ctx.HasState("tags", "tags"));
}

TEST_F(TagsTest, StaysUntilTheFigureIsBelowTheLowerThreshold) {
  Configure(R"(tags { name: "regular" count: "purchase" days: 30 at_least: 3 until_below: 2 })");
  for (int day : {0, 5, 9}) ann_.Buy(kStart + day * kDay);
  EXPECT_THAT(Told(), ElementsAre("+regular"));
  EXPECT_EQ(Deadline(), kMidnight + 35 * kDay);
  ann_.Until(kMidnight + 35 * kDay - kMoment);
  EXPECT_THAT(Told(), IsEmpty());
  // A further purchase puts it off: it is the second latest that counts.
  ann_.Buy(kMidnight + 35 * kDay - kMoment);
  EXPECT_EQ(Deadline(), kMidnight + 39 * kDay);
  ann_.Until(kMidnight + 39 * kDay);
  EXPECT_THAT(Told(), ElementsAre("-regular"));
}

TEST_F(TagsTest, AFigureBetweenTheThresholdsLeavesATagAsItIs) {
  Configure(R"(tags { name: "regular" count: "purchase" days: 7 at_least: 3 until_below: 1 })");
  ann_.Buy(kStart);
  ann_.Buy(kStart + kDay);
  EXPECT_THAT(Told(), IsEmpty());
  ann_.Buy(kStart + 2 * kDay);
  EXPECT_THAT(Told(), ElementsAre("+regular"));
  ann_.Buy(kStart + 8 * kDay);  // Two within seven days.
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(TagsTest, AWeightFadesToItsThresholdAtTheVeryMillisecond) {
  Configure(R"(tags { name: "tea" category: "tea" at_least: 1.9 until_below: 0.5 } half_life { seconds: 2592000 })");
  BuyOf(kStart, "tea");
  EXPECT_THAT(Told(), IsEmpty());
  BuyOf(kStart + kMoment, "tea");
  EXPECT_THAT(Told(), ElementsAre("+tea"));
  BuyOf(kStart + kDay, "wine");
  const absl::Time falls = Deadline().value();
  // Two, of which half is left after thirty days.
  EXPECT_LE(absl::AbsDuration(falls - (kStart + 60 * kDay)), absl::Milliseconds(2));
  ann_.Until(falls - absl::Milliseconds(3));
  EXPECT_THAT(Told(), IsEmpty());
  ann_.Until(falls + absl::Milliseconds(3));
  const auto taken = Changes();
  ASSERT_THAT(taken, SizeIs(1));
  EXPECT_LT(taken[0].reasons(0).value(), 0.5);
  EXPECT_NEAR(taken[0].reasons(0).value(), 0.5, 1e-8);
}

TEST_F(TagsTest, KeepsTagsByNameAndDropsThoseThatAreNoMoreDeclared) {
  Configure(
      R"(tags { name: "looker" count: "browse" at_least: 1 } tags { name: "buyer" count: "purchase" at_least: 1 })");
  ann_.Browse(kStart, v1::Browse::VIEW);
  ann_.Buy(kStart + kDay);
  const auto changes = Changes();
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_THAT(changes[1].tags(), ElementsAre("buyer", "looker"));
  Configure(R"(version: "2" tags { name: "buyer" count: "purchase" at_least: 1 })");
  ASSERT_TRUE(tags_.visits());
  ann_.ctx.Visit(tags_);
  EXPECT_THAT(Told(), ElementsAre("-looker"));
}

TEST_F(TagsTest, AnEventOfAnotherKindLeavesTheNextFallWhereItIs) {
  Configure(R"(tags { name: "looker" count: "browse" days: 7 at_least: 1 }
               tags { name: "buyer" count: "purchase" days: 30 at_least: 1 })");
  ann_.Browse(kStart, v1::Browse::VIEW);
  ann_.Buy(kStart + kDay);
  ann_.Ticket(kStart + 2 * kDay, v1::Support::OPENED, "t1");
  EXPECT_EQ(Deadline(), kMidnight + 7 * kDay);
  ann_.Until(kMidnight + 7 * kDay);
  EXPECT_THAT(Told(), ElementsAre("+looker", "+buyer", "-looker"));
  EXPECT_EQ(Deadline(), kMidnight + 31 * kDay);
}

TEST_F(TagsTest, RefusesWhatSaysNothing) {
  EXPECT_THAT(std::string(Configured(R"(tags { name: "a" at_least: 1 })").message()),
              HasSubstr("tags[0]: expected either count, a kind of events, or category"));
  EXPECT_THAT(std::string(Configured(R"(tags { name: "a" count: "browse" category: "tea" at_least: 1 })").message()),
              HasSubstr("tags[0]: expected either"));
  EXPECT_THAT(std::string(Configured(R"(tags { name: "a" category: "tea" days: 7 at_least: 1 })").message()),
              HasSubstr("tags[0].days: "));
  EXPECT_THAT(std::string(Configured(R"(tags { name: "a" count: "browse" })").message()),
              HasSubstr("tags[0].at_least: expected more than 0"));
  EXPECT_THAT(std::string(Configured(R"(tags { name: "a" count: "browse" at_least: 2 until_below: 3 })").message()),
              HasSubstr("tags[0].until_below: expected at most at_least, which is 2, got 3"));
  EXPECT_THAT(std::string(Configured(R"(tags { name: "a" count: "browse" at_least: 1 }
                                        tags { name: "a" count: "support" at_least: 1 })")
                              .message()),
              HasSubstr("tags[1].name: two tags are named \"a\""));
}

}  // namespace
}  // namespace ebb
