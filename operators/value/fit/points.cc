#include "operators/value/fit/points.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>

#include "state/chance.h"

namespace ebb {
namespace {

constexpr int kStarts = 10;
constexpr int kRounds = 100;
constexpr int kSweeps = 60;  // Of Jacobi's method, which needs some ten.

using Matrix = std::vector<std::vector<double>>;

// From 0 to below `count`, which is above 0 and may be more than Chance::Below takes.
size_t DrawBelow(size_t count, Chance* chance) {
  return static_cast<size_t>(chance->Uniform() * static_cast<double>(count));
}

// Moves what is known of a point's nearest centre on to a new centre.
void BringNear(const PointList& points, const double* centre, std::vector<double>* nearest) {
  for (size_t i = 0; i < points.size(); ++i) {
    (*nearest)[i] = std::min((*nearest)[i], SquaredDistance(points[i], centre, points.dimensions));
  }
}

void AddCentre(const PointList& points, size_t point, PointList* centres) {
  centres->coordinates.insert(centres->coordinates.end(), points[point], points[point] + points.dimensions);
}

// Each next centre is a point, drawn in proportion to the square of its distance from those before.
PointList DrawCentres(const PointList& points, int groups, Chance* chance) {
  PointList centres{points.dimensions, {}};
  std::vector<double> nearest(points.size(), std::numeric_limits<double>::infinity());
  AddCentre(points, DrawBelow(points.size(), chance), &centres);
  while (static_cast<int>(centres.size()) < groups) {
    BringNear(points, centres[centres.size() - 1], &nearest);
    double left = chance->Uniform() * std::accumulate(nearest.begin(), nearest.end(), 0.0);
    size_t drawn = points.size();
    for (size_t i = 0; i < points.size() && (drawn == points.size() || left >= 0); ++i) {
      if (nearest[i] <= 0) continue;
      drawn = i;
      left -= nearest[i];
    }
    AddCentre(points, drawn, &centres);
  }
  return centres;
}

// True when a point has changed its group.
bool Assign(const PointList& points, Grouping* grouping) {
  bool changed = false;
  grouping->squares = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    int nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (size_t j = 0; j < grouping->centres.size(); ++j) {
      const double square = SquaredDistance(points[i], grouping->centres[j], points.dimensions);
      if (square >= least) continue;
      least = square;
      nearest = static_cast<int>(j);
    }
    grouping->squares += least;
    changed = changed || grouping->group_of[i] != nearest;
    grouping->group_of[i] = nearest;
  }
  return changed;
}

// A group that has lost all its points keeps its centre.
void MoveCentres(const PointList& points, Grouping* grouping) {
  PointList sums{points.dimensions, std::vector<double>(grouping->centres.coordinates.size())};
  std::vector<double> counts(grouping->centres.size());
  for (size_t i = 0; i < points.size(); ++i) {
    const auto group = static_cast<size_t>(grouping->group_of[i]);
    ++counts[group];
    for (size_t d = 0; d < points.dimensions; ++d) sums.coordinates[group * points.dimensions + d] += points[i][d];
  }
  for (size_t group = 0; group < counts.size(); ++group) {
    if (counts[group] == 0) continue;
    for (size_t d = 0; d < points.dimensions; ++d) {
      const size_t place = group * points.dimensions + d;
      grouping->centres.coordinates[place] = sums.coordinates[place] / counts[group];
    }
  }
}

// New numbers for groups, the largest first; of equal ones the one whose first point comes first. -1 stays.
std::vector<int> BySize(std::vector<int>* group_of) {
  const int groups = 1 + *std::max_element(group_of->begin(), group_of->end());
  std::vector<int64_t> sizes(static_cast<size_t>(std::max(groups, 0)));
  std::vector<int> order;
  for (int group : *group_of) {
    if (group < 0) continue;
    if (sizes[static_cast<size_t>(group)]++ == 0) order.push_back(group);
  }
  for (int group = 0; group < groups; ++group) {
    if (sizes[static_cast<size_t>(group)] == 0) order.push_back(group);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int a, int b) { return sizes[static_cast<size_t>(a)] > sizes[static_cast<size_t>(b)]; });
  std::vector<int> number(order.size());
  for (size_t i = 0; i < order.size(); ++i) number[static_cast<size_t>(order[i])] = static_cast<int>(i);
  for (int& group : *group_of) {
    if (group >= 0) group = number[static_cast<size_t>(group)];
  }
  return order;
}

