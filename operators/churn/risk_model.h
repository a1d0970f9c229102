// A fitted model of churn, ready to score: from ebb.v1.ChurnModel, checked.
#ifndef EBB_OPERATORS_CHURN_RISK_MODEL_H_
#define EBB_OPERATORS_CHURN_RISK_MODEL_H_

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/churn_model.pb.h"
#include "ebb/v1/risk_features.pb.h"
#include "google/protobuf/descriptor.h"

namespace ebb {

// What of a score a feature is responsible for, in the score's unit: log-odds before calibration. Above 0: towards
// leaving.
struct Contribution {
  std::string_view feature;  // Lives as long as the program.
  double value = 0;
  double usual = 0;  // The median over customers.
  double contribution = 0;
};

// The log-odds of no purchase within so many days, by a purchase model with valid parameters. Any thread; does not
// allocate.
double LogOddsOfNoPurchase(const v1::ChurnModel::Purchases& purchases, double horizon_days,
                           const v1::RiskFeatures& features);

// Immutable; any thread.
class RiskModel {
 public:
  // Bounds on what is taken in.
  static constexpr int kMaxTrees = 2000;
  static constexpr int kMaxNodes = 200'000;  // Of all trees.
  static constexpr int kMaxSteps = 10'000;   // Of a calibration.

  // InvalidArgument: "field.path: what is wrong", such as another format, a feature that does not exist, parameters
  // that are not finite, a tree that is none, steps out of order.
  static absl::StatusOr<std::shared_ptr<const RiskModel>> Make(v1::ChurnModel model);

  // The probability, 0 to 1, of no purchase within the horizon. Does not allocate.
  double Risk(const v1::RiskFeatures& features) const;

  // What led to the risk, strongest first, without those that had no part in it. The sum is the difference between the
  // score and that of a usual customer: of a logistic model w (x - mean) / scale, of trees what changes from node to
  // node on the way to the leaf, by the feature that the node asks for; of a purchase model, also of one within a
  // logistic model, that of the silence and, for the purchase days, that of all the rest. Source: Saabas (2014),
  // "Interpreting random forests", for the trees.
  std::vector<Contribution> Explain(const v1::RiskFeatures& features) const;

  // True where the risk cannot fall while a customer is silent.
  bool rises_in_silence() const { return model_.has_purchases(); }
  const v1::ChurnModel& model() const { return model_; }

 private:
  explicit RiskModel(v1::ChurnModel model) : model_(std::move(model)) {}

  absl::Status Check();
  absl::Status CheckFeatures();
  absl::Status CheckLogistic() const;
  absl::Status CheckTrees() const;
  absl::Status CheckCalibration() const;

  double ValueOf(const v1::RiskFeatures& features, size_t feature) const;
  void ExplainPurchases(const v1::RiskFeatures& features, std::vector<Contribution>* contributions) const;
  void ExplainLogistic(const v1::RiskFeatures& features, std::vector<Contribution>* contributions) const;
  double Score(const v1::RiskFeatures& features) const;
  double Calibrated(double score) const;
  // Calls visit(feature, change) for each step from the root to a leaf; returns the leaf's value.
  template <class Visit>
  double Descend(const v1::ChurnModel::Trees::Tree& tree, const v1::RiskFeatures& features, Visit visit) const;

  const v1::ChurnModel model_;
  std::vector<const google::protobuf::FieldDescriptor*> fields_;  // Of RiskFeatures, in the model's order.
};

// Reads a model as `ebb fit churn` writes it. InvalidArgument: as Make says, or no JSON of it.
absl::StatusOr<v1::ChurnModel> ParseChurnModel(std::string_view json);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_RISK_MODEL_H_
