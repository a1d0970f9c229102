#include "engine/pipeline/config_value.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "engine/pipeline/mistakes.h"
#include "engine/time/duration.h"

namespace ebb {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

constexpr std::pair<absl::string_view, int64_t> kByteUnits[] = {
    {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}, {"", 1}};

// Longer units first where one ends in another.
const std::pair<absl::string_view, absl::Duration> kTimeUnits[] = {
    {"ms", absl::Milliseconds(1)}, {"us", absl::Microseconds(1)}, {"ns", absl::Nanoseconds(1)},
    {"d", absl::Hours(24)},        {"h", absl::Hours(1)},         {"m", absl::Minutes(1)},
    {"s", absl::Seconds(1)}};

// The limit that google.protobuf.Duration states for itself.
constexpr absl::Duration kLongest = absl::Seconds(315'576'000'000);

absl::Status Expected(absl::string_view what) { return absl::InvalidArgumentError(what); }

template <class Int>
absl::StatusOr<ConfigValue> ParseInteger(absl::string_view text) {
  Int value = 0;
  if (text.empty() || text.find_first_not_of("+-0123456789") != absl::string_view::npos) {
    return Expected("a whole number");
  }
  if (!absl::SimpleAtoi(text, &value)) {
    return Expected(absl::StrCat("a whole number from ", std::numeric_limits<Int>::min(), " to ",
                                 std::numeric_limits<Int>::max()));
  }
  if constexpr (std::is_signed_v<Int>) {
    return ConfigValue(static_cast<int64_t>(value));
  } else {
    return ConfigValue(static_cast<uint64_t>(value));
  }
}

absl::StatusOr<ConfigValue> ParseBytes(absl::string_view text) {
  const absl::Status expected = Expected("a number of bytes such as 4096, 64KiB, 512MiB or 2GiB");
  for (const auto& [unit, size] : kByteUnits) {
    absl::string_view number = text;
    if (!absl::ConsumeSuffix(&number, unit)) continue;
    number = absl::StripAsciiWhitespace(number);
    int64_t count = 0, bytes = 0;
    if (number.empty() || number.find_first_not_of("0123456789") != absl::string_view::npos ||
        !absl::SimpleAtoi(number, &count) || __builtin_mul_overflow(count, size, &bytes)) {
      return expected;
    }
    return ConfigValue(bytes);
  }
  return expected;
}

absl::StatusOr<ConfigValue> ParseEnum(const FieldDescriptor& field, absl::string_view text) {
  const google::protobuf::EnumDescriptor& type = *field.enum_type();
  if (const auto* found = type.FindValueByName(std::string(text))) return ConfigValue(int64_t{found->number()});
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) names.push_back(type.value(i)->name());
  return Expected(Listed(names, "or"));
}

absl::StatusOr<ConfigValue> ParseReal(absl::string_view text) {
  double value = 0;
  if (!absl::SimpleAtod(text, &value) || !std::isfinite(value)) return Expected("a finite number");
  return ConfigValue(value);
}

std::string PrintBytes(int64_t bytes) {
  for (const auto& [unit, size] : kByteUnits) {
    if (bytes >= size && bytes % size == 0 && size > 1) return absl::StrCat(bytes / size, unit);
  }
  return absl::StrCat(bytes);
}

}  // namespace

const v1::FieldRule& RuleOf(const FieldDescriptor& field) { return field.options().GetExtension(v1::rule); }

bool IsDuration(const FieldDescriptor& field) {
  return field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE &&
         field.message_type() == google::protobuf::Duration::descriptor();
}

bool IsSingleValue(const FieldDescriptor& field) {
  return field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE || IsDuration(field);
}

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  const absl::Status expected = Expected("a duration such as 250ms, 10s, 5m, 7d or 2h30m");
  const bool negative = absl::ConsumePrefix(&text, "-");
  if (text == "0") return absl::ZeroDuration();
  if (text.empty()) return expected;
  absl::Duration sum;
  while (!text.empty()) {
    const size_t digits = std::min(text.find_first_not_of("0123456789."), text.size());
    const absl::string_view number = text.substr(0, digits);
    text.remove_prefix(digits);
    bool known = false;
    for (const auto& [unit, size] : kTimeUnits) {
      if (!(known = absl::ConsumePrefix(&text, unit))) continue;
      int64_t whole = 0;
      double real = 0;
      if (absl::SimpleAtoi(number, &whole)) {
        sum += whole * size;
      } else if (absl::SimpleAtod(number, &real)) {
        sum += real * size;
      } else {
        return expected;
      }
      break;
    }
    if (!known) return expected;
  }
  if (sum > kLongest) return Expected("a duration of at most 10000 years");
  return negative ? -sum : sum;
}

absl::StatusOr<absl::Time> ParseTime(absl::string_view text) {
  absl::Time time;
  std::string error;
  const bool is_number_first = !text.empty() && absl::ascii_isdigit(text[0]);
  if (is_number_first && (absl::ParseTime(absl::RFC3339_full, text, &time, &error) ||
                          absl::ParseTime("%Y-%m-%d", text, &time, &error))) {
    return time;
  }
  return Expected("a time such as 2024-02-29 or 2024-02-29T18:30:00Z");
}

