#include "operators/features/purchase_days.h"

#include <random>
#include <set>
#include <tuple>

#include "gtest/gtest.h"

namespace ebb {
namespace {

using Days = operators::CustomerProfile::PurchaseDays;

std::tuple<int64_t, int64_t, int64_t, int64_t> Tuple(const DaySums& sums) {
  return {sums.count, sums.first, sums.last, sums.gap_squares};
}

DaySums Expected(const std::set<int64_t>& days) {
  DaySums sums;
  for (int64_t day : days) sums.Append(day);
  return sums;
}

TEST(DaySumsTest, SquaresOfGapsAddUp) {
  DaySums sums;
  for (int64_t day : {10, 10, 13, 20, 19}) sums.Append(day);
  EXPECT_EQ(Tuple(sums), std::tuple(3, 10, 20, 9 + 49));
}

TEST(PurchaseDaysTest, AnyOrderGivesTheSameSums) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    Days days;
    std::set<int64_t> expected;
    const int64_t span = 1 + random() % 2000;
    for (int i = 0; i < 60; ++i) {
      const int64_t day = 15'000 + static_cast<int64_t>(random()) % span;
      expected.insert(day);
      ASSERT_TRUE(AddDay(day, 4096, &days));
      ASSERT_EQ(Tuple(SumsOf(days)), Tuple(Expected(expected))) << "round " << round << ", day " << day;
    }
  }
}

TEST(PurchaseDaysTest, SumsOutliveTheGapsThatAreKept) {
  Days days;
  std::set<int64_t> expected;
  for (int64_t day = 0; day < 1000; day += 3) {
    EXPECT_TRUE(AddDay(day, 10, &days));
    expected.insert(day);
  }
  EXPECT_EQ(days.gaps_kept(), 10);
  EXPECT_EQ(days.gaps().size(), 10u);
  EXPECT_EQ(Tuple(SumsOf(days)), Tuple(Expected(expected)));
}

TEST(PurchaseDaysTest, ADayBeyondTheGapsThatAreKeptIsLeftOut) {
  Days days;
  std::set<int64_t> expected;
  for (int64_t day = 0; day < 1000; day += 100) {
    AddDay(day, 3, &days);
    expected.insert(day);
  }
  EXPECT_TRUE(AddDay(650, 3, &days));
  expected.insert(650);
  EXPECT_FALSE(AddDay(550, 3, &days));
  EXPECT_FALSE(AddDay(-5, 3, &days));
  EXPECT_EQ(Tuple(SumsOf(days)), Tuple(Expected(expected)));
}

TEST(PurchaseDaysTest, AGapMayBeLongerThanAByteHolds) {
  Days days;
  for (int64_t day : {0, 40'000, 200, 20'000}) EXPECT_TRUE(AddDay(day, 4096, &days));
  EXPECT_EQ(Tuple(SumsOf(days)), Tuple(Expected({0, 200, 20'000, 40'000})));
}

}  // namespace
}  // namespace ebb
