#include "operators/churn/churn.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "engine/time/duration.h"
#include "operators/churn/feature_words.h"
#include "operators/churn/rhythm.h"
#include "operators/churn/risk_features.h"
#include "operators/event_time.h"
#include "operators/features/event_history.h"
#include "operators/reason.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::ChurnState;

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// A contact shows as a reason when it followed the last purchase by more than this.
constexpr double kContactAfterDays = 1;

double LogOdds(double probability) {
  constexpr double kEdge = 1e-12;
  const double inside = std::clamp(probability, kEdge, 1 - kEdge);
  return std::log(inside / (1 - inside));
}

int64_t LastContactMs(const operators::CustomerProfile& profile) {
  return std::max(profile.browse().last_ms(), profile.support().last_ms());
}

PurchaseHistory OnDayOfLastPurchase(PurchaseHistory history) {
  history.T = history.t_x;
  return history;
}

absl::Status OrderOfLines(std::string_view what, double lower, double upper) {
  if (lower <= upper) return absl::OkStatus();
  return absl::InvalidArgumentError(Text("escalate_", what, ": expected at least raise_", what, ", which is ",
                                                 lower, ", got ", upper));
}

bool IsSound(const ChurnState& state) {
  return AreSound(state.episode(), state.raised_at_ms(), state.last_purchase_ms()) && std::isfinite(state.risk()) &&
         ChurnState::Status_IsValid(state.status());
}
const StateCheck<ChurnState, &IsSound> kCheck;

}  // namespace

absl::Status Churn::Configure() {
  if (!(config().clear_risk() < config().raise_risk())) {
    return absl::InvalidArgumentError(Text("clear_risk: expected less than raise_risk, which is ",
                                                   config().raise_risk(), ", got ", config().clear_risk()));
  }
  if (auto s = OrderOfLines("risk", config().raise_risk(), config().escalate_risk()); !s.ok()) return s;
  if (auto s = OrderOfLines("overdue", config().raise_overdue(), config().escalate_overdue()); !s.ok()) return s;

  const bool mbg = config().model() != "bg-nbd";
  horizon_weeks_ = static_cast<double>(ToMillis(config().horizon())) / kMillisPerWeek;
  model_name_ = config().model();
  fitted_ = nullptr;
  if (!config().fitted().empty()) return ConfigureFitted();
  if (config().has_parameters()) {
    const auto& own = config().parameters();
    model_ = {mbg ? PurchaseModelKind::kMbgNbd : PurchaseModelKind::kBgNbd, own.r(), own.alpha(), own.a(), own.b()};
    typical_gap_weeks_ = static_cast<double>(ToMillis(own.typical_gap())) / kMillisPerWeek;
    model_version_ = own.version();
  } else if (config().population() == "mail-order") {
    model_ = mbg ? kMailOrderMbgNbd : kMailOrderBgNbd;
    typical_gap_weeks_ = kMailOrderGapWeeks;
    model_version_ = "mail-order-1";
  } else {
    model_ = mbg ? kGrocerMbgNbd : kGrocerBgNbd;
    typical_gap_weeks_ = kGrocerGapWeeks;
    model_version_ = "grocer-1";
  }
  const absl::Status valid = ValidateParameters(model_);
  return valid.ok() ? valid : absl::InvalidArgumentError(Text("parameters: ", valid.message()));
}

absl::Status Churn::ConfigureFitted() {
  auto parsed = ParseChurnModel(config().fitted());
  auto model = parsed.ok() ? RiskModel::Make(*std::move(parsed))
                           : absl::StatusOr<std::shared_ptr<const RiskModel>>(parsed.status());
  if (!model.ok()) return absl::InvalidArgumentError(Text("fitted: ", model.status().message()));
  if (config().has_parameters()) {
    return absl::InvalidArgumentError("parameters: expected none beside a fitted model, which has its own");
  }
  fitted_ = *std::move(model);
  const v1::ChurnModel& says = fitted_->model();
  model_name_ = says.id();
  model_version_ = says.version();
  horizon_weeks_ = says.horizon_days() / kDaysPerWeek;
  typical_gap_weeks_ = says.typical_gap_days() / kDaysPerWeek;
  return absl::OkStatus();
}

void Churn::On(const v1::Purchase&, Context& ctx) {
  Evaluate(ctx);
  if (config().score_at_size() > 0) ArmNextScore(ctx);
}

