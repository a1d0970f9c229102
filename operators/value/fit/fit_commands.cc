// `ebb fit rfm`: from training rows to cut-offs that a pipeline takes.

#include <iostream>
#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "operators/churn/fit/fit_output.h"
#include "operators/churn/fit/training_data.h"
#include "operators/value/fit/rfm_fit.h"

namespace ebb {
namespace {

struct FitOptions {
  std::string features;
  std::string output;
  std::string id;
  std::string version;
};

std::shared_ptr<FitOptions> AddOptions(CLI::App* command, const std::string& id) {
  auto options = std::make_shared<FitOptions>();
  options->id = id;
  command
      ->add_option("--features", options->features,
                   "What ebb replay --features-at has written: features.csv. The last cut-off counts")
      ->required()
      ->type_name("FILE");
  command->add_option("--output", options->output, "The directory for what is written")->required()->type_name("DIR");
  command->add_option("--id", options->id, "What it is called")->capture_default_str();
  command->add_option("--model-version", options->version,
                      "What results call this version of it (default: of the data it was fitted to)");
  command->footer(
      "The same rows give the same files.\n\nExit codes: 0 done; 1 failed; 2 the rows or the command line are wrong.");
  return options;
}

absl::StatusOr<TrainingRowList> RowsOf(const FitOptions& options) {
  auto rows = ReadTrainingFile(options.features);
  if (!rows.ok()) return rows;
  return TakeLastCutoff(&*rows);
}

absl::Status FitRfmTo(const FitOptions& options) {
  const auto rows = RowsOf(options);
  if (!rows.ok()) return rows.status();
  const auto fit = FitRfm(*rows, options.id, options.version);
  if (!fit.ok()) return fit.status();
  if (auto status = WriteFiles(options.output, {{"cutoffs.json", ToJson(fit->cutoffs)}}); !status.ok()) return status;
  std::cout << SummaryOf(*fit) << "\nin " << options.output << ": cutoffs.json\n";
  return absl::OkStatus();
}

using Fit = absl::Status (*)(const FitOptions& options);

void Call(CLI::App* command, const std::shared_ptr<FitOptions>& options, Fit fit, int* exit_code) {
  command->callback([options, fit, exit_code] {
    const absl::Status status = fit(*options);
    *exit_code = status.ok() ? kExitOk : Fail(status);
  });
}

void AddFitCommands(CLI::App& app, int* exit_code) {
  CLI::App* fit = CommandWithSubcommands(app, "fit", "Fit a model to what ebb replay has written");
  CLI::App* rfm = fit->add_subcommand("rfm", "Find where scores of recency, frequency and money begin");
  const auto rfm_options = AddOptions(rfm, "rfm");
  Call(rfm, rfm_options, &FitRfmTo, exit_code);
}

const CommandRegistration kRegistration(&AddFitCommands);

}  // namespace
}  // namespace ebb
