// `ebb explain`: why a message was sent, and why one was not.

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/customer_state.h"
#include "engine/cli/in_force.h"
#include "engine/cli/topic_reader.h"
#include "engine/pipeline/config_value.h"
#include "operators/explain/decision.h"
#include "operators/explain/reading.h"
#include "operators/explain/standing.h"
#include "operators/explain/words.h"
#include "operators/features/features.h"

namespace ebb {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(30);
// Of what the runtime makes ids of: 128 bits in hexadecimal.
constexpr size_t kIdLength = 32;

struct ExplainOptions {
  std::string pipeline;
  std::string id;
  std::string customer;
  std::string since = "7d";
  std::string events_since = "1h";
  std::string trigger;
};

// A moment, or how long ago it was.
absl::StatusOr<absl::Time> ParseSince(std::string_view option, const std::string& text) {
  if (const auto ago = ParseDuration(text); ago.ok() && *ago >= absl::ZeroDuration()) return absl::Now() - *ago;
  if (const auto moment = ParseMoment(text); moment.ok()) return moment;
  return absl::InvalidArgumentError(Text(option, ": expected how long ago, such as 6h or 7d, or a moment, such as ",
                                         "2026-05-04 or 2026-05-04T10:11:12Z, got '", text, "'"));
}

// What both commands look things up with.
struct Desk {
  std::shared_ptr<const PipelineSpec> spec;
  std::optional<TopicReader> reader;
  std::optional<Reading> reading;
  absl::Time since;
};

absl::Status Open(const std::string& since, Desk* desk) {
  const auto& sinks = desk->spec->sinks;
  if (std::none_of(sinks.begin(), sinks.end(), &HasDecisions)) {
    return absl::InvalidArgumentError(
        Text(desk->spec->file_name, ": expected a sink of type ebb.v1.MarketingTrigger, ebb.v1.WithheldTrigger or ",
             "ebb.v1.ChurnAlert, got none; without one no decision is kept that could be explained"));
  }
  auto moment = ParseSince("--since", since);
  if (!moment.ok()) return moment.status();
  desk->since = *moment;
  auto reader = TopicReader::Open(ConnectionOf(*desk->spec), kPatience);
  if (!reader.ok()) return reader.status();
  desk->reader = *std::move(reader);
  desk->reading.emplace(*desk->spec, &*desk->reader, isatty(STDERR_FILENO) != 0 ? &std::cerr : nullptr);
  return absl::OkStatus();
}

// It was tried: whatever the status, the command line is not wrong.
int Failed(const absl::Status& status) {
  std::cerr << "ebb: " << status.message() << "\n";
  return kExitFailed;
}

// What was looked through.
std::string Extent(const Desk& desk, absl::Time since) {
  return Text(desk.reading->records(), " records of ",
              Listed({desk.reading->topics().begin(), desk.reading->topics().end()}, "and"), " since ",
              TimeText(since));
}
// That it was not everything; empty when it was.
std::string CutOff(const Desk& desk) {
  const auto at = desk.reading->cut_off_at();
  if (!at) return "";
  return Text("beware: the limit of ", kMostRecords, " records was reached with one of ", TimeText(*at),
              ", and nothing more was looked through; give a later --since");
}

std::string AlertBehind(const v1::MarketingTrigger& trigger, const std::optional<Decision>& alert, absl::Time since) {
  const std::string heading = "\nthe alert that led to it\n";
  if (alert) return Text(heading, DecisionLine(*alert));
  return Text(heading, Line(Text(trigger.alert_id(), ", which is not among the alerts since ", TimeText(since))));
}

int ExplainDecision(const ExplainOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  const bool is_id =
      options.id.size() == kIdLength && options.id.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_id) {
    return Fail(absl::InvalidArgumentError(
        Text("expected the id of a decision, ", kIdLength, " of the letters 0-9 and a-f as in the header ce_id, got '",
             Printable(options.id), "'; for a customer: ebb explain customer ", Printable(options.id))));
  }
  Desk desk{*std::move(spec)};
  if (auto status = Open(options.since, &desk); !status.ok()) return Fail(status);
  const auto found = desk.reading->FindDecision(options.id, desk.since);
  if (!found.ok()) return Failed(found.status());
  if (!*found) {
    const std::string cut_off = CutOff(desk);
    return Failed(absl::NotFoundError(
        Text("no decision ", options.id, " among ", Extent(desk, desk.since),
             cut_off.empty() ? "; look further back with --since, such as --since 30d" : "\n" + cut_off)));
  }
  const Decision& decision = **found;
  std::cout << DecisionPage(decision);
  const v1::Position& tipping = TippingOf(decision);
  std::cout << "\ntipped by\n" << Line(TippingText(tipping, desk.reading->TopicOf(tipping.source())));
  if (!tipping.source().empty()) {
    const auto event = desk.reading->EventAt(tipping);
    std::cout << Line(event.ok() ? *event : Text("which cannot be read: ", event.status().message()));
  }
  const v1::MarketingTrigger* trigger = TriggerOf(decision);
  if (trigger != nullptr && !trigger->alert_id().empty()) {
    const auto alert = desk.reading->FindAlert(trigger->alert_id(), trigger->customer_id(), desk.since);
    if (!alert.ok()) return Failed(alert.status());
    std::cout << AlertBehind(*trigger, *alert, desk.since);
  }
  return kExitOk;
}