void Churn::OnTimer(const Timer& timer, Context& ctx) {
  if (&timer == &crossing_) return Evaluate(ctx);
  Score(ctx);
  ArmNextScore(ctx);
}

Churn::View Churn::ViewAt(absl::Time moment, Context& ctx) const {
  const auto& profile = profile_.Get(ctx);
  return {&profile, SummarisePurchases(profile), absl::ToUnixMillis(moment)};
}

void Churn::ArmNextScore(Context& ctx) const {
  for (int64_t moment_ms : config().score_at()) {
    if (moment_ms <= absl::ToUnixMillis(DecisionTime(ctx))) continue;
    return score_.Arm(ctx, absl::FromUnixMillis(moment_ms));
  }
}

void Churn::Score(Context& ctx) const {
  const View view = ViewAt(ctx.now(), ctx);
  if (view.purchases.orders == 0) return;
  const PurchaseHistory history = HistoryOf(view);
  v1::ChurnScore score;
  score.set_customer_id(std::string(ctx.customer()));
  score.set_as_of_ms(view.at_ms);
  score.set_risk(Risk(view));
  score.set_horizon_days(horizon_weeks_ * kDaysPerWeek);
  score.set_overdue(OverdueRatio(history, typical_gap_weeks_));
  score.set_model(model_name_);
  score.set_model_version(model_version_);
  ctx.Emit(score);
}

void Churn::Evaluate(Context& ctx) {
  const View view = ViewAt(DecisionTime(ctx), ctx);

  if (IsOver(view, state_.Get(ctx))) Clear(view, ctx);
  std::optional<Step> next = Next(view, state_.Get(ctx));
  for (; next && next->at_ms <= view.at_ms && !next->looks; next = Next(view, state_.Get(ctx))) {
    Alert(next->kind, view, ctx);
  }

  if (!next) return crossing_.Cancel(ctx);
  const absl::Time when = absl::FromUnixMillis(next->at_ms);
  if (crossing_.Deadline(ctx) != when) crossing_.Arm(ctx, when);
}

std::optional<Churn::Step> Churn::Next(const View& view, const ChurnState& state) const {
  const PurchaseSummary& purchases = view.purchases;
  Step step{v1::ChurnAlert::RAISED, 0};
  if (purchases.orders == 0) return std::nullopt;
  if (state.status() == ChurnState::QUIET) {
    const bool used_up = config().lifetime_cap() > 0 && state.episode() >= config().lifetime_cap();
    if (used_up || purchases.repeat_days < config().min_repeat_days()) return std::nullopt;
    const Line line{config().raise_risk(), config().raise_overdue()};
    int64_t from_ms = std::max(purchases.first_ms + ToMillis(config().min_age()),
                               LastContactMs(*view.profile) + ToMillis(config().contact_grace()));
    if (state.episode() > 0) from_ms = std::max(from_ms, state.raised_at_ms() + ToMillis(config().cooldown()));
    step = fitted_ ? FittedStep(v1::ChurnAlert::RAISED, view, line, from_ms)
                   : Step{v1::ChurnAlert::RAISED, std::max(Crossing(view, line), from_ms)};
  } else if (state.status() == ChurnState::RAISED) {
    const Line line{config().escalate_risk(), config().escalate_overdue()};
    step = fitted_ ? FittedStep(v1::ChurnAlert::ESCALATED, view, line, purchases.last_ms)
                   : Step{v1::ChurnAlert::ESCALATED, Crossing(view, line)};
  } else {
    return std::nullopt;
  }
  if (step.at_ms == kNever) return std::nullopt;
  return step;
}

int64_t Churn::Crossing(const View& view, const Line& line) const {
  const PurchaseHistory history = OnDayOfLastPurchase(HistoryOf(view));
  const double weeks = std::max(WeeksUntilRisk(model_, history, horizon_weeks_, line.risk),
                                WeeksUntilOverdue(history, typical_gap_weeks_, line.overdue));
  if (!(weeks < kMaxSilenceWeeks)) return kNever;
  return view.purchases.last_ms + static_cast<int64_t>(std::ceil(weeks * kMillisPerWeek));
}

