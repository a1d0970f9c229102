#include "operators/value/fit/cluster_fit.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "engine/wording/wording.h"
#include "operators/churn/models/fit.h"
#include "operators/value/cluster_space.h"
#include "operators/value/quantile.h"
#include "state/text.h"

namespace ebb {
namespace {

using google::protobuf::FieldDescriptor;

// A feature that differs by less is the same for all.
constexpr double kLeastScale = 1e-9;
constexpr double kUsualDense = .9;

template <class... Parts>
absl::Status Refused(const Parts&... parts) {
  return absl::InvalidArgumentError(Text(parts...));
}

// The logarithms of a feature; nothing when there is no such feature.
std::vector<double> Logarithms(const TrainingRowList& rows, const std::string& name) {
  const FieldDescriptor* const field = v1::RiskFeatures::descriptor()->FindFieldByName(name);
  std::vector<double> values;
  for (const v1::TrainingRow& row : rows) {
    if (field == nullptr) return {};
    const v1::RiskFeatures& features = row.features();
    values.push_back(std::log1p(std::max(0.0, features.GetReflection()->GetDouble(features, field))));
  }
  return values;
}

// Takes in the features that differ from customer to customer.
absl::Status AddFeatures(const TrainingRowList& rows, const std::vector<std::string>& names, ClusterFit* fit) {
  std::vector<std::string> known;
  for (int i = 0; i < v1::RiskFeatures::descriptor()->field_count(); ++i) {
    known.push_back(v1::RiskFeatures::descriptor()->field(i)->name());
  }
  for (const std::string& name : names) {
    const std::vector<double> values = Logarithms(rows, name);
    if (values.empty()) return Refused("--columns: unknown feature ", Quoted(name), DidYouMean(name, known));
    const auto count = static_cast<double>(values.size());
    double mean = 0;
    for (double value : values) mean += value / count;
    double variance = 0;
    for (double value : values) variance += (value - mean) * (value - mean) / count;
    if (std::sqrt(variance) < kLeastScale) {
      fit->remarks.push_back(Text("All customers have the same ", name, ", which is left out."));
      continue;
    }
    v1::ClusterModel::Feature& feature = *fit->model.add_features();
    feature.set_name(name);
    feature.set_mean(mean);
    feature.set_scale(std::sqrt(variance));
  }
  if (fit->model.features().empty()) return Refused("all customers are alike in everything that they are compared by");
  if (fit->model.features_size() > ClusterSpace::kMaxFeatures) {
    return Refused("--columns: expected at most ", ClusterSpace::kMaxFeatures, " features");
  }
  return absl::OkStatus();
}

absl::StatusOr<ClusterFit> Prepare(TrainingRowList rows, size_t most, const ClusterOptions& options) {
  const auto customers = static_cast<int64_t>(rows.size());
  if (customers < kMinCustomersToFit) {
    return Refused("expected at least ", kMinCustomersToFit, " customers who bought before the cut-off, got ",
                   customers);
  }
  ClusterFit fit;
  fit.model.set_format(1);
  fit.model.set_id(options.id);
  v1::ClusterModel::Training& training = *fit.model.mutable_training();
  training.set_as_of_ms(rows.front().cutoff_ms());
  training.set_fingerprint(FingerprintOf(rows));
  training.set_seed(options.seed);
  fit.model.set_version(options.version.empty() ? DefaultVersion(training.fingerprint()) : options.version);
  if (rows.size() > most) {
    fit.remarks.push_back(Text("Of ", rows.size(), " customers ", most, " were drawn: each is compared with each."));
    TrainingRowList drawn;
    for (size_t row : DrawSome(rows.size(), most, options.seed)) drawn.push_back(std::move(rows[row]));
    rows = std::move(drawn);
  }
  training.set_customers(static_cast<int64_t>(rows.size()));
  if (auto status = AddFeatures(rows, options.features, &fit); !status.ok()) return status;
  fit.points.dimensions = static_cast<size_t>(fit.model.features_size());
  std::vector<std::vector<double>> columns;
  for (const auto& feature : fit.model.features()) columns.push_back(Logarithms(rows, feature.name()));
  for (size_t row = 0; row < rows.size(); ++row) {
    for (size_t i = 0; i < columns.size(); ++i) {
      const v1::ClusterModel::Feature& feature = fit.model.features(static_cast<int>(i));
      fit.points.coordinates.push_back((columns[i][row] - feature.mean()) / feature.scale());
    }
  }
  fit.rows = std::move(rows);
  return fit;
}

// The clusters with their sizes, the centres being the means of their customers.
void AddClusters(ClusterFit* fit) {
  const int groups = 1 + *std::max_element(fit->group_of.begin(), fit->group_of.end());
  for (int group = 0; group < groups; ++group) {
    v1::ClusterModel::Cluster& cluster = *fit->model.add_clusters();
    cluster.set_name(Text("cluster-", group + 1));
    for (size_t d = 0; d < fit->points.dimensions; ++d) cluster.add_centre(0);
  }
  for (size_t i = 0; i < fit->points.size(); ++i) {
    if (fit->group_of[i] < 0) continue;
    v1::ClusterModel::Cluster& cluster = *fit->model.mutable_clusters(fit->group_of[i]);
    cluster.set_customers(cluster.customers() + 1);
    for (size_t d = 0; d < fit->points.dimensions; ++d) {
      const int place = static_cast<int>(d);
      cluster.set_centre(place, cluster.centre(place) + fit->points[i][d]);
    }
  }
  for (auto& cluster : *fit->model.mutable_clusters()) {
    for (double& coordinate : *cluster.mutable_centre()) coordinate /= static_cast<double>(cluster.customers());
  }
}

}  // namespace

absl::StatusOr<ClusterFit> FitKMeans(TrainingRowList rows, int clusters, const ClusterOptions& options) {
  if (clusters != 0 && (clusters < 2 || clusters > ClusterSpace::kMaxClusters)) {
    return Refused("--clusters: expected 2 to ", ClusterSpace::kMaxClusters, ", got ", clusters);
  }
  const size_t all = rows.size();
  auto fit = Prepare(std::move(rows), all, options);
  if (!fit.ok()) return fit;
  fit->method = "k-means";
  const auto distinct = static_cast<int>(CountDistinct(fit->points));
  if (distinct < std::max(2, clusters)) {
    return Refused("expected at least ", std::max(2, clusters), " customers who differ, got ", distinct);
  }
  Grouping best;
  double best_silhouette = -2;
  const int first = clusters == 0 ? 2 : clusters;
  const int last = clusters == 0 ? std::min(kMostClustersTried, distinct) : clusters;
  for (int count = first; count <= last; ++count) {
    Grouping grouping = FindCentres(fit->points, count, options.seed);
    const double silhouette = Silhouette(fit->points, grouping.group_of, kMostJudged, options.seed);
    if (clusters == 0) fit->tried.emplace_back(count, silhouette);
    if (silhouette <= best_silhouette) continue;
    best_silhouette = silhouette;
    best = std::move(grouping);
  }
  fit->model.set_silhouette(best_silhouette);
  fit->group_of = std::move(best.group_of);
  AddClusters(&*fit);
  return fit;
}

absl::StatusOr<ClusterFit> FitDbscan(TrainingRowList rows, double distance, int least, const ClusterOptions& options) {
  if (!(distance >= 0) || !std::isfinite(distance)) return Refused("--distance: expected at least 0, got ", distance);
  if (least < 1) return Refused("--least: expected at least 1, got ", least);
  auto fit = Prepare(std::move(rows), kMostDense, options);
  if (!fit.ok()) return fit;
  fit->method = "DBSCAN";
  fit->least = least;
  fit->distance = distance;
  if (distance == 0) {
    std::vector<double> distances = NeighbourDistances(fit->points, static_cast<size_t>(least));
    std::sort(distances.begin(), distances.end());
    fit->distance = Quantile(distances, kUsualDense);
  }
  fit->group_of = FindDensePlaces(fit->points, fit->distance, least);
  AddClusters(&*fit);
  if (fit->model.clusters().empty()) {
    fit->remarks.push_back("No place is dense: try a longer distance, or fewer customers within it.");
  } else if (fit->model.clusters_size() > 1) {
    fit->model.set_silhouette(Silhouette(fit->points, fit->group_of, kMostJudged, options.seed));
  }
  return fit;
}

}  // namespace ebb
