#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_split.h"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/kafka_process.h"
#include "engine/observe/log.h"

namespace ebb {
namespace {

struct RunOptions {
  std::string pipeline;
  std::string until;
  bool accept_loss = false;
  bool accept_divergence = false;
  std::string log_format = "text";
  std::string log_level = "info";
};

// Says why it ended: for programs in one entry; for people each line of the message in one of its own.
int LogFailure(const absl::Status& status, const RunOptions& options) {
  const std::string message(status.message());
  if (options.log_format == "json") {
    Log(LogLevel::kError, message);
  } else {
    for (const std::string& line : std::vector<std::string>(absl::StrSplit(message, '\n'))) Log(LogLevel::kError, line);
  }
  return kExitFailed;
}

int Run(const RunOptions& options) {
  const auto level = options.log_level == "debug"     ? LogLevel::kDebug
                     : options.log_level == "warning" ? LogLevel::kWarning
                     : options.log_level == "error"   ? LogLevel::kError
                                                      : LogLevel::kInfo;
  SetLog(options.log_format == "json" ? LogFormat::kJson : LogFormat::kText, level);
  KafkaProcessOptions process_options;
  process_options.accept_loss = options.accept_loss;
  process_options.accept_divergence = options.accept_divergence;
  if (!options.until.empty()) {
    auto until = ParseMoment(options.until);
    if (!until.ok()) return Fail(until.status());
    process_options.until = *until;
  }
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  CatchStopSignals();
  auto process = KafkaProcess::Start(*spec, process_options);
  if (absl::IsCancelled(process.status())) {
    Log(LogLevel::kInfo, std::string(process.status().message()));
    return kExitOk;
  }
  if (!process.ok()) return LogFailure(process.status(), options);
  const absl::Status status = (*process)->Run(StopRequested());
  return status.ok() ? kExitOk : LogFailure(status, options);
}

}  // namespace

void AddRunCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand("run", "Run a pipeline on Kafka until it is told to stop");
  run->add_option("pipeline", options->pipeline, "The pipeline file (YAML)")->required()->type_name("FILE");
  run->add_option("--until", options->until,
                  "Read all input, carry time to this moment (2026-05-04 or 2026-05-04T10:11:12Z), and end")
      ->type_name("TIME");
  run->add_flag("--accept-loss", options->accept_loss,
                "Go on with the state there is where input, changelog or offsets that it needs are gone; each loss is\n"
                "logged. Without it such a start is refused");
  run->add_flag("--accept-divergence", options->accept_divergence,
                "Go on where doing an epoch again gives other results than it had given; without it that is refused");
  run->add_option("--log", options->log_format, "How the log is written, to standard error")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  run->add_option("--log-level", options->log_level, "The least level that is written")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  run->footer(
      "  ebb run deploy/pipelines/retail.yaml\n"
      "  ebb run deploy/pipelines/retail.yaml --log json 2> run.log\n\n"
      "SIGTERM or SIGINT ends it cleanly: open work is committed, all state is written, and, unless the pipeline\n"
      "says on_stop: stay, its partitions are handed over at once. A second signal ends it on the spot; the next\n"
      "start redoes at most recovery_budget of work.\n\n"
      "While it runs it answers at admin.listen of the pipeline, which is http://127.0.0.1:9464 unless set: /metrics,\n"
      "/healthz, /readyz and /state/CUSTOMER.\n\n"
      "Exit codes: 0 ended as asked; 1 failed, the log says why at its end; 2 the pipeline or the command line is\n"
      "wrong.");
  run->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace ebb
