#include "engine/expression/type.h"

namespace ebb::expression {
namespace {

bool IsScalar(Kind kind) { return kind >= Kind::kBool && kind <= Kind::kDuration; }

}  // namespace

std::string NameOf(Kind kind) {
  switch (kind) {
    case Kind::kError: return "error";
    case Kind::kNull: return "null";
    case Kind::kBool: return "bool";
    case Kind::kInt: return "int";
    case Kind::kUint: return "uint";
    case Kind::kDouble: return "double";
    case Kind::kString: return "string";
    case Kind::kTimestamp: return "timestamp";
    case Kind::kDuration: return "duration";
    case Kind::kMessage: return "message";
    case Kind::kList:
    case Kind::kRepeated: return "list";
    case Kind::kMap: return "map";
  }
  return "";
}

std::string NameOf(const Type& type) {
  if (type.kind == Kind::kMessage) return type.prototype->GetTypeName();
  if (type.kind == Kind::kList && type.element) return "list(" + NameOf(*type.element) + ")";
  if (type.kind == Kind::kMap) return "map(" + NameOf(type.key) + ", " + NameOf(*type.element) + ")";
  if (type.enumeration != nullptr) return "int (" + type.enumeration->full_name() + ")";
  return NameOf(type.kind) + (type.nullable ? " or null" : "");
}

std::optional<Type> Common(const Type& a, const Type& b) {
  if (a.kind == Kind::kNull && (b.nullable || b.kind == Kind::kNull)) return b;
  if (b.kind == Kind::kNull && a.nullable) return a;
  if (a.kind != b.kind || a.key != b.key) return std::nullopt;
  if (a.kind == Kind::kMessage && a.prototype != b.prototype) return std::nullopt;
  Type type = a;
  type.nullable = a.nullable || b.nullable;
  if (a.enumeration != b.enumeration) type.enumeration = nullptr;
  if (a.element && b.element) {
    auto element = Common(*a.element, *b.element);
    if (!element) return std::nullopt;
    type.element = std::make_shared<Type>(*std::move(element));
  } else if (b.element) {
    type.element = b.element;
  }
  return type;
}

bool Comparable(const Type& a, const Type& b) {
  if (a.kind == Kind::kNull) return b.nullable || b.kind == Kind::kNull;
  if (b.kind == Kind::kNull) return a.nullable;
  return Ordered(a, b);
}

bool Ordered(const Type& a, const Type& b) {
  return (IsNumber(a.kind) && IsNumber(b.kind)) || (a.kind == b.kind && IsScalar(a.kind));
}

}  // namespace ebb::expression
