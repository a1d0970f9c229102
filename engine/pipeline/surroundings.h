#ifndef EBB_ENGINE_PIPELINE_SURROUNDINGS_H_
#define EBB_ENGINE_PIPELINE_SURROUNDINGS_H_

// What a pipeline file may ask of the world around it; replaced in tests.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ebb {

// Called on the thread that loads the pipeline, only while it loads.
struct Surroundings {
  // The value of ${NAME}; none when it is not set.
  std::function<std::optional<std::string>(std::string_view name)> variable;
  // The content of ${file:PATH}.
  std::function<absl::StatusOr<std::string>(std::string_view path)> file;
  // Whether the Kafka client takes a property. `client` is "consumer", "producer" or, for both, empty. Without this
  // function properties are not checked.
  std::function<absl::Status(std::string_view client, std::string_view key, std::string_view value)> kafka_property;

  // The process's environment and file system; Kafka properties unchecked.
  static Surroundings OfProcess();
  // None: whatever is asked for is missing.
  static Surroundings OfPublished();
};

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_SURROUNDINGS_H_
