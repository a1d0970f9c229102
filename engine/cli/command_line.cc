#include <iostream>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/generate.h"
#include "google/protobuf/stubs/logging.h"

namespace ebb {

void AddVersionCommand(CLI::App& app, int* exit_code) {
  CLI::App* version = app.add_subcommand("version", "Print the version and those of the libraries it runs on");
  version->callback([exit_code] {
    std::cout << "ebb " << kVersion << "\nlibrdkafka " << KafkaLibraryVersion() << "\nprotobuf "
              << GOOGLE_PROTOBUF_VERSION / 1000000 << "." << GOOGLE_PROTOBUF_VERSION / 1000 % 1000 << "."
              << GOOGLE_PROTOBUF_VERSION % 1000 << "\n";
    *exit_code = kExitOk;
  });
}

int RunCommandLine(int argc, char** argv) {
  // What a record cannot be parsed for becomes a dead letter with a reason; a log line for each would be noise.
  google::protobuf::SetLogHandler(nullptr);
  CLI::App app{"Ebb notices customers drifting away, and speaks up in time.", "ebb"};
  app.require_subcommand(1);
  int exit_code = kExitOk;
  AddDemoCommand(app, &exit_code);
  AddRunCommand(app, &exit_code);
  AddValidateCommand(app, &exit_code);
  AddReplayCommand(app, &exit_code);
  AddGenerateCommand(app, &exit_code);
  AddStateCommand(app, &exit_code);
  AddVersionCommand(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitRefused;
  }
  return exit_code;
}

}  // namespace ebb
