// How good predictions of churn were, once it is known what happened: how well they rank customers, and whether a risk
// of .3 comes true three times in ten.
//
// Pure functions: any thread, no state; results do not depend on the order of the predictions, and customers with equal
// scores count as in a random order of them. All are kInvalidArgument, saying what was expected, when there is no
// prediction, when a score is not finite, and where a function says so.
#ifndef EBB_OPERATORS_CHURN_MODELS_QUALITY_H_
#define EBB_OPERATORS_CHURN_MODELS_QUALITY_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace ebb {

// What was said of a customer, and what happened.
struct Prediction {
  double score = 0;                             // higher: more likely. A risk is a score from 0 to 1.
  bool happened = false;                        // such as: no purchase within the horizon
  std::optional<absl::Time> at = std::nullopt;  // when it was said
};

// The predictions before `moment` and those from then on, to fit a calibration on the former and judge it on the
// latter. kInvalidArgument when one has no time.
[[nodiscard]] absl::StatusOr<std::pair<std::vector<Prediction>, std::vector<Prediction>>> SplitAt(
    absl::Span<const Prediction> predictions, absl::Time moment);

// The probability that one to whom it happened has a higher score than one to whom it did not; ties count half.
// kInvalidArgument when it happened to all, or to nobody.
[[nodiscard]] absl::StatusOr<double> RocAuc(absl::Span<const Prediction> predictions);

// The share of those with the highest tenth of scores, at least one, to whom it happened.
[[nodiscard]] absl::StatusOr<double> PrecisionInTopDecile(absl::Span<const Prediction> predictions);

// The mean square of risk - outcome; 0 is best. kInvalidArgument when a score is not within 0 and 1.
[[nodiscard]] absl::StatusOr<double> BrierScore(absl::Span<const Prediction> predictions);

struct CalibrationRow {
  double mean_predicted = 0;
  double observed_rate = 0;
  int64_t count = 0;
  // Of the observed rate if the risks are right: sqrt(sum of p (1 - p)) / count.
  double standard_error = 0;
  // |mean_predicted - observed_rate| <= max(.03, 2.6 standard errors). By chance alone about one row in a hundred is
  // not.
  bool within_bounds = false;
};

// A row for each tenth of the customers, in rising order of risk. Customers of equal risk stay in one row, so that
// there may be fewer. kInvalidArgument when a score is not within 0 and 1.
[[nodiscard]] absl::StatusOr<std::vector<CalibrationRow>> CalibrationTable(absl::Span<const Prediction> predictions);

struct LiftPoint {
  double share_of_customers = 0;  // those with the highest scores
  double share_found = 0;         // of all to whom it happened
  double lift = 0;                // share_found / share_of_customers
};

// Ten points: what the highest 10 %, 20 %, ... 100 % of scores find. kInvalidArgument when it happened to nobody.
[[nodiscard]] absl::StatusOr<std::vector<LiftPoint>> LiftChart(absl::Span<const Prediction> predictions);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_QUALITY_H_
