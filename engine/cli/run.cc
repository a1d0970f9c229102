#include <iostream>
#include <memory>
#include <string>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/kafka_process.h"
#include "engine/observe/log.h"

namespace ebb {
namespace {

struct RunOptions {
  std::string pipeline;
  std::string until;
  std::string log_format = "text";
  std::string log_level = "info";
};

int Run(const RunOptions& options) {
  const auto level = options.log_level == "debug"     ? LogLevel::kDebug
                     : options.log_level == "warning" ? LogLevel::kWarning
                     : options.log_level == "error"   ? LogLevel::kError
                                                      : LogLevel::kInfo;
  SetLog(options.log_format == "json" ? LogFormat::kJson : LogFormat::kText, level);
  KafkaProcessOptions process_options;
  if (!options.until.empty()) {
    auto until = ParseMoment(options.until);
    if (!until.ok()) return Fail(until.status());
    process_options.until = *until;
  }
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return Fail(spec.status());
  CatchStopSignals();
  auto process = KafkaProcess::Start(*spec, process_options);
  if (absl::IsCancelled(process.status())) {
    Log(LogLevel::kInfo, std::string(process.status().message()));
    return kExitOk;
  }
  if (!process.ok()) {
    Log(LogLevel::kError, std::string(process.status().message()));
    return kExitFailed;
  }
  if (auto status = (*process)->Run(StopRequested()); !status.ok()) {
    Log(LogLevel::kError, std::string(status.message()));
    return kExitFailed;
  }
  return kExitOk;
}

}  // namespace

void AddRunCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* run = app.add_subcommand("run", "Run a pipeline on Kafka until it is told to stop");
  run->add_option("pipeline", options->pipeline, "The pipeline file (YAML)")->required();
  run->add_option("--until", options->until,
                  "Read all input, carry time to this moment (2026-05-04 or 2026-05-04T10:11:12Z), and end");
  run->add_option("--log", options->log_format, "How the log is written, to standard error")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  run->add_option("--log-level", options->log_level, "The least level that is written")
      ->check(CLI::IsMember({"debug", "info", "warning", "error"}))
      ->capture_default_str();
  run->footer(
      "SIGTERM or SIGINT ends it cleanly: open work is committed, all state is written, and, unless the pipeline says\n"
      "on_stop: stay, its partitions are handed over at once. A second signal ends it on the spot; the next start redoes\n"
      "at most recovery_budget of work.\n\n"
      "While it runs: curl http://ADMIN/metrics, /healthz, /readyz, /state/CUSTOMER (see admin.listen).\n\n"
      "Exit codes: 0 ended as asked; 1 failed, the last log line says why; 2 the pipeline or the command line is wrong.");
  run->callback([options, exit_code] { *exit_code = Run(*options); });
}

}  // namespace ebb
