#include "operators/value/rfm_scale.h"

#include <limits>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/features/event_history.h"
#include "operators/value/quantile.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::RfmConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kDay = kMillisPerDay;

v1::RfmCutoffs Cutoffs(std::vector<double> recency = {7, 21, 45, 90}) {
  v1::RfmCutoffs cutoffs;
  cutoffs.set_version("v1");
  for (double days : recency) cutoffs.add_recency_days(days);
  for (double orders : {1, 1, 2, 5}) cutoffs.add_orders(orders);
  for (double spent : {10.0, 20.5, 50.0, 100.0}) cutoffs.add_spent(spent);
  return cutoffs;
}
std::string Refused(const v1::RfmCutoffs& cutoffs) {
  const auto scale = RfmScale::Make(cutoffs);
  return scale.ok() ? "taken" : std::string(scale.status().message());
}
std::string RefusedTable(std::string_view config) {
  const auto table = RfmSegments::Make(ConfigOf<RfmConfig>(config));
  return table.ok() ? "taken" : std::string(table.status().message());
}

// As R's quantile(x, type = 7).
TEST(QuantileTest, LiesBetweenTheNearestTwo) {
  const std::vector<double> values = {1, 2, 3, 4, 10};
  EXPECT_DOUBLE_EQ(Quantile(values, .2), 1.8);
  EXPECT_DOUBLE_EQ(Quantile(values, .4), 2.6);
  EXPECT_DOUBLE_EQ(Quantile(values, .6), 3.4);
  EXPECT_DOUBLE_EQ(Quantile(values, .8), 5.2);
  EXPECT_EQ(Quantile(values, 0), 1);
  EXPECT_EQ(Quantile(values, 1), 10);
  EXPECT_EQ(Quantile({3}, .2), 3);
}

TEST(RfmScaleTest, ACutoffBelongsToTheScoreBelowItAndRecencyCountsBackwards) {
  const auto scale = *RfmScale::Make(Cutoffs());
  const auto recency = [&](int64_t silence_ms) { return scale->Scores({silence_ms, 1, 0}).recency; };
  EXPECT_EQ(recency(0), 5);
  EXPECT_EQ(recency(7 * kDay), 5);
  EXPECT_EQ(recency(7 * kDay + 1), 4);
  EXPECT_EQ(recency(90 * kDay), 2);
  EXPECT_EQ(recency(90 * kDay + 1), 1);
  const auto monetary = [&](double spent) { return scale->Scores({0, 1, spent}).monetary; };
  EXPECT_EQ(monetary(10), 1);
  EXPECT_EQ(monetary(10.01), 2);
  EXPECT_EQ(monetary(100), 4);
  EXPECT_EQ(monetary(100.5), 5);
}

TEST(RfmScaleTest, EqualCutoffsLeaveScoresOut) {
  const auto scale = *RfmScale::Make(Cutoffs());
  const auto frequency = [&](double orders) { return scale->Scores({0, orders, 0}).frequency; };
  EXPECT_EQ(frequency(1), 1);
  EXPECT_EQ(frequency(2), 3);
  EXPECT_EQ(frequency(3), 4);
  EXPECT_EQ(frequency(6), 5);
}

TEST(RfmScaleTest, RecencyFallsNextJustBeyondACutoff) {
  const auto scale = *RfmScale::Make(Cutoffs());
  EXPECT_EQ(scale->NextFall(0), 7 * kDay + 1);
  EXPECT_EQ(scale->NextFall(7 * kDay), 7 * kDay + 1);
  EXPECT_EQ(scale->NextFall(7 * kDay + 1), 21 * kDay + 1);
  EXPECT_EQ(scale->NextFall(90 * kDay + 1), std::nullopt);
}

