#include "operators/marketing/trigger.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "engine/time/duration.h"
#include "operators/event_time.h"
#include "operators/marketing/channels.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::Candidate;
using operators::TriggerState;

constexpr int64_t kOnePieceMilli = 1000;

Trigger::Event EventOf(const v1::EventHeader& header) {
  Trigger::Event event;
  event.set_at_ms(header.event_time_ms());
  event.set_generated(header.generated());
  return event;
}

int64_t Latest(const std::vector<Trigger::Event>& events) {
  int64_t latest = events.front().at_ms();
  for (const auto& event : events) latest = std::max(latest, event.at_ms());
  return latest;
}

std::string Spoken(absl::Duration duration) {
  const auto say = [](int64_t count, std::string_view unit) {
    return Text(count, " ", unit, count == 1 ? "" : "s");
  };
  const int64_t seconds = absl::ToInt64Seconds(duration);
  constexpr int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds >= 2 * kDay && seconds % kDay == 0) return say(seconds / kDay, "day");
  if (seconds >= 2 * kHour && seconds % kHour == 0) return say(seconds / kHour, "hour");
  if (seconds >= kMinute && seconds % kMinute == 0) return say(seconds / kMinute, "minute");
  return say(seconds, "second");
}

// Each ticket once, in order of arrival: the wait may have begun with any of them.
std::string Tickets(const std::vector<Trigger::Event>& events) {
  std::vector<std::string> ids;
  for (const auto& event : events) {
    if (std::find(ids.begin(), ids.end(), event.ticket_id()) == ids.end()) ids.push_back(event.ticket_id());
  }
  return Text(ids.size() == 1 ? "ticket " : "tickets ", absl::StrJoin(ids, ", "));
}

bool IsSound(const TriggerState& state) {
  return AreSound(state.decided(), state.last_decided_ms()) &&
         std::all_of(state.events().begin(), state.events().end(),
                     [](const Trigger::Event& event) { return AreSound(event.at_ms(), event.quantity_milli()); });
}
const StateCheck<TriggerState, &IsSound> kCheck;

std::string Articles(size_t count) { return count == 1 ? "an article" : Text(count, " articles"); }

}  // namespace

absl::Status Trigger::Configure() {
  if (config().min_count() > 1 && ToMillis(config().wait()) == 0) {
    return absl::InvalidArgumentError("min_count: above 1 it needs a wait above 0s, in which the events are counted");
  }
  if (config().same() != "any" && config().on() != "browse-viewed" && config().on() != "cart-added") {
    return absl::InvalidArgumentError(Text("same: expected any with on: ", config().on(),
                                                   ", whose events have no article, got ", config().same()));
  }
  return absl::OkStatus();
}

void Trigger::On(const v1::Browse& browse, Context& ctx) {
  Event event = EventOf(browse.header());
  event.set_sku(browse.sku());
  event.set_category(browse.category());
  event.set_quantity_milli(browse.quantity_milli() > 0 ? browse.quantity_milli() : kOnePieceMilli);
  switch (browse.action()) {
    case v1::Browse::VIEW:
      return Start("browse-viewed", std::move(event), ctx);
    case v1::Browse::ADD_TO_CART:
      return Start("cart-added", std::move(event), ctx);
    case v1::Browse::REMOVE_FROM_CART:
      return TakeOutOfBasket(browse, ctx);
    case v1::Browse::CHECKOUT_STARTED:
      if (CalledOffBy("checkout-started")) {
        const int64_t until_ms = event.at_ms();
        CallOff(ctx, [=](const Event& waiting) { return waiting.at_ms() <= until_ms; });
      }
      return Start("checkout-started", std::move(event), ctx);
    default:
      return;
  }
}

void Trigger::On(const v1::Purchase& purchase, Context& ctx) {
  const bool takes_back = purchase.kind() == v1::Purchase::REFUND || purchase.kind() == v1::Purchase::CANCELLATION;
  if (takes_back || !CalledOffBy("purchase")) return;
  CallOff(ctx, [&](const Event& waiting) { return waiting.at_ms() <= purchase.header().event_time_ms(); });
}

