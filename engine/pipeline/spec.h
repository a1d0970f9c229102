#ifndef EBB_ENGINE_PIPELINE_SPEC_H_
#define EBB_ENGINE_PIPELINE_SPEC_H_

// A pipeline file, read and checked; and the same with what was published since.

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "ebb/v1/control.pb.h"
#include "ebb/v1/pipeline.pb.h"
#include "engine/pipeline/config_tree.h"
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
  std::vector<std::string> published;  // Amendments that had a part in this, by name, in their order.
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
  std::string file_name;                 // Of the pipeline file, for messages.
  std::string text;                      // What the file says,
  std::shared_ptr<const ConfigNode> tree;  // and with what was published since.
};

// A change of some operators, as ebb/v1/control.proto describes it.
struct Amendment {
  std::string name;  // Stands for the file name in messages.
  std::string yaml;
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

// The pipeline with these amendments, the later before the earlier. Of an operator that the file has, what is given
// takes the place of its type and inputs, and in its config key by key of what stands there; others are new.
// InvalidArgument: as above, the places of an amendment under its name. What was published holds no ${…}: it must mean
// the same everywhere; `surroundings` is for what is about to be.
absl::StatusOr<std::shared_ptr<const PipelineSpec>> AmendPipeline(
    const PipelineSpec& pipeline, absl::Span<const Amendment> amendments,
    const Surroundings& surroundings = Surroundings::OfPublished());

// Reads the file of an amendment that is to be published: what it says of itself, and its text with every ${…} replaced
// and nothing else left out. InvalidArgument: as above.
absl::StatusOr<std::pair<v1::Amendment, std::string>> ResolveAmendment(std::string_view yaml,
                                                                       std::string_view file_name,
                                                                       const Surroundings& surroundings);

// The pipeline as YAML with all defaults filled in and secrets hidden.
std::string NormalisedPipeline(const PipelineSpec& spec);

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_SPEC_H_