Churn::Step Churn::FittedStep(v1::ChurnAlert::Kind kind, const View& view, const Line& line, int64_t from_ms) const {
  const int64_t last_ms = view.purchases.last_ms;
  const PurchaseHistory bought = OnDayOfLastPurchase(HistoryOf(view));
  const double overdue_weeks = WeeksUntilOverdue(bought, typical_gap_weeks_, line.overdue);
  if (!(overdue_weeks < kMaxSilenceWeeks)) return {kind, kNever};
  from_ms = std::max(from_ms, last_ms + static_cast<int64_t>(std::ceil(overdue_weeks * kMillisPerWeek)));
  // Days are counted from the last purchase, so that it does not matter when it is looked.
  const int64_t first_day = (std::max<int64_t>(0, from_ms - last_ms) + kMillisPerDay - 1) / kMillisPerDay;
  if (last_ms + first_day * kMillisPerDay > view.at_ms) return {kind, last_ms + first_day * kMillisPerDay, true};
  const int64_t today = std::max<int64_t>(0, view.at_ms - last_ms) / kMillisPerDay;
  View silent = view;
  for (int64_t day = today; day < today + kLookAheadDays; ++day) {
    silent.at_ms = std::max(last_ms + day * kMillisPerDay, view.at_ms);
    if (Risk(silent) >= line.risk) return {kind, silent.at_ms};
  }
  const int64_t further = today + kLookAheadDays;
  if (static_cast<double>(further) > kMaxSilenceWeeks * kDaysPerWeek) return {kind, kNever};
  return {kind, last_ms + further * kMillisPerDay, true};
}

void Churn::Alert(v1::ChurnAlert::Kind kind, const View& view, Context& ctx) {
  v1::ChurnAlert alert;
  alert.set_kind(kind);
  for (v1::Reason& reason : Reasons(view)) *alert.add_reasons() = std::move(reason);

  ChurnState& state = state_.Mutable(ctx);
  state.set_risk(Risk(view));
  if (kind == v1::ChurnAlert::RAISED) {
    state.set_status(ChurnState::RAISED);
    state.set_episode(state.episode() + 1);
    state.set_raised_at_ms(view.at_ms);
    state.set_last_purchase_ms(view.purchases.last_ms);
    raised_.Add(ctx);
  } else {
    state.set_status(ChurnState::ESCALATED);
    escalated_.Add(ctx);
  }
  Emit(std::move(alert), view, ctx);
}

bool Churn::IsOver(const View& view, const ChurnState& state) const {
  if (state.status() == ChurnState::QUIET) return false;
  return view.purchases.orders == 0 || view.purchases.last_ms > state.last_purchase_ms() ||
         Risk(view) <= config().clear_risk();
}

void Churn::Clear(const View& view, Context& ctx) {
  ChurnState& state = state_.Mutable(ctx);
  v1::ChurnAlert alert;
  alert.set_kind(v1::ChurnAlert::CLEARED);
  *alert.add_reasons() = WhyCleared(view, state);
  state.set_status(ChurnState::QUIET);
  state.set_risk(Risk(view));
  cleared_.Add(ctx);
  Emit(std::move(alert), view, ctx);
}

void Churn::Emit(v1::ChurnAlert alert, const View& view, Context& ctx) const {
  alert.set_alert_id(ctx.NextId());
  alert.set_customer_id(std::string(ctx.customer()));
  alert.set_risk(Risk(view));
  alert.set_horizon_days(horizon_weeks_ * kDaysPerWeek);
  alert.set_decided_at_ms(view.at_ms);
  alert.set_model(model_name_);
  alert.set_model_version(model_version_);
  *alert.mutable_tipping() = ctx.Tipping();
  alert.set_episode(state_.Get(ctx).episode());
  alert.mutable_published()->Assign(ctx.published().begin(), ctx.published().end());
  alert.set_generated(ctx.cause().generated || view.profile->generated());
  ctx.Emit(alert);
}

PurchaseHistory Churn::HistoryOf(const View& view) const {
  const PurchaseSummary& purchases = view.purchases;
  return HistoryAt(purchases.repeat_days, purchases.first_ms, purchases.last_ms,
                   std::max(view.at_ms, purchases.last_ms));
}

double Churn::Risk(const View& view) const {
  if (!fitted_ || view.purchases.orders == 0) return Risk(HistoryOf(view));
  return fitted_->Risk(FeaturesOf(view));
}

v1::RiskFeatures Churn::FeaturesOf(const View& view) const {
  v1::RiskFeatures features;
  ComputeRiskFeatures(*view.profile, std::max(view.at_ms, LatestEventMs(*view.profile)), &features);
  return features;
}

