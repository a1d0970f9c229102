#include "operators/explain/standing.h"

#include <algorithm>

#include "engine/time/duration.h"
#include "operators/churn/churn.pb.h"
#include "operators/explain/words.h"
#include "operators/features/features.h"
#include "operators/marketing/trigger.pb.h"
#include "operators/value/rfm.pb.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::ChurnState;

std::string AlertNow(const ChurnState& state) {
  const std::string raised =
      Text("raised ", TimesText(state.episode()), ", last at ", MomentText(state.raised_at_ms()));
  switch (state.status()) {
    case ChurnState::RAISED: return Text(raised, "; it is in force");
    case ChurnState::ESCALATED: return Text(raised, "; it is in force, escalated");
    default: return state.episode() == 0 ? "never raised" : Text(raised, "; none is in force");
  }
}

}  // namespace

std::string AlertsText(const OperatorSpec& churn, const Standing& standing) {
  std::string text = Text("\nalerts of ", churn.id, "\n");
  if (!standing.remembered) return text;
  const auto& config = static_cast<const operators::ChurnConfig&>(*churn.config);
  const auto state = standing.remembered->StateOf<ChurnState>(churn.id, "churn");
  const auto profile = standing.remembered->StateOf<operators::CustomerProfile>(churn.reads.front(), "profile");
  if (!state || !profile) return text + Line(kDamaged);
  const PurchaseSummary purchases = SummarisePurchases(*profile);
  text += Line(AlertNow(*state));
  if (purchases.repeat_days < config.min_repeat_days()) {
    text += Line(Text("not judged yet: bought on ", purchases.repeat_days, " days after the first; ",
                      config.min_repeat_days(), " are needed"));
  }
  if (config.lifetime_cap() > 0 && state->episode() >= config.lifetime_cap()) {
    text += Line(Text("not raised again: ", config.lifetime_cap(), " in a life are allowed, and were raised"));
  }
  const absl::Time rests_until = absl::FromUnixMillis(state->raised_at_ms()) + ToDuration(config.cooldown());
  if (state->episode() > 0 && rests_until > standing.now) {
    text += Line(Text("not raised again before ", TimeText(rests_until), " (cooldown)"));
  }
  const auto due = standing.remembered->DeadlineOf(churn.id, "crossing");
  return text + Line(due ? Text("if nothing is bought, the next step is due at ", TimeText(*due))
                         : "no further step is to be foreseen until something happens");
}

std::string StandingText(const Standing& standing) {
  std::string text;
  const auto add = [&](std::string_view type, auto section) {
    for (const OperatorSpec& op : standing.spec->operators) {
      if (op.type == type) text += section(op, standing);
    }
  };
  add("trigger", [](const OperatorSpec& op, const Standing& in) {
    const auto& config = static_cast<const operators::TriggerConfig&>(*op.config);
    return in.trigger.empty() || in.trigger == config.name() ? RuleText(op, in) : "";
  });
  if (text.empty() && !standing.trigger.empty()) {
    text = Text("\n", Printable(standing.trigger), "\n",
                Line("no rule of type trigger asks for it: look at its decisions"));
  }
  add("contact-policy", &PolicyText);
  if (standing.trigger.empty()) add("churn", &AlertsText);
  return text;
}

std::vector<std::string> TriggerNames(const PipelineSpec& spec) {
  std::vector<std::string> names;
  for (const OperatorSpec& op : spec.operators) {
    if (op.type == "trigger") names.push_back(static_cast<const operators::TriggerConfig&>(*op.config).name());
    if (op.type != "rfm") continue;
    for (const auto& trigger : static_cast<const operators::RfmConfig&>(*op.config).triggers()) {
      names.push_back(trigger.name());
    }
  }
  return names;
}

}  // namespace ebb
