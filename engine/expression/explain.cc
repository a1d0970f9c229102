// What people are shown of values.

#include <algorithm>

#include "engine/expression/moments.h"
#include "engine/expression/program.h"
#include "engine/wording/wording.h"

namespace ebb::expression {
namespace {

std::string TextOfElements(const Value& list, const Type& type, const std::deque<Field>& fields) {
  const int64_t size = SizeOf(list, fields);
  if (type.element && type.element->kind == Kind::kMessage)
    return std::to_string(size) + " of " + NameOf(*type.element);
  const auto shown = std::min<int64_t>(size, kMaxShownElements);
  std::string text = "[";
  for (int64_t i = 0; i < shown; ++i) {
    text += (i > 0 ? ", " : "") + TextOf(ElementAt(list, i, fields, 1), *type.element, fields);
  }
  if (size > shown) text += ", and " + std::to_string(size - shown) + " more";
  return text + "]";
}

}  // namespace

std::string TextOf(const Value& value, const Type& type, const std::deque<Field>& fields) {
  switch (value.kind) {
    case Kind::kError: return Describe(static_cast<Failure>(value.extra));
    case Kind::kNull: return "null";
    case Kind::kBool: return value.boolean ? "true" : "false";
    case Kind::kInt: {
      const auto* const constant =
          type.enumeration != nullptr ? type.enumeration->FindValueByNumber(static_cast<int>(value.integer)) : nullptr;
      return constant != nullptr ? constant->name() : std::to_string(value.integer);
    }
    case Kind::kUint: return std::to_string(value.natural);
    case Kind::kDouble: {
      char text[kMaxDoubleBytes];
      return {text, FormatDouble(value.real, text)};
    }
    case Kind::kString: return Quoted({value.text, value.extra});
    case Kind::kTimestamp:
    case Kind::kDuration: {
      char text[kMaxMomentBytes];
      return {text, FormatMoment(value, text)};
    }
    case Kind::kMessage: return NameOf(type);
    case Kind::kList:
    case Kind::kRepeated: return TextOfElements(value, type, fields);
    case Kind::kMap: return std::to_string(SizeOf(value, fields)) + " entries";
  }
  return "";
}

std::string ClauseOutcome::ToText() const {
  std::string text = clause.text;
  for (size_t i = 0; i < reads.size(); ++i) text += (i == 0 ? "  (" : ", ") + reads[i].path + " = " + reads[i].value;
  if (!reads.empty()) text += ")";
  if (verdict == Verdict::kError) text += ": " + value;
  return text;
}

}  // namespace ebb::expression
