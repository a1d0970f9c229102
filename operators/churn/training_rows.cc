#include "operators/churn/training_rows.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "engine/time/duration.h"
#include "operators/churn/risk_features.h"
#include "operators/event_time.h"
#include "operators/features/event_history.h"
#include "operators/features/features.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::TrainingRowsState;

EBB_OPERATOR("training-rows", TrainingRows);

bool IsSound(const TrainingRowsState& state) {
  return state.rows_size() == state.orders_before_size() &&
         std::all_of(state.rows().begin(), state.rows().end(),
                     [](const v1::TrainingRow& row) { return AreSound(row.cutoff_ms(), row.orders_after()); }) &&
         std::all_of(state.orders_before().begin(), state.orders_before().end(),
                     [](int64_t orders) { return AreSound(orders); });
}
const StateCheck<TrainingRowsState, &IsSound> kCheck;

}  // namespace

absl::Status TrainingRows::Configure() {
  horizon_ms_ = ToMillis(config().horizon());
  if (std::is_sorted(config().cutoffs().begin(), config().cutoffs().end(), std::less_equal<>())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("cutoffs: expected moments in rising order, each once");
}

void TrainingRows::On(const v1::Purchase&, Context& ctx) {
  if (!next_.Deadline(ctx)) ArmNext(absl::ToUnixMillis(DecisionTime(ctx)), state_.Get(ctx), ctx);
}

void TrainingRows::OnTimer(const Timer&, Context& ctx) {
  const int64_t now_ms = absl::ToUnixMillis(ctx.now());
  TrainingRowsState& state = state_.Mutable(ctx);
  TellOutcomes(now_ms, &state, ctx);
  if (std::binary_search(config().cutoffs().begin(), config().cutoffs().end(), now_ms)) {
    TakeFeatures(now_ms, &state, ctx);
  }
  ArmNext(now_ms, state, ctx);
  if (state.rows().empty()) state_.Clear(ctx);
}

void TrainingRows::ArmNext(int64_t after_ms, const TrainingRowsState& state, Context& ctx) const {
  const auto cutoff = std::upper_bound(config().cutoffs().begin(), config().cutoffs().end(), after_ms);
  int64_t next_ms = cutoff == config().cutoffs().end() ? std::numeric_limits<int64_t>::max() : *cutoff;
  if (!state.rows().empty()) next_ms = std::min(next_ms, state.rows(0).cutoff_ms() + horizon_ms_);
  if (next_ms != std::numeric_limits<int64_t>::max()) next_.Arm(ctx, absl::FromUnixMillis(next_ms));
}

void TrainingRows::TakeFeatures(int64_t cutoff_ms, TrainingRowsState* state, Context& ctx) const {
  const operators::CustomerProfile& profile = profile_.Get(ctx);
  const PurchaseSummary purchases = SummarisePurchases(profile);
  if (purchases.orders == 0) return;
  v1::TrainingRow& row = *state->add_rows();
  row.set_customer_id(std::string(ctx.customer()));
  row.set_cutoff_ms(cutoff_ms);
  row.set_horizon_days(DaysOf(horizon_ms_));
  ComputeRiskFeatures(profile, cutoff_ms, row.mutable_features());
  state->add_orders_before(purchases.orders);
}

void TrainingRows::TellOutcomes(int64_t now_ms, TrainingRowsState* state, Context& ctx) const {
  const operators::CustomerProfile& profile = profile_.Get(ctx);
  const PurchaseSummary purchases = SummarisePurchases(profile);
  int told = 0;
  for (; told < state->rows_size() && state->rows(told).cutoff_ms() + horizon_ms_ <= now_ms; ++told) {
    v1::TrainingRow& row = *state->mutable_rows(told);
    row.set_bought(purchases.last_ms >= row.cutoff_ms());
    // An order from before the cut-off may have been cancelled since.
    row.set_orders_after(row.bought() ? std::max<int64_t>(1, purchases.orders - state->orders_before(told)) : 0);
    row.set_generated(profile.generated());
    ctx.Emit(row);
  }
  state->mutable_rows()->DeleteSubrange(0, told);
  state->mutable_orders_before()->erase(state->orders_before().begin(), state->orders_before().begin() + told);
}

}  // namespace ebb
