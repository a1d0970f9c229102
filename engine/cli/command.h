#ifndef EBB_ENGINE_CLI_COMMAND_H_
#define EBB_ENGINE_CLI_COMMAND_H_

// What the commands share.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/pipeline/spec.h"

namespace ebb {

inline constexpr char kVersion[] = "0.1.0";

// Exit codes of every command.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;   // It was tried, and the message says what went wrong.
inline constexpr int kExitRefused = 2;  // Nothing was tried: the command line or the pipeline is wrong.

// All of a file, named `what` where it cannot be read. NotFound.
absl::StatusOr<std::string> ReadText(std::string_view what, const std::string& path);

// Reads a pipeline file, librdkafka's properties included in the checks. InvalidArgument: every mistake, a line each;
// NotFound, PermissionDenied: the file.
absl::StatusOr<std::shared_ptr<const PipelineSpec>> ReadPipeline(const std::string& path);

// How the pipeline reaches Kafka; librdkafka's log goes to ours.
KafkaConnection ConnectionOf(const PipelineSpec& spec);

// Set by the first SIGINT or SIGTERM; the second ends the process at once.
const std::atomic<bool>& StopRequested();
void CatchStopSignals();

// A date or RFC 3339 time of the command line.
absl::StatusOr<absl::Time> ParseMoment(const std::string& text);

// Prints a status to standard error as "ebb: ..." and returns the exit code that goes with it.
int Fail(const absl::Status& status);
// The same for what ReadPipeline says. Mistakes stand alone on their lines, as editors read them.
int RefusePipeline(const absl::Status& status);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_COMMAND_H_
