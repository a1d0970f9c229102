#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/pipeline/config_value.h"
#include "engine/pipeline/yaml_config.h"
#include "yaml-cpp/yaml.h"

namespace ebb {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class Printer {
 public:
  explicit Printer(const PrintOptions& options) : options_(options) {}

  std::string Print(const Message& message) {
    PrintMessage(message, "");
    return absl::StrCat(out_.c_str(), "\n");
  }

 private:
  void PrintMessage(const Message& standing, const std::string& path) {
    const auto other = options_.stand_ins.find(&standing);
    const Message& message = other == options_.stand_ins.end() ? standing : *other->second;
    out_ << YAML::BeginMap;
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
      const FieldDescriptor& field = *message.GetDescriptor()->field(i);
      if (!IsShown(field, message)) continue;
      out_ << YAML::Key << field.name() << YAML::Value;
      PrintField(field, message, path.empty() ? field.name() : absl::StrCat(path, ".", field.name()));
    }
    out_ << YAML::EndMap;
  }

  // What has no default and is as if never given says nothing.
  static bool IsShown(const FieldDescriptor& field, const Message& message) {
    if (field.is_repeated()) {
      return message.GetReflection()->FieldSize(message, &field) > 0 || !RuleOf(field).default_().empty();
    }
    return message.GetReflection()->HasField(message, &field) ||
           (!RuleOf(field).default_().empty() && !field.real_containing_oneof());
  }

  void PrintField(const FieldDescriptor& field, const Message& message, const std::string& path) {
    const google::protobuf::Reflection& reflection = *message.GetReflection();
    if (field.is_map()) return PrintMap(field, message, path);
    if (!field.is_repeated()) {
      return IsSingleValue(field) ? PrintSingle(field, message, 0, path)
                                  : PrintMessage(reflection.GetMessage(message, &field), path);
    }
    if (IsSingleValue(field)) out_ << YAML::Flow;
    out_ << YAML::BeginSeq;
    for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
      const std::string at = absl::StrCat(path, "[", i, "]");
      IsSingleValue(field) ? PrintSingle(field, message, i, at)
                           : PrintMessage(reflection.GetRepeatedMessage(message, &field, i), at);
    }
    out_ << YAML::EndSeq;
  }

  // In order of keys, since a protobuf map has none.
  void PrintMap(const FieldDescriptor& field, const Message& message, const std::string& path) {
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    const FieldDescriptor& value_field = *field.message_type()->map_value();
    std::vector<std::pair<std::string, const Message*>> entries;
    for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
      const Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
      entries.emplace_back(PrintConfigValue(key_field, LoadConfigValue(key_field, entry, 0)), &entry);
    }
    std::sort(entries.begin(), entries.end());
    out_ << YAML::BeginMap;
    for (const auto& [key, entry] : entries) {
      const std::string at = absl::StrCat(path, ".", key);
      out_ << YAML::Key << key << YAML::Value;
      IsSingleValue(value_field) ? PrintSingle(value_field, *entry, 0, at)
                                 : PrintMessage(entry->GetReflection()->GetMessage(*entry, &value_field), at);
    }
    out_ << YAML::EndMap;
  }

  void PrintSingle(const FieldDescriptor& field, const Message& message, int index, const std::string& path) {
    const std::string text = options_.hidden.count(path)
                                 ? "(hidden)"
                                 : PrintConfigValue(field, LoadConfigValue(field, message, index));
    const bool is_text = field.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    // Empty text would read as nothing at all.
    if (is_text && text.empty()) out_ << YAML::DoubleQuoted;
    out_ << (is_text ? absl::StrReplaceAll(text, {{"${", "$${"}}) : text);
  }

  const PrintOptions& options_;
  YAML::Emitter out_;
};

// Nothing in it stands for anything else, so that a plain ${ is written $${. Text is quoted, as it might read as
// nothing.
void EmitTree(const ConfigNode& node, YAML::Emitter& out) {
  switch (node.kind) {
    case ConfigNode::Kind::kNull:
    case ConfigNode::Kind::kBroken: out << YAML::Null; break;
    case ConfigNode::Kind::kScalar: out << YAML::DoubleQuoted << absl::StrReplaceAll(node.text, {{"${", "$${"}}); break;
    case ConfigNode::Kind::kList:
      out << YAML::BeginSeq;
      for (const ConfigNode& item : node.items) EmitTree(item, out);
      out << YAML::EndSeq;
      break;
    case ConfigNode::Kind::kMap:
      out << YAML::BeginMap;
      for (const auto& [key, value] : node.entries) {
        out << YAML::Key << key << YAML::Value;
        EmitTree(value, out);
      }
      out << YAML::EndMap;
      break;
  }
}

}  // namespace

std::string PrintTree(const ConfigNode& tree) {
  YAML::Emitter out;
  EmitTree(tree, out);
  return absl::StrCat(out.c_str(), "\n");
}

std::string PrintConfig(const Message& message, const PrintOptions& options) { return Printer(options).Print(message); }

}  // namespace ebb
