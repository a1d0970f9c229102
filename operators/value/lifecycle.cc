#include "operators/value/lifecycle.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "operators/churn/risk_features.h"
#include "operators/event_time.h"
#include "operators/features/features.h"
#include "operators/reason.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::LifecycleState;
using Change = v1::LifecycleChange;

EBB_OPERATOR("lifecycle", Lifecycle);

// Of a change.
constexpr size_t kMaxReasons = 5;

bool IsSound(const LifecycleState& state) {
  return AreSound(state.since_ms(), state.first_seen_ms()) && Change::Stage_IsValid(state.stage());
}
const StateCheck<LifecycleState, &IsSound> kCheck;

std::string_view EventOf(const v1::Purchase& purchase) {
  if (purchase.kind() == v1::Purchase::REFUND) return "refunded";
  return purchase.kind() == v1::Purchase::CANCELLATION ? "order-cancelled" : "purchased";
}

std::string_view EventOf(const v1::ChurnAlert& alert) {
  if (alert.kind() == v1::ChurnAlert::CLEARED) return "churn-cleared";
  return alert.kind() == v1::ChurnAlert::ESCALATED ? "churn-escalated" : "churn-raised";
}

std::string_view Spoken(std::string_view event) {
  if (event == "purchased") return "bought";
  if (event == "refunded") return "gave something back";
  if (event == "order-cancelled") return "called an order off";
  if (event == "browsed") return "visited the shop";
  if (event == "support-contacted") return "was in touch with the support desk";
  if (event == "message-answered") return "reacted to a message";
  if (event == "joined") return "joined as a member";
  if (event == "churn-raised") return "a churn alert was raised";
  return event == "churn-escalated" ? "a churn alert was escalated" : "a churn alert was cleared";
}

}  // namespace

absl::Status Lifecycle::Configure() {
  auto table = LifecycleTable::Make(config());
  if (!table.ok()) return table.status();
  table_ = *std::move(table);
  return absl::OkStatus();
}

void Lifecycle::On(const v1::Purchase& purchase, Context& ctx) {
  Meet(EventOf(purchase), purchase.header().event_time_ms(), /*changes_purchases=*/true, ctx);
}
void Lifecycle::On(const v1::Browse& browse, Context& ctx) {
  Meet("browsed", browse.header().event_time_ms(), /*changes_purchases=*/false, ctx);
}
void Lifecycle::On(const v1::Support& support, Context& ctx) {
  Meet("support-contacted", support.header().event_time_ms(), /*changes_purchases=*/false, ctx);
}
void Lifecycle::On(const v1::Member& member, Context& ctx) {
  Meet(member.has_joined() ? "joined" : "", member.header().event_time_ms(), /*changes_purchases=*/false, ctx);
}
void Lifecycle::On(const v1::Engagement& engagement, Context& ctx) {
  Meet("message-answered", engagement.header().event_time_ms(), /*changes_purchases=*/false, ctx);
}
void Lifecycle::On(const v1::ChurnAlert& alert, Context& ctx) {
  Meet(EventOf(alert), alert.decided_at_ms(), /*changes_purchases=*/false, ctx);
}

void Lifecycle::Meet(std::string_view event, int64_t event_ms, bool changes_purchases, Context& ctx) {
  if (!state_.Exists(ctx)) {
    LifecycleState& state = state_.Mutable(ctx);
    state.set_stage(Change::ACQUIRED);
    state.set_since_ms(absl::ToUnixMillis(DecisionTime(ctx)));
    state.set_first_seen_ms(event_ms);
    Change change;
    change.set_to(Change::ACQUIRED);
    *change.add_reasons() = MakeReason("first_event", 1, 0, "is known from here on");
    Tell(std::move(change), ctx);
  } else if (event_ms < state_.Get(ctx).first_seen_ms()) {
    state_.Mutable(ctx).set_first_seen_ms(event_ms);
  } else if (!changes_purchases && !table_->Heeds(state_.Get(ctx).stage(), LifecycleEvent(event))) {
    return;
  }
  Move(event, ctx);
}

void Lifecycle::Move(std::string_view event, Context& ctx) {
  has_features_ = false;
  Standing standing = StandingOf(ctx);
  while (const Transition* transition = Next(event, standing, ctx)) {
    Take(*transition, event, standing, ctx);
    if (transition->on != 0) event = "";
    standing = StandingOf(ctx);
  }
  ArmNext(standing, ctx);
}

const LifecycleTable::Transition* Lifecycle::Next(std::string_view event, const Standing& standing, Context& ctx) {
  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  const LifecycleBits happened = LifecycleEvent(event);
  for (const Transition& transition : table_->transitions()) {
    if (((transition.from >> standing.stage) & 1) == 0) continue;
    if (transition.on != 0 && (transition.on & happened) == 0) continue;
    if (LifecycleTable::DueAt(transition, standing) > now_ms) continue;
    if (transition.when && !Holds(*transition.when, ctx)) continue;
    return &transition;
  }
  return nullptr;
}

