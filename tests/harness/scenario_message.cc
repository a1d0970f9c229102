#include "tests/harness/scenario_message.h"

#include <charconv>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "state/text.h"

namespace ebb::testing {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool IsMoment(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_INT64 && absl::EndsWith(field.name(), "_ms");
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& key) {
  for (const char* ending : {"", "_id", "_ms"}) {
    if (const auto* field = type.FindFieldByName(key + ending)) return field;
  }
  return type.FindFieldByCamelcaseName(key);
}

std::string FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return absl::StrJoin(names, ", ");
}

absl::Status NoField(const Descriptor& type, std::string_view key) {
  return absl::InvalidArgumentError(Text(type.full_name(), " has no field ", key, "; it has ", FieldNames(type)));
}

// CHANNEL_ for Channel, ID_KIND_ for IdKind.
std::string PrefixOf(const EnumDescriptor& type) {
  std::string prefix;
  for (const char c : type.name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return prefix + "_";
}

std::string Spell(const EnumValueDescriptor& value) {
  std::string name = value.name();
  const std::string prefix = PrefixOf(*value.type());
  if (absl::StartsWith(name, prefix)) name.erase(0, prefix.size());
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", "-"}});
}

const EnumValueDescriptor* FindValue(const EnumDescriptor& type, const std::string& spelling) {
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->name() == spelling || Spell(*type.value(i)) == spelling) return type.value(i);
  }
  return nullptr;
}

template <class Number>
bool Parse(const std::string& text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end == text.data() + text.size();
}

// Sets a single value or, of a repeated field, adds one.
template <class Value>
void Put(Message* message, const FieldDescriptor& field, Value value,
         void (google::protobuf::Reflection::*set)(Message*, const FieldDescriptor*, Value) const,
         void (google::protobuf::Reflection::*add)(Message*, const FieldDescriptor*, Value) const) {
  (message->GetReflection()->*(field.is_repeated() ? add : set))(message, &field, std::move(value));
}

// False: the text is none of the field's type.
bool PutText(const std::string& text, const FieldDescriptor& field, Message* message) {
  using R = google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      Put<std::string>(message, field, text, &R::SetString, &R::AddString);
      return true;
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") return false;
      Put<bool>(message, field, text == "true", &R::SetBool, &R::AddBool);
      return true;
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t number = 0;
      if (!Parse(text, &number)) {
        const auto time = IsMoment(field) ? ParseMoment(text) : absl::InvalidArgumentError("");
        if (!time.ok()) return false;
        number = absl::ToUnixMillis(*time);
      }
      Put<int64_t>(message, field, number, &R::SetInt64, &R::AddInt64);
      return true;
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t number = 0;
      if (!Parse(text, &number)) return false;
      Put<int32_t>(message, field, number, &R::SetInt32, &R::AddInt32);
      return true;
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double number = 0;
      if (!absl::SimpleAtod(text, &number)) return false;
      Put<double>(message, field, number, &R::SetDouble, &R::AddDouble);
      return true;
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      int number = 0;
      if (const auto* value = FindValue(*field.enum_type(), text)) {
        number = value->number();
      } else if (!Parse(text, &number)) {
        return false;
      }
      Put<int>(message, field, number, &R::SetEnumValue, &R::AddEnumValue);
      return true;
    }
    default:
      return false;
  }
}

absl::Status FillOne(const YAML::Node& node, const FieldDescriptor& field, Message* message) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    const auto& reflection = *message->GetReflection();
    return FillMessage(node, field.is_repeated() ? reflection.AddMessage(message, &field)
                                                 : reflection.MutableMessage(message, &field));
  }
  if (node.IsScalar() && PutText(node.Scalar(), field, message)) return absl::OkStatus();
  return absl::InvalidArgumentError(Text(field.full_name(), ": expected a value of type ",
                                         field.enum_type() ? field.enum_type()->full_name() : field.type_name(),
                                         ", got ", YAML::Dump(node)));
}

std::string RenderMessage(const Message& message);

