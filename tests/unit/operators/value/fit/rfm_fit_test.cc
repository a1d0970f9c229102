#include "operators/value/fit/rfm_fit.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TrainingRowList Rows(int customers) {
  TrainingRowList rows;
  for (int i = 0; i < customers; ++i) {
    v1::TrainingRow& row = rows.emplace_back();
    row.set_customer_id("c" + std::to_string(i));
    row.set_cutoff_ms(1'500'000'000'000);
    row.mutable_features()->set_silence_days(i);
    row.mutable_features()->set_orders(i < 70 ? 1 : 3);
    row.mutable_features()->set_spent(2 * i);
  }
  return rows;
}

TEST(RfmFitTest, CutsThePopulationIntoFifths) {
  const auto fit = FitRfm(Rows(101), "rfm", "");
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->cutoffs.recency_days(), ElementsAre(20, 40, 60, 80));
  EXPECT_THAT(fit->cutoffs.spent(), ElementsAre(40, 80, 120, 160));
  EXPECT_THAT(fit->cutoffs.orders(), ElementsAre(1, 1, 1, 3));
  EXPECT_EQ(fit->cutoffs.customers(), 101);
  EXPECT_EQ(fit->cutoffs.as_of_ms(), 1'500'000'000'000);
  EXPECT_EQ(fit->cutoffs.version(), fit->cutoffs.fingerprint().substr(0, 8));
  EXPECT_THAT(fit->remarks, ElementsAre(HasSubstr("the same number of orders")));
  int64_t customers = 0;
  for (const auto& [name, count] : fit->segments) customers += count;
  EXPECT_THAT(fit->segments, SizeIs(10));
  EXPECT_EQ(customers, 101);
}

TEST(RfmFitTest, RefusesFewCustomers) {
  EXPECT_THAT(std::string(FitRfm(Rows(99), "rfm", "").status().message()), HasSubstr("at least 100 customers"));
}

}  // namespace
}  // namespace ebb
