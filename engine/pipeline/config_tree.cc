#include "engine/pipeline/config_tree.h"

#include <optional>
#include <sstream>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "state/utf8.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/yaml.h"

namespace ebb {
namespace {

Place PlaceOf(const YAML::Mark& mark, int file) {
  return mark.is_null() ? Place{1, 1, file} : Place{mark.line + 1, mark.column + 1, file};
}

// Notes where a document begins, and nothing else.
class DocumentStart final : public YAML::EventHandler {
 public:
  YAML::Mark mark;

  void OnDocumentStart(const YAML::Mark& begin) override { mark = begin; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// Where a second document begins. YAML::LoadAll would read documents without end from a text such as ", a".
std::optional<YAML::Mark> SecondDocument(const std::string& yaml) {
  std::istringstream in(yaml);
  YAML::Parser parser(in);
  DocumentStart start;
  if (!parser.HandleNextDocument(start) || !parser.HandleNextDocument(start)) return std::nullopt;
  return start.mark;
}

// Turns the nodes of yaml-cpp, in which an alias is the very node it names, into a tree of bounded size.
class Unfolder {
 public:
  Unfolder(const Surroundings& surroundings, Mistakes& mistakes, int file)
      : surroundings_(surroundings), mistakes_(mistakes), file_(file) {}

  ConfigNode Unfold(const YAML::Node& node, Place introduced, size_t depth) {
    ConfigNode result;
    result.place = PlaceOf(node.Mark(), file_);
    result.introduced = introduced;
    if (!Admit(node, depth, result)) return result;
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        break;
      case YAML::NodeType::Scalar:
        Resolve(node.Scalar(), result);
        break;
      case YAML::NodeType::Sequence:
        result.kind = ConfigNode::Kind::kList;
        for (const YAML::Node& item : node)
          result.items.push_back(Unfold(item, PlaceOf(item.Mark(), file_), depth + 1));
        break;
      case YAML::NodeType::Map:
        UnfoldMap(node, depth, result);
        break;
    }
    return result;
  }

 private:
  // Keeps the bounds; says only once that one is passed.
  bool Admit(const YAML::Node& node, size_t depth, ConfigNode& result) {
    if (node.IsScalar()) bytes_ += node.Scalar().size();
    ++nodes_;
    absl::string_view trouble = depth > kMaxConfigDepth              ? "nested too deeply"
                               : nodes_ > kMaxConfigNodes           ? "too many values once aliases are followed"
                               : bytes_ > kMaxConfigUnfoldedBytes ? "too much text once aliases are followed"
                                                                    : "";
    if (trouble.empty()) return true;
    result.kind = ConfigNode::Kind::kBroken;
    if (!bounds_passed_) {
      mistakes_.Add(result.place, absl::StrCat(trouble, "; allowed are ", kMaxConfigDepth, " levels, ", kMaxConfigNodes,
                                               " values and ", kMaxConfigUnfoldedBytes, " bytes"));
    }
    bounds_passed_ = true;
    return false;
  }

  void UnfoldMap(const YAML::Node& node, size_t depth, ConfigNode& result) {
    result.kind = ConfigNode::Kind::kMap;
    absl::flat_hash_map<std::string, Place> seen;
    std::vector<ConfigNode> merged;
    for (const auto& entry : node) {
      const Place place = PlaceOf(entry.first.Mark(), file_);
      if (!entry.first.IsScalar() || !IsUtf8(entry.first.Scalar())) {
        mistakes_.Add(place, "a key must be a word");
        continue;
      }
      const std::string& key = entry.first.Scalar();
      if (key == "<<" && entry.first.Tag() == "?") {
        merged.push_back(Unfold(entry.second, place, depth + 1));
        continue;
      }
      auto [first, is_new] = seen.try_emplace(key, place);
      if (is_new) {
        result.entries.emplace_back(key, Unfold(entry.second, place, depth + 1));
      } else {
        mistakes_.Add(place, absl::StrCat("key ", Quoted(key), " is given twice, first in line ", first->second.line));
      }
    }
    for (ConfigNode& from : merged) {
      if (from.kind != ConfigNode::Kind::kList) Merge(from, seen, result);
      for (ConfigNode& item : from.items) Merge(item, seen, result);
    }
  }

  void Merge(ConfigNode& from, absl::flat_hash_map<std::string, Place>& seen, ConfigNode& result) {
    if (from.kind != ConfigNode::Kind::kMap && from.kind != ConfigNode::Kind::kBroken) {
      mistakes_.Add(from.introduced, "<< takes a mapping or a list of mappings, such as *name");
    }
    for (auto& entry : from.entries) {
      if (seen.try_emplace(entry.first, entry.second.introduced).second) result.entries.push_back(std::move(entry));
    }
  }

  void Resolve(absl::string_view raw, ConfigNode& result) {
    result.kind = ConfigNode::Kind::kScalar;
    while (!raw.empty()) {
      const size_t dollar = raw.find('$');
      absl::StrAppend(&result.text, raw.substr(0, dollar));
      if (dollar == absl::string_view::npos) break;
      raw.remove_prefix(dollar);
      if (absl::ConsumePrefix(&raw, "$${")) {
        result.text += "${";
      } else if (absl::ConsumePrefix(&raw, "${")) {
        const size_t end = raw.find('}');
        if (end == absl::string_view::npos) return Break(result, "${ lacks its }; write $${ for a plain ${");
        std::optional<std::string> value = Look(raw.substr(0, end), result);
        if (!value) return;
        absl::StrAppend(&result.text, *value);
        raw.remove_prefix(end + 1);
      } else {
        result.text += '$';
        raw.remove_prefix(1);
      }
    }
    if (!IsUtf8(result.text)) Break(result, "not valid UTF-8");
    bytes_ += result.text.size();
  }

  // What stands between ${ and }, looked up; none after reporting what is wrong.
  std::optional<std::string> Look(absl::string_view what, ConfigNode& result) {
    if (absl::ConsumePrefix(&what, "file:")) {
      absl::StatusOr<std::string> content = surroundings_.file({what.data(), what.size()});
      if (!content.ok()) {
        Break(result, absl::StrCat("cannot read the file ", Quoted(what), ": ", content.status().message()));
        return std::nullopt;
      }
      result.hidden = true;
      std::string secret(absl::StripSuffix(absl::StripSuffix(*content, "\n"), "\r"));
      mistakes_.Hide(secret);
      return secret;
    }
    std::optional<absl::string_view> fallback;
    if (const size_t at = what.find(":-"); at != absl::string_view::npos) {
      fallback = what.substr(at + 2);
      what = what.substr(0, at);
    }
    const bool is_name = !what.empty() && !absl::ascii_isdigit(what[0]) &&
                         what.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
                             absl::string_view::npos;
    if (!is_name) {
      Break(result, absl::StrCat("expected ${NAME}, ${NAME:-default} or ${file:PATH}, got ${", Escaped(what),
                                 "}; write $${ for a plain ${"));
      return std::nullopt;
    }
    std::optional<std::string> value = surroundings_.variable({what.data(), what.size()});
    if (fallback && (!value || value->empty())) return std::string(*fallback);
    if (!value) {
      Break(result, absl::StrCat("the variable ", what, " is not set; set it, or give a default as in ${", what,
                                 ":-default}"));
    }
    return value;
  }

  void Break(ConfigNode& node, std::string text) {
    node.kind = ConfigNode::Kind::kBroken;
    mistakes_.Add(node.place, std::move(text));
  }

  const Surroundings& surroundings_;
  Mistakes& mistakes_;
  const int file_;
  size_t nodes_ = 0;
  size_t bytes_ = 0;
  bool bounds_passed_ = false;
};

}  // namespace

const ConfigNode* ConfigNode::Find(absl::string_view key) const {
  for (const auto& [name, node] : entries) {
    if (name == key) return &node;
  }
  return nullptr;
}

ConfigNode* ConfigNode::Find(absl::string_view key) { return const_cast<ConfigNode*>(std::as_const(*this).Find(key)); }

const ConfigNode& ConfigNode::At(absl::string_view path) const {
  absl::ConsumePrefix(&path, ".");
  if (path.empty()) return *this;
  if (path[0] == '[') {
    size_t index = 0;
    const size_t end = path.find(']');
    if (end == absl::string_view::npos || !absl::SimpleAtoi(path.substr(1, end - 1), &index) || index >= items.size()) {
      return *this;
    }
    return items[index].At(path.substr(end + 1));
  }
  const std::pair<std::string, ConfigNode>* longest = nullptr;
  for (const auto& entry : entries) {
    const std::string& key = entry.first;
    const bool matches = path.substr(0, key.size()) == key &&
                         (path.size() == key.size() || path[key.size()] == '.' || path[key.size()] == '[');
    if (matches && (!longest || key.size() > longest->first.size())) longest = &entry;
  }
  return longest ? longest->second.At(path.substr(longest->first.size())) : *this;
}

ConfigNode ParseConfig(absl::string_view yaml, const Surroundings& surroundings, Mistakes& mistakes, int file) {
  ConfigNode broken;
  broken.kind = ConfigNode::Kind::kBroken;
  if (yaml.size() > kMaxConfigBytes) {
    mistakes.Add({1, 1, file}, absl::StrCat("a file may have ", kMaxConfigBytes, " bytes, this has ", yaml.size()));
    return broken;
  }
  try {
    const std::string text(yaml);
    if (const std::optional<YAML::Mark> second = SecondDocument(text)) {
      mistakes.Add(PlaceOf(*second, file),
                   "the document ends here, but more follows; a file holds one document, which is a mapping");
      return broken;
    }
    return Unfolder(surroundings, mistakes, file).Unfold(YAML::Load(text), Place{1, 1, file}, 0);
  } catch (const YAML::Exception& error) {
    mistakes.Add(PlaceOf(error.mark, file),
                 absl::StrCat("not YAML: ", Escaped(error.msg),
                              "; look here and before for a bracket or quote that is not closed, and for indentation"));
    return broken;
  }
}

}  // namespace ebb
