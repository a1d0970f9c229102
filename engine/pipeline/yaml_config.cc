#include "engine/pipeline/yaml_config.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "ebb/v1/options.pb.h"
#include "engine/pipeline/config_value.h"

namespace ebb {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Kind = ConfigNode::Kind;

absl::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a mapping";
    case Kind::kScalar:
    case Kind::kBroken:
      break;
  }
  return "a single value";
}

std::string Shown(const ConfigNode& node, const v1::FieldRule& rule) {
  if (node.kind != Kind::kScalar) return std::string(KindName(node.kind));
  return node.hidden || rule.secret() ? "a hidden value" : Quoted(node.text);
}

bool IsOneOf(absl::string_view text, const v1::FieldRule& rule) {
  for (const std::string& allowed : rule.one_of()) {
    if (text == allowed) return true;
  }
  return rule.one_of().empty();
}

// Whether an absent message of this type is to be made; `within` holds the types around it.
bool IsMadeUnasked(const Descriptor& type, std::vector<const Descriptor*>& within) {
  for (const Descriptor* outer : within) {
    if (outer == &type) return false;
  }
  within.push_back(&type);
  bool has_default = false, has_required = false;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.real_containing_oneof()) continue;
    has_required = has_required || RuleOf(field).required();
    has_default = has_default || !RuleOf(field).default_().empty() ||
                  (!IsSingleValue(field) && !field.is_repeated() && IsMadeUnasked(*field.message_type(), within));
  }
  within.pop_back();
  return has_default && !has_required;
}

class Decoder {
 public:
  Decoder(Mistakes& mistakes, const Descriptor* opaque) : mistakes_(mistakes), opaque_(opaque) {}

  void DecodeMessage(const ConfigNode& node, Message& message) {
    const Descriptor& type = *message.GetDescriptor();
    if (node.kind == Kind::kBroken) return;
    if (node.kind != Kind::kMap && node.kind != Kind::kNull) {
      mistakes_.Add(node.place, absl::StrCat("expected a mapping of ", Listed(FieldNames(type), "and"), ", got ",
                                             Shown(node, v1::FieldRule())));
      return;
    }
    for (const auto& [key, value] : node.entries) {
      const FieldDescriptor* field = type.FindFieldByName(key);
      if (!field) {
        mistakes_.Add(value.introduced, UnknownKey(key, type));
      } else if (const auto* oneof = field->real_containing_oneof(); oneof && HasOneof(message, *oneof)) {
        mistakes_.Add(value.introduced, absl::StrCat("only one of ", MembersOf(*oneof), " may be given"));
      } else {
        DecodeField(value, *field, message);
      }
    }
    Complete(node, message);
  }

