#include "operators/value/clusters.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "engine/time/duration.h"
#include "operators/churn/feature_words.h"
#include "operators/churn/risk_features.h"
#include "operators/event_time.h"
#include "operators/features/features.h"
#include "operators/reason.h"
#include "state/text.h"

namespace ebb {
namespace {

using Change = v1::ClusterChange;

EBB_OPERATOR("clusters", Clusters);

constexpr size_t kMaxReasons = 3;

}  // namespace

absl::Status Clusters::Configure() {
  auto model = ParseClusterModel(config().fitted());
  if (!model.ok()) return absl::InvalidArgumentError(Text("fitted: ", model.status().message()));
  auto space = ClusterSpace::Make(*std::move(model));
  if (!space.ok()) return absl::InvalidArgumentError(Text("fitted: ", space.status().message()));
  space_ = *std::move(space);
  return absl::OkStatus();
}

void Clusters::Look(Context& ctx) {
  const operators::CustomerProfile& profile = profile_.Get(ctx);
  const PurchaseSummary purchases = SummarisePurchases(profile);
  const int64_t now_ms = std::max(absl::ToUnixMillis(DecisionTime(ctx)), LatestEventMs(profile));
  Change change;
  change.set_from(state_.Get(ctx).cluster());
  change.set_changed_at_ms(now_ms);
  if (purchases.orders == 0) {
    look_.Cancel(ctx);
    if (change.from().empty()) return;
    *change.add_reasons() = MakeReason("no_purchases", 0, 1, "every order was taken back");
    state_.Clear(ctx);
    return Move(std::move(change), ctx);
  }
  ComputeRiskFeatures(profile, now_ms, &features_);
  space_->Place(features_, &point_);
  const auto [nearest, distance] = space_->Nearest(point_);
  change.set_to(space_->model().clusters(static_cast<int>(nearest)).name());
  if (change.to() != change.from()) {
    change.set_distance(distance);
    for (v1::Reason& reason : Reasons()) *change.add_reasons() = std::move(reason);
    state_.Mutable(ctx).set_cluster(change.to());
    Move(std::move(change), ctx);
  }
  const int64_t next_ms = now_ms + ToMillis(config().look_again());
  if (next_ms > purchases.last_ms + absl::ToInt64Milliseconds(kLookedAtFor)) return look_.Cancel(ctx);
  look_.Arm(ctx, absl::FromUnixMillis(next_ms));
}

std::vector<v1::Reason> Clusters::Reasons() const {
  std::vector<size_t> order(point_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return std::abs(point_[a]) > std::abs(point_[b]); });
  order.resize(std::min(order.size(), kMaxReasons));
  std::vector<v1::Reason> reasons;
  for (size_t i : order) {
    const v1::ClusterModel::Feature& feature = space_->model().features(static_cast<int>(i));
    const double value = space_->ValueOf(features_, i);
    const double usual = std::expm1(feature.mean());
    v1::Reason& reason = reasons.emplace_back(
        MakeReason(feature.name(), value, usual,
                   Text(FeatureWords(feature.name()), absl::StrFormat(": %.3g; usual are %.3g", value, usual))));
    reason.set_contribution(point_[i]);
  }
  return reasons;
}

void Clusters::Move(Change change, Context& ctx) {
  change.set_change_id(ctx.NextId());
  change.set_customer_id(std::string(ctx.customer()));
  change.set_model(space_->model().id());
  change.set_model_version(space_->model().version());
  *change.mutable_tipping() = ctx.Tipping();
  change.mutable_published()->Assign(ctx.published().begin(), ctx.published().end());
  change.set_generated(ctx.cause().generated || profile_.Get(ctx).generated());
  moved_.Add(ctx);
  ctx.Emit(change);
}

}  // namespace ebb
