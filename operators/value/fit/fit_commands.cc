// `ebb fit rfm`, `ebb fit kmeans`, `ebb fit dbscan` and `ebb fit value`: from training rows to what a pipeline takes,
// or a person looks at.

#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "operators/churn/fit/fit_output.h"
#include "operators/churn/fit/training_data.h"
#include "operators/value/fit/cluster_fit.h"
#include "operators/value/fit/cluster_report.h"
#include "operators/value/fit/rfm_fit.h"
#include "operators/value/fit/value_fit.h"

namespace ebb {
namespace {

struct FitOptions {
  // Of all.
  std::string features;
  std::string output;
  std::string id;
  std::string version;
  // Of clusters.
  std::vector<std::string> columns{std::begin(kClusterFeatures), std::end(kClusterFeatures)};
  uint64_t seed = 1;
  // Of k-means; 0 to choose it.
  int clusters = 0;
  // Of DBSCAN; 0 to choose it.
  double distance = 0;
  int least = 10;
  // Of value.
  std::string model = "mbgnbd";
  std::string currency;
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

ClusterOptions OptionsOf(const FitOptions& options) {
  return {options.id, options.version, options.columns, options.seed};
}

absl::Status WriteClusters(const FitOptions& options, const ClusterFit& fit, bool with_model) {
  const operators::ClusterReport report = ReportOf(fit);
  std::vector<std::pair<std::string, std::string>> files = {{"report.json", ToJson(report)},
                                                            {"report.html", PageOf(report)}};
  if (with_model) files.insert(files.begin(), {"model.json", ToJson(fit.model)});
  if (auto status = WriteFiles(options.output, files); !status.ok()) return status;
  std::cout << SummaryOf(report) << "\nin " << options.output << ":" << (with_model ? " model.json," : "")
            << " report.json, report.html\n";
  return absl::OkStatus();
}

absl::Status FitKMeansTo(const FitOptions& options) {
  auto rows = RowsOf(options);
  if (!rows.ok()) return rows.status();
  const auto fit = FitKMeans(*std::move(rows), options.clusters, OptionsOf(options));
  return fit.ok() ? WriteClusters(options, *fit, /*with_model=*/true) : fit.status();
}

absl::Status FitDbscanTo(const FitOptions& options) {
  auto rows = RowsOf(options);
  if (!rows.ok()) return rows.status();
  const auto fit = FitDbscan(*std::move(rows), options.distance, options.least, OptionsOf(options));
  return fit.ok() ? WriteClusters(options, *fit, /*with_model=*/false) : fit.status();
}

absl::Status FitValueTo(const FitOptions& options) {
  const auto rows = RowsOf(options);
  if (!rows.ok()) return rows.status();
  const auto fit = FitValue(*rows, {options.model, options.id, options.version, options.currency});
  if (!fit.ok()) return fit.status();
  if (auto status = WriteFiles(options.output, {{"model.json", ToJson(fit->model)}}); !status.ok()) return status;
  std::cout << SummaryOf(*fit) << "\nin " << options.output << ": model.json\n";
  return absl::OkStatus();
}

void AddClusterOptions(CLI::App* command, FitOptions* options) {
  command
      ->add_option("--columns", options->columns,
                   "What customers are compared by: columns of the file, with commas between; logarithms are taken,\n"
                   "and each counts as much as the others")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of all randomness")->capture_default_str();
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

  CLI::App* kmeans = fit->add_subcommand("kmeans", "Find groups of customers who are alike");
  const auto kmeans_options = AddOptions(kmeans, "clusters");
  AddClusterOptions(kmeans, kmeans_options.get());
  kmeans->add_option("--clusters", kmeans_options->clusters,
                     "How many, 2 to 64 (default: of 2 to 10 the number with the best silhouette)");
  Call(kmeans, kmeans_options, &FitKMeansTo, exit_code);

  CLI::App* dbscan = fit->add_subcommand("dbscan", "Find dense groups of customers, and those in none; a report alone");
  const auto dbscan_options = AddOptions(dbscan, "places");
  AddClusterOptions(dbscan, dbscan_options.get());
  dbscan->add_option("--distance", dbscan_options->distance,
                     "How near customers must be, in standard deviations (default: so that nine in ten customers\n"
                     "have --least of them)");
  dbscan->add_option("--least", dbscan_options->least, "How many of them make a place dense, the customer included")
      ->capture_default_str();
  Call(dbscan, dbscan_options, &FitDbscanTo, exit_code);

  CLI::App* value = fit->add_subcommand("value", "Find how often customers buy, and what that brings");
  const auto value_options = AddOptions(value, "value");
  value->add_option("--model", value_options->model, "mbgnbd, bgnbd or paretonbd")->capture_default_str();
  value->add_option("--currency", value_options->currency, "That of the customers' latest orders, such as EUR")
      ->required();
  Call(value, value_options, &FitValueTo, exit_code);
}

const CommandRegistration kRegistration(&AddFitCommands);

}  // namespace
}  // namespace ebb
