#include <iostream>
#include <memory>
#include <string>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/customer_state.h"
#include "state/document.h"
#include "state/layout.h"
#include "state/store.h"

namespace ebb {
namespace {

struct StateOptions {
  std::string pipeline;
  std::string customer;
  size_t limit = 100;
};

int Get(const StateOptions& options) {
  auto spec = ReadPipeline(options.pipeline);
  if (!spec.ok()) return RefusePipeline(spec.status());
  const auto state = ReadCustomerState(**spec, options.customer);
  if (!state.ok()) {
    std::cerr << "ebb: " << state.status().message() << "\n";
    return kExitFailed;
  }
  std::cout << state->json << "\n";
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
