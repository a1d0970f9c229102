#include "operators/marketing/trigger.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_replace.h"
#include "engine/time/duration.h"
#include "operators/event_time.h"
#include "operators/marketing/channels.h"
#include "operators/marketing/holdout.h"
#include "operators/marketing/reason_text.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::Candidate;
using operators::HeldCandidate;
using operators::TriggerState;
using operators::WaitingEvents;
using Events = google::protobuf::RepeatedPtrField<Trigger::Event>;

// Bounds of a candidate.
constexpr int kMaxAlertReasons = 5;

// When the last of them happened; there is one.
int64_t Latest(const std::vector<const Trigger::Event*>& events) {
  int64_t latest_ms = events.front()->at_ms();
  for (const Trigger::Event* event : events) latest_ms = std::max(latest_ms, event->at_ms());
  return latest_ms;
}

bool IsSoundEvent(const Trigger::Event& event) {
  return AreSound(event.at_ms(), event.quantity_milli(), event.wait_ms(), event.ends_ms());
}
bool IsSound(const TriggerState& state) {
  return AreSound(state.decided(), state.last_decided_ms(), state.last_day(), state.waiting(), state.first_ms(),
                  state.last_ms());
}
template <class List>
bool AreSoundEvents(const List& list) {
  return std::all_of(list.events().begin(), list.events().end(), IsSoundEvent);
}
const StateCheck<TriggerState, &IsSound> kStateCheck;
const StateCheck<WaitingEvents, &AreSoundEvents<WaitingEvents>> kWaitingCheck;
const StateCheck<HeldCandidate, &AreSoundEvents<HeldCandidate>> kHeldCheck;

// Those for which `over` holds. It is asked once of each: an expression may count its failures.
template <class Predicate>
std::vector<int> Which(const Events& events, Predicate over) {
  std::vector<int> found;
  for (int i = 0; i < events.size(); ++i) {
    if (over(events[i])) found.push_back(i);
  }
  return found;
}

void Remove(const std::vector<int>& indexes, Events* events) {
  std::for_each(indexes.rbegin(), indexes.rend(), [&](int index) { events->DeleteSubrange(index, 1); });
}

bool IsEarlier(const Trigger::Event& a, const Trigger::Event& b) { return a.at_ms() < b.at_ms(); }

void AddSku(const std::string& sku, v1::MarketingTrigger* trigger) {
  const bool known = std::find(trigger->skus().begin(), trigger->skus().end(), sku) != trigger->skus().end();
  if (!sku.empty() && !known) trigger->add_skus(sku);
}

}  // namespace

absl::Status Trigger::Configure() {
  Refusals refusals;
  const bool waits = ToMillis(config().wait()) > 0 || !config().wait_for().empty();
  const bool counts_longer = ToMillis(config().within()) > 0;
  if (config().min_count() > 1 && !waits && !counts_longer) {
    refusals.Add("min_count", "above 1 it needs a wait or a within above 0s, in which the events are counted");
  }
  if (counts_longer && (config().min_count() == 1 || ToMillis(config().within()) < ToMillis(config().wait()))) {
    refusals.Add("within", config().min_count() == 1 ? "expected only with a min_count above 1"
                                                     : "expected no less than the wait, in which events count anyhow");
  }
  if (config().keep() < config().min_count()) {
    refusals.Add("keep", Text("expected no less than the min_count, which is ", config().min_count(), ", got ",
                              config().keep()));
  }
  rule_.Configure(config(), &refusals);
  constexpr EventTypes kOfArticles = kBrowseViewed | kCartAdded | kPurchased;
  if (config().same() != "any" && (rule_.on() & kOfArticles) == 0) {
    refusals.Add(
        "same", Text("expected any with on: ", config().on(), ", whose events have no article, got ", config().same()));
  }
  if (config().holdout_share() > 0 && config().purpose() == "service") {
    refusals.Add("holdout_share", "expected 0 with purpose: service, which is not held back for comparison");
  }
  if (config().has_calendar() != (rule_.on() == kCalendarDay)) {
    refusals.Add(config().has_calendar() ? "calendar" : "on", config().has_calendar()
                                                                  ? "expected only with on: calendar"
                                                                  : "calendar needs a calendar with its days");
  } else if (config().has_calendar()) {
    calendar_.Configure(config().calendar(), &refusals);
  }
  return refusals.ToStatus();
}

void Trigger::On(const v1::Browse& browse, Context& ctx) {
  if (browse.action() == v1::Browse::REMOVE_FROM_CART) TakeOutOfBasket(browse, ctx);
  Take(browse, ctx);
}