void Trigger::On(const v1::Support& support, Context& ctx) {
  if (support.kind() == v1::Support::OPENED || support.kind() == v1::Support::REOPENED) {
    Event event = EventOf(support.header());
    event.set_ticket_id(support.ticket_id());
    if (support.complaint()) Start("complaint-opened", event, ctx);
    Start("ticket-opened", std::move(event), ctx);
  } else if (support.kind() == v1::Support::RESOLVED && CalledOffBy("ticket-resolved")) {
    CallOff(ctx, [&](const Event& waiting) {
      return waiting.ticket_id() == support.ticket_id() && waiting.at_ms() <= support.header().event_time_ms();
    });
  }
}

void Trigger::On(const v1::ChurnAlert& alert, Context& ctx) {
  if (alert.kind() == v1::ChurnAlert::CLEARED) {
    if (!CalledOffBy("churn-cleared")) return;
    return CallOff(ctx, [&](const Event& waiting) { return waiting.at_ms() <= alert.decided_at_ms(); });
  }
  Event event;
  event.set_at_ms(alert.decided_at_ms());
  event.set_alert_id(alert.alert_id());
  *event.mutable_reasons() = alert.reasons();
  event.set_generated(alert.generated());
  Start(alert.kind() == v1::ChurnAlert::RAISED ? "churn-raised" : "churn-escalated", std::move(event), ctx);
}

bool Trigger::CalledOffBy(std::string_view what) const {
  return std::find(config().cancel_on().begin(), config().cancel_on().end(), what) != config().cancel_on().end();
}

void Trigger::Start(std::string_view what, Event event, Context& ctx) {
  if (config().on() != what) return;
  const PurchaseSummary purchases = SummarisePurchases(profile_.Get(ctx));
  if (CalledOffBy("purchase") && purchases.orders > 0 && event.at_ms() <= purchases.last_ms) {
    return called_off_.Add(ctx);
  }
  auto& events = *state_.Mutable(ctx).mutable_events();
  if (events.size() == kMaxTriggerEvents) events.DeleteSubrange(0, 1);
  *events.Add() = std::move(event);
  ToMillis(config().wait()) == 0 ? Decide(ctx) : ArmOrCancel(ctx);
}

template <class Predicate>
void Trigger::CallOff(Context& ctx, Predicate over) {
  const auto& waiting = state_.Get(ctx).events();
  if (std::none_of(waiting.begin(), waiting.end(), over)) return;
  auto& events = *state_.Mutable(ctx).mutable_events();
  events.erase(std::remove_if(events.begin(), events.end(), over), events.end());
  if (events.empty()) called_off_.Add(ctx);
  ArmOrCancel(ctx);
}

void Trigger::TakeOutOfBasket(const v1::Browse& browse, Context& ctx) {
  if (config().on() != "cart-added" || state_.Get(ctx).events().empty()) return;
  const bool all = browse.quantity_milli() <= 0;
  int64_t left = browse.quantity_milli();
  auto& events = *state_.Mutable(ctx).mutable_events();
  for (auto event = events.rbegin(); event != events.rend(); ++event) {
    if (event->sku() != browse.sku() || event->at_ms() > browse.header().event_time_ms()) continue;
    const int64_t taken = all ? event->quantity_milli() : std::min(left, event->quantity_milli());
    event->set_quantity_milli(event->quantity_milli() - taken);
    left -= taken;
  }
  CallOff(ctx, [](const Event& waiting) { return waiting.quantity_milli() == 0; });
}

void Trigger::ArmOrCancel(Context& ctx) {
  const auto& events = state_.Get(ctx).events();
  if (events.empty()) {
    if (state_.Get(ctx).decided() == 0) state_.Clear(ctx);
    return wait_.Cancel(ctx);
  }
  const auto [first, last] = std::minmax_element(
      events.begin(), events.end(), [](const Event& a, const Event& b) { return a.at_ms() < b.at_ms(); });
  const int64_t from_ms = config().restart() ? last->at_ms() : first->at_ms();
  wait_.Arm(ctx, absl::FromUnixMillis(from_ms) + ToDuration(config().wait()));
}