double Churn::Risk(const PurchaseHistory& history) const {
  return RiskOfNoPurchase(model_, history, horizon_weeks_);
}

std::vector<v1::Reason> Churn::FittedReasons(const View& view) const {
  std::vector<v1::Reason> reasons;
  for (const Contribution& part : fitted_->Explain(FeaturesOf(view))) {
    if (reasons.size() == kMostReasons) break;
    reasons.push_back(MakeReason(
        part.feature, part.value, part.usual, part.contribution,
        absl::StrFormat("%s: %.4g; usual are %.4g", std::string(FeatureWords(part.feature)), part.value, part.usual)));
  }
  return reasons;
}

std::vector<v1::Reason> Churn::Reasons(const View& view) const {
  if (fitted_) return FittedReasons(view);
  const PurchaseHistory now = HistoryOf(view);
  const PurchaseHistory then = OnDayOfLastPurchase(now);
  const double silent_days = (now.T - now.t_x) * kDaysPerWeek;
  const double gap_days = TypicalGapWeeks(now, typical_gap_weeks_) * kDaysPerWeek;

  std::vector<v1::Reason> reasons;
  reasons.push_back(MakeReason("days_since_purchase", silent_days, gap_days, LogOdds(Risk(now)) - LogOdds(Risk(then)),
                               Text("no purchase for ", SpokenCount(silent_days, "day"), "; usually buys every ",
                                    SpokenCount(gap_days, "day"))));
  if (then.x > 0) {
    PurchaseHistory usual = then;
    usual.x = ExpectedPurchases(model_, {}, then.t_x);
    reasons.push_back(
        MakeReason("purchase_days", then.x, usual.x, LogOdds(Risk(then)) - LogOdds(Risk(usual)),
                   absl::StrFormat("bought on %s within %s of the first purchase; usual are %.1f",
                                   SpokenCount(then.x, "further day"), SpokenCount(then.t_x, "week"), usual.x)));
  }
  const double overdue = OverdueRatio(now, typical_gap_weeks_);
  if (overdue > 0) {
    reasons.push_back(MakeReason("overdue", overdue, 1, std::log(overdue),
                                 absl::StrFormat("silent for %.1f times the usual time between purchases", overdue)));
  }
  const int64_t contact_ms = LastContactMs(*view.profile);
  const double contact_days = DaysOf(view.at_ms - contact_ms);
  if (contact_days >= 0 && DaysOf(contact_ms - view.purchases.last_ms) > kContactAfterDays) {
    reasons.push_back(
        MakeReason("days_since_contact", contact_days, silent_days, std::log((1 + contact_days) / (1 + silent_days)),
                   Text("was in touch ", SpokenCount(contact_days, "day"), " ago, after the last purchase")));
  }
  if (const double complaints = static_cast<double>(OpenComplaints(*view.profile)); complaints > 0) {
    reasons.push_back(MakeReason("open_complaints", complaints, 0, std::log1p(complaints),
                                 Text(SpokenCount(complaints, "complaint"), " still open")));
  }
  std::stable_sort(reasons.begin(), reasons.end(), [](const v1::Reason& a, const v1::Reason& b) {
    return std::abs(a.contribution()) > std::abs(b.contribution());
  });
  return reasons;
}

v1::Reason Churn::WhyCleared(const View& view, const ChurnState& state) const {
  const PurchaseHistory now = HistoryOf(view);
  const double risk = Risk(view);
  const double fall = LogOdds(state.risk()) - LogOdds(risk);
  if (view.purchases.orders == 0) {
    return MakeReason("no_purchases", 0, config().min_repeat_days(), fall,
                      "every order was taken back; there is nothing left to judge by");
  }
  if (view.purchases.last_ms > state.last_purchase_ms()) {
    const double gap = DaysOf(view.purchases.last_ms - state.last_purchase_ms());
    const double usual = TypicalGapWeeks(now, typical_gap_weeks_) * kDaysPerWeek;
    return MakeReason("purchase", gap, usual, fall, Text("bought again after ", SpokenCount(gap, "day")));
  }
  return MakeReason("risk_fell", risk, state.risk(), fall,
                    absl::StrFormat("the risk is %.2f now and was %.2f", risk, state.risk()));
}

EBB_OPERATOR("churn", Churn);

}  // namespace ebb