void Trigger::On(const v1::Member& member, Context& ctx) {
  // The next day may be another one now.
  if (rule_.on() == kCalendarDay) ArmCalendar(DecisionTime(ctx), ctx);
  Take(member, ctx);
}

template <class Message>
void Trigger::Take(const Message& message, Context& ctx) {
  if (rule_.on() == kCalendarDay && state_.Get(ctx).calendar() != calendar_.fingerprint()) {
    ArmCalendar(DecisionTime(ctx), ctx);
  }
  const EventTypes types = EventTypesOf(message);
  const bool may_start = (types & rule_.on()) != 0;
  const bool may_call_off =
      (types & rule_.called_off_by()) != 0 && (wait_.IsArmed(ctx) || candidate_timer_.IsArmed(ctx));
  if (!may_start && !may_call_off) return;
  rule_.Begin(message, profile_.Get(ctx), ctx.customer(), DecisionTime(ctx));
  if (may_call_off) CallOff(types, TimeOf(message), ctx);
  if (!may_start || !MayStart(ctx)) return;
  Event& event = NewEvent();
  Remember(message, &event);
  Start(&event, ctx);
}

Trigger::Event& Trigger::NewEvent() {
  added_.clear_events();
  return *added_.add_events();
}

bool Trigger::MayStart(Context& ctx) {
  const Rule::Verdict verdict = rule_.Holds();
  if (verdict == Rule::Verdict::kFails) when_failed_.Add(ctx);
  if (rule_.on() == kFeaturesChanged) return ComesToHold(verdict, ctx);
  if (verdict == Rule::Verdict::kDoesNotHold) not_met_.Add(ctx);
  return verdict == Rule::Verdict::kHolds;
}

bool Trigger::ComesToHold(Rule::Verdict verdict, Context& ctx) {
  const bool held = state_.Get(ctx).held();
  const bool holds = verdict == Rule::Verdict::kHolds;
  if (verdict == Rule::Verdict::kFails || holds == held) return false;
  state_.Mutable(ctx).set_held(holds);
  if (!holds) ForgetIfEmpty(ctx);
  return holds;
}

void Trigger::Start(Event* event, Context& ctx) {
  const PurchaseSummary purchases =
      rule_.called_off_by_any_purchase() ? SummarisePurchases(profile_.Get(ctx)) : PurchaseSummary();
  if (purchases.orders > 0 && purchases.last_ms >= CancelledFrom(event->at_ms())) return called_off_.Add(ctx);
  if (!IsKept(event->at_ms(), ctx)) return given_up_.Add(ctx);

  const std::optional<absl::Duration> wait = rule_.Wait();
  if (!wait) return wait_failed_.Add(ctx);
  event->set_wait_ms(absl::ToInt64Milliseconds(*wait));
  if (rule_.asks_customer() && profile_.Get(ctx).generated()) event->set_generated(true);
  for (int failed = rule_.Describe(event); failed > 0; --failed) payload_failed_.Add(ctx);
  const bool at_once = *wait == absl::ZeroDuration();
  if (at_once && config().min_count() == 1 && !wait_.IsArmed(ctx)) return Decide({event}, ctx);
  Add(ctx);
  if (const Chosen chosen = at_once ? Choose(ctx) : Chosen(); !chosen.empty()) Decide(chosen, ctx);
}

void Trigger::Add(Context& ctx) {
  const Event& event = added_.events(0);
  TriggerState& state = state_.Mutable(ctx);
  // What is there without a timer waited when the pipeline last had this rule.
  if (!wait_.IsArmed(ctx)) state.clear_waiting();
  const bool is_full = state.waiting() >= config().keep();
  if (is_full) given_up_.Add(ctx);
  if (state.waiting() == 0 || config().keep() == 1) {
    waiting_.Clear(ctx);
    state.clear_waiting();
  }
  waiting_.Append(ctx, added_);
  if (is_full && config().keep() > 1) GiveUpBeyondKeep(ctx);
  const bool counts_longer = ToMillis(config().within()) > 0;
  if (is_full || counts_longer) return ArmOrCancel(ctx);

  const bool is_first = state.waiting() == 0 || event.at_ms() < state.first_ms();
  const bool is_last = state.waiting() == 0 || event.at_ms() >= state.last_ms();
  state.set_waiting(state.waiting() + 1);
  if (is_first) state.set_first_ms(event.at_ms());
  if (is_last) state.set_last_ms(event.at_ms());
  if (config().restart() ? is_last : is_first) wait_.Arm(ctx, absl::FromUnixMillis(event.at_ms() + event.wait_ms()));
}