void Trigger::Decide(Context& ctx) {
  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  const std::vector<Event> events = Choose(state_.Get(ctx));
  TriggerState& state = state_.Mutable(ctx);
  state.clear_events();
  if (events.empty()) {
    too_few_.Add(ctx);
  } else if (config().lifetime_cap() > 0 && state.decided() >= config().lifetime_cap()) {
    lifetime_cap_.Add(ctx);
  } else if (state.decided() > 0 && now_ms < state.last_decided_ms() + ToMillis(config().cooldown())) {
    cooling_down_.Add(ctx);
  } else {
    state.set_decided(state.decided() + 1);
    state.set_last_decided_ms(now_ms);
    candidate_.Add(ctx);
    ctx.Emit(MakeCandidate(events, ctx));
  }
  ArmOrCancel(ctx);
}

std::vector<Trigger::Event> Trigger::Choose(const TriggerState& state) const {
  std::map<std::string, std::vector<Event>> groups;
  for (const Event& event : state.events()) {
    const std::string key = config().same() == "sku"        ? event.sku()
                            : config().same() == "category" ? event.category()
                                                            : "any";
    if (!key.empty()) groups[key].push_back(event);
  }
  const std::vector<Event>* best = nullptr;
  for (const auto& [key, events] : groups) {
    const auto rank = [](const std::vector<Event>& group) { return std::pair(group.size(), Latest(group)); };
    if (!best || rank(events) > rank(*best)) best = &events;
  }
  if (!best || best->size() < static_cast<size_t>(config().min_count())) return {};
  return *best;
}

Candidate Trigger::MakeCandidate(const std::vector<Event>& events, Context& ctx) const {
  const absl::Time now = DecisionTime(ctx);
  Candidate candidate;
  for (const std::string& name : config().channels()) candidate.add_channels(ChannelFromName(name));
  candidate.set_cancelled_by_purchase(CalledOffBy("purchase"));
  candidate.set_caused_at_ms(Latest(events));

  v1::MarketingTrigger& trigger = *candidate.mutable_trigger();
  trigger.set_trigger_id(ctx.NextId());
  trigger.set_customer_id(std::string(ctx.customer()));
  trigger.set_type(config().name());
  trigger.set_expires_at_ms(absl::ToUnixMillis(now + ToDuration(config().expires_after())));
  trigger.set_priority(config().priority());
  trigger.set_purpose(config().purpose() == "service" ? v1::PURPOSE_SERVICE : v1::PURPOSE_MARKETING);
  trigger.set_decided_at_ms(absl::ToUnixMillis(now));
  trigger.set_rule_version(config().rule_version());
  *trigger.mutable_tipping() = ctx.Tipping();
  trigger.set_alert_id(events.back().alert_id());
  trigger.set_generated(ctx.cause().generated);
  for (const Event& event : events) {
    if (event.generated()) trigger.set_generated(true);
    const bool known = std::find(trigger.skus().begin(), trigger.skus().end(), event.sku()) != trigger.skus().end();
    if (!event.sku().empty() && !known) trigger.add_skus(event.sku());
  }

  *trigger.mutable_reasons() = events.back().reasons();
  if (trigger.reasons().empty()) {
    v1::Reason& reason = *trigger.add_reasons();
    reason.set_code(absl::StrReplaceAll(config().on(), {{"-", "_"}}));
    reason.set_value(static_cast<double>(events.size()));
    reason.set_baseline(config().min_count());
    reason.set_contribution(1);
    reason.set_text(Sentence(events, static_cast<size_t>(trigger.skus_size())));
  }
  return candidate;
}

std::string Trigger::Sentence(const std::vector<Event>& events, size_t articles) const {
  const absl::Duration wait = ToDuration(config().wait());
  const std::string since =
      wait == absl::ZeroDuration() ? "" : Text("; nothing called it off for ", Spoken(wait));
  if (config().on() == "cart-added") return Text("put ", Articles(articles), " into the basket", since);
  if (config().on() == "checkout-started") return Text("began to check out", since);
  if (config().on() == "browse-viewed") {
    const std::string what = config().same() == "sku"        ? Text("article ", events.back().sku())
                             : config().same() == "category" ? Text("category ", events.back().category())
                                                             : Articles(articles);
    const std::string times = events.size() == 1 ? "once" : Text(events.size(), " times");
    return Text("looked at ", what, " ", times, since);
  }
  if (config().on() == "complaint-opened") {
    return Text("complained, ", Tickets(events), since);
  }
  return Text("opened ", Tickets(events), since);
}

EBB_OPERATOR("trigger", Trigger);

}  // namespace ebb
