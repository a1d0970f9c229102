#include <iostream>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/generate.h"
#include "engine/pipeline/mistakes.h"
#include "google/protobuf/stubs/logging.h"
#include "state/rocksdb_store.h"
#include "state/text.h"

namespace ebb {

namespace {

std::string Versions() {
  return Text("ebb ", kVersion, "\nlibrdkafka ", KafkaLibraryVersion(), "\nRocksDB ", RocksDbVersion(), "\nprotobuf ",
              GOOGLE_PROTOBUF_VERSION / 1000000, ".", GOOGLE_PROTOBUF_VERSION / 1000 % 1000, ".",
              GOOGLE_PROTOBUF_VERSION % 1000);
}

// What CLI11 would call a missing subcommand is more often one that is misspelt.
void ExplainUnknownCommand(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands(nullptr)) names.push_back(command->get_name());
  std::cerr << "ebb: unknown command '" << app.remaining().front() << "'; expected " << Listed(names, "or") << "\n"
            << "Run with --help for more information.\n";
}

std::vector<CommandRegistration::Add>& Registered() {
  static auto* const all = new std::vector<CommandRegistration::Add>;
  return *all;
}

}  // namespace

CommandRegistration::CommandRegistration(Add add) { Registered().push_back(add); }

const std::vector<CommandRegistration::Add>& CommandRegistration::All() { return Registered(); }

CLI::App* CommandWithSubcommands(CLI::App& app, const std::string& name, const std::string& about) {
  for (CLI::App* const known : app.get_subcommands(nullptr)) {
    if (known->get_name() == name) return known;
  }
  CLI::App* const command = app.add_subcommand(name, about);
  command->require_subcommand(1);
  return command;
}

void AddVersionCommand(CLI::App& app, int* exit_code) {
  CLI::App* version = app.add_subcommand("version", "Print the version and those of the libraries it runs on");
  version->callback([exit_code] {
    std::cout << Versions() << "\n";
    *exit_code = kExitOk;
  });
}

int RunCommandLine(int argc, char** argv) {
  // What a record cannot be parsed for becomes a dead letter with a reason; a log line for each would be noise.
  google::protobuf::SetLogHandler(nullptr);
  CLI::App app{"Ebb notices customers drifting away, and speaks up in time.", "ebb"};
  app.require_subcommand(1);
  app.set_version_flag("--version", Versions());
  app.footer(
      "Begin with `ebb demo`. `ebb COMMAND --help` says more of each, with its exit codes: 0 done, 1 it was tried and\n"
      "failed, 2 nothing was tried, since the command line or the pipeline is wrong.");
  int exit_code = kExitOk;
  AddDemoCommand(app, &exit_code);
  AddRunCommand(app, &exit_code);
  AddValidateCommand(app, &exit_code);
  AddReplayCommand(app, &exit_code);
  AddGenerateCommand(app, &exit_code);
  for (const CommandRegistration::Add add : CommandRegistration::All()) add(app, &exit_code);
  AddControlCommand(app, &exit_code);
  AddStateCommand(app, &exit_code);
  AddVersionCommand(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0 && app.get_subcommands().empty() && !app.remaining().empty()) {
      ExplainUnknownCommand(app);
      return kExitRefused;
    }
    return app.exit(error) == 0 ? kExitOk : kExitRefused;
  }
  return exit_code;
}

}  // namespace ebb
