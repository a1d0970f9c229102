#ifndef EBB_ENGINE_CLI_GENERATE_H_
#define EBB_ENGINE_CLI_GENERATE_H_

// `ebb generate`: a simulated shop, to files or to Kafka, with the truth beside it.

#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "engine/cli/shop.h"

namespace ebb {

struct GenerateOptions {
  ShopOptions shop;
  std::string output;     // A directory; or else:
  std::string bootstrap;  // Kafka, "host:port,host:port".
  std::string topic_prefix;
  std::vector<std::string> properties;  // Of librdkafka, "name=value".
  double rate = 0;                      // Events a second; 0 for as many as there can be.
  std::string format;                   // "json" or "protobuf"; empty: json for files, protobuf for Kafka.
  std::string truth;  // The file for what became of the customers; empty: truth.jsonl in `output` or here.
};

// Runs until the shop ends or a signal asks to stop, which ends it in good order. Shows progress on a terminal and a
// summary at the end. Returns an exit code of engine/cli/command.h.
int RunGenerate(const GenerateOptions& options);

// Adds the command to the command line.
void AddGenerateCommand(CLI::App& app, int* exit_code);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_GENERATE_H_
