#include "engine/cli/command.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "engine/observe/log.h"
#include "state/text.h"

namespace ebb {
namespace {

std::atomic<bool> stop_requested = false;

extern "C" void OnStopSignal(int signal) {
  if (stop_requested.exchange(true)) std::_Exit(128 + signal);
}

}  // namespace

absl::StatusOr<std::string> ReadText(std::string_view what, const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(Text("cannot read the ", what, " ", path, ": ", std::strerror(errno)));
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return absl::NotFoundError(Text("cannot read the ", what, " ", path, ": it is a directory"));
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

absl::StatusOr<std::shared_ptr<const PipelineSpec>> ReadPipeline(const std::string& path) {
  auto text = ReadText("pipeline file", path);
  if (!text.ok()) return text.status();
  Surroundings surroundings = Surroundings::OfProcess();
  surroundings.kafka_property = [](std::string_view, std::string_view key, std::string_view value) {
    KafkaConnection connection;
    connection.properties[std::string(key)] = std::string(value);
    return CheckProperties(connection);
  };
  return LoadPipeline(*text, path, surroundings);
}

KafkaConnection ConnectionOf(const PipelineSpec& spec) {
  const v1::Kafka& kafka = spec.config.kafka();
  KafkaConnection connection;
  connection.bootstrap_servers = kafka.bootstrap();
  connection.client_id = Text("ebb-", spec.config.application());
  connection.properties = {kafka.properties().begin(), kafka.properties().end()};
  connection.consumer = {kafka.consumer().begin(), kafka.consumer().end()};
  connection.producer = {kafka.producer().begin(), kafka.producer().end()};
  connection.log = [](int level, std::string_view line) {
    const LogLevel as = level <= 3 ? LogLevel::kWarning : level <= 5 ? LogLevel::kInfo : LogLevel::kDebug;
    Log(as, line, {{"from", "librdkafka"}});
  };
  return connection;
}

const std::atomic<bool>& StopRequested() { return stop_requested; }

void CatchStopSignals() {
  std::signal(SIGINT, OnStopSignal);
  std::signal(SIGTERM, OnStopSignal);
  std::signal(SIGPIPE, SIG_IGN);
}

absl::StatusOr<absl::Time> ParseMoment(const std::string& text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error) || absl::ParseTime("%Y-%m-%d", text, &time, &error)) {
    return time;
  }
  return absl::InvalidArgumentError(Text("'", text, "' is not a moment; expected 2026-05-04 or 2026-05-04T10:11:12Z"));
}

int Fail(const absl::Status& status) {
  std::cerr << "ebb: " << status.message() << "\n";
  return absl::IsInvalidArgument(status) || absl::IsNotFound(status) ? kExitRefused : kExitFailed;
}

int RefusePipeline(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return Fail(status);
  std::cerr << status.message() << "\n";
  return kExitRefused;
}

}  // namespace ebb
