#include "operators/marketing/contact_policy.h"

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>

#include "absl/strings/str_join.h"
#include "engine/time/duration.h"
#include "operators/event_time.h"
#include "operators/marketing/channels.h"
#include "operators/marketing/contact_limits.h"
#include "operators/marketing/holdout.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::Candidate;
using operators::ContactState;

bool IsPromotional(const Candidate& candidate) { return candidate.trigger().purpose() != v1::PURPOSE_SERVICE; }

bool RanksBefore(const Candidate& a, const Candidate& b) {
  const auto rank = [](const Candidate& c) {
    const v1::MarketingTrigger& t = c.trigger();
    return std::tuple(-int64_t{t.priority()}, -t.decided_at_ms(), std::string_view(t.trigger_id()));
  };
  return rank(a) < rank(b);
}

std::string Channels(const Candidate& candidate) {
  return absl::StrJoin(candidate.channels(), ", ", [](std::string* out, int channel) {
    absl::StrAppend(out, ChannelName(static_cast<v1::Channel>(channel)));
  });
}

std::string CappedChannels(const Candidate& candidate) {
  std::vector<std::string> capped;
  for (const auto& passed : candidate.trigger().passed_over()) {
    if (passed.cause() != v1::MarketingTrigger::PassedOver::FREQUENCY_CAP) continue;
    capped.push_back(ChannelName(passed.channel()));
  }
  return absl::StrJoin(capped, ", ");
}

// The policy's share in it, behind the rule's.
void AddPublished(const std::vector<std::string>& published, v1::MarketingTrigger* trigger) {
  for (const std::string& name : published) {
    const auto& known = trigger->published();
    if (std::find(known.begin(), known.end(), name) == known.end()) trigger->add_published(name);
  }
}

std::string Sentence(v1::WithheldTrigger::Cause cause, const Candidate& candidate) {
  const std::string purpose = IsPromotional(candidate) ? "marketing" : "service";
  switch (cause) {
    case v1::WithheldTrigger::NO_CONSENT:
      return Text("no consent to ", purpose, " through any of: ", Channels(candidate));
    case v1::WithheldTrigger::CONSENT_WITHDRAWN:
      return Text("consent to ", purpose, " was withdrawn while it waited; channels: ", Channels(candidate));
    case v1::WithheldTrigger::FREQUENCY_CAP:
      return Text("as many contacts as allowed were made lately through each of: ", CappedChannels(candidate));
    case v1::WithheldTrigger::OUTRANKED:
      return "a message of higher rank was chosen";
    case v1::WithheldTrigger::HOLDOUT:
      return candidate.held_out() ? Text("the customer is in the comparison group of the campaign ",
                                         candidate.trigger().campaign(), ", which does not get it")
                                  : "the customer is in the comparison group, which gets nothing promotional";
    case v1::WithheldTrigger::EXPIRED:
      return "it expired before it could be sent";
    case v1::WithheldTrigger::CANCELLED: return "it was called off in the meantime, as by a purchase";
    case v1::WithheldTrigger::OPEN_COMPLAINT:
      return "a complaint of the customer is open";
    case v1::WithheldTrigger::PAUSED: return "its trigger was paused";
    case v1::WithheldTrigger::SHADOW: return "it was decided for trial only";
    case v1::WithheldTrigger::OVERALL_CAP:
      return "as many messages as the brakes allow were sent, all customers together";
    default:
      return "";
  }
}

bool IsSound(const ContactState& state) {
  return AreSound(state.closes_at_ms()) &&
         std::all_of(state.pending().begin(), state.pending().end(),
                     [](const Candidate& candidate) {
                       const v1::MarketingTrigger& trigger = candidate.trigger();
                       return AreSound(candidate.cancelled_from_ms(), trigger.decided_at_ms(), trigger.expires_at_ms());
                     }) &&
         std::all_of(state.contacts().begin(), state.contacts().end(),
                     [](const ContactState::Contact& contact) { return AreSound(contact.at_ms()); });
}
const StateCheck<ContactState, &IsSound> kCheck;

}  // namespace

