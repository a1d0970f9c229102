#ifndef EBB_OPERATORS_CHURN_FIT_BOOSTING_H_
#define EBB_OPERATORS_CHURN_FIT_BOOSTING_H_

// Logistic regression, random forests and boosted trees, by XGBoost: the one file that knows it is boosting.cc. One
// thread and fixed seeds, so that the same rows give the same model.

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/churn_model.pb.h"

namespace ebb {

// What is fitted: rows of numbers, and of each row whether it came true.
struct Examples {
  size_t columns = 0;
  std::vector<float> values;  // Row after row.
  std::vector<float> labels;  // 1 or 0, one a row.

  size_t rows() const { return labels.size(); }
};

// Regularised by the square of the weights. The columns must be standardised; of the terms, one a column, only
// weights are filled in.
// Unavailable: the library is not on this machine. Internal: it refuses.
absl::StatusOr<v1::ChurnModel::Logistic> FitLogistic(const Examples& examples);

absl::StatusOr<v1::ChurnModel::Trees> FitForest(const Examples& examples);
absl::StatusOr<v1::ChurnModel::Trees> FitBoosted(const Examples& examples);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_FIT_BOOSTING_H_
