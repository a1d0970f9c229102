#ifndef EBB_ENGINE_PIPELINE_CHECKS_H_
#define EBB_ENGINE_PIPELINE_CHECKS_H_

// What the messages of a pipeline file cannot say about themselves: whether its parts fit together. Each check adds
// all that it finds and passes over what an earlier one has found wrong. Used by LoadPipeline only.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "engine/pipeline/config_tree.h"
#include "engine/pipeline/mistakes.h"
#include "engine/pipeline/spec.h"

namespace ebb {

// A pipeline on its way from decoded to checked.
struct Draft {
  std::vector<absl::string_view> texts;  // Of the files, as Mistakes numbers them.
  const ConfigNode& root;
  PipelineSpec& spec;  // spec.operators are in order of the file.
  Mistakes& mistakes;
  std::vector<std::unique_ptr<OperatorBase>> operators;  // Those of spec.operators; null where the type is unknown.

  // The value at `path`.
  Place At(absl::string_view path) const { return root.At(path).place; }
  // The last item `text` of the list at `path`.
  Place ItemAt(absl::string_view path, absl::string_view text) const;
};

// "operators[3]".
std::string OperatorPath(size_t index);

// Names, ids, topics, bounds and settings that depend on each other.
void CheckSettings(Draft& draft);
// Message types of sources and sinks; fills in their prototypes.
void CheckMessageTypes(Draft& draft);
// Properties of the Kafka client, against what the engine owns and, where it is asked, the client.
void CheckKafka(Draft& draft, const Surroundings& surroundings);
// Inputs of operators and sinks, against what is sent and taken.
void CheckInputs(Draft& draft);
// Who reads whose state, and whether an order exists. Fills in OperatorSpec::reads and returns that order as indexes
// into spec.operators; empty when there is none.
std::vector<size_t> CheckOrder(Draft& draft);

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_CHECKS_H_