bool IsWanted(const Decision& decision, const std::string& trigger) {
  return trigger.empty() || (TriggerOf(decision) != nullptr && TriggerOf(decision)->type() == trigger);
}

std::string DecisionsText(const std::vector<Decision>& decisions, const std::string& trigger, absl::Time since) {
  std::string text = Text("\ndecisions written since ", TimeText(since), "\n");
  bool none = true;
  for (const Decision& decision : decisions) {
    if (!IsWanted(decision, trigger)) continue;
    text += DecisionLine(decision);
    none = false;
  }
  return none ? text + Line("none") : text;
}

// How far time has come for the customer: to the clock or, where it stands still without events, to the last of them.
absl::Time NowOf(const PipelineSpec& spec, const Standing& standing, const std::vector<Decision>& decisions) {
  if (spec.config.time().idle() != "hold") return absl::Now();
  absl::Time now = absl::UnixEpoch();
  for (const OperatorSpec& op : spec.operators) {
    if (op.type != "customer-profile" || !standing.remembered) continue;
    const auto profile = standing.remembered->StateOf<operators::CustomerProfile>(op.id, "profile");
    if (profile) now = std::max(now, absl::FromUnixMillis(LatestEventMs(*profile)));
  }
  if (!decisions.empty()) now = std::max(now, absl::FromUnixMillis(MomentOf(decisions.back())));
  return standing.events.empty() ? now : std::max(now, HappenedAt(standing.events.back()));
}

// What is remembered of the customer, and a line that says where from.
std::string Recall(const PipelineSpec& spec, const std::string& customer, std::optional<Remembered>* remembered) {
  const auto state = ReadCustomerState(spec, customer);
  auto parsed = state.ok() ? Remembered::Parse(state->json) : absl::StatusOr<Remembered>(state.status());
  if (!parsed.ok()) {
    return Line(Text("what is remembered of the customer is not known: ", parsed.status().message()));
  }
  *remembered = *std::move(parsed);
  return Text(Line(Text("remembered by ", state->from, ", as of epoch ", (*remembered)->epoch())),
              Line("conditions are worked out with what is known of the customer now, not with what was known then"));
}

std::string InForceText(const PipelineInForce& in_force) {
  if (!in_force.unknown.empty()) {
    return Line(Text("rules are taken as the pipeline file has them; what was published since is not known: ",
                     in_force.unknown));
  }
  return Line(in_force.published.empty()
                  ? "rules are in force as the pipeline file has them"
                  : Text("rules are in force as the pipeline file has them, with what was published: ",
                         absl::StrJoin(in_force.published, ", ")));
}

