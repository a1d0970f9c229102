#ifndef EBB_ENGINE_CLI_IN_FORCE_H_
#define EBB_ENGINE_CLI_IN_FORCE_H_

// A pipeline as it works at the moment, with what was published while it ran.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/pipeline/spec.h"

namespace ebb {

struct PipelineInForce {
  std::shared_ptr<const PipelineSpec> spec;
  std::vector<std::string> published;  // "name@version" of what is in it beside the file.
  std::string unknown;                 // Why it is not known what is in force; the spec is then the file's own.
};

// Asks the running process at the pipeline's admin.listen what is in force in a partition. Blocks for some seconds at
// most.
PipelineInForce ReadInForce(std::shared_ptr<const PipelineSpec> file, int32_t partition);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_IN_FORCE_H_