void SortBySize(Grouping* grouping) {
  PointList centres{grouping->centres.dimensions, {}};
  for (int group : BySize(&grouping->group_of)) AddCentre(grouping->centres, static_cast<size_t>(group), &centres);
  grouping->centres = std::move(centres);
}

Matrix CovarianceOf(const PointList& points, const std::vector<double>& mean) {
  const size_t d = points.dimensions;
  Matrix matrix(d, std::vector<double>(d));
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t a = 0; a < d; ++a) {
      for (size_t b = a; b < d; ++b) matrix[a][b] += (points[i][a] - mean[a]) * (points[i][b] - mean[b]);
    }
  }
  for (size_t a = 0; a < d; ++a) {
    for (size_t b = 0; b <= a; ++b) matrix[a][b] = matrix[b][a];
  }
  return matrix;
}

// Turns the plane of two axes so that the matrix has nothing at their crossing.
void Rotate(size_t p, size_t q, Matrix* matrix, Matrix* vectors) {
  Matrix& m = *matrix;
  if (m[p][q] == 0) return;
  const double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
  const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  const double s = t * c;
  const auto turn = [&](double* a, double* b) {
    const double before = *a;
    *a = c * before - s * *b;
    *b = s * before + c * *b;
  };
  for (size_t i = 0; i < m.size(); ++i) turn(&m[i][p], &m[i][q]);
  for (size_t i = 0; i < m.size(); ++i) turn(&m[p][i], &m[q][i]);
  for (size_t i = 0; i < m.size(); ++i) turn(&(*vectors)[i][p], &(*vectors)[i][q]);
}

}  // namespace

std::vector<size_t> DrawSome(size_t count, size_t most, uint64_t seed) {
  std::vector<size_t> drawn(count);
  std::iota(drawn.begin(), drawn.end(), size_t{0});
  Chance chance(seed);
  for (size_t i = 0; i + 1 < count && i < most; ++i) std::swap(drawn[i], drawn[i + DrawBelow(count - i, &chance)]);
  drawn.resize(std::min(count, most));
  return drawn;
}

double SquaredDistance(const double* a, const double* b, size_t dimensions) {
  double squares = 0;
  for (size_t i = 0; i < dimensions; ++i) squares += (a[i] - b[i]) * (a[i] - b[i]);
  return squares;
}

size_t CountDistinct(const PointList& points) {
  std::vector<std::vector<double>> all;
  for (size_t i = 0; i < points.size(); ++i) all.emplace_back(points[i], points[i] + points.dimensions);
  std::sort(all.begin(), all.end());
  return static_cast<size_t>(std::unique(all.begin(), all.end()) - all.begin());
}

Grouping FindCentres(const PointList& points, int groups, uint64_t seed) {
  Chance chance(seed);
  Grouping best;
  for (int start = 0; start < kStarts; ++start) {
    Grouping grouping{DrawCentres(points, groups, &chance), std::vector<int>(points.size(), -1)};
    for (int round = 0; round < kRounds && Assign(points, &grouping); ++round) MoveCentres(points, &grouping);
    // So that each point belongs to the nearest of the centres as they are now.
    Assign(points, &grouping);
    if (start == 0 || grouping.squares < best.squares) best = std::move(grouping);
  }
  SortBySize(&best);
  return best;
}

double Silhouette(const PointList& points, const std::vector<int>& group_of, size_t most, uint64_t seed) {
  const int groups = 1 + *std::max_element(group_of.begin(), group_of.end());
  std::vector<size_t> drawn = DrawSome(points.size(), most, seed);
  std::erase_if(drawn, [&](size_t point) { return group_of[point] < 0; });
  double sum = 0;
  for (size_t i : drawn) {
    std::vector<double> distances(static_cast<size_t>(groups));
    std::vector<double> counts(static_cast<size_t>(groups));
    for (size_t j : drawn) {
      if (j == i) continue;
      const auto group = static_cast<size_t>(group_of[j]);
      distances[group] += std::sqrt(SquaredDistance(points[i], points[j], points.dimensions));
      ++counts[group];
    }
    const auto own = static_cast<size_t>(group_of[i]);
    if (counts[own] == 0) continue;
    double next = std::numeric_limits<double>::infinity();
    for (size_t group = 0; group < counts.size(); ++group) {
      if (group != own && counts[group] > 0) next = std::min(next, distances[group] / counts[group]);
    }
    const double within = distances[own] / counts[own];
    if (std::isfinite(next) && std::max(within, next) > 0) sum += (next - within) / std::max(within, next);
  }
  return drawn.empty() ? 0 : sum / static_cast<double>(drawn.size());
}

