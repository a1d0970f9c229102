#include "operators/features/event_history.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace ebb {
namespace {

using History = operators::CustomerProfile::EventHistory;

constexpr double kHalfLifeMs = 30.0 * kMillisPerDay;

TEST(DayOfTest, DaysBeginAtMidnightAlsoBefore1970) {
  EXPECT_EQ(DayOf(0), 0);
  EXPECT_EQ(DayOf(kMillisPerDay - 1), 0);
  EXPECT_EQ(DayOf(kMillisPerDay), 1);
  EXPECT_EQ(DayOf(-1), -1);
  EXPECT_EQ(DayOf(-kMillisPerDay), -1);
  EXPECT_EQ(DayOf(-kMillisPerDay - 1), -2);
}

TEST(EventHistoryTest, AnEventHalvesItsWeightInAHalfLife) {
  History history;
  AddEvent(0, kHalfLifeMs, &history);
  AddEvent(30 * kMillisPerDay, kHalfLifeMs, &history);
  EXPECT_DOUBLE_EQ(history.decayed(), 1.5);
}

TEST(EventHistoryTest, TheWindowTakesInToday) {
  History history;
  AddEvent(100 * kMillisPerDay, kHalfLifeMs, &history);
  EXPECT_EQ(CountLastDays(history, 100, 1), 1);
  EXPECT_EQ(CountLastDays(history, 106, 7), 1);
  EXPECT_EQ(CountLastDays(history, 107, 7), 0);
  EXPECT_EQ(CountLastDays(history, 189, 90), 1);
  EXPECT_EQ(CountLastDays(history, 190, 90), 0);
}

TEST(EventHistoryTest, AnyOrderGivesTheCountsOfTheEvents) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<int64_t> times(1 + random() % 60);
    const int64_t span_ms = kMillisPerDay * (1 + random() % 400);
    for (int64_t& time : times) {
      time = 1'600'000'000'000 + static_cast<int64_t>(random()) % span_ms * (random() % 2 ? 1 : 0) +
             static_cast<int64_t>(random() % 400) * (span_ms / 400);
    }
    History history;
    for (int64_t time : times) AddEvent(time, kHalfLifeMs, &history);
    const int64_t last = *std::max_element(times.begin(), times.end());
    const int64_t today = DayOf(last) + static_cast<int64_t>(random() % 40);
    double decayed = 0;
    for (int64_t time : times) decayed += std::exp2(-static_cast<double>(last - time) / kHalfLifeMs);
    ASSERT_EQ(history.total(), times.size());
    ASSERT_EQ(history.last_ms(), last);
    ASSERT_NEAR(history.decayed(), decayed, 1e-12 * decayed);
    for (int64_t days : {1, 7, 30, 90}) {
      const auto counted =
          std::count_if(times.begin(), times.end(), [&](int64_t time) { return DayOf(time) > today - days; });
      ASSERT_EQ(CountLastDays(history, today, days), counted) << "round " << round << ", last " << days << " days";
    }
    ASSERT_LE(history.days_size(), 2 * kCountedDays);
  }
}

}  // namespace
}  // namespace ebb
