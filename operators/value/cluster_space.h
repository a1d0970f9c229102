#ifndef EBB_OPERATORS_VALUE_CLUSTER_SPACE_H_
#define EBB_OPERATORS_VALUE_CLUSTER_SPACE_H_

// A fitted model of clusters, ready to place customers: from ebb.v1.ClusterModel, checked.

#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/cluster_model.pb.h"
#include "ebb/v1/risk_features.pb.h"
#include "google/protobuf/descriptor.h"

namespace ebb {

// Immutable; any thread.
class ClusterSpace {
 public:
  // Bounds on what is taken in.
  static constexpr int kMaxClusters = 64;
  static constexpr int kMaxFeatures = 64;

  // InvalidArgument: "clusters[2].centre: what is wrong", such as another format, a feature that does not exist,
  // numbers that are not finite, a scale that is not above 0, fewer than two clusters, two of one name, another number
  // of coordinates than features.
  static absl::StatusOr<std::shared_ptr<const ClusterSpace>> Make(v1::ClusterModel model);

  // Replaces what *point held by the customer's coordinates.
  void Place(const v1::RiskFeatures& features, std::vector<double>* point) const;
  // The nearest cluster, of two that are equally near the first, and the distance from its centre.
  std::pair<size_t, double> Nearest(const std::vector<double>& point) const;

  double ValueOf(const v1::RiskFeatures& features, size_t feature) const;
  const v1::ClusterModel& model() const { return model_; }

 private:
  explicit ClusterSpace(v1::ClusterModel model) : model_(std::move(model)) {}

  absl::Status CheckFeatures();
  absl::Status CheckClusters() const;

  const v1::ClusterModel model_;
  std::vector<const google::protobuf::FieldDescriptor*> fields_;  // Of RiskFeatures, in the model's order.
};

// Reads a model as `ebb fit kmeans` writes it. InvalidArgument: no JSON of it.
absl::StatusOr<v1::ClusterModel> ParseClusterModel(std::string_view json);

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_CLUSTER_SPACE_H_
