#ifndef EBB_OPERATORS_CHURN_TRAINING_ROWS_H_
#define EBB_OPERATORS_CHURN_TRAINING_ROWS_H_

// The operator `training-rows`: what models of churn are fitted to.

#include <cstdint>

#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/training_row.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/churn/training_rows.pb.h"
#include "operators/features/customer_profile.pb.h"

namespace ebb {

// Takes a customer's features when the cut-off's timer fires, which is before any record of the cut-off or later as
// long as sources have no lateness, and tells the row when the horizon has ended. A row whose horizon does not end with
// the events is not told.
class TrainingRows final
    : public Operator<Takes<v1::Purchase>, Emits<v1::TrainingRow>, operators::TrainingRowsConfig> {
 public:
  void On(const v1::Purchase&, Context& ctx) override;
  void OnTimer(const Timer&, Context& ctx) override;

 protected:
  absl::Status Configure() override;

 private:
  void ArmNext(int64_t after_ms, const operators::TrainingRowsState& state, Context& ctx) const;
  void TakeFeatures(int64_t cutoff_ms, operators::TrainingRowsState* state, Context& ctx) const;
  // Tells the rows whose horizon ends at `now_ms` or before, and forgets them.
  void TellOutcomes(int64_t now_ms, operators::TrainingRowsState* state, Context& ctx) const;

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::TrainingRowsState> state_{this, "rows"};
  Timer next_{this, "next"};

  int64_t horizon_ms_ = 0;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_TRAINING_ROWS_H_
