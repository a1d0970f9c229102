#ifndef EBB_ENGINE_PIPELINE_YAML_CONFIG_H_
#define EBB_ENGINE_PIPELINE_YAML_CONFIG_H_

// Configuration messages from YAML and back, by their descriptors and the rules of their fields
// (ebb/v1/options.proto). A key is a field's name. Stateless; any thread.

#include <map>
#include <set>
#include <string>

#include "engine/pipeline/config_tree.h"
#include "engine/pipeline/mistakes.h"
#include "google/protobuf/message.h"

namespace ebb {

// Fills `message`, which must be empty, from a mapping and adds whatever is wrong with it. Fields that are not given
// get the default of their rule; for a repeated field of single values that is a list split at commas. A message that
// is not given is made when something in it has a default and nothing in it is required, so that its presence means
// nothing then. Fields whose type is `opaque` are left alone.
void DecodeConfig(const ConfigNode& node, google::protobuf::Message& message, Mistakes& mistakes,
                  const google::protobuf::Descriptor* opaque = nullptr);

// YAML from which ParseConfig makes the same tree, places and what was hidden aside.
std::string PrintTree(const ConfigNode& tree);

// What is printed otherwise than it stands.
struct PrintOptions {
  // Paths, such as "kafka.properties.sasl.password", whose values are not shown.
  std::set<std::string> hidden;
  // Messages in the place of which another is printed.
  std::map<const google::protobuf::Message*, const google::protobuf::Message*> stand_ins;
};

// YAML from which DecodeConfig makes the same message, hidden values aside.
std::string PrintConfig(const google::protobuf::Message& message, const PrintOptions& options);

// Adds to `hidden` the path below `path` of every value in `node` that came from a ${file:…}, or whose field is secret
// by its rule.
void CollectHidden(const ConfigNode& node, const google::protobuf::Descriptor& type, const std::string& path,
                   std::set<std::string>& hidden);

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_YAML_CONFIG_H_
