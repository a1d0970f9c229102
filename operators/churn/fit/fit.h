#ifndef EBB_OPERATORS_CHURN_FIT_FIT_H_
#define EBB_OPERATORS_CHURN_FIT_FIT_H_

// Fits a model of churn to training rows and judges it on a cut-off that it has not seen.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/churn_model.pb.h"
#include "operators/churn/fit/training_data.h"
#include "operators/churn/models/quality.h"

namespace ebb {

// The names of `ebb fit churn --model`, the default first.
inline constexpr const char* kChurnModels[] = {"logistic", "forest", "boosted", "bgnbd", "mbgnbd", "paretonbd"};

// What one way to rank customers was worth on the rows that were judged.
struct Judgement {
  std::string name;  // Such as "logistic", or "recency alone".
  double auc = 0;
  double precision_in_top_decile = 0;
  // Only of what gives risks for the horizon that was judged.
  std::optional<double> brier;
  std::vector<CalibrationRow> calibration;
  std::vector<LiftPoint> lift;
};

// What part a feature had in the scores of the customers that were judged.
struct FeatureUse {
  std::string name;
  double usual = 0;      // The median over the training data.
  double strength = 0;   // The mean of |contribution|, in log-odds before calibration.
  double direction = 0;  // The correlation of value and contribution: above 0, more of it towards leaving.
};

struct ChurnFit {
  v1::ChurnModel model;
  std::vector<std::string> remarks;  // What a person should know, a sentence each.
  int64_t judged_cutoff_ms = 0;
  double judged_horizon_days = 0;
  int64_t judged_rows = 0;
  double left_share = 0;              // Of the judged rows.
  int64_t generated_rows = 0;         // Of the judged rows, those in which any generated event has a part.
  std::vector<Judgement> judgements;  // The model, a buy-till-you-die model, and recency alone.
  std::vector<FeatureUse> features;   // The strongest first, without those that had no part.
};

struct ChurnFitOptions {
  std::string model = kChurnModels[0];
  std::string id = "churn";
  std::string version;
};

// Fits to those of `training` whose horizon ends at or before the cut-off of `judged`, calibrates on the last cut-off
// of them with a model that has not seen it, and judges on `judged`, which has one cut-off. Buy-till-you-die models
// have no use for outcomes: they are fitted to the purchases before the judged cut-off. Where the horizons of the two
// differ, the model ranks the judged customers and its risks are not compared with what happened.
// InvalidArgument, in words that tell what to do: no row that may be used, fewer than 100 customers, all or nobody
// left, customers who are alike in everything, a model that is none. Unavailable, Internal: as boosting.h says.
absl::StatusOr<ChurnFit> FitChurn(const TrainingRowList& training, const TrainingRowList& judged,
                                  const ChurnFitOptions& options);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_FIT_FIT_H_
