// `ebb fit churn`: from training rows to a model that can be published, and what it is worth.

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "operators/churn/fit/fit.h"
#include "operators/churn/fit/fit_output.h"
#include "operators/churn/fit/report.h"
#include "operators/churn/fit/training_data.h"
#include "state/text.h"

namespace ebb {
namespace {

struct FitOptions {
  std::string features;
  std::string judge;
  std::string watch;
  std::string truth;
  std::string output;
  ChurnFitOptions fit;
};

absl::StatusOr<std::vector<Timeliness>> TimelinessOf(const FitOptions& options, const ChurnFit& fit) {
  auto rows = ReadTrainingFile(options.watch);
  if (!rows.ok()) return rows.status();
  if (!rows->empty() && rows->front().cutoff_ms() < fit.judged_cutoff_ms) {
    return absl::InvalidArgumentError(
        Text("--watch ", options.watch, ": expected moments from the cut-off that is judged on, not ones learnt from"));
  }
  std::ifstream file(options.truth, std::ios::binary);
  if (!file) return absl::NotFoundError(Text("cannot read ", options.truth, ": ", std::strerror(errno)));
  const auto fates = ReadFates(file, options.truth);
  if (!fates.ok()) return fates.status();
  auto model = RiskModel::Make(fit.model);
  if (!model.ok()) return model.status();
  return MeasureTimeliness(**model, *rows, *fates);
}

absl::Status FitTo(FitOptions options) {
  auto training = ReadTrainingFile(options.features);
  if (!training.ok()) return training.status();
  TrainingRowList judged;
  if (options.judge.empty()) {
    judged = TakeLastCutoff(&*training);
  } else {
    auto read = ReadTrainingFile(options.judge);
    if (!read.ok()) return read.status();
    judged = *std::move(read);
  }
  if (options.fit.version.empty()) options.fit.version = DefaultVersion(FingerprintOf(*training));
  auto fit = FitChurn(*training, judged, options.fit);
  if (!fit.ok()) return fit.status();
  operators::ChurnReport report = ReportOf(*fit);
  if (!options.watch.empty()) {
    const auto timeliness = TimelinessOf(options, *fit);
    if (!timeliness.ok()) return timeliness.status();
    AddTimeliness(*timeliness, &report);
  }
  if (auto status = WriteFiles(
          options.output,
          {{"model.json", ToJson(fit->model)}, {"report.json", ToJson(report)}, {"report.html", PageOf(report)}});
      !status.ok()) {
    return status;
  }
  std::cout << SummaryOf(report) << "\nin " << options.output << ": model.json, report.json, report.html\n";
  return absl::OkStatus();
}

void AddFitCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<FitOptions>();
  CLI::App* fit = CommandWithSubcommands(app, "fit", "Fit a model to what ebb replay has written");
  CLI::App* churn = fit->add_subcommand("churn", "Fit a model of churn, and see how good it is");
  churn->add_option("--features", options->features, "What ebb replay --features-at has written: features.csv")
      ->required()
      ->type_name("FILE");
  churn
      ->add_option("--judge", options->judge,
                   "The same of one cut-off, perhaps with another horizon, to judge the model on;\n"
                   "if not given, the last cut-off of --features, which it does not learn from")
      ->type_name("FILE");
  churn
      ->add_option("--model", options->fit.model,
                   "logistic, forest or boosted; or of purchases alone bgnbd, mbgnbd or paretonbd")
      ->capture_default_str();
  churn->add_option("--id", options->fit.id, "What the model is called")->capture_default_str();
  churn->add_option("--model-version", options->fit.version,
                    "What alerts call this version of it (default: of the data it was fitted to)");
  CLI::Option* watch =
      churn
          ->add_option("--watch", options->watch,
                       "The same of many dates from the judged one on, such as of every week: tells how early\n"
                       "alerts would have come, by threshold, and how many false ones with them")
          ->type_name("FILE");
  CLI::Option* truth =
      churn->add_option("--truth", options->truth, "Who really left, as ebb generate tells of its shop: truth.jsonl")
          ->type_name("FILE");
  watch->needs(truth);
  truth->needs(watch);
  churn->add_option("--output", options->output, "The directory for the model and its report")
      ->required()
      ->type_name("DIR");
  churn->footer(
      "The same rows give the same model. It learns from cut-offs whose horizon ends before the one it is judged on,\n"
      "and is compared with a buy-till-you-die model and with recency alone: whoever bought last is safest.\n\n"
      "Exit codes: 0 done; 1 failed; 2 the rows or the command line are wrong.");
  churn->callback([options, exit_code] {
    const absl::Status status = FitTo(*options);
    *exit_code = status.ok() ? kExitOk : Fail(status);
  });
}

const CommandRegistration kRegistration(&AddFitCommand);

}  // namespace
}  // namespace ebb
