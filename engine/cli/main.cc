#include "engine/cli/commands.h"

int main(int argc, char** argv) { return ebb::RunCommandLine(argc, argv); }