bool Trigger::IsKept(int64_t at_ms, Context& ctx) const {
  if (!wait_.IsArmed(ctx)) return true;
  const TriggerState& state = state_.Get(ctx);
  if (state.waiting() < config().keep()) return true;
  return config().restart() ? at_ms >= state.first_ms() : at_ms < state.last_ms();
}

void Trigger::GiveUpBeyondKeep(Context& ctx) {
  auto& events = *waiting_.Mutable(ctx).mutable_events();
  while (events.size() > config().keep()) {
    events.erase(config().restart() ? std::min_element(events.begin(), events.end(), IsEarlier)
                                    : std::max_element(events.begin(), events.end(), IsEarlier));
  }
}

int64_t Trigger::CancelledFrom(int64_t at_ms) const {
  return rule_.on() == kPurchased || rule_.on() == kFeaturesChanged ? at_ms + 1 : at_ms;
}

void Trigger::CallOff(EventTypes types, int64_t at_ms, Context& ctx) {
  // What an event changed of the features is told before the event itself comes here, and not called off by it.
  const int64_t last_ms = rule_.on() == kFeaturesChanged ? at_ms - 1 : at_ms;
  int failed = 0;
  const auto is_over = [&](const Event& waiting) {
    return waiting.at_ms() <= last_ms && rule_.CallsOff(types, waiting, &failed);
  };
  if (wait_.IsArmed(ctx)) {
    const bool all = (types & rule_.called_off_always_by()) != 0 && state_.Get(ctx).last_ms() <= last_ms;
    all ? CallOffAll(ctx) : CallOffWaiting(ctx, is_over);
  }
  if (candidate_timer_.IsArmed(ctx)) CallOffCandidate(ctx, is_over);
  for (; failed > 0; --failed) unless_failed_.Add(ctx);
}

void Trigger::CallOffAll(Context& ctx) {
  called_off_.Add(ctx);
  Forget(ctx);
}

template <class Predicate>
void Trigger::CallOffWaiting(Context& ctx, Predicate over) {
  const auto& events = waiting_.Get(ctx).events();
  const std::vector<int> found = Which(events, over);
  if (found.empty()) return;
  if (static_cast<int>(found.size()) == events.size()) return CallOffAll(ctx);
  Remove(found, waiting_.Mutable(ctx).mutable_events());
  ArmOrCancel(ctx);
}

template <class Predicate>
void Trigger::CallOffCandidate(Context& ctx, Predicate over) {
  const std::vector<int> found = Which(held_.Get(ctx).events(), over);
  if (found.empty()) return;
  HeldCandidate& held = held_.Mutable(ctx);
  Remove(found, held.mutable_events());
  if (held.events_size() >= config().min_count()) return;
  Candidate candidate;
  candidate.set_called_off(true);
  candidate.mutable_trigger()->set_trigger_id(held.trigger_id());
  ForgetCandidate(ctx);
  ctx.Emit(candidate);
}

void Trigger::ForgetCandidate(Context& ctx) {
  held_.Clear(ctx);
  candidate_timer_.Cancel(ctx);
}

void Trigger::TakeOutOfBasket(const v1::Browse& browse, Context& ctx) {
  if (rule_.on() != kCartAdded || !wait_.IsArmed(ctx)) return;
  const bool all = browse.quantity_milli() <= 0;
  int64_t left = browse.quantity_milli();
  auto& events = *waiting_.Mutable(ctx).mutable_events();
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->sku() != browse.sku() || event->at_ms() > browse.header().event_time_ms()) continue;
    const int64_t taken = all ? event->quantity_milli() : std::min(left, event->quantity_milli());
    event->set_quantity_milli(event->quantity_milli() - taken);
    left -= taken;
  }
  CallOffWaiting(ctx, [](const Event& waiting) { return waiting.quantity_milli() == 0; });
}

void Trigger::ArmOrCancel(Context& ctx) {
  const auto& events = waiting_.Get(ctx).events();
  if (events.empty()) return Forget(ctx);
  const auto [first, last] = std::minmax_element(events.begin(), events.end(), IsEarlier);
  TriggerState& state = state_.Mutable(ctx);
  state.set_waiting(events.size());
  state.set_first_ms(first->at_ms());
  state.set_last_ms(last->at_ms());
  if (ToMillis(config().within()) > 0 && Choose(ctx).empty()) {
    return wait_.Arm(ctx, absl::FromUnixMillis(first->at_ms() + ToMillis(config().within())));
  }
  const Event& from = config().restart() ? *last : *first;
  wait_.Arm(ctx, absl::FromUnixMillis(from.at_ms() + from.wait_ms()));
}

