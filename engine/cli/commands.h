#ifndef EBB_ENGINE_CLI_COMMANDS_H_
#define EBB_ENGINE_CLI_COMMANDS_H_

// The commands of `ebb`. Each adds itself to the command line; the one chosen sets the exit code.

#include "CLI/App.hpp"

namespace ebb {

void AddRunCommand(CLI::App& app, int* exit_code);
void AddValidateCommand(CLI::App& app, int* exit_code);
void AddReplayCommand(CLI::App& app, int* exit_code);
void AddStateCommand(CLI::App& app, int* exit_code);
void AddDemoCommand(CLI::App& app, int* exit_code);
void AddVersionCommand(CLI::App& app, int* exit_code);

// The whole command line; what main returns. The operators are linked by whoever calls it.
int RunCommandLine(int argc, char** argv);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_COMMANDS_H_