// `index` -1: of a single field.
std::string RenderOne(const Message& message, const FieldDescriptor& field, int index) {
  const auto& r = *message.GetReflection();
  const bool single = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return RenderMessage(single ? r.GetMessage(message, &field) : r.GetRepeatedMessage(message, &field, index));
    case FieldDescriptor::CPPTYPE_STRING:
      return single ? r.GetString(message, &field) : r.GetRepeatedString(message, &field, index);
    case FieldDescriptor::CPPTYPE_BOOL:
      return (single ? r.GetBool(message, &field) : r.GetRepeatedBool(message, &field, index)) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32:
      return Text(single ? r.GetInt32(message, &field) : r.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64: {
      const int64_t number = single ? r.GetInt64(message, &field) : r.GetRepeatedInt64(message, &field, index);
      if (!IsMoment(field)) return Text(number);
      return number == 0 ? "never" : FormatMoment(absl::FromUnixMillis(number));
    }
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return absl::StrFormat("%.6g",
                             single ? r.GetDouble(message, &field) : r.GetRepeatedDouble(message, &field, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return Spell(*(single ? r.GetEnum(message, &field) : r.GetRepeatedEnum(message, &field, index)));
    default:
      return Text("(", field.type_name(), ")");
  }
}

// In order of what is shown: a map has none of its own.
std::string RenderMap(const Message& message, const FieldDescriptor& field) {
  std::vector<std::string> items;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    const Message& entry = message.GetReflection()->GetRepeatedMessage(message, &field, i);
    items.push_back(Text(RenderOne(entry, *field.message_type()->map_key(), -1), ": ",
                         RenderOne(entry, *field.message_type()->map_value(), -1)));
  }
  std::sort(items.begin(), items.end());
  return Text("{", absl::StrJoin(items, ", "), "}");
}

std::string RenderField(const Message& message, const FieldDescriptor& field) {
  if (!field.is_repeated()) return RenderOne(message, field, -1);
  if (field.is_map()) return RenderMap(message, field);
  std::vector<std::string> items;
  for (int i = 0; i < message.GetReflection()->FieldSize(message, &field); ++i) {
    items.push_back(RenderOne(message, field, i));
  }
  return Text("[", absl::StrJoin(items, ", "), "]");
}

std::string NameOf(const FieldDescriptor& field) {
  return IsMoment(field) ? field.name().substr(0, field.name().size() - 3) : field.name();
}

std::string RenderMessage(const Message& message) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  std::vector<std::string> entries;
  for (const auto* field : fields) entries.push_back(Text(NameOf(*field), ": ", RenderField(message, *field)));
  return Text("{", absl::StrJoin(entries, ", "), "}");
}

absl::StatusOr<std::string> RenderPath(const Message& message, const std::vector<std::string>& path, size_t at) {
  const FieldDescriptor* field = FindField(*message.GetDescriptor(), path[at]);
  if (field == nullptr) return NoField(*message.GetDescriptor(), path[at]);
  if (at + 1 == path.size()) return RenderField(message, *field);
  if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) return NoField(*message.GetDescriptor(), path[at + 1]);
  const auto& reflection = *message.GetReflection();
  if (!field->is_repeated()) return RenderPath(reflection.GetMessage(message, field), path, at + 1);
  std::vector<std::string> items;
  for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
    auto item = RenderPath(reflection.GetRepeatedMessage(message, field, i), path, at + 1);
    if (!item.ok()) return item;
    items.push_back(*std::move(item));
  }
  return Text("[", absl::StrJoin(items, ", "), "]");
}

}  // namespace

absl::StatusOr<absl::Time> ParseMoment(std::string_view text) {
  absl::Time time;
  std::string error;
  const absl::string_view given(text.data(), text.size());
  for (const char* format : {"%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%E*S"}) {
    if (absl::ParseTime(format, given, &time, &error)) return time;
  }
  return absl::InvalidArgumentError(Text("expected a moment such as 2026-01-05 10:00, got ", text));
}

std::string FormatMoment(absl::Time time) {
  const auto civil = absl::UTCTimeZone().At(time);
  const bool has_fraction = absl::ToUnixMillis(time) % 1000 != 0;
  return absl::FormatTime(has_fraction             ? "%Y-%m-%d %H:%M:%E3S"
                          : civil.cs.second() != 0 ? "%Y-%m-%d %H:%M:%S"
                                                   : "%Y-%m-%d %H:%M",
                          time, absl::UTCTimeZone());
}

absl::Status FillMessage(const YAML::Node& mapping, Message* message) {
  const Descriptor& type = *message->GetDescriptor();
  if (!mapping.IsMap()) {
    return absl::InvalidArgumentError(Text("expected a mapping with the fields of ", type.full_name(), ", got ",
                                           YAML::Dump(mapping)));
  }
  const FieldDescriptor* header = type.FindFieldByName("header");
  for (const auto& entry : mapping) {
    const std::string key = entry.first.Scalar();
    Message* target = message;
    const FieldDescriptor* field = FindField(type, key);
    if (field == nullptr && header != nullptr) {
      target = message->GetReflection()->MutableMessage(message, header);
      field = FindField(*header->message_type(), key);
    }
    if (field == nullptr) return NoField(type, key);
    if (!field->is_repeated()) {
      if (auto status = FillOne(entry.second, *field, target); !status.ok()) return status;
      continue;
    }
    if (!entry.second.IsSequence()) return absl::InvalidArgumentError(Text(field->full_name(), ": expected a list"));
    for (const auto& item : entry.second) {
      if (auto status = FillOne(item, *field, target); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> RenderFields(const Message& message, const std::vector<std::string>& paths) {
  std::vector<std::string> fields;
  for (const std::string& path : paths) {
    const std::vector<std::string> steps = absl::StrSplit(path, '.');
    auto value = RenderPath(message, steps, 0);
    if (!value.ok()) return value.status();
    fields.push_back(Text(steps.back(), ": ", *value));
  }
  return absl::StrJoin(fields, ", ");
}

}  // namespace ebb::testing