  // Reports required fields that are missing and fills in defaults.
  void Complete(const ConfigNode& node, Message& message) {
    const Descriptor& type = *message.GetDescriptor();
    within_.push_back(&type);
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (node.Find(field.name())) continue;
      const v1::FieldRule& rule = RuleOf(field);
      if (rule.required()) {
        mistakes_.Add(node.introduced, absl::StrCat("required key ", Quoted(field.name()), " is missing"));
      } else if (!field.real_containing_oneof()) {
        FillDefault(node, field, message);
      }
    }
    within_.pop_back();
  }

 private:
  static bool HasOneof(const Message& message, const google::protobuf::OneofDescriptor& oneof) {
    return message.GetReflection()->HasOneof(message, &oneof);
  }

  static std::string MembersOf(const google::protobuf::OneofDescriptor& oneof) {
    std::vector<std::string> names;
    for (int i = 0; i < oneof.field_count(); ++i) names.push_back(oneof.field(i)->name());
    return Listed(names, "and");
  }

  static std::string UnknownKey(absl::string_view key, const Descriptor& type) {
    const std::vector<std::string> names = FieldNames(type);
    const std::string hint = DidYouMean(key, names);
    return absl::StrCat("unknown key ", Quoted(key),
                        hint.empty() ? absl::StrCat("; known here: ", Listed(names, "and")) : hint);
  }

  static std::vector<std::string> FieldNames(const Descriptor& type) {
    std::vector<std::string> names;
    for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
    return names;
  }

  // What a value of a field may be, in words.
  static std::string Expected(const FieldDescriptor& field, const v1::FieldRule& rule) {
    if (rule.one_of_size() > 0) return Listed({rule.one_of().begin(), rule.one_of().end()}, "or");
    const absl::StatusOr<ConfigValue> of_nothing = ParseConfigValue(field, "");
    return of_nothing.ok() ? "a text" : std::string(of_nothing.status().message());
  }

  void FillDefault(const ConfigNode& node, const FieldDescriptor& field, Message& message) {
    const v1::FieldRule& rule = RuleOf(field);
    if (IsSingleValue(field)) {
      if (rule.default_().empty()) return;
      std::vector<std::string> words = {rule.default_()};
      if (field.is_repeated()) words = absl::StrSplit(rule.default_(), ',');
      for (const std::string& word : words) {
        absl::StatusOr<ConfigValue> value = ParseConfigValue(field, word);
        if (value.ok()) {
          StoreConfigValue(field, *value, message);
        } else {
          mistakes_.Add(node.introduced, absl::StrCat("the program's own default for ", Quoted(field.full_name()),
                                                      " is wrong: expected ", value.status().message()));
        }
      }
      return;
    }
    const Descriptor& type = *field.message_type();
    if (field.is_repeated() || &type == opaque_ || !IsMadeUnasked(type, within_)) return;
    ConfigNode absent;
    absent.introduced = node.introduced;
    Complete(absent, *message.GetReflection()->MutableMessage(&message, &field));
  }

  void DecodeField(const ConfigNode& node, const FieldDescriptor& field, Message& message) {
    if (node.kind == Kind::kBroken || (!IsSingleValue(field) && field.message_type() == opaque_)) return;
    if (field.is_map()) return DecodeMap(node, field, message);
    if (field.is_repeated()) return DecodeList(node, field, message);
    if (IsSingleValue(field)) return DecodeSingle(node, field, message);
    DecodeMessage(node, *message.GetReflection()->MutableMessage(&message, &field));
  }

  bool Expect(Kind kind, const ConfigNode& node, const FieldDescriptor& field, absl::string_view example) {
    if (node.kind != kind && node.kind != Kind::kNull) {
      mistakes_.Add(node.place, absl::StrCat("expected ", KindName(kind), example, ", got ",
                                             Shown(node, RuleOf(field))));
      return false;
    }
    if (RuleOf(field).required() && node.items.empty() && node.entries.empty()) {
      mistakes_.Add(node.introduced, absl::StrCat(Quoted(field.name()), " must not be empty"));
    }
    return true;
  }

  void DecodeMap(const ConfigNode& node, const FieldDescriptor& field, Message& message) {
    const FieldDescriptor& key_field = *field.message_type()->map_key();
    const FieldDescriptor& value_field = *field.message_type()->map_value();
    const char* example = IsSingleValue(value_field) ? " such as {a: b}" : " such as {name: {…}}";
    if (!Expect(Kind::kMap, node, field, example)) return;
    for (const auto& [key, value] : node.entries) {
      absl::StatusOr<ConfigValue> parsed = ParseConfigValue(key_field, key);
      if (!parsed.ok()) {
        mistakes_.Add(value.introduced,
                      absl::StrCat("expected ", parsed.status().message(), " as the key, got ", Quoted(key)));
        continue;
      }
      Message& entry = *message.GetReflection()->AddMessage(&message, &field);
      StoreConfigValue(key_field, *parsed, entry);
      DecodeItem(value, field, value_field, entry);
    }
  }

  void DecodeList(const ConfigNode& node, const FieldDescriptor& field, Message& message) {
    if (!Expect(Kind::kList, node, field, IsSingleValue(field) ? " such as [a, b]" : "")) return;
    for (const ConfigNode& item : node.items) {
      if (item.kind == Kind::kBroken) continue;
      if (IsSingleValue(field)) {
        DecodeSingle(item, field, message);
      } else {
        DecodeMessage(item, *message.GetReflection()->AddMessage(&message, &field));
      }
    }
  }

  // The value of a map's entry; the rule is that of the map.
  void DecodeItem(const ConfigNode& node, const FieldDescriptor& map, const FieldDescriptor& value, Message& entry) {
    if (node.kind == Kind::kBroken) return;
    if (!IsSingleValue(value)) return DecodeMessage(node, *entry.GetReflection()->MutableMessage(&entry, &value));
    if (std::optional<ConfigValue> parsed = ParseSingle(node, value, RuleOf(map))) {
      StoreConfigValue(value, *parsed, entry);
    }
  }

  void DecodeSingle(const ConfigNode& node, const FieldDescriptor& field, Message& message) {
    if (std::optional<ConfigValue> parsed = ParseSingle(node, field, RuleOf(field))) {
      StoreConfigValue(field, *parsed, message);
    }
  }

  std::optional<ConfigValue> ParseSingle(const ConfigNode& node, const FieldDescriptor& field,
                                         const v1::FieldRule& rule) {
    absl::StatusOr<ConfigValue> value = absl::InvalidArgumentError(Expected(field, rule));
    if (node.kind == Kind::kScalar) value = ParseConfigValue(field, node.text);
    if (!value.ok()) {
      const std::vector<std::string> names = EnumNames(field);
      mistakes_.Add(node.kind == Kind::kNull ? node.introduced : node.place,
                    absl::StrCat("expected ", value.status().message(), ", got ", Shown(node, rule),
                                 node.hidden ? "" : DidYouMean(node.text, names)));
      return std::nullopt;
    }
    if (rule.required() && node.text.empty()) {
      mistakes_.Add(node.place, absl::StrCat(Quoted(field.name()), " must not be empty"));
      return std::nullopt;
    }
    if (!IsOneOf(node.text, rule)) {
      const std::vector<std::string> allowed(rule.one_of().begin(), rule.one_of().end());
      mistakes_.Add(node.place, absl::StrCat("expected ", Listed(allowed, "or"), ", got ", Shown(node, rule),
                                             node.hidden ? "" : DidYouMean(node.text, allowed)));
      return std::nullopt;
    }
    return InRange(node, field, rule, *value) ? std::optional<ConfigValue>(*value) : std::nullopt;
  }

  static std::vector<std::string> EnumNames(const FieldDescriptor& field) {
    std::vector<std::string> names;
    for (int i = 0; field.enum_type() && i < field.enum_type()->value_count(); ++i) {
      names.push_back(field.enum_type()->value(i)->name());
    }
    return names;
  }

  bool InRange(const ConfigNode& node, const FieldDescriptor& field, const v1::FieldRule& rule,
               const ConfigValue& value) {
    const auto check = [&](const std::string& bound, absl::string_view word, bool is_least) {
      if (bound.empty()) return true;
      absl::StatusOr<ConfigValue> limit = ParseConfigValue(field, bound);
      const bool kept = limit.ok() && (is_least ? !(value < *limit) : !(*limit < value));
      if (!kept) mistakes_.Add(node.place, absl::StrCat("must be ", word, " ", bound, ", got ", Shown(node, rule)));
      return kept;
    };
    return check(rule.min(), "at least", true) && check(rule.max(), "at most", false);
  }

  Mistakes& mistakes_;
  const Descriptor* opaque_;
  std::vector<const Descriptor*> within_;  // Types being completed, the outermost first.
};

}  // namespace

