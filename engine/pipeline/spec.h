#ifndef EBB_ENGINE_PIPELINE_SPEC_H_
#define EBB_ENGINE_PIPELINE_SPEC_H_

// A pipeline file, read and checked.

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/pipeline.pb.h"
#include "engine/pipeline/operator.h"
#include "engine/pipeline/surroundings.h"
#include "google/protobuf/message.h"

namespace ebb {

struct SourceSpec {
  std::string name;
  v1::Source config;
  const google::protobuf::Message* prototype = nullptr;  // Has an EventHeader named `header` as field 1.
};

struct OperatorSpec {
  std::string id;
  std::string type;
  std::vector<std::string> inputs;  // Names of sources and ids of operators.
  std::vector<std::string> reads;   // For each handle of another operator's state, in order: that operator's id.
  std::shared_ptr<const google::protobuf::Message> config;
};

struct SinkSpec {
  std::string name;
  v1::Sink config;
  const google::protobuf::Message* prototype = nullptr;
};

// Immutable and shared by all tasks.
struct PipelineSpec {
  v1::Pipeline config;                   // Defaults filled in; operator configs left out.
  std::vector<SourceSpec> sources;       // In order of names: the order of merging on equal times.
  std::vector<OperatorSpec> operators;   // Each after all that it takes from or reads from.
  std::vector<SinkSpec> sinks;           // In order of names.
  uint64_t fingerprint = 0;              // Of everything that has a part in results.
  std::set<std::string> hidden;          // Paths such as "kafka.properties.sasl.password" that are never printed.
};

// Bounds that other parts of the engine rely on.
inline constexpr int kMaxSources = 63;  // A round's idle sources are bits of one number.
inline constexpr size_t kMaxNameLength = 100;

// Reads a pipeline from YAML text. `file_name` is for messages only. InvalidArgument: every mistake found, one a line,
// as "file:line:column: what is wrong; did you mean …". Operators are looked up in OperatorRegistry::Get(), and
// their configs tried on an instance. Messages must be linked into the binary.
//
// Operators are ordered by their distance from the sources, then as in the file. An operator whose state is read comes
// before its reader and before all that leads to the reader but not to itself: so, for the same record, its own work
// on it is done when the reader sees what follows from it.
absl::StatusOr<std::shared_ptr<const PipelineSpec>> LoadPipeline(std::string_view yaml, std::string_view file_name,
                                                                 const Surroundings& surroundings);

// The pipeline as YAML with all defaults filled in and secrets hidden.
std::string NormalisedPipeline(const PipelineSpec& spec);

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_SPEC_H_
