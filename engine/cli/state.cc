#include <algorithm>
#include <iostream>
#include <memory>
#include <string>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/log/record.h"
#include "engine/observe/admin_client.h"
#include "engine/runtime/describe.h"
#include "engine/runtime/epoch_record.h"
#include "state/document.h"
#include "state/layout.h"
#include "state/rocksdb_store.h"
#include "state/text.h"

namespace ebb {
namespace {

struct StateOptions {
  std::string pipeline;
  std::string customer;
  size_t limit = 100;
};

// The tasks of a stopped process, read from its files.
struct StoppedState {
  std::unique_ptr<RocksDbStores> stores;
  std::vector<std::pair<int32_t, std::unique_ptr<Store>>> tasks;
};

absl::StatusOr<StoppedState> OpenStopped(const PipelineSpec& spec) {
  RocksDbOptions options;
  options.directory = spec.config.runtime().state_dir();
  options.read_only = true;
  auto stores = RocksDbStores::OpenDirectory(options);
  if (!stores.ok()) return stores.status();
  StoppedState state;
  state.stores = *std::move(stores);
  for (int32_t partition : state.stores->Partitions()) {
    auto store = state.stores->Open(partition);
    if (!store.ok()) return store.status();
    state.tasks.emplace_back(partition, *std::move(store));
  }
  return state;
}

absl::StatusOr<v1::Manifest> ReadManifest(Store* store) {
  auto row = store->Get(layout::ManifestKey());
  if (!row.ok()) return row.status();
  v1::Manifest manifest;
  if (!*row || !manifest.ParseFromString(**row)) return absl::NotFoundError("the files hold no state");
  return manifest;
}

// What the files of a stopped process say of one customer. Written state only: a clean stop wrote everything.
absl::StatusOr<std::string> DescribeStopped(const PipelineSpec& spec, const std::string& customer) {
  auto state = OpenStopped(spec);
  if (!state.ok()) return state.status();
  for (auto& [partition, store] : state->tasks) {
    auto manifest = ReadManifest(store.get());
    if (!manifest.ok()) return manifest.status();
    if (PartitionOf(customer, manifest->partitions()) != partition) continue;
    auto records = ReadEpochRecords(store.get());
    if (!records.ok()) return records.status();
    auto row = store->Get(layout::DocumentKey(customer));
    if (!row.ok()) return row.status();
    const uint64_t low_water = records->empty() ? 0 : records->rbegin()->second.low_water();
    if (!*row) return absl::NotFoundError(Text("nothing is known of customer ", customer, " as of epoch ", low_water));
    auto document = ReadStampedRow(**row);
    if (!document) return absl::DataLossError("the customer's document cannot be read");
    return DescribeCustomer(*manifest, customer, document->body, std::max(document->stamp, low_water), store.get());
  }
  return absl::NotFoundError(Text("the task of customer ", customer, " has no files in ",
                                  spec.config.runtime().state_dir(), "; another process may have it"));
}

int Get(const StateOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  // A running process knows best; when none answers, its files do.
  auto described = AskAdmin((*spec)->config.admin().listen(), "/state/", options.customer);
  if (absl::IsUnavailable(described.status())) described = DescribeStopped(**spec, options.customer);
  if (!described.ok()) {
    std::cerr << "ebb: " << described.status().message() << "\n";
    return kExitFailed;
  }
  std::cout << *described << "\n";
  return kExitOk;
}

int Scan(const StateOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  auto state = OpenStopped(**spec);
  if (!state.ok()) {
    std::cerr << "ebb: " << state.status().message() << "\n";
    return kExitFailed;
  }
  size_t shown = 0;
  for (auto& [partition, store] : state->tasks) {
    auto status = store->Scan(std::string(1, layout::kCustomer), std::string(1, layout::kWake),
                              [&](std::string_view key, std::string_view value) {
                                if (layout::KindOf(key) != layout::RowKind::kDocument) return true;
                                auto document = ReadStampedRow(value);
                                std::cout << layout::CustomerOf(key).value_or("?") << "\tpartition " << partition
                                          << "\tepoch " << (document ? document->stamp : 0) << "\t"
                                          << (document ? document->body.size() : 0) << " bytes\n";
                                return ++shown < options.limit;
                              });
    if (!status.ok()) return Fail(status);
    if (shown >= options.limit) break;
  }
  return kExitOk;
}

}  // namespace

void AddStateCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<StateOptions>();
  CLI::App* state = app.add_subcommand("state", "Look into the state of customers");
  state->require_subcommand(1);
  CLI::App* get = state->add_subcommand("get", "Show a customer's whole state as JSON");
  get->add_option("customer", options->customer, "The customer id")->required()->type_name("ID");
  get->add_option("--pipeline", options->pipeline, "The pipeline file (YAML)")->required()->type_name("FILE");
  get->footer(
      "Asks the running process at the pipeline's admin.listen; when nothing listens there, reads the files in\n"
      "runtime.state_dir. as_of_epoch says which commit it is true of.\n\n"
      "Exit codes: 0 shown; 1 nothing is known, or it cannot be read; 2 the pipeline or the command line is wrong.");
  get->callback([options, exit_code] { *exit_code = Get(*options); });
  CLI::App* scan = state->add_subcommand("scan", "List the customers in the files of a stopped process");
  scan->add_option("--pipeline", options->pipeline, "The pipeline file (YAML)")->required()->type_name("FILE");
  scan->add_option("--limit", options->limit, "How many at most")->capture_default_str();
  scan->footer(
      "A line a customer: id, partition, the epoch as of which it was written, size. While a process runs, its files\n"
      "are its own: ask it with `ebb state get`.\n\n"
      "Exit codes: 0 shown; 1 they cannot be read, or a process has them; 2 the pipeline or the command line is\n"
      "wrong.");
  scan->callback([options, exit_code] { *exit_code = Scan(*options); });
}

}  // namespace ebb
