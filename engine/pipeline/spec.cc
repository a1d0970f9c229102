#include "engine/pipeline/spec.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/pipeline/checks.h"
#include "engine/pipeline/scalar_place.h"
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

// Adds one line of a refusal, "field.path: text" or "field.path:column: text", where in the file it belongs.
void AddRefusal(Draft& draft, const std::string& path, absl::string_view line) {
  const size_t end = line.find(':');
  const absl::string_view field = line.substr(0, end);
  absl::string_view text = end == absl::string_view::npos ? line : line.substr(end + 1);
  const ConfigNode& whole = draft.root.At(path);
  const ConfigNode& at = draft.root.At(absl::StrCat(path, ".", field));
  int column = 0;
  if (const size_t colon = text.find(':');
      colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(0, colon), &column)) {
    return draft.mistakes.Add(&at == &whole ? at.introduced : at.place, std::string(line));
  }
  text.remove_prefix(text.find(':') + 1);
  const std::optional<Place> place = PlaceWithin(draft.texts[static_cast<size_t>(at.place.file)], at, column);
  draft.mistakes.Add(place.value_or(at.place),
                     place ? absl::StrCat(field, ":", text) : absl::StrCat(field, ": column ", column, ":", text));
}

// Tells the operator its config, and where in the file what it refuses stands.
void TryConfig(Draft& draft, size_t index, const std::string& path) {
  const absl::Status status = draft.operators[index]->SetConfig(*draft.spec.operators[index].config);
  if (status.ok()) return;
  for (const absl::string_view line : absl::StrSplit(status.message(), '\n')) AddRefusal(draft, path, line);
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

// How it reaches Kafka, runs, is watched and hears of changes has no part in results; everything else has.
uint64_t Fingerprint(const PipelineSpec& spec, const std::map<std::string, int>& versions) {
  v1::Pipeline rest = spec.config;
  rest.clear_kafka();
  rest.clear_runtime();
  rest.clear_admin();
  rest.clear_control();
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

// Checks what `root` says, all of it. `texts` are those of its files, the pipeline's first.
absl::StatusOr<std::shared_ptr<PipelineSpec>> Check(ConfigNode root, std::vector<absl::string_view> texts,
                                                    const Surroundings& surroundings, Mistakes& mistakes) {
  auto spec = std::make_shared<PipelineSpec>();
  DecodeConfig(root, spec->config, mistakes, v1::OperatorConfig::descriptor());
  CollectHidden(root, *v1::Pipeline::descriptor(), "", spec->hidden);
  ListParts(*spec);
  Draft draft{std::move(texts), root, *spec, mistakes, {}};
  CheckSettings(draft);
  CheckMessageTypes(draft);
  CheckKafka(draft, surroundings);
  MakeOperators(draft);
  CheckInputs(draft);
  const std::vector<size_t> order = CheckOrder(draft);
  if (!mistakes.empty()) return mistakes.ToStatus();
  Finish(draft, order);
  spec->text = std::string(draft.texts[0]);
  spec->tree = std::make_shared<const ConfigNode>(std::move(root));
  return spec;
}

ConfigNode* FindOperator(ConfigNode& operators, absl::string_view id) {
  for (ConfigNode& op : operators.items) {
    if (const ConfigNode* other = op.Find("id"); other != nullptr && other->text == id) return &op;
  }
  return nullptr;
}

// Puts the entries of `given` in the place of those of `node` that have the same key.
void Overlay(const ConfigNode& given, ConfigNode& node) {
  if (node.kind != ConfigNode::Kind::kMap) {
    node = given;
    return;
  }
  for (const auto& [key, value] : given.entries) {
    if (ConfigNode* before = node.Find(key)) {
      *before = value;
    } else {
      node.entries.emplace_back(key, value);
    }
  }
}

void AmendOperator(const ConfigNode& given, ConfigNode& op) {
  for (const auto& [key, value] : given.entries) {
    ConfigNode* before = op.Find(key);
    if (before == nullptr) {
      op.entries.emplace_back(key, value);
    } else if (key == "config" && value.kind == ConfigNode::Kind::kMap) {
      Overlay(value, *before);
    } else {
      *before = value;
    }
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<const PipelineSpec>> LoadPipeline(std::string_view yaml, std::string_view file_name,
                                                                 const Surroundings& surroundings) {
  const absl::string_view text(yaml.data(), yaml.size());
  Mistakes mistakes({file_name.data(), file_name.size()});
  ConfigNode root = ParseConfig(text, surroundings, mistakes);
  if (root.kind == ConfigNode::Kind::kBroken) return mistakes.ToStatus();
  auto spec = Check(std::move(root), {text}, surroundings, mistakes);
  if (spec.ok()) (*spec)->file_name = file_name;
  return spec;
}

absl::StatusOr<std::shared_ptr<const PipelineSpec>> AmendPipeline(const PipelineSpec& pipeline,
                                                                  absl::Span<const Amendment> amendments,
                                                                  const Surroundings& surroundings) {
  Mistakes mistakes(pipeline.file_name);
  std::vector<absl::string_view> texts = {pipeline.text};
  ConfigNode root = *pipeline.tree;
  ConfigNode& operators = *root.Find("operators");
  std::map<std::string, std::vector<std::string>> published;  // By operator.
  for (const Amendment& amendment : amendments) {
    texts.push_back(amendment.yaml);
    const ConfigNode given = ParseConfig(amendment.yaml, surroundings, mistakes, mistakes.AddFile(amendment.name));
    v1::Amendment message;
    DecodeConfig(given, message, mistakes, v1::OperatorConfig::descriptor());
    if (!mistakes.empty()) return mistakes.ToStatus();
    const ConfigNode* changes = given.Find("operators");
    if (changes == nullptr) continue;
    for (const ConfigNode& op : changes->items) {
      published[op.Find("id")->text].push_back(amendment.name);
      if (ConfigNode* before = FindOperator(operators, op.Find("id")->text)) {
        AmendOperator(op, *before);
      } else {
        operators.items.push_back(op);
      }
    }
  }
  // Properties of Kafka are not amended, and were checked with the file.
  auto spec = Check(std::move(root), std::move(texts), Surroundings::OfPublished(), mistakes);
  if (!spec.ok()) return spec.status();
  (*spec)->file_name = pipeline.file_name;
  for (OperatorSpec& op : (*spec)->operators) op.published = published[op.id];
  return spec;
}

absl::StatusOr<std::pair<v1::Amendment, std::string>> ResolveAmendment(std::string_view yaml,
                                                                       std::string_view file_name,
                                                                       const Surroundings& surroundings) {
  Mistakes mistakes({file_name.data(), file_name.size()});
  const ConfigNode tree = ParseConfig({yaml.data(), yaml.size()}, surroundings, mistakes);
  v1::Amendment amendment;
  DecodeConfig(tree, amendment, mistakes, v1::OperatorConfig::descriptor());
  if (!mistakes.empty()) return mistakes.ToStatus();
  // Where nothing is to be replaced the text stays as it was written, with its comments.
  std::string text(yaml);
  if (text.find("${") != std::string::npos) text = PrintTree(tree);
  return std::pair(std::move(amendment), std::move(text));
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
