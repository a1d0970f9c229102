#ifndef EBB_OPERATORS_VALUE_FIT_CLUSTER_FIT_H_
#define EBB_OPERATORS_VALUE_FIT_CLUSTER_FIT_H_

// Groups of customers who are alike, from training rows. Pure functions; any thread.

#include <cstdint>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/cluster_model.pb.h"
#include "operators/churn/fit/training_data.h"
#include "operators/value/fit/points.h"

namespace ebb {

// What customers are compared by when nothing else is asked for.
inline constexpr const char* kClusterFeatures[] = {"silence_days", "age_days",   "orders",     "spent",
                                                   "order_value",  "categories", "browses_90d"};
inline constexpr int kMostClustersTried = 10;
// Customers for whom distances from all others are computed; of more, so many are drawn.
inline constexpr size_t kMostJudged = 2000;
inline constexpr size_t kMostDense = 20'000;

struct ClusterOptions {
  std::string id = "clusters";
  std::string version;
  std::vector<std::string> features{std::begin(kClusterFeatures), std::end(kClusterFeatures)};
  uint64_t seed = 1;
};

// What a fit has found. Of DBSCAN the model is for the report alone: its clusters have no centres that one could be
// near to.
struct ClusterFit {
  std::string method;  // "k-means" or "DBSCAN"
  v1::ClusterModel model;
  TrainingRowList rows;       // The customers.
  PointList points;           // Of each, its coordinates.
  std::vector<int> group_of;  // Of each, its cluster; -1 for none.
  // Of k-means, where the number was not given: the silhouette of each number that was tried.
  std::vector<std::pair<int, double>> tried;
  // Of DBSCAN.
  double distance = 0;
  int least = 0;
  std::vector<std::string> remarks;  // What a person should know, a sentence each.
};

// `clusters` of 0: from 2 to 10, the number with the best silhouette. `rows` have one cut-off. InvalidArgument: fewer
// than 100 customers, a feature that there is not, customers who are alike in all features, a number of clusters that
// is not 2 to 64 or more than there are different customers.
absl::StatusOr<ClusterFit> FitKMeans(TrainingRowList rows, int clusters, const ClusterOptions& options);

// `distance` of 0: that within which nine in ten customers have `least` customers. InvalidArgument as above, and a
// distance or a number below 0.
absl::StatusOr<ClusterFit> FitDbscan(TrainingRowList rows, double distance, int least, const ClusterOptions& options);

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_FIT_CLUSTER_FIT_H_
