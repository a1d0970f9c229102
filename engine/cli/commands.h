#ifndef EBB_ENGINE_CLI_COMMANDS_H_
#define EBB_ENGINE_CLI_COMMANDS_H_

// The commands of `ebb`. Each adds itself to the command line; the one chosen sets the exit code.

#include <string>
#include <vector>

#include "CLI/App.hpp"

namespace ebb {

// A command that the engine does not know, made known before main by a static object beside it. Whoever links that
// file has the command. Registered while one thread runs; in no particular order.
class CommandRegistration {
 public:
  // Adds itself to the command line; the callback sets the exit code.
  using Add = void (*)(CLI::App& app, int* exit_code);

  explicit CommandRegistration(Add add);
  static const std::vector<Add>& All();
};

// The command of that name, with subcommands of which one must be given; added where it is not there yet, so that
// several registrations may each bring a subcommand.
CLI::App* CommandWithSubcommands(CLI::App& app, const std::string& name, const std::string& about);

void AddRunCommand(CLI::App& app, int* exit_code);
void AddValidateCommand(CLI::App& app, int* exit_code);
void AddReplayCommand(CLI::App& app, int* exit_code);
void AddControlCommand(CLI::App& app, int* exit_code);
void AddStateCommand(CLI::App& app, int* exit_code);
void AddDemoCommand(CLI::App& app, int* exit_code);
void AddVersionCommand(CLI::App& app, int* exit_code);

// The whole command line; what main returns. The operators are linked by whoever calls it.
int RunCommandLine(int argc, char** argv);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_COMMANDS_H_
