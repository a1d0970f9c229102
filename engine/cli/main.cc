#include "engine/cli/commands.h"

// The settings of jemalloc, which reads them when the process starts. Customers lie anywhere in memory: with pages of
// 2 MiB their addresses are found in a fraction of the time. What one epoch has freed the next ones need again, so it
// is kept for a while.
extern "C" {
const char* malloc_conf = "thp:always,dirty_decay_ms:3000";
}

int main(int argc, char** argv) { return ebb::RunCommandLine(argc, argv); }
