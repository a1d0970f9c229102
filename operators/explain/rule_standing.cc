// How one rule stands to a customer.

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "engine/time/duration.h"
#include "operators/explain/standing.h"
#include "operators/explain/words.h"
#include "operators/features/features.h"
#include "operators/marketing/calendar.h"
#include "operators/marketing/channels.h"
#include "operators/marketing/contact_limits.h"
#include "operators/marketing/holdout.h"
#include "operators/marketing/rule.h"
#include "operators/marketing/trigger.h"

namespace ebb {
namespace {

using operators::CustomerProfile;
using operators::TriggerConfig;
using operators::TriggerState;
using operators::WaitingEvent;
using operators::WaitingEvents;

// Calls visit(event) if the message is a T.
template <class T, class Visit>
bool VisitAs(const google::protobuf::Message& message, Visit& visit) {
  const auto* event = dynamic_cast<const T*>(&message);
  if (event != nullptr) visit(*event);
  return event != nullptr;
}
// The same with whichever event that rules know it is. False: with none.
template <class Visit>
bool VisitEvent(const google::protobuf::Message& message, Visit visit) {
  return VisitAs<v1::Browse>(message, visit) || VisitAs<v1::Purchase>(message, visit) ||
         VisitAs<v1::Support>(message, visit) || VisitAs<v1::Member>(message, visit) ||
         VisitAs<v1::Engagement>(message, visit) || VisitAs<v1::ChurnAlert>(message, visit);
}

EventTypes TypesOf(const google::protobuf::Message& message) {
  EventTypes types = 0;
  VisitEvent(message, [&](const auto& event) { types = EventTypesOf(event); });
  return types;
}

// Sources and operators from which messages reach an operator, directly or not.
void AddInputs(const PipelineSpec& spec, const OperatorSpec& op, std::set<std::string>* inputs) {
  for (const std::string& input : op.inputs) {
    if (!inputs->insert(input).second) continue;
    for (const OperatorSpec& other : spec.operators) {
      if (other.id == input) AddInputs(spec, other, inputs);
    }
  }
}

std::string PlaceOf(const CustomerEvent& event) {
  return Text("event ", event.position.event_id(), " (", event.topic, ", partition ", event.position.partition(),
              ", offset ", event.position.offset(), ")");
}

std::string VerdictText(Rule::Verdict verdict) {
  switch (verdict) {
    case Rule::Verdict::kHolds: return "its condition holds";
    case Rule::Verdict::kDoesNotHold: return "its condition does not hold";
    default: return "its condition cannot be worked out, and so does not hold";
  }
}

std::string_view VerdictText(const expression::ClauseOutcome& clause) {
  using Verdict = expression::ClauseOutcome::Verdict;
  return clause.verdict == Verdict::kTrue ? "true  " : clause.verdict == Verdict::kFalse ? "false " : "failed";
}

// One rule and one customer. Lives for one section.
class Section {
 public:
  Section(const OperatorSpec& rule, const Standing& standing)
      : op_(rule), config_(static_cast<const TriggerConfig&>(*rule.config)), in_(standing) {
    // The pipeline was loaded, so that nothing is refused.
    Refusals ignored;
    rule_.Configure(config_, &ignored);
    if (config_.has_calendar()) calendar_.Configure(config_.calendar(), &ignored);
    if (!in_.remembered) return;
    auto profile = in_.remembered->StateOf<CustomerProfile>(op_.reads.front(), "profile");
    auto state = in_.remembered->StateOf<TriggerState>(op_.id, "trigger");
    auto waiting = in_.remembered->StateOf<WaitingEvents>(op_.id, "waiting");
    is_known_ = profile && state && waiting;
    if (!is_known_) return;
    profile_ = *std::move(profile);
    state_ = *std::move(state);
    waiting_ = *std::move(waiting);
  }

  std::string Render() {
    text_ = Text(
        "\n", Printable(config_.name()), ", on ", config_.on(),
        op_.published.empty() ? "" : Printable(Text(", with what was published: ", absl::StrJoin(op_.published, ", "))),
        "\n");
    if (in_.remembered && !is_known_) Say(kDamaged);
    if (is_known_) {
      AddWaiting();
      AddLimits();
      AddWayOut();
    }
    if (rule_.on() != kCalendarDay && rule_.on() != kFeaturesChanged) {
      AddEvents();
    } else if (is_known_) {
      rule_.on() == kCalendarDay ? AddCalendar() : AddFeatures();
    }
    return text_;
  }

 private:
  void Say(std::string_view text) { text_ += Line(text); }

  void AddWaiting();
  void AddLimits();
  // What the policy would say to whatever it asks.
  void AddWayOut();
  void AddCalendar();
  void AddFeatures();
  void AddEvents();
  void AddEvent(const std::vector<const CustomerEvent*>& events, size_t index);
  // What the rule says to an event that starts it, when its condition holds.
  Rule::Verdict AddVerdict(const google::protobuf::Message& event, absl::Time at, std::string_view what);
  bool CallsOff(const CustomerEvent& event, const WaitingEvent& waiting);
  // Whether an article that waits was taken out of the basket, at least in part.
  bool TakesOut(const CustomerEvent& event, const WaitingEvent& waiting) const;

