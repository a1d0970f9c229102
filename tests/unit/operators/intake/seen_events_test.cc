#include "operators/intake/seen_events.h"

#include <algorithm>

#include "gtest/gtest.h"

namespace ebb {
namespace {

TEST(SeenEventsTest, AnIdBelongsToItsSource) {
  EXPECT_EQ(EventHash("till", "1"), EventHash("till", "1"));
  EXPECT_NE(EventHash("till", "1"), EventHash("shop", "1"));
  EXPECT_NE(EventHash("a", "bc"), EventHash("ab", "c"));
}

TEST(SeenEventsTest, OnlyWhatCameSinceCounts) {
  operators::SeenEvents seen;
  EXPECT_TRUE(Remember(7, 100, 10, &seen));
  EXPECT_TRUE(WasSeen(seen, 7, 100));
  EXPECT_FALSE(WasSeen(seen, 7, 101));
  EXPECT_FALSE(WasSeen(seen, 8, 0));
}

TEST(SeenEventsTest, WhatComesLateFindsItsPlace) {
  operators::SeenEvents seen;
  for (int second : {30, 10, 20, 40, 20}) Remember(static_cast<uint64_t>(second), second, 10, &seen);
  EXPECT_TRUE(std::is_sorted(seen.second().begin(), seen.second().end()));
  for (int row = 0; row < seen.id_size(); ++row) EXPECT_EQ(static_cast<int64_t>(seen.id(row)), seen.second(row));
  ForgetBefore(20, &seen);
  EXPECT_FALSE(WasSeen(seen, 10, 0));
  EXPECT_TRUE(WasSeen(seen, 20, 0));
}

TEST(SeenEventsTest, TheOldestGoesWhenThereIsNoRoom) {
  operators::SeenEvents seen;
  EXPECT_TRUE(Remember(1, 10, 2, &seen));
  EXPECT_TRUE(Remember(2, 20, 2, &seen));
  EXPECT_FALSE(Remember(3, 30, 2, &seen));
  EXPECT_FALSE(WasSeen(seen, 1, 0));
  EXPECT_TRUE(WasSeen(seen, 2, 0) && WasSeen(seen, 3, 0));
}

}  // namespace
}  // namespace ebb