absl::Status ContactPolicy::Configure() {
  if (config().has_quiet_hours()) {
    const auto& hours = config().quiet_hours();
    auto created = QuietHours::Create(hours.start(), hours.end(),
                                      {hours.zones_when_unknown().begin(), hours.zones_when_unknown().end()});
    if (!created.ok()) {
      return absl::InvalidArgumentError(Text("quiet_hours: ", created.status().message()));
    }
    quiet_hours_ = *std::move(created);
  }
  for (const auto& cap : config().caps()) longest_cap_ms_ = std::max(longest_cap_ms_, ToMillis(cap.window()));
  std::vector<Allowance::Limit> limits;
  const auto& brakes = config().brakes();
  if (brakes.max_per_minute() > 0) limits.push_back({brakes.max_per_minute(), absl::Minutes(1)});
  if (brakes.max_per_day() > 0) limits.push_back({brakes.max_per_day(), absl::Hours(24)});
  overall_.SetLimits(std::move(limits));
  return absl::OkStatus();
}

void ContactPolicy::On(const Candidate& candidate, Context& ctx) {
  if (candidate.called_off()) {
    const std::string& id = candidate.trigger().trigger_id();
    WithholdIf([&](const Candidate& held) { return held.trigger().trigger_id() == id; }, Withheld::CANCELLED, ctx);
    return Settle(ctx);
  }
  if (absl::ToUnixMillis(DecisionTime(ctx)) >= candidate.trigger().expires_at_ms()) {
    return Withhold(candidate, Withheld::EXPIRED, ctx);
  }
  if (IsPaused(candidate)) return Withhold(candidate, Withheld::PAUSED, ctx);
  if (!HasAnyConsent(candidate, ctx)) return Withhold(candidate, Withheld::NO_CONSENT, ctx);
  if (!IsPromotional(candidate)) {
    Candidate service = candidate;
    ChooseChannel(&service, ctx);
    return Send(service, ctx);
  }
  if (OpenComplaints(profile_.Get(ctx)) > 0) return Withhold(candidate, Withheld::OPEN_COMPLAINT, ctx);
  Wait(candidate, ctx);
  Settle(ctx);
}

void ContactPolicy::On(const v1::Purchase& purchase, Context& ctx) {
  if (purchase.kind() == v1::Purchase::REFUND || purchase.kind() == v1::Purchase::CANCELLATION) return;
  const auto is_pointless = [&](const Candidate& candidate) {
    return candidate.cancelled_by_purchase() && purchase.header().event_time_ms() >= candidate.cancelled_from_ms();
  };
  WithholdIf(is_pointless, Withheld::CANCELLED, ctx);
  Settle(ctx);
}

void ContactPolicy::On(const v1::Member&, Context& ctx) {
  const auto has_lost_consent = [&](const Candidate& candidate) { return !HasAnyConsent(candidate, ctx); };
  WithholdIf(has_lost_consent, Withheld::CONSENT_WITHDRAWN, ctx);
  Settle(ctx);
}

void ContactPolicy::Wait(const Candidate& candidate, Context& ctx) {
  ContactState& state = state_.Mutable(ctx);
  if (state.pending().empty()) {
    state.set_closes_at_ms(absl::ToUnixMillis(DecisionTime(ctx)) + ToMillis(config().winner_window()));
  }
  auto& pending = *state.mutable_pending();
  *pending.Add() = candidate;
  if (pending.size() <= kMaxPending) return;
  const auto last = std::max_element(pending.begin(), pending.end(), RanksBefore);
  const Candidate dropped = std::move(*last);
  pending.erase(last);
  Withhold(dropped, Withheld::OUTRANKED, ctx);
}