void Trigger::Forget(Context& ctx) {
  waiting_.Clear(ctx);
  wait_.Cancel(ctx);
  TriggerState& state = state_.Mutable(ctx);
  state.clear_waiting();
  state.clear_first_ms();
  state.clear_last_ms();
  ForgetIfEmpty(ctx);
}

void Trigger::GiveUp(Context& ctx) {
  too_few_.Add(ctx);
  const int64_t within_ms = ToMillis(config().within());
  if (within_ms == 0) return Forget(ctx);
  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  auto& events = *waiting_.Mutable(ctx).mutable_events();
  events.erase(std::remove_if(events.begin(), events.end(),
                              [=](const Event& event) { return event.at_ms() + within_ms <= now_ms; }),
               events.end());
  ArmOrCancel(ctx);
}

void Trigger::ForgetIfEmpty(Context& ctx) {
  const TriggerState& state = state_.Get(ctx);
  const bool has_timer = state.waiting() > 0 || state.calendar() != 0;
  if (!has_timer && state.decided() == 0 && !state.held() && !state.has_last_day()) state_.Clear(ctx);
}

void Trigger::ArmCalendar(absl::Time after, Context& ctx) {
  const TriggerState& state = state_.Get(ctx);
  const auto last_day = state.has_last_day() ? std::optional(state.last_day()) : std::nullopt;
  const auto next = calendar_.Next(after, last_day, profile_.Get(ctx).basics());
  const uint32_t armed_by = next ? calendar_.fingerprint() : 0;
  if (state.calendar() != armed_by) {
    state_.Mutable(ctx).set_calendar(armed_by);
    ForgetIfEmpty(ctx);
  }
  next ? calendar_timer_.Arm(ctx, next->at) : calendar_timer_.Cancel(ctx);
}

void Trigger::OnTimer(const Timer& timer, Context& ctx) {
  if (&timer == &calendar_timer_) return StartDay(ctx);
  if (&timer == &candidate_timer_) return ForgetCandidate(ctx);
  const Chosen events = Choose(ctx);
  events.empty() ? GiveUp(ctx) : Decide(events, ctx);
}

void Trigger::StartDay(Context& ctx) {
  const TriggerState& state = state_.Get(ctx);
  const auto last_day = state.has_last_day() ? std::optional(state.last_day()) : std::nullopt;
  const auto day = calendar_.Next(ctx.now() - absl::Milliseconds(1), last_day, profile_.Get(ctx).basics());
  // With another calendar than the one that armed it, there may be nothing today.
  if (day && day->at == ctx.now()) {
    state_.Mutable(ctx).set_last_day(day->number);
    rule_.Begin(day->event, profile_.Get(ctx), ctx.customer(), ctx.now());
    if (MayStart(ctx)) {
      Event& event = NewEvent();
      event.set_at_ms(absl::ToUnixMillis(ctx.now()));
      event.set_day(day->event.name());
      if (day->ends != absl::InfiniteFuture()) event.set_ends_ms(absl::ToUnixMillis(day->ends));
      event.set_generated(profile_.Get(ctx).generated());
      Start(&event, ctx);
    }
  }
  ArmCalendar(ctx.now(), ctx);
}

void Trigger::Decide(const Chosen& events, Context& ctx) {
  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  TriggerState& state = state_.Mutable(ctx);
  if (config().lifetime_cap() > 0 && state.decided() >= config().lifetime_cap()) {
    lifetime_cap_.Add(ctx);
  } else if (state.decided() > 0 && now_ms < state.last_decided_ms() + ToMillis(config().cooldown())) {
    cooling_down_.Add(ctx);
  } else {
    state.set_decided(state.decided() + 1);
    state.set_last_decided_ms(now_ms);
    candidate_.Add(ctx);
    const Candidate candidate = MakeCandidate(events, ctx);
    // What is for service is not held.
    if (rule_.called_off_by_others() && config().purpose() != "service") Hold(candidate, events, ctx);
    ctx.Emit(candidate);
  }
  Forget(ctx);
}

void Trigger::Hold(const Candidate& candidate, const Chosen& events, Context& ctx) {
  held_.Clear(ctx);
  HeldCandidate& held = held_.Mutable(ctx);
  held.set_trigger_id(candidate.trigger().trigger_id());
  for (const Event* event : events) *held.add_events() = *event;
  candidate_timer_.Arm(ctx, absl::FromUnixMillis(candidate.trigger().expires_at_ms()));
}