absl::StatusOr<ConfigValue> ParseConfigValue(const FieldDescriptor& field, absl::string_view text) {
  const v1::FieldRule& rule = RuleOf(field);
  if (IsDuration(field)) {
    absl::StatusOr<absl::Duration> duration = ParseDuration(text);
    if (!duration.ok()) return duration.status();
    return ConfigValue(*duration);
  }
  const bool is_int64 = field.cpp_type() == FieldDescriptor::CPPTYPE_INT64;
  if (rule.time() && is_int64) {
    absl::StatusOr<absl::Time> time = ParseTime(text);
    if (!time.ok()) return time.status();
    return ConfigValue(absl::ToUnixMillis(*time));
  }
  if (rule.bytes() && is_int64) return ParseBytes(text);
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return ParseInteger<int32_t>(text);
    case FieldDescriptor::CPPTYPE_INT64:
      return ParseInteger<int64_t>(text);
    case FieldDescriptor::CPPTYPE_UINT32:
      return ParseInteger<uint32_t>(text);
    case FieldDescriptor::CPPTYPE_UINT64:
      return ParseInteger<uint64_t>(text);
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      return ParseReal(text);
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text == "true" || text == "false") return ConfigValue(text == "true");
      return Expected("true or false");
    case FieldDescriptor::CPPTYPE_ENUM:
      return ParseEnum(field, text);
    case FieldDescriptor::CPPTYPE_STRING:
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return ConfigValue(std::string(text));
}

std::string PrintConfigValue(const FieldDescriptor& field, const ConfigValue& value) {
  const v1::FieldRule& rule = RuleOf(field);
  if (const auto* duration = std::get_if<absl::Duration>(&value)) return absl::FormatDuration(*duration);
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* real = std::get_if<double>(&value)) {
    // The shortest of both forms that reads back as the same number.
    const std::string brief = absl::StrCat(*real);
    double back = 0;
    return absl::SimpleAtod(brief, &back) && back == *real ? brief : absl::StrFormat("%.17g", *real);
  }
  if (const auto* count = std::get_if<uint64_t>(&value)) return absl::StrCat(*count);
  const int64_t number = std::get<int64_t>(value);
  if (rule.time()) return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(number), absl::UTCTimeZone());
  if (rule.bytes()) return PrintBytes(number);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
    const auto* known = field.enum_type()->FindValueByNumber(static_cast<int>(number));
    if (known) return known->name();
  }
  return absl::StrCat(number);
}

void StoreConfigValue(const FieldDescriptor& field, const ConfigValue& value, Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const bool add = field.is_repeated();
  const auto store = [&](auto set, auto append, auto native) {
    add ? (reflection.*append)(&message, &field, native) : (reflection.*set)(&message, &field, native);
  };
  using R = google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return store(&R::SetInt32, &R::AddInt32, static_cast<int32_t>(std::get<int64_t>(value)));
    case FieldDescriptor::CPPTYPE_INT64:
      return store(&R::SetInt64, &R::AddInt64, std::get<int64_t>(value));
    case FieldDescriptor::CPPTYPE_UINT32:
      return store(&R::SetUInt32, &R::AddUInt32, static_cast<uint32_t>(std::get<uint64_t>(value)));
    case FieldDescriptor::CPPTYPE_UINT64:
      return store(&R::SetUInt64, &R::AddUInt64, std::get<uint64_t>(value));
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return store(&R::SetDouble, &R::AddDouble, std::get<double>(value));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return store(&R::SetFloat, &R::AddFloat, static_cast<float>(std::get<double>(value)));
    case FieldDescriptor::CPPTYPE_BOOL:
      return store(&R::SetBool, &R::AddBool, std::get<bool>(value));
    case FieldDescriptor::CPPTYPE_ENUM:
      return store(&R::SetEnumValue, &R::AddEnumValue, static_cast<int>(std::get<int64_t>(value)));
    case FieldDescriptor::CPPTYPE_STRING:
      return store(&R::SetString, &R::AddString, std::get<std::string>(value));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  Message* target = add ? reflection.AddMessage(&message, &field) : reflection.MutableMessage(&message, &field);
  auto& duration = static_cast<google::protobuf::Duration&>(*target);
  const absl::Duration native = std::get<absl::Duration>(value);
  const int64_t seconds = absl::ToInt64Seconds(native);
  duration.set_seconds(seconds);
  duration.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(native - absl::Seconds(seconds))));
}

ConfigValue LoadConfigValue(const FieldDescriptor& field, const Message& message, int index) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const auto load = [&](auto get, auto item) {
    return field.is_repeated() ? (reflection.*item)(message, &field, index) : (reflection.*get)(message, &field);
  };
  using R = google::protobuf::Reflection;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return int64_t{load(&R::GetInt32, &R::GetRepeatedInt32)};
    case FieldDescriptor::CPPTYPE_INT64:
      return int64_t{load(&R::GetInt64, &R::GetRepeatedInt64)};
    case FieldDescriptor::CPPTYPE_UINT32:
      return uint64_t{load(&R::GetUInt32, &R::GetRepeatedUInt32)};
    case FieldDescriptor::CPPTYPE_UINT64:
      return uint64_t{load(&R::GetUInt64, &R::GetRepeatedUInt64)};
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return load(&R::GetDouble, &R::GetRepeatedDouble);
    case FieldDescriptor::CPPTYPE_FLOAT:
      return double{load(&R::GetFloat, &R::GetRepeatedFloat)};
    case FieldDescriptor::CPPTYPE_BOOL:
      return load(&R::GetBool, &R::GetRepeatedBool);
    case FieldDescriptor::CPPTYPE_ENUM:
      return int64_t{load(&R::GetEnumValue, &R::GetRepeatedEnumValue)};
    case FieldDescriptor::CPPTYPE_STRING:
      return load(&R::GetString, &R::GetRepeatedString);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  const Message& stored = field.is_repeated() ? reflection.GetRepeatedMessage(message, &field, index)
                                              : reflection.GetMessage(message, &field);
  return ToDuration(static_cast<const google::protobuf::Duration&>(stored));
}

}  // namespace ebb
