#include "operators/churn/fit/timeliness.h"

#include <algorithm>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "operators/features/event_history.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;

// Days since 1970.
constexpr int64_t kFirst = 20'000;
constexpr int64_t kWeek = 7;
constexpr int kWeeks = 12;

// The risk is .5 after 7 days of silence, and above .95 after 100: silence alone, a horizon of 28 days.
std::shared_ptr<const RiskModel> SilenceModel() {
  v1::ChurnModel model;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(format: 1 id: "churn" version: "1" horizon_days: 28 typical_gap_days: 7 features { name: "silence_days" }
         logistic { terms { weight: 1 mean: 2.0794415416798357 scale: 1 } })",
      &model));
  return *RiskModel::Make(model);
}

// A row of every week for a customer who buys on these days.
void AddCustomer(const std::string& id, const std::vector<int64_t>& purchases, TrainingRowList* rows) {
  for (int week = 0; week < kWeeks; ++week) {
    const int64_t day = kFirst + week * kWeek;
    int64_t last = 0;
    for (int64_t purchase : purchases) last = purchase <= day ? purchase : last;
    v1::TrainingRow& row = rows->emplace_back();
    row.set_customer_id(id);
    row.set_cutoff_ms(day * kMillisPerDay);
    row.set_horizon_days(28);
    row.mutable_features()->set_silence_days(static_cast<double>(day - last));
  }
}

TrainingRowList InOrder(TrainingRowList rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.cutoff_ms() < b.cutoff_ms(); });
  return rows;
}

const Timeliness& At(double threshold, const std::vector<Timeliness>& all) {
  return *std::find_if(all.begin(), all.end(), [&](const Timeliness& of) { return of.threshold == threshold; });
}

TEST(TimelinessTest, ALeaverIsFoundByAnAlertBeforeTheSilenceHasLastedTheHorizon) {
  TrainingRowList rows;
  AddCustomer("leaver", {kFirst - 3, kFirst + 4}, &rows);
  const auto all = MeasureTimeliness(*SilenceModel(), rows,
                                     {{"leaver", {(kFirst + 4) * kMillisPerDay, (kFirst + 6) * kMillisPerDay}}});
  ASSERT_TRUE(all.ok()) << all.status();
  // .5 is reached at 7 days: at the look after 10, which is 18 before the horizon ends.
  EXPECT_EQ(At(.5, *all).leavers, 1);
  EXPECT_EQ(At(.5, *all).found, 1);
  EXPECT_EQ(At(.5, *all).days_ahead, 18);
  EXPECT_EQ(At(.5, *all).false_alerts, 0);
  // .75 at 23 days: the look after 24.
  EXPECT_EQ(At(.75, *all).days_ahead, 4);
  // .8 takes 31 days: too late, and no false alert either.
  EXPECT_EQ(At(.8, *all).found, 0);
  EXPECT_EQ(At(.8, *all).false_alerts, 0);
}

TEST(TimelinessTest, AnAlertThatAPurchaseClearsWasFalseAndTheNextOneCounts) {
  TrainingRowList rows;
  AddCustomer("returns", {kFirst - 1, kFirst + 20}, &rows);
  const auto all = MeasureTimeliness(*SilenceModel(), rows,
                                     {{"returns", {(kFirst + 20) * kMillisPerDay, (kFirst + 22) * kMillisPerDay}}});
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(At(.5, *all).false_alerts, 1);
  EXPECT_EQ(At(.5, *all).found, 1);
  EXPECT_EQ(At(.5, *all).days_ahead, 28 - 8);
}

TEST(TimelinessTest, WhoNeverLeftIsNotFoundAndWhoLeftBeforeHasNoPart) {
  TrainingRowList rows;
  AddCustomer("leaver", {kFirst - 1, kFirst + 4}, &rows);
  AddCustomer("stays", {kFirst - 1}, &rows);
  AddCustomer("long gone", {kFirst - 90}, &rows);
  const auto all = MeasureTimeliness(*SilenceModel(), InOrder(rows),
                                     {{"leaver", {(kFirst + 4) * kMillisPerDay, (kFirst + 5) * kMillisPerDay}},
                                      {"stays", {(kFirst - 1) * kMillisPerDay, std::nullopt}},
                                      {"long gone", {(kFirst - 90) * kMillisPerDay, (kFirst - 80) * kMillisPerDay}}});
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(At(.5, *all).leavers, 1);
  EXPECT_EQ(At(.5, *all).false_alerts, 1) << "of the one who stays";
}

TEST(TimelinessTest, WhatCannotBeMeasuredIsRefused) {
  TrainingRowList rows;
  AddCustomer("stays", {kFirst - 1}, &rows);
  const auto refusal = [&](const TrainingRowList& of, const std::map<std::string, Fate>& fates) {
    return std::string(MeasureTimeliness(*SilenceModel(), of, fates).status().message());
  };
  EXPECT_THAT(refusal({}, {}), HasSubstr("rows of two moments or more"));
  EXPECT_THAT(refusal(rows, {}), HasSubstr("nothing is known of what became of stays"));
  EXPECT_THAT(refusal(rows, {{"stays", {}}}), HasSubstr("nobody left"));
}

TEST(FatesTest, AreReadAsTheGeneratorWritesThem) {
  std::istringstream in(
      "{\"customer\":\"c1\",\"joinedAtMs\":5,\"lastPurchaseMs\":1742537827118,\"left\":true,"
      "\"leftAtMs\":1743359453850,\"why\":\"own-accord\"}\n"
      "{\"customer\":\"c2\",\"joinedAtMs\":5,\"left\":false}\n");
  const auto fates = ReadFates(in, "truth.jsonl");
  ASSERT_TRUE(fates.ok()) << fates.status();
  EXPECT_EQ(fates->at("c1").last_purchase_ms, 1742537827118);
  EXPECT_EQ(fates->at("c1").left_at_ms, 1743359453850);
  EXPECT_FALSE(fates->at("c2").left_at_ms.has_value());
  std::istringstream broken("{\"customer\":\"c1\"}\n{\"custom");
  EXPECT_THAT(std::string(ReadFates(broken, "truth.jsonl").status().message()), HasSubstr("truth.jsonl:2: expected"));
}

}  // namespace
}  // namespace ebb