void DecodeConfig(const ConfigNode& node, Message& message, Mistakes& mistakes, const Descriptor* opaque) {
  Decoder(mistakes, opaque).DecodeMessage(node, message);
}

void CollectHidden(const ConfigNode& node, const Descriptor& type, const std::string& path,
                   std::set<std::string>& hidden) {
  for (const auto& [key, value] : node.entries) {
    const FieldDescriptor* field = type.FindFieldByName(key);
    if (!field) continue;
    const std::string below = path.empty() ? key : absl::StrCat(path, ".", key);
    const bool is_secret = RuleOf(*field).secret();
    const Descriptor* message = IsSingleValue(*field) ? nullptr : field->message_type();
    const auto collect = [&](const ConfigNode& part, const std::string& at, const Descriptor* part_type) {
      if (part.hidden || (is_secret && part.kind == Kind::kScalar)) hidden.insert(at);
      if (part_type) CollectHidden(part, *part_type, at, hidden);
    };
    if (field->is_map()) {
      const FieldDescriptor& map_value = *message->map_value();
      for (const auto& [name, entry] : value.entries) {
        collect(entry, absl::StrCat(below, ".", name), IsSingleValue(map_value) ? nullptr : map_value.message_type());
      }
    } else if (field->is_repeated()) {
      for (size_t i = 0; i < value.items.size(); ++i) {
        collect(value.items[i], absl::StrCat(below, "[", i, "]"), message);
      }
    } else {
      collect(value, below, message);
    }
  }
}

}  // namespace ebb