int ExplainCustomer(const ExplainOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  const auto events_since = ParseSince("--events-since", options.events_since);
  if (!events_since.ok()) return Fail(events_since.status());
  Desk desk{*std::move(spec)};
  if (auto status = Open(options.since, &desk); !status.ok()) return Fail(status);
  const auto partition = desk.reading->TaskOf(options.customer);
  if (!partition.ok()) return Failed(partition.status());
  const PipelineInForce in_force = ReadInForce(desk.spec, *partition);
  const std::vector<std::string> names = TriggerNames(*in_force.spec);
  if (!options.trigger.empty() && std::find(names.begin(), names.end(), options.trigger) == names.end()) {
    return Fail(absl::InvalidArgumentError(
        Text("--trigger: the pipeline has no rule ", Quoted(options.trigger), KnownHint(options.trigger, names))));
  }
  const auto decisions = desk.reading->DecisionsOf(options.customer, desk.since);
  if (!decisions.ok()) return Failed(decisions.status());
  auto events = desk.reading->EventsOf(options.customer, *events_since);
  if (!events.ok()) return Failed(events.status());

  Standing standing{in_force.spec, options.customer, options.trigger};
  standing.events = *std::move(events);
  standing.events_since = *events_since;
  const std::string remembered = Recall(*desk.spec, options.customer, &standing.remembered);
  standing.now = NowOf(*desk.spec, standing, *decisions);
  if (decisions->empty() && standing.events.empty() && !standing.remembered) {
    std::string why = Text("nothing is found of customer ", Printable(options.customer), " among ",
                           Extent(desk, std::min(desk.since, *events_since)), "\n", remembered, CutOff(desk));
    absl::StripTrailingAsciiWhitespace(&why);
    return Failed(absl::NotFoundError(why));
  }
  std::cout << Printable(Text("customer ", options.customer)) << ", partition " << *partition << "\n"
            << DecisionsText(*decisions, options.trigger, desk.since) << "\nhow the rules stand to the customer at "
            << TimeText(standing.now) << "\n"
            << InForceText(in_force) << remembered << StandingText(standing);
  if (const std::string cut_off = CutOff(desk); !cut_off.empty()) std::cout << "\n" << cut_off << "\n";
  return kExitOk;
}

void AddExplainCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ExplainOptions>();
  CLI::App* explain = CommandWithSubcommands(app, "explain", "Say why a message was sent, or why none was");
  const auto add = [&](const char* name, const char* what) {
    CLI::App* command = explain->add_subcommand(name, what);
    command->add_option("--pipeline", options->pipeline, "The pipeline file (YAML)")->required()->type_name("FILE");
    command
        ->add_option("--since", options->since,
                     "Look for decisions that were written since then: how long ago, as 6h or 7d, or a\n"
                     "moment, as 2026-05-04")
        ->type_name("WHEN")
        ->capture_default_str();
    return command;
  };
  CLI::App* decision = add("decision", "Explain a trigger, a withheld trigger or an alert");
  decision->add_option("id", options->id, "Its id: trigger_id, alert_id, the header ce_id")
      ->required()
      ->type_name("ID");
  decision->footer(
      "  ebb explain decision 0c9a1f0f6b7e4d21a3a5b9e86d0c4f11 --pipeline retail.yaml\n\n"
      "Says what it is and for whom, whether it may be sent, by which rule and which reasons, and shows the event "
      "that\n"
      "tipped it, as the topic of its source has it.\n\n"
      "Exit codes: 0 explained; 1 it is not found, or Kafka; 2 the command line or the pipeline is wrong.");
  decision->callback([options, exit_code] { *exit_code = ExplainDecision(*options); });

  CLI::App* customer = add("customer", "Explain what a customer got, and why nothing else");
  customer->add_option("customer", options->customer, "The customer id")->required()->type_name("ID");
  customer
      ->add_option("--events-since", options->events_since,
                   "Hold the rules against the customer's events since then, as --since")
      ->type_name("WHEN")
      ->capture_default_str();
  customer->add_option("--trigger", options->trigger, "Only this rule, by its name")->type_name("NAME");
  customer->footer(
      "  ebb explain customer anna --pipeline retail.yaml --trigger abandoned-cart --events-since 6h\n\n"
      "Lists the decisions, and tells of each rule what waits, what holds it back, and which of its clauses were "
      "false\n"
      "for the customer's events. What is remembered it asks of the running process at admin.listen or reads from the\n"
      "files of a stopped one, as ebb state get does; rules are those in force (ebb control list).\n\n"
      "Exit codes: 0 explained; 1 nothing is found, or Kafka; 2 the command line or the pipeline is wrong.");
  customer->callback([options, exit_code] { *exit_code = ExplainCustomer(*options); });
}

const CommandRegistration kRegistration(&AddExplainCommand);

}  // namespace
}  // namespace ebb