  const OperatorSpec& op_;
  const TriggerConfig& config_;
  const Standing& in_;
  Rule rule_;
  Calendar calendar_;
  bool is_known_ = false;  // What is remembered, which is these three.
  CustomerProfile profile_;
  TriggerState state_;
  WaitingEvents waiting_;
  std::string text_;
};

void Section::AddWaiting() {
  const auto due = in_.remembered->DeadlineOf(op_.id, "wait");
  const int waiting = due ? waiting_.events_size() : 0;
  if (waiting == 0) return Say("nothing waits");
  int64_t first_ms = waiting_.events(0).at_ms();
  for (const WaitingEvent& event : waiting_.events()) first_ms = std::min(first_ms, event.at_ms());
  Say(Text(SpokenCount(waiting, "event"), waiting == 1 ? " waits since " : " wait, the first since ",
           MomentText(first_ms), "; decided at ", TimeText(*due),
           config_.min_count() > 1 ? Text("; ", config_.min_count(), " are needed",
                                          config_.same() == "any" ? "" : ", of the same " + config_.same())
                                   : ""));
}

void Section::AddLimits() {
  if (state_.decided() > 0) {
    Say(Text("asked ", TimesText(state_.decided()), ", last at ", MomentText(state_.last_decided_ms())));
  }
  const absl::Time rests_until = absl::FromUnixMillis(state_.last_decided_ms()) + ToDuration(config_.cooldown());
  if (state_.decided() > 0 && rests_until > in_.now) {
    Say(Text("asks no more before ", TimeText(rests_until), " (cooldown)"));
  }
  if (config_.lifetime_cap() > 0 && state_.decided() >= config_.lifetime_cap()) {
    Say(Text("asks never again: lifetime_cap is ", config_.lifetime_cap(), ", and is used up"));
  }
}

void Section::AddWayOut() {
  std::vector<std::string> consented;
  const auto purpose = config_.purpose() == "service" ? v1::PURPOSE_SERVICE : v1::PURPOSE_MARKETING;
  for (const std::string& channel : config_.channels()) {
    if (HasConsent(profile_, purpose, ChannelFromName(channel))) consented.push_back(channel);
  }
  if (consented.empty()) {
    Say(Text("cannot be sent: no consent to ", config_.purpose(),
             " through any of: ", absl::StrJoin(config_.channels(), ", ")));
  }
  if (IsInHoldout(config_.holdout_share(), CampaignSalt(CampaignOf(config_)), in_.customer)) {
    Say(Text("cannot be sent: the customer is in the comparison group of the campaign ", CampaignOf(config_)));
  }
  bool goes_out = false;
  for (const OperatorSpec& op : in_.spec->operators) {
    if (op.type != "contact-policy" || std::find(op.inputs.begin(), op.inputs.end(), op_.id) == op.inputs.end())
      continue;
    goes_out = true;
    const auto& policy = static_cast<const operators::ContactPolicyConfig&>(*op.config);
    if (Pauses(policy.brakes(), config_.name())) Say(Text("cannot be sent: the brakes of ", op.id, " pause it"));
  }
  if (!goes_out) Say("cannot be sent: no contact-policy has it among its inputs");
}

void Section::AddCalendar() {
  if (state_.has_last_day()) {
    const absl::CivilDay day = absl::CivilDay(1970, 1, 1) + state_.last_day();
    Say(Text("last started for the day ", absl::FormatCivilTime(day)));
  }
  const auto last_day = state_.has_last_day() ? std::optional(state_.last_day()) : std::nullopt;
  const auto day = calendar_.Next(in_.now, last_day, profile_.basics());
  if (!day) {
    const std::string& anniversary = config_.calendar().anniversary();
    return Say(anniversary == "birthday" ? "no day is to be foreseen: the birthday is not known"
               : anniversary == "joined" ? "no day is to be foreseen: the customer is no member"
                                         : "no day is left in its calendar");
  }
  if (state_.calendar() != calendar_.fingerprint()) {
    Say("its calendar is not known to the customer yet: the next event finds the day");
  }
  AddVerdict(day->event, day->at, Text("next day: ", day->event.name(), ", at ", TimeText(day->at)));
}

void Section::AddFeatures() {
  Say(state_.held() ? "its condition held when features changed last: it starts again only after it did not"
                    : "its condition did not hold when features changed last: it starts once it does");
  if (LatestEventMs(profile_) == 0) return;
  v1::CustomerFeatures features;
  for (const OperatorSpec& op : in_.spec->operators) {
    if (op.id != op_.reads.front()) continue;
    const auto& profile = static_cast<const operators::CustomerProfileConfig&>(*op.config);
    const FeatureOptions options{static_cast<double>(ToMillis(profile.half_life())), profile.top_categories()};
    const int64_t as_of_ms = std::max(absl::ToUnixMillis(in_.now), LatestEventMs(profile_));
    ComputeFeatures(profile_, in_.customer, as_of_ms, options, &features);
  }
  AddVerdict(features, in_.now, "as features are now");
}

Rule::Verdict Section::AddVerdict(const google::protobuf::Message& event, absl::Time at, std::string_view what) {
  rule_.Begin(event, profile_, in_.customer, at);
  if (config_.when().empty()) {
    Say(Text(what, ": it has no condition"));
    return Rule::Verdict::kHolds;
  }
  const Rule::Verdict verdict = rule_.Holds();
  Say(Text(what, ": ", VerdictText(verdict)));
  for (const expression::ClauseOutcome& clause : rule_.Clauses()) {
    text_ += SubLine(Text(VerdictText(clause), "  ", clause.ToText()));
  }
  return verdict;
}

void Section::AddEvents() {
  std::set<std::string> inputs;
  AddInputs(*in_.spec, op_, &inputs);
  std::vector<const CustomerEvent*> events;
  for (const CustomerEvent& event : in_.events) {
    const bool comes_here = event.position.source().empty() || inputs.count(event.position.source()) > 0;
    if (comes_here && (TypesOf(*event.message) & rule_.of_interest()) != 0) events.push_back(&event);
  }
  std::vector<size_t> starts;
  for (size_t i = 0; i < events.size(); ++i) {
    if ((TypesOf(*events[i]->message) & rule_.on()) != 0) starts.push_back(i);
  }
  if (starts.empty()) return Say(Text("no event ", config_.on(), " since ", TimeText(in_.events_since)));
  const size_t most = in_.trigger.empty() ? kMostEventsOfAll : kMostEventsOfOne;
  if (starts.size() > most) {
    Say(Text("the latest ", most, " of ", starts.size(), " events ", config_.on(), ":"));
    starts.erase(starts.begin(), starts.end() - static_cast<std::ptrdiff_t>(most));
  }
  for (const size_t start : starts) AddEvent(events, start);
}

void Section::AddEvent(const std::vector<const CustomerEvent*>& events, size_t index) {
  const CustomerEvent& event = *events[index];
  const absl::Time at = HappenedAt(event);
  const std::string what = Text(config_.on(), " at ", TimeText(at), ", ", PlaceOf(event));
  if (!event.refused.empty()) return Say(Text(what, ": left out, ", event.refused));
  if (!is_known_) return Say(what);
  if (AddVerdict(*event.message, at, what) != Rule::Verdict::kHolds) return;
  const auto wait = rule_.Wait();
  if (!wait) {
    text_ += SubLine("wait_for cannot be worked out, so that it does not start");
    return;
  }
  if (*wait > absl::ZeroDuration()) text_ += SubLine(Text("it waits for ", SpokenDuration(*wait)));
  WaitingEvent waiting;
  VisitEvent(*event.message, [&](const auto& start) { Remember(start, &waiting); });
  const auto tell = [&](std::string_view happened, const CustomerEvent& later) {
    text_ += SubLine(Text(happened, " at ", TimeText(HappenedAt(later)), " by ", PlaceOf(later)));
  };
  const auto taken_out =
      std::find_if(in_.events.begin(), in_.events.end(), [&](const auto& later) { return TakesOut(later, waiting); });
  if (taken_out != in_.events.end()) tell("taken out of the basket", *taken_out);
  const auto begin = events.begin() + static_cast<std::ptrdiff_t>(index) + 1;
  const auto over = std::find_if(begin, events.end(), [&](const auto* later) { return CallsOff(*later, waiting); });
  if (over != events.end()) tell("called off", **over);
}

bool Section::CallsOff(const CustomerEvent& event, const WaitingEvent& waiting) {
  const absl::Time at = HappenedAt(event);
  if (!event.refused.empty() || absl::ToUnixMillis(at) < waiting.at_ms()) return false;
  rule_.Begin(*event.message, profile_, in_.customer, at);
  int failed = 0;
  return rule_.CallsOff(TypesOf(*event.message), waiting, &failed);
}

bool Section::TakesOut(const CustomerEvent& event, const WaitingEvent& waiting) const {
  const auto* browse = dynamic_cast<const v1::Browse*>(event.message.get());
  return rule_.on() == kCartAdded && browse != nullptr && browse->action() == v1::Browse::REMOVE_FROM_CART &&
         browse->sku() == waiting.sku() && event.refused.empty() && TimeOf(*browse) >= waiting.at_ms();
}

}  // namespace

absl::Time HappenedAt(const CustomerEvent& event) {
  int64_t ms = 0;
  VisitEvent(*event.message, [&](const auto& message) { ms = TimeOf(message); });
  return absl::FromUnixMillis(ms);
}

std::string RuleText(const OperatorSpec& rule, const Standing& standing) { return Section(rule, standing).Render(); }

}  // namespace ebb
