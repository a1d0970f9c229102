#include "operators/features/affinities.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "operators/features/event_history.h"
#include "operators/intake/limits.h"
#include "state/text.h"

namespace ebb {
namespace {

using Affinities = operators::CustomerProfile::Affinities;

constexpr double kHalfLifeMs = 30.0 * kMillisPerDay;

v1::Purchase Order(double day, const std::vector<std::string>& categories) {
  v1::Purchase order;
  order.mutable_header()->set_event_time_ms(static_cast<int64_t>((20'000 + day) * kMillisPerDay));
  for (const std::string& category : categories) order.add_lines()->set_category(category);
  return order;
}

std::string Top(const Affinities& affinities, double day, int count) {
  v1::CustomerFeatures features;
  AppendTopCategories(affinities, static_cast<int64_t>((20'000 + day) * kMillisPerDay), kHalfLifeMs, count,
                      features.mutable_categories());
  std::string text;
  for (const auto& item : features.categories()) text += Text(item.category(), "=", item.weight(), " ");
  return text;
}

TEST(AffinitiesTest, LinesAddUpAndFade) {
  Affinities affinities;
  AddCategories(Order(0, {"milk", "milk", "", "bread"}), kHalfLifeMs, 10, &affinities);
  AddCategories(Order(30, {"wine"}), kHalfLifeMs, 10, &affinities);
  EXPECT_EQ(Top(affinities, 30, 8), "milk=1 wine=1 bread=0.5 ");
  EXPECT_EQ(Top(affinities, 60, 2), "milk=0.5 wine=0.5 ");
  EXPECT_EQ(Top(affinities, 60, 0), "");
}

TEST(AffinitiesTest, ALateOrderHasTheWeightOfItsTime) {
  Affinities affinities;
  AddCategories(Order(30, {"wine"}), kHalfLifeMs, 10, &affinities);
  AddCategories(Order(0, {"milk"}), kHalfLifeMs, 10, &affinities);
  EXPECT_EQ(Top(affinities, 30, 8), "wine=1 milk=0.5 ");
}

TEST(AffinitiesTest, TheWeakestGoesWhenThereIsNoRoom) {
  Affinities affinities;
  EXPECT_EQ(AddCategories(Order(0, {"a", "b", "b"}), kHalfLifeMs, 2, &affinities), 0);
  EXPECT_EQ(AddCategories(Order(30, {"c"}), kHalfLifeMs, 2, &affinities), 1);
  EXPECT_EQ(Top(affinities, 30, 8), "b=1 c=1 ");
  EXPECT_EQ(AddCategories(Order(0, {"d"}), kHalfLifeMs, 2, &affinities), 1);
  EXPECT_EQ(Top(affinities, 30, 8), "b=1 c=1 ");
}

TEST(AffinitiesTest, ACategoryThatIsTooLongHasNoPart) {
  Affinities affinities;
  const std::string fits(kMaxCategoryBytes, 'x');
  AddCategories(Order(0, {fits, fits + "x"}), kHalfLifeMs, 10, &affinities);
  EXPECT_EQ(Top(affinities, 0, 8), fits + "=1 ");
}

TEST(AffinitiesTest, AnyOrderGivesTheSameWithinRounding) {
  std::mt19937 random(4);
  std::vector<v1::Purchase> orders;
  std::map<std::string, double> expected;
  for (int i = 0; i < 400; ++i) {
    const int day = static_cast<int>(random() % 700);
    const std::string category = Text("category ", random() % 100);
    orders.push_back(Order(day, {category}));
    expected[category] += std::exp2(-(700.0 - day) / 30);
  }
  for (int shuffle = 0; shuffle < 10; ++shuffle) {
    std::shuffle(orders.begin(), orders.end(), random);
    Affinities affinities;
    for (const auto& order : orders) ASSERT_EQ(AddCategories(order, kHalfLifeMs, 128, &affinities), 0);
    v1::CustomerFeatures features;
    AppendTopCategories(affinities, 20'700 * kMillisPerDay, kHalfLifeMs, 128, features.mutable_categories());
    ASSERT_EQ(features.categories_size(), static_cast<int>(expected.size()));
    double before = std::numeric_limits<double>::infinity();
    for (const auto& item : features.categories()) {
      ASSERT_NEAR(item.weight() / expected[item.category()], 1, 1e-11);
      ASSERT_LE(item.weight(), before);
      before = item.weight();
    }
  }
}

}  // namespace
}  // namespace ebb