void ContactPolicy::Settle(Context& ctx) {
  if (state_.Get(ctx).pending().empty()) return release_.Cancel(ctx);
  const absl::Time now = DecisionTime(ctx);
  const absl::Time closes = absl::FromUnixMillis(state_.Get(ctx).closes_at_ms());
  const absl::Time allowed =
      quiet_hours_.NextAllowed(std::max(now, closes), profile_.Get(ctx).basics().time_zone());
  if (allowed <= now) {
    Close(ctx);
    return release_.Cancel(ctx);
  }

  const int64_t now_ms = absl::ToUnixMillis(now);
  const auto has_expired = [&](const Candidate& candidate) { return candidate.trigger().expires_at_ms() <= now_ms; };
  WithholdIf(has_expired, Withheld::EXPIRED, ctx);
  if (state_.Get(ctx).pending().empty()) return release_.Cancel(ctx);
  absl::Time due = allowed;
  for (const Candidate& candidate : state_.Get(ctx).pending()) {
    due = std::min(due, absl::FromUnixMillis(candidate.trigger().expires_at_ms()));
  }
  release_.Arm(ctx, due);
}

void ContactPolicy::Close(Context& ctx) {
  ContactState& state = state_.Mutable(ctx);
  std::vector<Candidate> candidates(state.pending().begin(), state.pending().end());
  std::sort(candidates.begin(), candidates.end(), RanksBefore);
  state.clear_pending();
  state.clear_closes_at_ms();

  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  const bool has_open_complaint = OpenComplaints(profile_.Get(ctx)) > 0;
  bool is_won = false;
  for (Candidate& candidate : candidates) {
    if (candidate.trigger().expires_at_ms() <= now_ms) {
      Withhold(candidate, Withheld::EXPIRED, ctx);
    } else if (IsPaused(candidate)) {
      Withhold(candidate, Withheld::PAUSED, ctx);
    } else if (!HasAnyConsent(candidate, ctx)) {
      Withhold(candidate, Withheld::CONSENT_WITHDRAWN, ctx);
    } else if (has_open_complaint) {
      Withhold(candidate, Withheld::OPEN_COMPLAINT, ctx);
    } else if (is_won) {
      Withhold(candidate, Withheld::OUTRANKED, ctx);
    } else if (!ChooseChannel(&candidate, ctx)) {
      Withhold(candidate, Withheld::FREQUENCY_CAP, ctx);
    } else {
      is_won = true;
      RememberContact(candidate.trigger().channel(), ctx);
      const bool held_out = candidate.held_out() || IsHeldOut(ctx.customer());
      held_out ? Withhold(candidate, Withheld::HOLDOUT, ctx) : Send(candidate, ctx);
    }
  }
  if (state_.Get(ctx).contacts().empty()) state_.Clear(ctx);
}

template <class Predicate>
void ContactPolicy::WithholdIf(Predicate is_over, Withheld::Cause cause, Context& ctx) {
  const auto& waiting = state_.Get(ctx).pending();
  if (std::none_of(waiting.begin(), waiting.end(), is_over)) return;
  auto& pending = *state_.Mutable(ctx).mutable_pending();
  const auto over = std::stable_partition(pending.begin(), pending.end(), std::not_fn(is_over));
  const std::vector<Candidate> withheld(over, pending.end());
  pending.erase(over, pending.end());
  for (const Candidate& candidate : withheld) Withhold(candidate, cause, ctx);
  if (state_.Get(ctx).pending().empty() && state_.Get(ctx).contacts().empty()) state_.Clear(ctx);
}

bool ContactPolicy::HasAnyConsent(const Candidate& candidate, Context& ctx) const {
  return std::any_of(candidate.channels().begin(), candidate.channels().end(), [&](int channel) {
    return HasConsent(profile_.Get(ctx), candidate.trigger().purpose(), static_cast<v1::Channel>(channel));
  });
}

