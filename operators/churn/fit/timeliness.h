#ifndef EBB_OPERATORS_CHURN_FIT_TIMELINESS_H_
#define EBB_OPERATORS_CHURN_FIT_TIMELINESS_H_

// How early alerts would have come, where it is known who really left and when, as of a generated shop.

#include <cstdint>
#include <istream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "operators/churn/fit/training_data.h"
#include "operators/churn/risk_model.h"

namespace ebb {

// What really became of a customer, in milliseconds since 1970.
struct Fate {
  std::optional<int64_t> last_purchase_ms;
  std::optional<int64_t> left_at_ms;  // Absent: has not left.
};

// Reads what `ebb generate` writes as truth.jsonl, by customer. InvalidArgument: "name:line: what is wrong".
absl::StatusOr<std::map<std::string, Fate>> ReadFates(std::istream& in, const std::string& name);

// What a threshold would have done.
struct Timeliness {
  double threshold = 0;      // The risk at which an alert is raised.
  int64_t leavers = 0;       // Who left while watched, early enough for their silence to last a horizon.
  int64_t found = 0;         // Of them: with an alert that was open when they left or raised later, in time.
  double days_ahead = 0;     // The median, of those found, from the alert until the horizon after the last purchase.
  int64_t false_alerts = 0;  // Raised for customers who had not left, and who bought again or never left.
};

// Scores the rows, which are of equally spaced moments, and raises an alert at the first of a customer's whose risk
// reaches the threshold; the next purchase clears it. In time: before the silence has lasted the model's horizon.
// Whoever left before the first moment has no part. One element for each threshold, .3 to .98. InvalidArgument: fewer
// than two moments, a customer without a fate, nobody who left in time.
absl::StatusOr<std::vector<Timeliness>> MeasureTimeliness(const RiskModel& model, const TrainingRowList& rows,
                                                          const std::map<std::string, Fate>& fates);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_FIT_TIMELINESS_H_