TEST(RfmScaleTest, RefusesCutoffsOutOfOrder) {
  EXPECT_EQ(Refused(Cutoffs({7, 45, 21, 90})),
            "recency_days: expected four numbers of at least 0 in rising order, got 7, 45, 21, 90");
  EXPECT_THAT(Refused(Cutoffs({7, 21, 45})), HasSubstr("got 7, 21, 45"));
  EXPECT_THAT(Refused(Cutoffs({-1, 21, 45, 90})), HasSubstr("recency_days"));
  EXPECT_THAT(Refused(Cutoffs({7, 21, 45, std::numeric_limits<double>::quiet_NaN()})), HasSubstr("recency_days"));
  v1::RfmCutoffs cutoffs = Cutoffs();
  cutoffs.set_spent(3, 30);
  EXPECT_THAT(Refused(cutoffs), HasSubstr("spent: expected four numbers"));
  cutoffs = Cutoffs();
  cutoffs.clear_version();
  EXPECT_THAT(Refused(cutoffs), HasSubstr("version: "));
}

TEST(RfmScaleTest, ReadsNoOtherFormat) {
  EXPECT_THAT(std::string(ParseRfmCutoffs(R"({"format": 2})").status().message()), HasSubstr("format: expected 1"));
  EXPECT_THAT(std::string(ParseRfmCutoffs(R"({"format": 1, "recency_da)").status().message()),
              HasSubstr("no cut-offs in JSON"));
  EXPECT_EQ(ParseRfmCutoffs(R"({"format": 1, "version": "a"})")->version(), "a");
}

TEST(RfmSegmentsTest, TheUsualTenTakeEveryScore) {
  const auto table = *RfmSegments::Make(RfmConfig());
  EXPECT_THAT(table->names(), ElementsAre("champions", "loyal", "potential-loyalists", "new-customers", "promising",
                                          "need-attention", "about-to-sleep", "at-risk", "cant-lose", "lost"));
  std::map<std::string, int> taken;
  for (int recency = 1; recency <= 5; ++recency) {
    for (int frequency = 1; frequency <= 5; ++frequency) ++taken[table->Of({recency, frequency, 3})];
  }
  EXPECT_THAT(taken, ElementsAre(::testing::Pair("about-to-sleep", 2), ::testing::Pair("at-risk", 4),
                                 ::testing::Pair("cant-lose", 2), ::testing::Pair("champions", 2),
                                 ::testing::Pair("lost", 4), ::testing::Pair("loyal", 4),
                                 ::testing::Pair("need-attention", 1), ::testing::Pair("new-customers", 1),
                                 ::testing::Pair("potential-loyalists", 4), ::testing::Pair("promising", 1)));
  EXPECT_EQ(table->Of({5, 5, 1}), "champions");
  EXPECT_EQ(table->Of({1, 5, 1}), "cant-lose");
  EXPECT_EQ(table->Of({5, 1, 5}), "new-customers");
}

TEST(RfmSegmentsTest, TheFirstRowThatFitsIsTaken) {
  const auto table = RfmSegments::Make(ConfigOf<RfmConfig>(R"(
    segments { name: "big" monetary: 5 } segments { name: "fresh" recency: 4 recency: 5 } segments { name: "rest" })"));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ((*table)->Of({5, 1, 5}), "big");
  EXPECT_EQ((*table)->Of({4, 1, 4}), "fresh");
  EXPECT_EQ((*table)->Of({3, 5, 4}), "rest");
}

TEST(RfmSegmentsTest, RefusesATableWithGapsOrWithRowsInVain) {
  EXPECT_THAT(RefusedTable(R"(segments { name: "good" recency: 3 recency: 4 recency: 5 })"),
              HasSubstr("segments: no segment takes recency 1, frequency 1, monetary 1"));
  EXPECT_THAT(RefusedTable(R"(segments { name: "all" } segments { name: "big" monetary: 5 })"),
              HasSubstr("segments[1]: no customer comes to \"big\""));
}

TEST(RfmSegmentsTest, RefusesATriggerForNoSegment) {
  EXPECT_THAT(RefusedTable(R"(triggers { segment: "at-rsk" name: "come-back" channels: "sms" })"),
              HasSubstr("triggers[0].segment: unknown segment \"at-rsk\"; did you mean \"at-risk\"?"));
  EXPECT_THAT(RefusedTable(R"(triggers { segment: "lost" name: "a" channels: "sms" }
                              triggers { segment: "loyal" name: "a" channels: "sms" })"),
              HasSubstr("triggers[1].name: two triggers are named \"a\""));
}

}  // namespace
}  // namespace ebb