void Lifecycle::Take(const Transition& transition, std::string_view event, const Standing& standing, Context& ctx) {
  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  Change change;
  change.set_from(standing.stage);
  change.set_to(transition.to);
  change.set_days_in_stage(DaysOf(now_ms - standing.since_ms));
  for (v1::Reason& reason : Reasons(transition, event, standing, now_ms)) *change.add_reasons() = std::move(reason);
  LifecycleState& state = state_.Mutable(ctx);
  state.set_stage(transition.to);
  state.set_since_ms(now_ms);
  Tell(std::move(change), ctx);
}

void Lifecycle::ArmNext(const Standing& standing, Context& ctx) {
  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  int64_t next_ms = LifecycleTable::kNever;
  for (const Transition& transition : table_->transitions()) {
    if (((transition.from >> standing.stage) & 1) == 0 || transition.on != 0 || !transition.has_time()) continue;
    const int64_t due_ms = LifecycleTable::DueAt(transition, standing);
    // One that is due and was not taken has a condition that did not hold.
    next_ms = std::min(next_ms, due_ms > now_ms ? due_ms : now_ms + kMillisPerDay);
  }
  if (next_ms == LifecycleTable::kNever) return due_.Cancel(ctx);
  const absl::Time when = absl::FromUnixMillis(next_ms);
  if (due_.Deadline(ctx) != when) due_.Arm(ctx, when);
}

LifecycleTable::Standing Lifecycle::StandingOf(Context& ctx) const {
  const LifecycleState& state = state_.Get(ctx);
  const PurchaseSummary purchases = SummarisePurchases(profile_.Get(ctx));
  return {state.stage(), state.since_ms(), purchases.orders > 0 ? purchases.last_ms : state.first_seen_ms(),
          static_cast<int64_t>(purchases.gap_mean_days * static_cast<double>(kMillisPerDay))};
}

bool Lifecycle::Holds(const expression::Expression& condition, Context& ctx) {
  if (!has_features_) {
    const operators::CustomerProfile& profile = profile_.Get(ctx);
    ComputeRiskFeatures(profile, std::max(absl::ToUnixMillis(DecisionTime(ctx)), LatestEventMs(profile)), &features_);
    has_features_ = true;
  }
  const expression::Outcome outcome = condition.Evaluate({features_}, scratch_);
  if (!outcome.ok()) failed_.Add(ctx);
  return outcome.holds();
}

std::vector<v1::Reason> Lifecycle::Reasons(const Transition& transition, std::string_view event,
                                           const Standing& standing, int64_t now_ms) {
  std::vector<v1::Reason> reasons;
  if (transition.on != 0) {
    reasons.push_back(
        MakeReason(absl::StrReplaceAll(std::string(event), {{"-", "_"}}), 1, 0, std::string(Spoken(event))));
  }
  const int64_t silent_ms = now_ms - standing.silent_since_ms;
  if (transition.silent_ms > 0) {
    reasons.push_back(MakeReason("days_since_purchase", DaysOf(silent_ms), DaysOf(transition.silent_ms),
                                 Text("no purchase for ", SpokenDays(silent_ms))));
  }
  if (transition.overdue > 0) {
    const double overdue =
        static_cast<double>(silent_ms) / static_cast<double>(std::max(standing.gap_ms, kMillisPerDay));
    reasons.push_back(MakeReason("overdue", overdue, transition.overdue,
                                 absl::StrFormat("silent for %.1f times the usual time between purchases", overdue)));
  }
  if (transition.after_ms > 0) {
    const int64_t stay_ms = now_ms - standing.since_ms;
    reasons.push_back(MakeReason("days_in_stage", DaysOf(stay_ms), DaysOf(transition.after_ms),
                                 Text(StageName(standing.stage), " for ", SpokenDays(stay_ms))));
  }
  if (transition.when) {
    for (const expression::ClauseOutcome& clause : transition.when->Explain({features_}, scratch_)) {
      if (reasons.size() < kMaxReasons) reasons.push_back(MakeReason("condition", 1, 0, clause.ToText()));
    }
  }
  return reasons;
}

void Lifecycle::Tell(Change change, Context& ctx) {
  change.set_change_id(ctx.NextId());
  change.set_customer_id(std::string(ctx.customer()));
  change.set_changed_at_ms(state_.Get(ctx).since_ms());
  change.set_table_version(table_->version());
  *change.mutable_tipping() = ctx.Tipping();
  change.mutable_published()->Assign(ctx.published().begin(), ctx.published().end());
  change.set_generated(ctx.cause().generated || profile_.Get(ctx).generated());
  moved_.Add(ctx);
  ctx.Emit(change);
}

}  // namespace ebb
