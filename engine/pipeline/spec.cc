#include "engine/pipeline/spec.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/pipeline/checks.h"
#include "engine/pipeline/config_tree.h"
#include "engine/pipeline/yaml_config.h"
#include "state/serialize.h"

namespace ebb {
namespace {

using google::protobuf::Message;

// Lists sources and sinks by name and operators as in the file.
void ListParts(PipelineSpec& spec) {
  const std::map<std::string, v1::Source> sources(spec.config.sources().begin(), spec.config.sources().end());
  for (const auto& [name, config] : sources) spec.sources.push_back({name, config, nullptr});
  const std::map<std::string, v1::Sink> sinks(spec.config.sinks().begin(), spec.config.sinks().end());
  for (const auto& [name, config] : sinks) spec.sinks.push_back({name, config, nullptr});
  for (const v1::OperatorNode& node : spec.config.operators()) {
    spec.operators.push_back({node.id(), node.type(), {node.inputs().begin(), node.inputs().end()}, {}, nullptr});
  }
}

// Tells the operator its config, and where in the file what it refuses stands: its message begins with "field.path:".
void TryConfig(Draft& draft, size_t index, const std::string& path) {
  OperatorSpec& op = draft.spec.operators[index];
  const absl::Status status = draft.operators[index]->SetConfig(*op.config);
  if (status.ok()) return;
  const absl::string_view message = status.message();
  const ConfigNode& whole = draft.root.At(path);
  const ConfigNode& at = draft.root.At(absl::StrCat(path, ".", message.substr(0, message.find(':'))));
  draft.mistakes.Add(&at == &whole ? at.introduced : at.place, std::string(message));
}

// State and timer names of one operator must differ: they are what finds a state again.
void CheckHandles(Draft& draft, const OperatorSpec& op, const OperatorBase& instance, Place place) {
  std::set<std::string> names;
  const auto check = [&](std::string_view handle, absl::string_view what) {
    const std::string name(handle);
    if (names.insert(name).second) return;
    draft.mistakes.Add(place, absl::StrCat("the operator type ", Quoted(op.type), " has two ", what, " named ",
                                           Quoted(name), "; that is a mistake in the program"));
  };
  for (const StateHandle* state : instance.states()) {
    if (state->foreign_operator().empty()) check(state->name(), "states");
  }
  names.clear();
  for (const Timer* timer : instance.timers()) check(timer->name(), "timers");
}

// Creates an instance of each operator and decodes its config.
void MakeOperators(Draft& draft) {
  for (size_t i = 0; i < draft.spec.operators.size(); ++i) {
    OperatorSpec& op = draft.spec.operators[i];
    draft.operators.push_back(OperatorRegistry::Get().Create(op.type));
    const std::string type_path = OperatorPath(i) + ".type";
    if (!draft.operators[i]) {
      if (op.type.empty()) continue;
      draft.mistakes.Add(draft.At(type_path), absl::StrCat("unknown operator type ", Quoted(op.type),
                                                           KnownHint(op.type, OperatorRegistry::Get().Types())));
      continue;
    }
    CheckHandles(draft, op, *draft.operators[i], draft.At(type_path));
    const Message& prototype = draft.operators[i]->config_prototype();
    const std::string path = OperatorPath(i) + ".config";
    std::shared_ptr<Message> config(prototype.New());
    ConfigNode absent;
    absent.introduced = draft.root.At(OperatorPath(i)).introduced;
    const ConfigNode* given = draft.root.At(OperatorPath(i)).Find("config");
    const size_t before = draft.mistakes.count();
    DecodeConfig(given ? *given : absent, *config, draft.mistakes);
    CollectHidden(given ? *given : absent, *prototype.GetDescriptor(), path, draft.spec.hidden);
    op.config = config;
    if (draft.mistakes.count() == before) TryConfig(draft, i, path);
  }
}

void AppendDigested(const Message& message, std::string& bytes) {
  const size_t size = message.ByteSizeLong();
  absl::StrAppend(&bytes, size, ":");
  AppendMessage(message, size, &bytes);
}

// FNV-1a. Source: Fowler, Noll, Vo; draft-eastlake-fnv.
uint64_t DigestOf(absl::string_view bytes) {
  uint64_t digest = 0xcbf29ce484222325u;
  for (unsigned char byte : bytes) digest = (digest ^ byte) * 0x100000001b3u;
  return digest;
}

// How it reaches Kafka, runs and is watched has no part in results; everything else has.
uint64_t Fingerprint(const PipelineSpec& spec, const std::map<std::string, int>& versions) {
  v1::Pipeline rest = spec.config;
  rest.clear_kafka();
  rest.clear_runtime();
  rest.clear_admin();
  rest.clear_operators();
  std::string bytes;
  AppendDigested(rest, bytes);
  for (const OperatorSpec& op : spec.operators) {
    v1::OperatorNode node;
    node.set_id(op.id);
    node.set_type(op.type);
    for (const std::string& input : op.inputs) node.add_inputs(input);
    AppendDigested(node, bytes);
    AppendDigested(*op.config, bytes);
    absl::StrAppend(&bytes, versions.at(op.id), ";");
  }
  return DigestOf(bytes);
}

void Finish(Draft& draft, const std::vector<size_t>& order) {
  std::vector<OperatorSpec> ordered;
  std::map<std::string, int> versions;
  for (size_t index : order) {
    versions[draft.spec.operators[index].id] = draft.operators[index]->version();
    ordered.push_back(std::move(draft.spec.operators[index]));
  }
  draft.spec.operators = std::move(ordered);
  draft.spec.fingerprint = Fingerprint(draft.spec, versions);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PipelineSpec>> LoadPipeline(std::string_view yaml, std::string_view file_name,
                                                                 const Surroundings& surroundings) {
  Mistakes mistakes({file_name.data(), file_name.size()});
  const ConfigNode root = ParseConfig({yaml.data(), yaml.size()}, surroundings, mistakes);
  if (root.kind == ConfigNode::Kind::kBroken) return mistakes.ToStatus();
  auto spec = std::make_shared<PipelineSpec>();
  DecodeConfig(root, spec->config, mistakes, v1::OperatorConfig::descriptor());
  CollectHidden(root, *v1::Pipeline::descriptor(), "", spec->hidden);
  ListParts(*spec);
  Draft draft{root, *spec, mistakes, {}};
  CheckSettings(draft);
  CheckMessageTypes(draft);
  CheckKafka(draft, surroundings);
  MakeOperators(draft);
  CheckInputs(draft);
  const std::vector<size_t> order = CheckOrder(draft);
  if (!mistakes.empty()) return mistakes.ToStatus();
  Finish(draft, order);
  return spec;
}

std::string NormalisedPipeline(const PipelineSpec& spec) {
  v1::Pipeline pipeline = spec.config;
  PrintOptions options{spec.hidden, {}};
  for (v1::OperatorNode& node : *pipeline.mutable_operators()) {
    for (const OperatorSpec& op : spec.operators) {
      if (op.id == node.id()) options.stand_ins[node.mutable_config()] = op.config.get();
    }
  }
  return PrintConfig(pipeline, options);
}

}  // namespace ebb
