// Turns scores into risks that come true as often as they say: fitted on one set of predictions, applied to others.
//
// Who ranks above whom stays, but for ties (and all of it reversed where PlattScaling finds that the outcome falls with
// the score).
// Made once, then const: any thread. Fitting is kInvalidArgument, saying what was expected, when there is no
// prediction, a score is not finite, or it happened to all or to nobody.
#ifndef EBB_OPERATORS_CHURN_MODELS_CALIBRATION_H_
#define EBB_OPERATORS_CHURN_MODELS_CALIBRATION_H_

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "operators/churn/models/quality.h"

namespace ebb {

// log(p / (1 - p)), of a probability kept 1e-12 away from 0 and 1: the score to give PlattScaling for a risk, so that a
// risk that is right already stays as it is.
[[nodiscard]] double LogOdds(double probability);

// A risk of 1 / (1 + e^-(slope * score + intercept)). Two numbers: for a few hundred outcomes and more.
// Sources: Platt (1999), "Probabilistic Outputs for Support Vector Machines", with his targets a little within 0 and 1,
// so that the slope stays finite; Lin, Lin, Weng (2007), "A Note on Platt's Probabilistic Outputs", for the search:
// Newton's method with backtracking, up to 100 steps, until the gradient a prediction is below 1e-10.
class PlattScaling {
 public:
  [[nodiscard]] static absl::StatusOr<PlattScaling> Fit(absl::Span<const Prediction> predictions);

  PlattScaling(double slope, double intercept) : slope_(slope), intercept_(intercept) {}

  [[nodiscard]] double Risk(double score) const;

  double slope() const { return slope_; }
  double intercept() const { return intercept_; }

 private:
  double slope_;
  double intercept_;
};

// The risk that fits best of all that rise with the score: observed rates of neighbouring scores, put together wherever
// they would fall. Between two such groups the risk is interpolated, beyond the last it stays. Any shape: for a few
// thousand outcomes and more.
// Source: Ayer, Brunk, Ewing, Reid, Silverman (1955), "An Empirical Distribution Function for Sampling with Incomplete
// Information": pool adjacent violators.
class IsotonicRegression {
 public:
  // A group of scores with one risk.
  struct Step {
    double lowest_score = 0;
    double highest_score = 0;
    double risk = 0;
  };

  [[nodiscard]] static absl::StatusOr<IsotonicRegression> Fit(absl::Span<const Prediction> predictions);

  // In rising order, at least one, without overlap.
  explicit IsotonicRegression(std::vector<Step> steps) : steps_(std::move(steps)) {}

  [[nodiscard]] double Risk(double score) const;

  const std::vector<Step>& steps() const { return steps_; }

 private:
  std::vector<Step> steps_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_CALIBRATION_H_
