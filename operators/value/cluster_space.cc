#include "operators/value/cluster_space.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "engine/wording/wording.h"
#include "operators/artefact.h"
#include "state/text.h"

namespace ebb {
namespace {

template <class... Parts>
absl::Status Refused(const Parts&... parts) {
  return absl::InvalidArgumentError(Text(parts...));
}

std::vector<std::string> FeatureNames() {
  std::vector<std::string> names;
  for (int i = 0; i < v1::RiskFeatures::descriptor()->field_count(); ++i) {
    names.push_back(v1::RiskFeatures::descriptor()->field(i)->name());
  }
  return names;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ClusterSpace>> ClusterSpace::Make(v1::ClusterModel model) {
  std::shared_ptr<ClusterSpace> space(new ClusterSpace(std::move(model)));
  if (space->model_.format() != 1) {
    return Refused("format: expected 1, which this version of Ebb reads, got ", space->model_.format());
  }
  if (space->model_.version().empty()) return Refused("version: expected the name of this version, got none");
  if (auto status = space->CheckFeatures(); !status.ok()) return status;
  if (auto status = space->CheckClusters(); !status.ok()) return status;
  return space;
}

absl::Status ClusterSpace::CheckFeatures() {
  if (model_.features().empty() || model_.features_size() > kMaxFeatures) {
    return Refused("features: expected 1 to ", kMaxFeatures, " of them, got ", model_.features_size());
  }
  for (int i = 0; i < model_.features_size(); ++i) {
    const v1::ClusterModel::Feature& feature = model_.features(i);
    fields_.push_back(v1::RiskFeatures::descriptor()->FindFieldByName(feature.name()));
    if (fields_.back() == nullptr) {
      return Refused("features[", i, "].name: unknown feature ", Quoted(feature.name()),
                     DidYouMean(feature.name(), FeatureNames()));
    }
    if (!std::isfinite(feature.mean()) || !std::isfinite(feature.scale()) || !(feature.scale() > 0)) {
      return Refused("features[", i, "]: expected a finite mean and a scale above 0, got ", feature.mean(), " and ",
                     feature.scale());
    }
  }
  return absl::OkStatus();
}

absl::Status ClusterSpace::CheckClusters() const {
  if (model_.clusters_size() < 2 || model_.clusters_size() > kMaxClusters) {
    return Refused("clusters: expected 2 to ", kMaxClusters, " of them, got ", model_.clusters_size());
  }
  std::set<std::string> names;
  for (int i = 0; i < model_.clusters_size(); ++i) {
    const v1::ClusterModel::Cluster& cluster = model_.clusters(i);
    if (cluster.name().empty() || !names.insert(cluster.name()).second) {
      return Refused("clusters[", i, "].name: expected a name of its own, got ", Quoted(cluster.name()));
    }
    const bool is_finite = std::all_of(cluster.centre().begin(), cluster.centre().end(),
                                       [](double coordinate) { return std::isfinite(coordinate); });
    if (cluster.centre_size() != model_.features_size() || !is_finite) {
      return Refused("clusters[", i, "].centre: expected ", model_.features_size(),
                     " finite numbers, one for each feature, got ", cluster.centre_size());
    }
  }
  return absl::OkStatus();
}

double ClusterSpace::ValueOf(const v1::RiskFeatures& features, size_t feature) const {
  return features.GetReflection()->GetDouble(features, fields_[feature]);
}

void ClusterSpace::Place(const v1::RiskFeatures& features, std::vector<double>* point) const {
  point->clear();
  for (size_t i = 0; i < fields_.size(); ++i) {
    const v1::ClusterModel::Feature& feature = model_.features(static_cast<int>(i));
    point->push_back((std::log1p(std::max(0.0, ValueOf(features, i))) - feature.mean()) / feature.scale());
  }
}

std::pair<size_t, double> ClusterSpace::Nearest(const std::vector<double>& point) const {
  size_t nearest = 0;
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < model_.clusters_size(); ++i) {
    double squares = 0;
    for (size_t j = 0; j < point.size(); ++j) {
      const double difference = point[j] - model_.clusters(i).centre(static_cast<int>(j));
      squares += difference * difference;
    }
    if (squares >= least) continue;
    least = squares;
    nearest = static_cast<size_t>(i);
  }
  return {nearest, std::sqrt(least)};
}

absl::StatusOr<v1::ClusterModel> ParseClusterModel(std::string_view json) {
  return ParseArtefact<v1::ClusterModel>(json, "no model of clusters");
}

}  // namespace ebb
