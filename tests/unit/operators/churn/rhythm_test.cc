#include "operators/churn/rhythm.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

TEST(RhythmTest, BelowThreeGapsTheMissingOnesAreThePopulations) {
  EXPECT_DOUBLE_EQ(TypicalGapWeeks({0, 0, 5}, 6), 6);
  EXPECT_DOUBLE_EQ(TypicalGapWeeks({1, 3, 5}, 6), (3 + 6 + 6) / 3.0);
  EXPECT_DOUBLE_EQ(TypicalGapWeeks({2, 4, 5}, 6), (4 + 6) / 3.0);
}

TEST(RhythmTest, FromThreeGapsOnOnlyTheCustomersOwnCount) {
  EXPECT_DOUBLE_EQ(TypicalGapWeeks({3, 6, 9}, 100), 2);
  EXPECT_DOUBLE_EQ(TypicalGapWeeks({400, 600, 900}, 100), 1.5);
}

TEST(RhythmTest, RatioIsSilenceInTypicalGaps) {
  EXPECT_DOUBLE_EQ(OverdueRatio({3, 6, 6}, 100), 0);
  EXPECT_DOUBLE_EQ(OverdueRatio({3, 6, 8}, 100), 1);
  EXPECT_DOUBLE_EQ(OverdueRatio({3, 6, 11}, 100), 2.5);
}

TEST(RhythmTest, OneQuickSecondPurchaseDoesNotMakeACustomerOverdueTheWeekAfter) {
  EXPECT_LT(OverdueRatio({1, 1 / 7.0, 8 / 7.0}, kMailOrderGapWeeks), 0.25);
}

TEST(RhythmTest, RatioReachesItsLevelAtTheCrossing) {
  constexpr PurchaseHistory kHistories[] = {{0, 0, 0}, {1, 0.3, 0.4}, {7, 20, 21}, {300, 900, 900}};
  for (const PurchaseHistory& history : kHistories) {
    for (double ratio : {1.5, 2.0, 3.0}) {
      const double silence = WeeksUntilOverdue(history, kGrocerGapWeeks, ratio);
      EXPECT_GT(silence, 0);
      EXPECT_NEAR(OverdueRatio({history.x, history.t_x, history.T + silence}, kGrocerGapWeeks), ratio, 1e-12);
    }
  }
}

TEST(RhythmTest, CrossingIsNowWhenOverdueAlready) {
  EXPECT_EQ(WeeksUntilOverdue({3, 6, 10}, 1, 2), 0);
  EXPECT_EQ(WeeksUntilOverdue({3, 6, 30}, 1, 2), 0);
}

}  // namespace
}  // namespace ebb
