#include "operators/value/fit/points.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/chance.h"

namespace ebb {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;

PointList Line(std::vector<double> places) { return {1, std::move(places)}; }

// Clouds of `sizes` points within .5 of each corner (10 i, 0).
PointList Clouds(const std::vector<int>& sizes) {
  PointList points{2, {}};
  Chance chance(7);
  for (size_t cloud = 0; cloud < sizes.size(); ++cloud) {
    for (int i = 0; i < sizes[cloud]; ++i) {
      points.coordinates.push_back(10 * static_cast<double>(cloud) + chance.Uniform() - .5);
      points.coordinates.push_back(chance.Uniform() - .5);
    }
  }
  return points;
}

TEST(FindCentresTest, FindsWhatLiesApartTheLargestFirst) {
  const PointList points = Clouds({20, 50, 30});
  const Grouping found = FindCentres(points, 3, 1);
  ASSERT_EQ(found.centres.size(), 3u);
  EXPECT_NEAR(found.centres[0][0], 10, .2);
  EXPECT_NEAR(found.centres[1][0], 20, .2);
  EXPECT_NEAR(found.centres[2][0], 0, .2);
  EXPECT_EQ(std::count(found.group_of.begin(), found.group_of.end(), 0), 50);
  EXPECT_EQ(found.group_of.front(), 2);
  EXPECT_EQ(found.group_of.back(), 1);
}

TEST(FindCentresTest, MinimisesTheSquares) {
  // Two and two: the best of all ways to part four points on a line.
  const Grouping found = FindCentres(Line({0, 1, 5, 6.5}), 2, 3);
  EXPECT_DOUBLE_EQ(found.squares, .5 + 1.125);
  EXPECT_THAT(found.centres.coordinates, ElementsAre(.5, 5.75));
}

TEST(FindCentresTest, TheSameSeedGivesTheSameBits) {
  const PointList points = Clouds({40, 40, 40, 40});
  const Grouping once = FindCentres(points, 6, 9);
  const Grouping again = FindCentres(points, 6, 9);
  EXPECT_EQ(once.centres.coordinates, again.centres.coordinates);
  EXPECT_EQ(once.group_of, again.group_of);
}

TEST(FindCentresTest, TakesPointsThatAreEqual) {
  const Grouping found = FindCentres(Line({1, 1, 1, 2}), 2, 1);
  EXPECT_THAT(found.centres.coordinates, ElementsAre(1, 2));
  EXPECT_EQ(CountDistinct(Line({1, 1, 1, 2})), 2u);
}

// By hand: of 0 within 1, next (10 + 12) / 2 = 11 and so (11 - 1) / 11.
TEST(SilhouetteTest, ComparesOneSOwnGroupWithTheNext) {
  const double expected = (10. / 11 + 9. / 10 + 7.5 / 9.5 + 9.5 / 11.5) / 4;
  EXPECT_NEAR(Silhouette(Line({0, 1, 10, 12}), {0, 0, 1, 1}, 100, 1), expected, 1e-12);
}

TEST(SilhouetteTest, LeavesOutThoseInNoneAndCountsWhoIsAloneAsNothing) {
  EXPECT_NEAR(Silhouette(Line({0, 1, 10, 500}), {0, 0, 1, -1}, 100, 1), (9. / 10 + 8. / 9) / 3, 1e-12);
}

TEST(SilhouetteTest, IsBestForTheTrueNumber) {
  const PointList points = Clouds({30, 30, 30});
  const auto of = [&](int groups) { return Silhouette(points, FindCentres(points, groups, 1).group_of, 1000, 1); };
  EXPECT_GT(of(3), of(2));
  EXPECT_GT(of(3), of(4));
}

TEST(FindDensePlacesTest, FollowsAChainAndLeavesTheLonelyOut) {
  const PointList points = Line({20, 0, 1, 2, 3, 50, 21, 22, 4});
  EXPECT_THAT(FindDensePlaces(points, 1, 3), ElementsAre(1, 0, 0, 0, 0, -1, 1, 1, 0));
  // Ends of a chain belong to it, though they are not dense themselves; a pair is no place of three.
  EXPECT_THAT(FindDensePlaces(Line({0, 1, 2, 10, 11}), 1, 3), ElementsAre(0, 0, 0, -1, -1));
  EXPECT_THAT(FindDensePlaces(points, .5, 2), ElementsAre(-1, -1, -1, -1, -1, -1, -1, -1, -1));
}

TEST(NeighbourDistancesTest, ThePointItselfIsTheFirst) {
  EXPECT_THAT(NeighbourDistances(Line({0, 1, 5}), 1), ElementsAre(0, 0, 0));
  EXPECT_THAT(NeighbourDistances(Line({0, 1, 5}), 2), ElementsAre(1, 1, 4));
  EXPECT_THAT(NeighbourDistances(Line({0, 1, 5}), 9), ElementsAre(5, 4, 5));
}

TEST(WidestPlaneTest, LiesAlongTheSpread) {
  PointList points{3, {}};
  for (int i = -5; i <= 5; ++i) {
    for (int j = -1; j <= 1; ++j) {
      points.coordinates.insert(points.coordinates.end(), {-3.0 * i + 7, 4.0 * i + 1, 2.0 * j});
    }
  }
  const Plane plane = WidestPlane(points);
  EXPECT_THAT(plane.axes[0], ElementsAre(DoubleNear(-.6, 1e-12), DoubleNear(.8, 1e-12), DoubleNear(0, 1e-12)));
  EXPECT_THAT(plane.axes[1], ElementsAre(DoubleNear(0, 1e-12), DoubleNear(0, 1e-12), DoubleNear(1, 1e-12)));
  EXPECT_NEAR(plane.shares[0] + plane.shares[1], 1, 1e-12);
  EXPECT_THAT(plane.Project(points[0]), ElementsAre(DoubleNear(-25, 1e-9), DoubleNear(-2, 1e-9)));
}

}  // namespace
}  // namespace ebb