Trigger::Chosen Trigger::Choose(Context& ctx) const {
  const auto& events = waiting_.Get(ctx).events();
  Chosen best;
  if (events.size() < config().min_count()) return best;
  if (config().same() == "any") {
    for (const Event& event : events) best.push_back(&event);
    return best;
  }
  // What each has in common with others, and its place.
  absl::InlinedVector<std::pair<std::string_view, int>, kMaxTriggerEvents> keyed;
  for (int i = 0; i < events.size(); ++i) {
    const std::string& key = config().same() == "sku" ? events[i].sku() : events[i].category();
    if (!key.empty()) keyed.emplace_back(key, i);
  }
  std::sort(keyed.begin(), keyed.end());
  const auto rank = [](const Chosen& group) { return std::pair(group.size(), Latest(group)); };
  for (auto first = keyed.begin(), end = first; first != keyed.end(); first = end) {
    end = std::find_if(first, keyed.end(), [&](const auto& other) { return other.first != first->first; });
    if (end - first < config().min_count()) continue;
    Chosen group;
    for (auto each = first; each != end; ++each) group.push_back(&events[each->second]);
    if (best.empty() || rank(group) > rank(best)) best = std::move(group);
  }
  return best;
}

Candidate Trigger::MakeCandidate(const Chosen& events, Context& ctx) const {
  const absl::Time now = DecisionTime(ctx);
  Candidate candidate;
  for (const std::string& name : config().channels()) candidate.add_channels(ChannelFromName(name));
  candidate.set_cancelled_by_purchase(rule_.called_off_by_any_purchase());
  candidate.set_cancelled_from_ms(CancelledFrom(Latest(events)));
  candidate.set_held_out(IsInHoldout(config().holdout_share(), CampaignSalt(CampaignOf(config())), ctx.customer()));

  v1::MarketingTrigger& trigger = *candidate.mutable_trigger();
  trigger.set_trigger_id(ctx.NextId());
  trigger.set_customer_id(std::string(ctx.customer()));
  trigger.set_type(config().name());
  trigger.set_campaign(CampaignOf(config()));
  trigger.set_expires_at_ms(absl::ToUnixMillis(now + ToDuration(config().expires_after())));
  if (const int64_t ends_ms = events.back()->ends_ms(); ends_ms != 0 && ends_ms < trigger.expires_at_ms()) {
    trigger.set_expires_at_ms(ends_ms);
  }
  trigger.set_priority(config().priority());
  trigger.set_purpose(config().purpose() == "service" ? v1::PURPOSE_SERVICE : v1::PURPOSE_MARKETING);
  trigger.set_decided_at_ms(absl::ToUnixMillis(now));
  trigger.set_rule_version(config().rule_version());
  trigger.mutable_published()->Assign(ctx.published().begin(), ctx.published().end());
  *trigger.mutable_tipping() = ctx.Tipping();
  trigger.set_alert_id(events.back()->alert_id());
  trigger.set_generated(ctx.cause().generated);
  *trigger.mutable_payload() = events.back()->payload();
  for (const Event* event : events) {
    if (event->generated()) trigger.set_generated(true);
    AddSku(event->sku(), &trigger);
    for (const std::string& sku : event->more_skus()) AddSku(sku, &trigger);
  }
  AddReasons(events, &trigger);
  return candidate;
}

void Trigger::AddReasons(const Chosen& events, v1::MarketingTrigger* trigger) const {
  for (const v1::Reason& reason : events.back()->reasons()) {
    if (trigger->reasons_size() < kMaxAlertReasons) *trigger->add_reasons() = reason;
  }
  if (trigger->reasons().empty()) {
    v1::Reason& reason = *trigger->add_reasons();
    reason.set_code(absl::StrReplaceAll(config().on(), {{"-", "_"}}));
    reason.set_value(static_cast<double>(events.size()));
    reason.set_baseline(config().min_count());
    reason.set_contribution(1);
    reason.set_text(ReasonText(config(), events, static_cast<size_t>(trigger->skus_size())));
  }
  for (const std::string& clause : events.back()->clauses()) {
    v1::Reason& reason = *trigger->add_reasons();
    reason.set_code("clause");
    reason.set_contribution(1);
    reason.set_text(clause);
  }
}

EBB_OPERATOR("trigger", Trigger);

}  // namespace ebb
