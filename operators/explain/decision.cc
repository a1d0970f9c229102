#include "operators/explain/decision.h"

#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/wording/wording.h"
#include "google/protobuf/repeated_field.h"
#include "operators/explain/words.h"
#include "operators/marketing/channels.h"
#include "state/text.h"

namespace ebb {
namespace {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

const std::string& OrNotSaid(const std::string& text) {
  static const auto* const not_said = new std::string("not said");
  return text.empty() ? *not_said : text;
}

std::string Row(std::string_view label, const std::string& value) {
  return absl::StrFormat("  %-10s %s\n", std::string(label), Printable(OrNotSaid(value)));
}

// Of an enum that a later version may have added to, what this one knows.
std::string NameOr(const std::string& name, std::string_view what, int number) {
  return name.empty() ? Text(what, " ", number) : name;
}

std::string ChannelText(v1::Channel channel) {
  if (channel == v1::CHANNEL_UNSPECIFIED) return "";
  return v1::Channel_IsValid(channel) ? ChannelName(channel) : Text("channel ", int{channel});
}

std::string Through(v1::Channel channel) { return Text("released through ", OrNotSaid(ChannelText(channel))); }

std::string KindOf(const v1::ChurnAlert& alert) {
  return absl::AsciiStrToLower(NameOr(v1::ChurnAlert::Kind_Name(alert.kind()), "kind", alert.kind()));
}

std::string CauseOf(const v1::WithheldTrigger& withheld) {
  return NameOr(v1::WithheldTrigger::Cause_Name(withheld.cause()), "cause", withheld.cause());
}

std::string PurposeOf(const v1::MarketingTrigger& trigger) {
  switch (trigger.purpose()) {
    case v1::PURPOSE_MARKETING: return "marketing";
    case v1::PURPOSE_SERVICE: return "service";
    default: return NameOr(v1::Purpose_Name(trigger.purpose()), "purpose", trigger.purpose());
  }
}

std::string MadeBy(std::string_view version, const Strings& published) {
  return Text(version, published.empty() ? ", as the pipeline file has it"
                                         : Text(", with what was published: ", absl::StrJoin(published, ", ")));
}

// What of a reason is more than its sentence.
std::string Figures(const v1::Reason& reason) {
  if (reason.code() == "clause" || (reason.value() == 0 && reason.baseline() == 0)) return "";
  // Where nothing is weighed, every reason contributes 1.
  if (reason.contribution() == 1)
    return absl::StrFormat("  [%.4g, compared with %.4g]", reason.value(), reason.baseline());
  return absl::StrFormat("  [%.4g, usual %.4g, weighs %+.2f]", reason.value(), reason.baseline(),
                         reason.contribution());
}

std::string Why(const google::protobuf::RepeatedPtrField<v1::Reason>& reasons) {
  if (reasons.empty()) return "\nwhy\n  no reason was given\n";
  std::string text = "\nwhy\n";
  for (const v1::Reason& reason : reasons) {
    const std::string& sentence = reason.text().empty() ? reason.code() : reason.text();
    const std::string words = sentence.empty() ? "a reason without words" : sentence;
    text += Text("  ", reason.code() == "clause" ? "it is true that " : "", Printable(words), Figures(reason), "\n");
  }
  return text;
}

std::string CauseOf(const v1::MarketingTrigger::PassedOver& passed) {
  switch (passed.cause()) {
    case v1::MarketingTrigger::PassedOver::NO_CONSENT: return "no consent";
    case v1::MarketingTrigger::PassedOver::FREQUENCY_CAP: return "a cap is reached";
    default: return Text("cause ", int{passed.cause()});
  }
}

std::string GroupsOf(const v1::WithheldTrigger& withheld) {
  return absl::StrJoin(withheld.groups(), ", ", [](std::string* out, int group) {
    *out += group == v1::WithheldTrigger::OF_ALL        ? "gets nothing promotional"
            : group == v1::WithheldTrigger::OF_CAMPAIGN ? "gets nothing of this campaign"
                                                        : Text("group ", group);
  });
}

// Whether it was decided through which channel it would have left.
bool HasChosenChannel(const v1::WithheldTrigger& withheld) {
  return withheld.cause() == v1::WithheldTrigger::HOLDOUT || withheld.cause() == v1::WithheldTrigger::SHADOW ||
         withheld.cause() == v1::WithheldTrigger::OVERALL_CAP;
}

std::string TriggerRows(const v1::MarketingTrigger& trigger) {
  std::string text;
  for (const auto& passed : trigger.passed_over()) {
    text += Row("not by", Text(OrNotSaid(ChannelText(passed.channel())), ": ", CauseOf(passed)));
  }
  text += Row("purpose", PurposeOf(trigger));
  if (!trigger.campaign().empty()) text += Row("campaign", trigger.campaign());
  text += Row("priority", Text(trigger.priority()));
  if (!trigger.skus().empty()) text += Row("articles", absl::StrJoin(trigger.skus(), ", "));
  const std::map<std::string, std::string> payload(trigger.payload().begin(), trigger.payload().end());
  for (const auto& [name, value] : payload) text += Row("payload", Text(name, " = ", value));
  text += Row("made by", MadeBy(Text("rule_version ", OrNotSaid(trigger.rule_version())), trigger.published()));
  if (trigger.generated()) text += Row("beware", "events that a generator made up have a part in it");
  return text;
}

std::string Heading(const std::string& what, const std::string& customer, std::string_view outcome) {
  return Text(Printable(Text(OrNotSaid(what), " for customer ", OrNotSaid(customer), ": ", outcome)), "\n\n");
}

std::string Page(const v1::MarketingTrigger& trigger) {
  return Text(Heading(trigger.type(), trigger.customer_id(), Through(trigger.channel())),
              Row("id", trigger.trigger_id()), Row("decided", MomentText(trigger.decided_at_ms())),
              Row("released", MomentText(trigger.released_at_ms())),
              Row("expires", MomentText(trigger.expires_at_ms())), TriggerRows(trigger), Why(trigger.reasons()));
}

std::string Page(const v1::WithheldTrigger& withheld) {
  const v1::MarketingTrigger& trigger = withheld.trigger();
  return Text(
      Heading(trigger.type(), trigger.customer_id(), "not sent"),
      Row("cause", withheld.text().empty() ? CauseOf(withheld) : Text(CauseOf(withheld), ": ", withheld.text())),
      Row("id", trigger.trigger_id()), Row("decided", MomentText(trigger.decided_at_ms())),
      Row("withheld", MomentText(withheld.withheld_at_ms())), Row("expires", MomentText(trigger.expires_at_ms())),
      Row(HasChosenChannel(withheld) ? "channel" : "preferred", ChannelText(trigger.channel())),
      withheld.groups().empty() ? "" : Row("customer", GroupsOf(withheld)), TriggerRows(trigger),
      Why(trigger.reasons()));
}

std::string Page(const v1::ChurnAlert& alert) {
  std::string text = Heading("churn alert", alert.customer_id(), KindOf(alert));
  text += Row("id", alert.alert_id());
  text += Row("decided", MomentText(alert.decided_at_ms()));
  text +=
      Row("risk", absl::StrFormat("%.2f that nothing is bought within %.4g days", alert.risk(), alert.horizon_days()));
  text += Row("episode", Text(alert.episode(), " of this customer"));
  text += Row("made by", MadeBy(Text("model ", alert.model(), " ", alert.model_version()), alert.published()));
  if (alert.generated()) text += Row("beware", "events that a generator made up have a part in it");
  return text + Why(alert.reasons());
}

struct Outcome {
  std::string type;
  std::string what;
};

Outcome OutcomeOf(const v1::MarketingTrigger& trigger) { return {trigger.type(), Through(trigger.channel())}; }
Outcome OutcomeOf(const v1::WithheldTrigger& withheld) {
  return {withheld.trigger().type(), Text("withheld: ", CauseOf(withheld))};
}
Outcome OutcomeOf(const v1::ChurnAlert& alert) {
  return {"churn alert", absl::StrFormat("%s, risk %.2f", KindOf(alert), alert.risk())};
}

int64_t Moment(const v1::MarketingTrigger& trigger) { return trigger.released_at_ms(); }
int64_t Moment(const v1::WithheldTrigger& withheld) { return withheld.withheld_at_ms(); }
int64_t Moment(const v1::ChurnAlert& alert) { return alert.decided_at_ms(); }

}  // namespace

const v1::MarketingTrigger* TriggerOf(const Decision& decision) {
  if (const auto* withheld = std::get_if<v1::WithheldTrigger>(&decision)) return &withheld->trigger();
  return std::get_if<v1::MarketingTrigger>(&decision);
}

const std::string& IdOf(const Decision& decision) {
  const auto* trigger = TriggerOf(decision);
  return trigger != nullptr ? trigger->trigger_id() : std::get<v1::ChurnAlert>(decision).alert_id();
}

const std::string& CustomerOf(const Decision& decision) {
  const auto* trigger = TriggerOf(decision);
  return trigger != nullptr ? trigger->customer_id() : std::get<v1::ChurnAlert>(decision).customer_id();
}

const v1::Position& TippingOf(const Decision& decision) {
  const auto* trigger = TriggerOf(decision);
  return trigger != nullptr ? trigger->tipping() : std::get<v1::ChurnAlert>(decision).tipping();
}

int64_t MomentOf(const Decision& decision) {
  return std::visit([](const auto& message) { return Moment(message); }, decision);
}

std::string DecisionPage(const Decision& decision) {
  return std::visit([](const auto& message) { return Page(message); }, decision);
}

std::string DecisionLine(const Decision& decision) {
  const Outcome outcome = std::visit([](const auto& message) { return OutcomeOf(message); }, decision);
  return Printable(absl::StrFormat("  %-20s  %-20s  %-28s  %s", MomentText(MomentOf(decision)), OrNotSaid(outcome.type),
                                   outcome.what, OrNotSaid(IdOf(decision)))) +
         "\n";
}

std::string TippingText(const v1::Position& tipping, std::string_view topic) {
  if (!tipping.source().empty()) {
    const std::string at = topic.empty() ? "" : Text("topic ", topic, ", ");
    return Printable(Text("event ", tipping.event_id(), " of source ", tipping.source(), ": ", at, "partition ",
                          tipping.partition(), ", offset ", tipping.offset()));
  }
  if (tipping.event_id().empty()) return "not said";
  // A publication is known by its name and version, timers by names without either.
  if (tipping.event_id().find('@') != std::string::npos) {
    return Printable(Text("no event: ", tipping.event_id(), " was published and came into force"));
  }
  return Printable(Text("time alone: the timer ", tipping.event_id(), " fired"));
}

}  // namespace ebb
