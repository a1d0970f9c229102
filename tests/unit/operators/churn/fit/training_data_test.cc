#include "operators/churn/fit/training_data.h"

#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// All columns, features by their descriptor; each row has `silence` in every feature.
std::string Csv(const std::vector<std::string>& rows) {
  std::string head = "customer_id,cutoff_ms,horizon_days";
  const auto& features = *v1::RiskFeatures::descriptor();
  for (int i = 0; i < features.field_count(); ++i) head += "," + features.field(i)->name();
  head += ",bought,orders_after,generated,note\n";
  for (const std::string& row : rows) head += row + "\n";
  return head;
}

std::string Row(const std::string& customer, int64_t cutoff_ms, const std::string& feature = "1.5",
                const std::string& horizon = "28", const std::string& bought = "1") {
  std::string row = customer + "," + std::to_string(cutoff_ms) + "," + horizon;
  for (int i = 0; i < v1::RiskFeatures::descriptor()->field_count(); ++i) row += "," + feature;
  return row + "," + bought + ",2,0,passed over";
}

absl::StatusOr<TrainingRowList> Read(const std::string& text) {
  std::istringstream in(text);
  return ReadTrainingRows(in, "f.csv");
}

std::string Refusal(const std::string& text) {
  const auto rows = Read(text);
  return rows.ok() ? "" : std::string(rows.status().message());
}

TEST(TrainingDataTest, RowsAreInOrderOfCutOffAndCustomerWhateverTheFileHas) {
  const auto rows = Read(Csv({Row("zoe", 2000), Row("\"an, \"\"ann\"\"\"", 2000), Row("zoe", 1000)}));
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 3u);
  EXPECT_EQ((*rows)[0].customer_id(), "zoe");
  EXPECT_EQ((*rows)[1].customer_id(), "an, \"ann\"");
  EXPECT_EQ((*rows)[2].features().silence_days(), 1.5);
  EXPECT_TRUE((*rows)[2].bought());
  EXPECT_EQ((*rows)[2].orders_after(), 2);
  EXPECT_THAT(CutoffsOf(*rows), ElementsAre(1000, 2000));
  EXPECT_EQ(FingerprintOf(*rows),
            FingerprintOf(*Read(Csv({Row("zoe", 1000), Row("\"an, \"\"ann\"\"\"", 2000), Row("zoe", 2000)}))));
  EXPECT_NE(FingerprintOf(*rows), FingerprintOf(*Read(Csv({Row("zoe", 1000)}))));
}

TEST(TrainingDataTest, LinesMayEndAsOnWindowsAndTheLastOneNotAtAll) {
  std::string text = Csv({Row("ann", 1000), Row("bob", 1000)});
  text.pop_back();
  size_t at = 0;
  while ((at = text.find('\n', at)) != std::string::npos) {
    text.insert(at, "\r");
    at += 2;
  }
  const auto rows = Read(text);
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->size(), 2u);
}

TEST(TrainingDataTest, WhatIsWrongIsToldWithItsPlace) {
  EXPECT_EQ(Refusal(""), "f.csv:1:1: expected the names of columns, got nothing");
  EXPECT_THAT(Refusal("customer_id,cutoff_ms\n"), HasSubstr("f.csv:1:1: column age_days is missing"));
  EXPECT_THAT(Refusal(Csv({Row("ann", 1000, "nan")})),
              HasSubstr("f.csv:2:13: repeat_days: expected a finite number, got nan"));
  EXPECT_THAT(Refusal(Csv({Row("ann", 1000), Row("bob", 1000, "1", "28", "yes")})), HasSubstr("f.csv:3:"));
  EXPECT_THAT(Refusal(Csv({Row("ann", 1000), "bob,1000"})), HasSubstr("f.csv:3:1: expected 37 cells"));
  EXPECT_THAT(Refusal(Csv({Row("ann", 1000), Row("ann", 1000)})), HasSubstr("customer ann has two rows"));
  EXPECT_THAT(Refusal(Csv({Row("ann", 1000), Row("bob", 1000, "1", "56")})),
              HasSubstr("horizon_days: expected 28 as in the rows before, got 56"));
  EXPECT_THAT(Refusal(Csv({"\"ann"})), HasSubstr("f.csv:2:1: the quotation mark has no second one"));
}

}  // namespace
}  // namespace ebb
