#ifndef EBB_ENGINE_CLI_RETAIL_PIPELINE_H_
#define EBB_ENGINE_CLI_RETAIL_PIPELINE_H_

#include <string_view>

namespace ebb {

// The text of deploy/pipelines/retail.yaml as it was when this was built.
extern const std::string_view kRetailPipeline;

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_RETAIL_PIPELINE_H_
