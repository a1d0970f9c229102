#ifndef EBB_OPERATORS_VALUE_FIT_POINTS_H_
#define EBB_OPERATORS_VALUE_FIT_POINTS_H_

// Points in a space of few dimensions, and ways to find groups in them. Pure functions, the same bits on every run: all
// randomness comes from a seed. Any thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ebb {

struct PointList {
  size_t dimensions = 0;
  std::vector<double> coordinates;  // One point after the other.

  size_t size() const { return dimensions == 0 ? 0 : coordinates.size() / dimensions; }
  const double* operator[](size_t point) const { return coordinates.data() + point * dimensions; }
};

// The first `most` of the numbers below `count`, in a random order.
std::vector<size_t> DrawSome(size_t count, size_t most, uint64_t seed);

double SquaredDistance(const double* a, const double* b, size_t dimensions);

// How many different points there are.
size_t CountDistinct(const PointList& points);

struct Grouping {
  PointList centres;
  std::vector<int> group_of;  // Of each point.
  double squares = 0;         // The sum of squared distances from centres.
};

// Groups around `groups` centres, 1 to the number of different points, of which each point belongs to the nearest: the
// best of ten starts by k-means++, each bettered until nothing moves or for 100 rounds. Groups are in order of their
// size, the largest first. Sources: Lloyd (1982), "Least Squares Quantization in PCM"; Arthur, Vassilvitskii (2007),
// "k-means++: The Advantages of Careful Seeding".
Grouping FindCentres(const PointList& points, int groups, uint64_t seed);

// How much nearer points are to their own group than to the next, -1 to 1, on the mean over at most `most` points drawn
// by `seed`. Those of group -1 have no part. Source: Rousseeuw (1987), "Silhouettes: a graphical aid to the
// interpretation and validation of cluster analysis".
double Silhouette(const PointList& points, const std::vector<int>& group_of, size_t most, uint64_t seed);

// Groups of points in dense places: `least` points within `distance`, the point itself among them. -1 for points that
// lie in none. Groups are in order of their size. Takes time by the square of the number of points. Source: Ester,
// Kriegel, Sander, Xu (1996), "A Density-Based Algorithm for Discovering Clusters".
std::vector<int> FindDensePlaces(const PointList& points, double distance, int least);

// Of each point, the distance from its `rank`-th nearest, the point itself being the first.
std::vector<double> NeighbourDistances(const PointList& points, size_t rank);

// The plane in which the points spread most.
struct Plane {
  std::vector<double> mean;
  std::array<std::vector<double>, 2> axes;  // Of length 1; the largest coordinate is above 0.
  std::array<double, 2> shares{};           // Of the whole variance.

  std::array<double, 2> Project(const double* point) const;
};
// Needs at least one dimension; with one alone the second axis is nothing. Source: Jacobi's method for eigenvectors, as
// in Golub, Van Loan (2013), "Matrix Computations", 8.5.
Plane WidestPlane(const PointList& points);

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_FIT_POINTS_H_
