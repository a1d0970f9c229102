#include "operators/value/rfm.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "engine/time/duration.h"
#include "operators/churn/risk_features.h"
#include "operators/event_time.h"
#include "operators/features/features.h"
#include "operators/marketing/channels.h"
#include "operators/reason.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::Candidate;
using operators::RfmState;
using Change = v1::SegmentChange;

EBB_OPERATOR("rfm", Rfm);

bool IsSound(const RfmState& state) {
  return std::all_of(state.asked().begin(), state.asked().end(),
                     [](const RfmState::Asked& asked) { return AreSound(asked.at_ms()); });
}
const StateCheck<RfmState, &IsSound> kCheck;

// The customer is somewhere in the middle of the population with this score.
constexpr double kMiddle = 3;

std::string Scored(std::string figure, int score) { return Text(figure, ": ", score, " of 5"); }

void Describe(const RfmValues& values, const RfmScores& scores, Change* change) {
  change->set_recency(scores.recency);
  change->set_frequency(scores.frequency);
  change->set_monetary(scores.monetary);
  *change->add_reasons() = MakeReason("recency", scores.recency, kMiddle,
                                      Scored(Text("bought ", SpokenDays(values.silence_ms), " ago"), scores.recency));
  *change->add_reasons() = MakeReason(
      "frequency", scores.frequency, kMiddle,
      Scored(absl::StrFormat("%.0f order%s", values.orders, values.orders == 1 ? "" : "s"), scores.frequency));
  *change->add_reasons() = MakeReason("monetary", scores.monetary, kMiddle,
                                      Scored(absl::StrFormat("%.2f spent", values.spent), scores.monetary));
}

}  // namespace

absl::Status Rfm::Configure() {
  if (config().has_cutoffs() == !config().fitted().empty()) {
    return absl::InvalidArgumentError("cutoffs: expected either cutoffs or fitted, which says where scores begin");
  }
  const bool is_fitted = !config().fitted().empty();
  auto cutoffs = is_fitted ? ParseRfmCutoffs(config().fitted()) : config().cutoffs();
  if (!cutoffs.ok()) return absl::InvalidArgumentError(Text("fitted: ", cutoffs.status().message()));
  auto scale = RfmScale::Make(*cutoffs);
  if (!scale.ok()) {
    return absl::InvalidArgumentError(Text(is_fitted ? "fitted: " : "cutoffs.", scale.status().message()));
  }
  auto segments = RfmSegments::Make(config());
  if (!segments.ok()) return segments.status();
  scale_ = *std::move(scale);
  segments_ = *std::move(segments);
  return absl::OkStatus();
}

void Rfm::Score(Context& ctx) {
  const operators::CustomerProfile& profile = profile_.Get(ctx);
  const PurchaseSummary purchases = SummarisePurchases(profile);
  const int64_t now_ms = std::max(absl::ToUnixMillis(DecisionTime(ctx)), LatestEventMs(profile));
  Change change;
  change.set_from(state_.Get(ctx).segment());
  change.set_changed_at_ms(now_ms);
  if (purchases.orders == 0) {
    fall_.Cancel(ctx);
    if (change.from().empty()) return;
    change.set_kind(Change::LEFT);
    *change.add_reasons() = MakeReason("no_purchases", 0, 1, "every order was taken back");
    return Move(std::move(change), ctx);
  }
  ComputeRiskFeatures(profile, now_ms, &features_);
  const RfmValues values{now_ms - purchases.last_ms, static_cast<double>(purchases.orders), features_.spent()};
  const RfmScores scores = scale_->Scores(values);
  change.set_to(segments_->Of(scores));
  if (change.to() != change.from()) {
    change.set_kind(change.from().empty() ? Change::ENTERED : Change::MOVED);
    Describe(values, scores, &change);
    Move(std::move(change), ctx);
  }
  const std::optional<int64_t> fall_ms = scale_->NextFall(values.silence_ms);
  if (!fall_ms) return fall_.Cancel(ctx);
  const absl::Time when = absl::FromUnixMillis(purchases.last_ms + *fall_ms);
  if (fall_.Deadline(ctx) != when) fall_.Arm(ctx, when);
}

void Rfm::Move(Change change, Context& ctx) {
  state_.Mutable(ctx).set_segment(change.to());
  change.set_change_id(ctx.NextId());
  change.set_customer_id(std::string(ctx.customer()));
  change.set_cutoffs_version(scale_->version());
  change.set_table_version(segments_->version());
  *change.mutable_tipping() = ctx.Tipping();
  change.mutable_published()->Assign(ctx.published().begin(), ctx.published().end());
  change.set_generated(ctx.cause().generated || profile_.Get(ctx).generated());
  moved_.Add(ctx);
  ctx.Emit(change);
  for (const auto& trigger : segments_->triggers()) {
    if (trigger.segment() == change.to()) Ask(trigger, change, ctx);
  }
}

void Rfm::Ask(const operators::RfmConfig::EntryTrigger& asked_for, const Change& change, Context& ctx) {
  RfmState& state = state_.Mutable(ctx);
  const auto known = std::find_if(state.mutable_asked()->begin(), state.mutable_asked()->end(),
                                  [&](const RfmState::Asked& asked) { return asked.name() == asked_for.name(); });
  if (known != state.mutable_asked()->end() &&
      change.changed_at_ms() < known->at_ms() + ToMillis(asked_for.cooldown())) {
    return cooling_down_.Add(ctx);
  }
  RfmState::Asked& asked = known == state.mutable_asked()->end() ? *state.add_asked() : *known;
  asked.set_name(asked_for.name());
  asked.set_at_ms(change.changed_at_ms());
  // Those of earlier versions of the table make room.
  if (state.asked_size() > RfmSegments::kMaxTriggers) state.mutable_asked()->DeleteSubrange(0, 1);

  Candidate candidate;
  for (const std::string& name : asked_for.channels()) candidate.add_channels(ChannelFromName(name));
  candidate.set_cancelled_by_purchase(asked_for.cancelled_by_purchase());
  // The change may be the work of a purchase, which calls nothing off.
  candidate.set_cancelled_from_ms(change.changed_at_ms() + 1);
  v1::MarketingTrigger& trigger = *candidate.mutable_trigger();
  trigger.set_trigger_id(ctx.NextId());
  trigger.set_customer_id(change.customer_id());
  trigger.set_type(asked_for.name());
  trigger.set_expires_at_ms(change.changed_at_ms() + ToMillis(asked_for.expires_after()));
  trigger.set_priority(asked_for.priority());
  trigger.set_purpose(asked_for.purpose() == "service" ? v1::PURPOSE_SERVICE : v1::PURPOSE_MARKETING);
  trigger.set_decided_at_ms(change.changed_at_ms());
  trigger.set_rule_version(segments_->version());
  *trigger.mutable_reasons() = change.reasons();
  *trigger.mutable_tipping() = change.tipping();
  trigger.set_generated(change.generated());
  candidate_.Add(ctx);
  ctx.Emit(candidate);
}

}  // namespace ebb
