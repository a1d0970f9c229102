// Predictions put together by equal scores, so that their order cannot matter. Internal to quality and calibration.
#ifndef EBB_OPERATORS_CHURN_MODELS_TIED_SCORES_H_
#define EBB_OPERATORS_CHURN_MODELS_TIED_SCORES_H_

#include <algorithm>
#include <vector>

#include "absl/types/span.h"
#include "operators/churn/models/quality.h"

namespace ebb {

struct TiedScores {
  double score = 0;
  double count = 0;
  double happened = 0;
};

// In rising order of score.
inline std::vector<TiedScores> GroupTiedScores(absl::Span<const Prediction> predictions) {
  std::vector<Prediction> sorted(predictions.begin(), predictions.end());
  std::sort(sorted.begin(), sorted.end(), [](const Prediction& a, const Prediction& b) { return a.score < b.score; });
  std::vector<TiedScores> groups;
  for (const Prediction& prediction : sorted) {
    if (groups.empty() || groups.back().score != prediction.score) groups.push_back({.score = prediction.score});
    groups.back().count += 1;
    groups.back().happened += prediction.happened ? 1 : 0;
  }
  return groups;
}

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_TIED_SCORES_H_