std::vector<int> FindDensePlaces(const PointList& points, double distance, int least) {
  const double square = distance * distance;
  const auto neighbours_of = [&](size_t point) {
    std::vector<size_t> near;
    for (size_t i = 0; i < points.size(); ++i) {
      if (SquaredDistance(points[point], points[i], points.dimensions) <= square) near.push_back(i);
    }
    return near;
  };
  std::vector<int> group_of(points.size(), -1);
  std::vector<bool> seen(points.size());
  int groups = 0;
  for (size_t start = 0; start < points.size(); ++start) {
    if (seen[start]) continue;
    seen[start] = true;
    std::vector<size_t> open = neighbours_of(start);
    if (static_cast<int>(open.size()) < least) continue;
    group_of[start] = groups;
    for (size_t next = 0; next < open.size(); ++next) {
      const size_t point = open[next];
      if (group_of[point] < 0) group_of[point] = groups;
      if (seen[point]) continue;
      seen[point] = true;
      const std::vector<size_t> near = neighbours_of(point);
      if (static_cast<int>(near.size()) < least) continue;
      // Those that are looked at already would only take memory.
      std::copy_if(near.begin(), near.end(), std::back_inserter(open),
                   [&](size_t i) { return !seen[i] || group_of[i] < 0; });
    }
    ++groups;
  }
  BySize(&group_of);
  return group_of;
}

std::vector<double> NeighbourDistances(const PointList& points, size_t rank) {
  std::vector<double> result;
  std::vector<double> squares(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t j = 0; j < points.size(); ++j) squares[j] = SquaredDistance(points[i], points[j], points.dimensions);
    const auto place = squares.begin() + static_cast<std::ptrdiff_t>(std::min(rank, points.size()) - 1);
    std::nth_element(squares.begin(), place, squares.end());
    result.push_back(std::sqrt(*place));
  }
  return result;
}

std::array<double, 2> Plane::Project(const double* point) const {
  std::array<double, 2> projected{};
  for (size_t axis = 0; axis < 2; ++axis) {
    for (size_t d = 0; d < mean.size(); ++d) projected[axis] += (point[d] - mean[d]) * axes[axis][d];
  }
  return projected;
}

Plane WidestPlane(const PointList& points) {
  const size_t d = points.dimensions;
  Plane plane;
  plane.mean.assign(d, 0);
  for (size_t i = 0; i < points.size(); ++i) {
    for (size_t a = 0; a < d; ++a) plane.mean[a] += points[i][a] / static_cast<double>(points.size());
  }
  Matrix matrix = CovarianceOf(points, plane.mean);
  Matrix vectors(d, std::vector<double>(d));
  for (size_t a = 0; a < d; ++a) vectors[a][a] = 1;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (size_t p = 0; p < d; ++p) {
      for (size_t q = p + 1; q < d; ++q) Rotate(p, q, &matrix, &vectors);
    }
  }
  std::vector<size_t> order(d);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return matrix[a][a] > matrix[b][b]; });
  double whole = 0;
  for (size_t a = 0; a < d; ++a) whole += matrix[a][a];
  for (size_t axis = 0; axis < 2; ++axis) {
    std::vector<double>& direction = plane.axes[axis];
    direction.assign(d, 0);
    if (axis >= d) continue;
    for (size_t a = 0; a < d; ++a) direction[a] = vectors[a][order[axis]];
    const auto largest = std::max_element(direction.begin(), direction.end(),
                                          [](double a, double b) { return std::abs(a) < std::abs(b); });
    if (*largest < 0) {
      for (double& coordinate : direction) coordinate = -coordinate;
    }
    plane.shares[axis] = whole > 0 ? matrix[order[axis]][order[axis]] / whole : 0;
  }
  return plane;
}

}  // namespace ebb
