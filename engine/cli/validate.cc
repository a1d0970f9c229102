#include <iostream>
#include <memory>
#include <string>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"

namespace ebb {
namespace {

struct ValidateOptions {
  std::string pipeline;
  bool print = false;
};

int Validate(const ValidateOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  if (options.print) {
    std::cout << NormalisedPipeline(**spec);
  } else {
    std::cout << options.pipeline << ": good: " << (*spec)->sources.size() << " sources, " << (*spec)->operators.size()
              << " operators, " << (*spec)->sinks.size() << " sinks\n";
  }
  return kExitOk;
}

}  // namespace

void AddValidateCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ValidateOptions>();
  CLI::App* validate = app.add_subcommand("validate", "Check a pipeline file without running it");
  validate->add_option("pipeline", options->pipeline, "The pipeline file (YAML)")->required()->type_name("FILE");
  validate->add_flag("--print", options->print, "Print it with all defaults filled in, secrets hidden");
  validate->footer(
      "  ebb validate deploy/pipelines/retail.yaml\n\n"
      "Every mistake is reported in one run, as file:line:column: what is wrong. Kafka is not asked.\n\n"
      "Exit codes: 0 good; 2 it has mistakes or cannot be read.");
  validate->callback([options, exit_code] { *exit_code = Validate(*options); });
}

}  // namespace ebb
