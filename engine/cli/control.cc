#include <iostream>
#include <memory>
#include <string>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/control_topic.h"
#include "engine/cli/line_diff.h"
#include "engine/observe/admin_client.h"
#include "engine/pipeline/config_tree.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(100);

struct ControlOptions {
  std::string pipeline;
  std::string file;
  std::string name;
  int64_t from = -1;
  int64_t to = -1;
  bool dry_run = false;
  double wait_s = 0;
};

std::string Moment(int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

// What is published of other names, and then this, must make a pipeline.
absl::Status CheckAgainst(const PipelineSpec& spec, const ControlTopic& topic, const std::string& name,
                          const std::string& shown_as, const std::string& amendment, const Surroundings& surroundings) {
  std::vector<Amendment> amendments;
  for (const v1::Publication* other : topic.Latest()) {
    if (other->name() != name) amendments.push_back({PublicationKey(*other), other->amendment()});
  }
  if (auto status = AmendPipeline(spec, amendments).status(); !status.ok()) {
    return absl::FailedPreconditionError(
        Text("what was published before does not fit the pipeline file:\n", status.message()));
  }
  amendments.push_back({shown_as, amendment});
  return AmendPipeline(spec, amendments, surroundings).status();
}

// Waits until every task of the process at the admin address says that it has taken the version in.
absl::Status AwaitTaken(const PipelineSpec& spec, const v1::Publication& publication, absl::Duration patience) {
  const std::string& address = spec.config.admin().listen();
  const absl::Time until = absl::Now() + patience;
  std::string said;
  do {
    auto answer = AskAdmin(address, "/control/", PublicationKey(publication));
    if (answer.ok()) return absl::OkStatus();
    said = std::string(answer.status().message());
    if (absl::IsFailedPrecondition(answer.status())) return answer.status();
    absl::SleepFor(kPause);
  } while (absl::Now() < until);
  return absl::DeadlineExceededError(Text(PublicationKey(publication), " is published, but after ",
                                          absl::FormatDuration(patience), " not in force everywhere: ", said));
}

int Announce(const PipelineSpec& spec, const v1::Publication& publication, const ControlOptions& options) {
  std::cout << "published " << PublicationKey(publication) << ", to hold from "
            << (publication.valid_from_ms() == 0 ? "now on" : Moment(publication.valid_from_ms())) << std::endl;
  if (options.wait_s <= 0) return kExitOk;
  if (auto status = AwaitTaken(spec, publication, absl::Seconds(options.wait_s)); !status.ok()) return Fail(status);
  std::cout << PublicationKey(publication) << " is in force\n";
  return kExitOk;
}

int Publish(const ControlOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  auto text = ReadText("amendment", options.file);
  if (!text.ok()) return Fail(text.status());
  const Surroundings surroundings = Surroundings::OfProcess();
  auto amendment = ResolveAmendment(*text, options.file, surroundings);
  if (!amendment.ok()) return RefusePipeline(amendment.status());
  if (amendment->second.size() > kMaxConfigBytes) {
    return Fail(absl::InvalidArgumentError(Text(options.file, ": has ", amendment->second.size(),
                                                " bytes once ${...} is replaced; at most ", kMaxConfigBytes,
                                                " can be published")));
  }
  auto topic = ControlTopic::Read(**spec);
  if (!topic.ok()) return Fail(topic.status());
  const std::string& name = amendment->first.name();
  if (auto status = CheckAgainst(**spec, *topic, name, options.file, *text, surroundings); !status.ok()) {
    return RefusePipeline(status);
  }
  if (options.dry_run) {
    std::cout << options.file << ": good\n";
    return kExitOk;
  }
  auto publication = topic->Publish(name, amendment->first.valid_from(), amendment->second);
  if (!publication.ok()) return Fail(publication.status());
  return Announce(**spec, *publication, options);
}

// The text of a version; that of version 0 says nothing.
absl::StatusOr<std::string> TextOf(const ControlTopic& topic, const std::string& name, int64_t version) {
  if (version == 0) return Text("name: ", name, "\n");
  for (const v1::Publication* publication : topic.VersionsOf(name)) {
    if (publication->version() == version) return publication->amendment();
  }
  return absl::NotFoundError(Text("there is no ", name, "@", version, " on the control topic"));
}

// What the command line names of a name that must have been published.
struct Named {
  std::shared_ptr<const PipelineSpec> spec;
  std::optional<ControlTopic> topic;
  std::vector<const v1::Publication*> versions;
};

absl::StatusOr<Named> Find(const ControlOptions& options) {
  Named named;
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return spec.status();
  named.spec = *std::move(spec);
  auto topic = ControlTopic::Read(*named.spec);
  if (!topic.ok()) return topic.status();
  named.topic = *std::move(topic);
  named.versions = named.topic->VersionsOf(options.name);
  if (named.versions.empty()) {
    return absl::NotFoundError(Text("nothing named ", options.name, " was ever published; see ebb control list"));
  }
  return named;
}

int Rollback(const ControlOptions& options) {
  auto named = Find(options);
  if (!named.ok()) return RefusePipeline(named.status());
  const int64_t last = named->versions.back()->version();
  const int64_t to = options.to >= 0 ? options.to : last - 1;
  auto text = TextOf(*named->topic, options.name, to);
  if (!text.ok()) return Fail(text.status());
  auto status = CheckAgainst(*named->spec, *named->topic, options.name, Text(options.name, "@", to), *text,
                             Surroundings::OfPublished());
  if (!status.ok()) return RefusePipeline(status);
  auto publication = named->topic->Publish(options.name, 0, *text);
  if (!publication.ok()) return Fail(publication.status());
  std::cout << PublicationKey(*publication) << " says what "
            << (to == 0 ? "the pipeline file" : Text(options.name, "@", to)) << " says\n";
  return Announce(*named->spec, *publication, options);
}

int Diff(const ControlOptions& options) {
  auto named = Find(options);
  if (!named.ok()) return RefusePipeline(named.status());
  const int64_t to = options.to >= 0 ? options.to : named->versions.back()->version();
  const int64_t from = options.from >= 0 ? options.from : to - 1;
  auto before = TextOf(*named->topic, options.name, std::max<int64_t>(from, 0));
  auto after = TextOf(*named->topic, options.name, to);
  if (!before.ok()) return Fail(before.status());
  if (!after.ok()) return Fail(after.status());
  std::cout << "--- " << options.name << "@" << from << "\n+++ " << options.name << "@" << to << "\n"
            << DiffLines(*before, *after);
  return kExitOk;
}

int List(const ControlOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  auto topic = ControlTopic::Read(**spec);
  if (!topic.ok()) return Fail(topic.status());
  if (topic->Latest().empty()) {
    std::cout << "nothing was ever published on " << (*spec)->config.control().topic() << "\n";
    return kExitOk;
  }
  std::cout << absl::StrFormat("%-32s %-21s %-21s %s\n", "version", "to hold from", "published at", "by");
  for (const v1::Publication* latest : topic->Latest()) {
    if (!options.name.empty() && latest->name() != options.name) continue;
    for (const v1::Publication* version : topic->VersionsOf(latest->name())) {
      std::cout << absl::StrFormat("%-32s %-21s %-21s %s\n", PublicationKey(*version),
                                   version->valid_from_ms() == 0 ? "now on" : Moment(version->valid_from_ms()),
                                   Moment(version->published_at_ms()), version->author());
    }
  }
  auto running = AskAdmin((*spec)->config.admin().listen(), "/control", "");
  if (running.ok()) {
    std::cout << "\nin force in the process at " << (*spec)->config.admin().listen() << ":\n" << *running;
  } else {
    std::cout << "\nwhat is in force where is not known: " << running.status().message() << "\n";
  }
  return kExitOk;
}

int History(const ControlOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  auto history = AskAdmin((*spec)->config.admin().listen(), "/history", "");
  if (!history.ok()) return Fail(history.status());
  std::cout << *history;
  return kExitOk;
}

}  // namespace

void AddControlCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ControlOptions>();
  CLI::App* control = app.add_subcommand("control", "Change rules, thresholds and models while the pipeline runs");
  control->require_subcommand(1);
  const auto add = [&](const char* name, const char* what) {
    CLI::App* command = control->add_subcommand(name, what);
    command->add_option("--pipeline", options->pipeline, "The pipeline file (YAML)")->required()->type_name("FILE");
    return command;
  };
  const auto add_wait = [&](CLI::App* command) {
    command->add_option("--wait", options->wait_s, "Wait so many seconds for it to be in force in the running process")
        ->check(CLI::NonNegativeNumber);
  };

  CLI::App* publish = add("publish", "Check an amendment against the pipeline and publish it");
  publish->add_option("file", options->file, "The amendment (YAML)")->required()->type_name("FILE");
  publish->add_flag("--dry-run", options->dry_run, "Check it, and publish nothing");
  add_wait(publish);
  publish->footer(
      "  ebb control publish threshold.yaml --pipeline retail.yaml --wait 60\n\n"
      "An amendment names operators and the keys of their configs that change:\n\n"
      "  name: threshold\n"
      "  valid_from: 2026-12-01T00:00:00Z    # left out: now\n"
      "  operators:\n"
      "    - id: churn\n"
      "      config: {raise_risk: 0.8}\n\n"
      "It is checked together with the pipeline file and all else that is published. Every task takes it in between\n"
      "two records, without a stop; docs/control.md has the rules.\n\n"
      "Exit codes: 0 published; 1 Kafka, or it is not in force in time; 2 it has mistakes.");
  publish->callback([options, exit_code] { *exit_code = Publish(*options); });

  CLI::App* rollback = add("rollback", "Publish an earlier version anew");
  rollback->add_option("name", options->name, "What was published")->required()->type_name("NAME");
  rollback->add_option("--to", options->to,
                       "The version to go back to: 0 for what the pipeline file says; the one "
                       "before the last unless given");
  add_wait(rollback);
  rollback->footer("Exit codes: 0 published; 1 Kafka, or there is no such version; 2 it no longer fits the pipeline.");
  rollback->callback([options, exit_code] { *exit_code = Rollback(*options); });

  CLI::App* diff = add("diff", "Show what differs between two versions");
  diff->add_option("name", options->name, "What was published")->required()->type_name("NAME");
  diff->add_option("--from", options->from, "A version: the one before, unless given");
  diff->add_option("--to", options->to, "A version: the last, unless given");
  diff->footer("Exit codes: 0 shown; 1 Kafka, or there is no such version; 2 the pipeline is wrong.");
  diff->callback([options, exit_code] { *exit_code = Diff(*options); });

  CLI::App* list = add("list", "List what was published, and what is in force in the running process");
  list->add_option("name", options->name, "Only this")->type_name("NAME");
  list->footer("Exit codes: 0 listed; 1 Kafka; 2 the pipeline is wrong.");
  list->callback([options, exit_code] { *exit_code = List(*options); });

  CLI::App* history = add("history", "Tell from which moments on the running process has worked by what");
  history->footer(
      "  ebb control history --pipeline retail.yaml > history.jsonl\n"
      "  ebb replay retail.yaml --control history.jsonl ...\n\n"
      "A line of JSON for each version that a task has taken in, the last thousand of each: its partition, what was\n"
      "published, and the moment of event time from which it holds there. With several processes, each tells of its\n"
      "own partitions.\n\n"
      "Exit codes: 0 told; 1 no process answers at admin.listen; 2 the pipeline is wrong.");
  history->callback([options, exit_code] { *exit_code = History(*options); });
}

}  // namespace ebb