bool ContactPolicy::ChooseChannel(Candidate* candidate, Context& ctx) const {
  v1::MarketingTrigger& trigger = *candidate->mutable_trigger();
  for (const int number : candidate->channels()) {
    const auto channel = static_cast<v1::Channel>(number);
    const bool has_consent = HasConsent(profile_.Get(ctx), trigger.purpose(), channel);
    if (has_consent && !(IsPromotional(*candidate) && IsCapped(channel, ctx))) {
      trigger.set_channel(channel);
      return true;
    }
    auto& passed = *trigger.add_passed_over();
    passed.set_channel(channel);
    passed.set_cause(has_consent ? v1::MarketingTrigger::PassedOver::FREQUENCY_CAP
                                 : v1::MarketingTrigger::PassedOver::NO_CONSENT);
  }
  return false;
}

bool ContactPolicy::IsCapped(v1::Channel channel, Context& ctx) const {
  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  const ContactState& state = state_.Get(ctx);
  return std::any_of(config().caps().begin(), config().caps().end(), [&](const auto& cap) {
    return IsFor(cap, channel) && CountContacts(cap, state, now_ms) >= cap.max();
  });
}

bool ContactPolicy::IsHeldOut(std::string_view customer) const {
  return IsInHoldout(config().holdout_share(), config().holdout_salt(), customer);
}

void ContactPolicy::RememberContact(v1::Channel channel, Context& ctx) {
  if (longest_cap_ms_ == 0) return;
  const int64_t now_ms = absl::ToUnixMillis(DecisionTime(ctx));
  auto& contacts = *state_.Mutable(ctx).mutable_contacts();
  const auto is_forgotten = [&](const auto& contact) { return contact.at_ms() <= now_ms - longest_cap_ms_; };
  contacts.erase(std::remove_if(contacts.begin(), contacts.end(), is_forgotten), contacts.end());
  auto& contact = *contacts.Add();
  contact.set_at_ms(now_ms);
  contact.set_channel(channel);
}

bool ContactPolicy::IsPaused(const Candidate& candidate) const {
  return Pauses(config().brakes(), candidate.trigger().type());
}

void ContactPolicy::Send(const Candidate& candidate, Context& ctx) {
  IsTrial(config().brakes(), ctx.customer()) ? Withhold(candidate, Withheld::SHADOW, ctx) : Release(candidate, ctx);
}

void ContactPolicy::Release(const Candidate& candidate, Context& ctx) {
  v1::MarketingTrigger trigger = candidate.trigger();
  trigger.set_trigger_id(ctx.NextId());
  trigger.set_released_at_ms(absl::ToUnixMillis(DecisionTime(ctx)));
  AddPublished(ctx.published(), &trigger);
  ctx.EmitWithin(overall_, trigger, MakeWithheld(candidate, Withheld::OVERALL_CAP, ctx));
}

void ContactPolicy::Withhold(const Candidate& candidate, Withheld::Cause cause, Context& ctx) {
  withheld_[cause].Add(ctx);
  ctx.Emit(MakeWithheld(candidate, cause, ctx));
}

v1::WithheldTrigger ContactPolicy::MakeWithheld(const Candidate& candidate, Withheld::Cause cause, Context& ctx) const {
  Withheld withheld;
  v1::MarketingTrigger& trigger = *withheld.mutable_trigger();
  trigger = candidate.trigger();
  trigger.set_trigger_id(ctx.NextId());
  AddPublished(ctx.published(), &trigger);
  if (trigger.channel() == v1::CHANNEL_UNSPECIFIED && !candidate.channels().empty()) {
    trigger.set_channel(static_cast<v1::Channel>(candidate.channels(0)));
  }
  if (cause == Withheld::HOLDOUT) {
    if (IsHeldOut(ctx.customer())) withheld.add_groups(Withheld::OF_ALL);
    if (candidate.held_out()) withheld.add_groups(Withheld::OF_CAMPAIGN);
  }
  withheld.set_cause(cause);
  withheld.set_withheld_at_ms(absl::ToUnixMillis(DecisionTime(ctx)));
  withheld.set_text(Sentence(cause, candidate));
  return withheld;
}

EBB_OPERATOR("contact-policy", ContactPolicy);

}  // namespace ebb
