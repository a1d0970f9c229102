#include "engine/expression/fields.h"

#include <limits>
#include <memory>

#include "engine/expression/moments.h"
#include "engine/expression/program.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"

// The one way that protobuf leaves open to ask a map for a key without making a list of it first: its reflection has
// such a friend.
namespace google::protobuf::expr {
class CelMapReflectionFriend {
 public:
  static bool Find(const Reflection& reflection, const Message& message, const FieldDescriptor* field,
                   const MapKey& key, MapValueConstRef* value) {
    return reflection.LookupMapValue(message, field, key, value);
  }
  static bool Contains(const Reflection& reflection, const Message& message, const FieldDescriptor* field,
                       const MapKey& key) {
    return reflection.ContainsMapKey(message, field, key);
  }
  static int Size(const Reflection& reflection, const Message& message, const FieldDescriptor* field) {
    return reflection.MapSize(message, field);
  }
};
}  // namespace google::protobuf::expr

namespace ebb::expression {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::MapKey;
using google::protobuf::MapValueConstRef;
using google::protobuf::Message;
using google::protobuf::expr::CelMapReflectionFriend;

// The kind that a wrapper stands for; kNull for other messages.
Kind KindOfWrapper(const std::string& name) {
  static constexpr struct {
    const char* name;
    Kind kind;
  } kWrappers[] = {{"BoolValue", Kind::kBool},     {"Int32Value", Kind::kInt},    {"Int64Value", Kind::kInt},
                   {"UInt32Value", Kind::kUint},   {"UInt64Value", Kind::kUint},  {"FloatValue", Kind::kDouble},
                   {"DoubleValue", Kind::kDouble}, {"StringValue", Kind::kString}};
  for (const auto& wrapper : kWrappers) {
    if (name == std::string("google.protobuf.") + wrapper.name) return wrapper.kind;
  }
  return Kind::kNull;
}

bool IsUnread(const std::string& name) {
  for (const char* unread : {"Any", "BytesValue", "ListValue", "Struct", "Value"}) {
    if (name == std::string("google.protobuf.") + unread) return true;
  }
  return false;
}

std::optional<Type> ResolveMessage(const Message& prototype, Field* field) {
  Type type;
  const std::string name = prototype.GetTypeName();
  if (IsUnread(name)) return std::nullopt;
  if (dynamic_cast<const google::protobuf::Timestamp*>(&prototype) != nullptr) {
    field->form = Form::kTimestamp;
    type.kind = Kind::kTimestamp;
  } else if (dynamic_cast<const google::protobuf::Duration*>(&prototype) != nullptr) {
    field->form = Form::kDuration;
    type.kind = Kind::kDuration;
  } else if (const Kind kind = KindOfWrapper(name); kind != Kind::kNull) {
    field->form = Form::kWrapper;
    field->wrapped = prototype.GetDescriptor()->FindFieldByNumber(1);
    field->wrapped_reflection = prototype.GetReflection();
    type.kind = kind;
    type.nullable = true;
  } else {
    type.kind = Kind::kMessage;
    type.prototype = &prototype;
  }
  return type;
}

// Of one value of the field, as if it were not repeated.
std::optional<Type> ResolveSingle(const FieldDescriptor* descriptor, Field* field) {
  Type type;
  switch (descriptor->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: type.kind = Kind::kBool; break;
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64: type.kind = Kind::kInt; break;
    case FieldDescriptor::CPPTYPE_ENUM:
      type.kind = Kind::kInt;
      type.enumeration = descriptor->enum_type();
      break;
    case FieldDescriptor::CPPTYPE_UINT32:
    case FieldDescriptor::CPPTYPE_UINT64: type.kind = Kind::kUint; break;
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE: type.kind = Kind::kDouble; break;
    case FieldDescriptor::CPPTYPE_STRING:
      if (descriptor->type() == FieldDescriptor::TYPE_BYTES) return std::nullopt;
      type.kind = Kind::kString;
      break;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ResolveMessage(*field->reflection->GetMessageFactory()->GetPrototype(descriptor->message_type()), field);
  }
  return type;
}

// The value of a single field whose type is known beforehand.
template <FieldDescriptor::CppType kType>
Value ReadScalar(const google::protobuf::Reflection& reflection, const Message& message,
                 const FieldDescriptor* descriptor, std::string* text) {
  if constexpr (kType == FieldDescriptor::CPPTYPE_BOOL) return Bool(reflection.GetBool(message, descriptor));
  if constexpr (kType == FieldDescriptor::CPPTYPE_INT32) return Int(reflection.GetInt32(message, descriptor));
  if constexpr (kType == FieldDescriptor::CPPTYPE_INT64) return Int(reflection.GetInt64(message, descriptor));
  if constexpr (kType == FieldDescriptor::CPPTYPE_ENUM) return Int(reflection.GetEnumValue(message, descriptor));
  if constexpr (kType == FieldDescriptor::CPPTYPE_UINT32) return Uint(reflection.GetUInt32(message, descriptor));
  if constexpr (kType == FieldDescriptor::CPPTYPE_UINT64) return Uint(reflection.GetUInt64(message, descriptor));
  if constexpr (kType == FieldDescriptor::CPPTYPE_FLOAT) {
    return Double(static_cast<double>(reflection.GetFloat(message, descriptor)));
  }
  if constexpr (kType == FieldDescriptor::CPPTYPE_DOUBLE) return Double(reflection.GetDouble(message, descriptor));
  if constexpr (kType == FieldDescriptor::CPPTYPE_STRING) {
    return String(reflection.GetStringReference(message, descriptor, text));
  }
}

// Calls `read` with the type as a constant.
template <class Read>
auto WithType(FieldDescriptor::CppType type, Read read) {
  switch (type) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_BOOL>());
    case FieldDescriptor::CPPTYPE_INT32:
      return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_INT32>());
    case FieldDescriptor::CPPTYPE_ENUM:
      return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_ENUM>());
    case FieldDescriptor::CPPTYPE_UINT32:
      return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_UINT32>());
    case FieldDescriptor::CPPTYPE_UINT64:
      return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_UINT64>());
    case FieldDescriptor::CPPTYPE_FLOAT:
      return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_FLOAT>());
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_DOUBLE>());
    case FieldDescriptor::CPPTYPE_STRING:
      return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_STRING>());
    default: return read(std::integral_constant<FieldDescriptor::CppType, FieldDescriptor::CPPTYPE_INT64>());
  }
}

Value FromMessage(const Field& field, const Message& message, int column) {
  switch (field.form) {
    case Form::kTimestamp: {
      const auto& timestamp = static_cast<const google::protobuf::Timestamp&>(message);
      return CheckedMoment(Kind::kTimestamp, timestamp.seconds(), timestamp.nanos(), column);
    }
    case Form::kDuration: {
      const auto& duration = static_cast<const google::protobuf::Duration&>(message);
      return CheckedMoment(Kind::kDuration, duration.seconds(), duration.nanos(), column);
    }
    case Form::kWrapper: {
      static thread_local std::string unused;
      return WithType(field.wrapped->cpp_type(), [&](auto type) {
        return ReadScalar<type()>(*field.wrapped_reflection, message, field.wrapped, &unused);
      });
    }
    case Form::kMessage: break;
  }
  return InMessage(Kind::kMessage, &message);
}

template <FieldDescriptor::CppType kType>
Value ReadField(const Node& node, Frame& frame) {
  const Value holder = Run(*node.left, frame);
  if (holder.failed()) return holder;
  const Field& field = *node.field;
  return ReadScalar<kType>(*field.reflection, *holder.message, field.descriptor, &frame.scratch.text());
}

Value ReadMessage(const Node& node, Frame& frame) {
  const Value holder = Run(*node.left, frame);
  if (holder.failed()) return holder;
  const Field& field = *node.field;
  if (field.form == Form::kWrapper && !field.reflection->HasField(*holder.message, field.descriptor)) {
    return OfKind(Kind::kNull);
  }
  return FromMessage(field, field.reflection->GetMessage(*holder.message, field.descriptor), node.column);
}

template <Kind kKind>
Value ReadWhole(const Node& node, Frame& frame) {
  const Value holder = Run(*node.left, frame);
  return holder.failed() ? holder : InMessage(kKind, holder.message, node.field->number);
}

}  // namespace

std::optional<Field> ResolveField(const Message& prototype, const FieldDescriptor* descriptor) {
  Field field;
  field.descriptor = descriptor;
  field.reflection = prototype.GetReflection();
  const FieldDescriptor* const single = descriptor->is_map() ? descriptor->message_type()->map_value() : descriptor;
  field.cpp_type = single->cpp_type();
  std::optional<Type> type = ResolveSingle(single, &field);
  if (!type) return std::nullopt;
  field.type = *type;
  if (!descriptor->is_repeated()) return field;
  field.type = {.kind = Kind::kList, .element = std::make_shared<Type>(*std::move(type))};
  if (descriptor->is_map()) {
    field.type.kind = Kind::kMap;
    field.type.key = ResolveSingle(descriptor->message_type()->map_key(), &field)->kind;
  }
  return field;
}

Evaluator ReaderOf(const Field& field) {
  if (field.type.kind == Kind::kMap) return &ReadWhole<Kind::kMap>;
  if (field.type.kind == Kind::kList) return &ReadWhole<Kind::kRepeated>;
  if (field.cpp_type == FieldDescriptor::CPPTYPE_MESSAGE) return &ReadMessage;
  return WithType(field.cpp_type, [](auto type) -> Evaluator { return &ReadField<type()>; });
}

Value HasField(const Node& node, Frame& frame) {
  const Value holder = Run(*node.left, frame);
  if (holder.failed()) return holder;
  const Field& field = *node.field;
  if (!field.descriptor->is_repeated()) return Bool(field.reflection->HasField(*holder.message, field.descriptor));
  const Kind kind = field.descriptor->is_map() ? Kind::kMap : Kind::kRepeated;
  return Bool(SizeOf(InMessage(kind, holder.message, field.number), frame.fields) > 0);
}

int64_t SizeOf(const Value& value, const std::deque<Field>& fields) {
  if (value.kind == Kind::kList) return value.extra;
  const Field& field = fields[value.extra];
  if (value.kind == Kind::kMap) {
    return CelMapReflectionFriend::Size(*field.reflection, *value.message, field.descriptor);
  }
  return field.reflection->FieldSize(*value.message, field.descriptor);
}

Value ElementAt(const Value& list, int64_t index, const std::deque<Field>& fields, int column) {
  if (list.kind == Kind::kList) return list.elements[index];
  const Field& field = fields[list.extra];
  const google::protobuf::Reflection& reflection = *field.reflection;
  const Message& message = *list.message;
  const int at = static_cast<int>(index);
  switch (field.cpp_type) {
    case FieldDescriptor::CPPTYPE_BOOL: return Bool(reflection.GetRepeatedBool(message, field.descriptor, at));
    case FieldDescriptor::CPPTYPE_INT32: return Int(reflection.GetRepeatedInt32(message, field.descriptor, at));
    case FieldDescriptor::CPPTYPE_INT64: return Int(reflection.GetRepeatedInt64(message, field.descriptor, at));
    case FieldDescriptor::CPPTYPE_ENUM: return Int(reflection.GetRepeatedEnumValue(message, field.descriptor, at));
    case FieldDescriptor::CPPTYPE_UINT32: return Uint(reflection.GetRepeatedUInt32(message, field.descriptor, at));
    case FieldDescriptor::CPPTYPE_UINT64: return Uint(reflection.GetRepeatedUInt64(message, field.descriptor, at));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return Double(static_cast<double>(reflection.GetRepeatedFloat(message, field.descriptor, at)));
    case FieldDescriptor::CPPTYPE_DOUBLE: return Double(reflection.GetRepeatedDouble(message, field.descriptor, at));
    case FieldDescriptor::CPPTYPE_STRING: {
      static thread_local std::string unused;
      return String(reflection.GetRepeatedStringReference(message, field.descriptor, at, &unused));
    }
    case FieldDescriptor::CPPTYPE_MESSAGE: break;
  }
  return FromMessage(field, reflection.GetRepeatedMessage(message, field.descriptor, at), column);
}

bool SetKey(const Value& key, const Field& field, MapKey* map_key) {
  const auto fits = [&](auto narrow) {
    using Narrow = decltype(narrow);
    if (key.kind == Kind::kUint) return key.natural <= std::numeric_limits<Narrow>::max();
    return key.integer >= static_cast<int64_t>(std::numeric_limits<Narrow>::min()) &&
           key.integer <= static_cast<int64_t>(std::numeric_limits<Narrow>::max());
  };
  switch (field.descriptor->message_type()->map_key()->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: map_key->SetStringValue(std::string(key.view())); return true;
    case FieldDescriptor::CPPTYPE_BOOL: map_key->SetBoolValue(key.boolean); return true;
    case FieldDescriptor::CPPTYPE_INT64: map_key->SetInt64Value(key.integer); return true;
    case FieldDescriptor::CPPTYPE_UINT64: map_key->SetUInt64Value(key.natural); return true;
    case FieldDescriptor::CPPTYPE_INT32:
      if (!fits(int32_t{})) return false;
      map_key->SetInt32Value(static_cast<int32_t>(key.integer));
      return true;
    case FieldDescriptor::CPPTYPE_UINT32:
      if (!fits(uint32_t{})) return false;
      map_key->SetUInt32Value(static_cast<uint32_t>(key.natural));
      return true;
    default: return false;
  }
}

bool HasKey(const Value& map, const MapKey& key, const Field& field) {
  return CelMapReflectionFriend::Contains(*field.reflection, *map.message, field.descriptor, key);
}

Value AtKey(const Value& map, const MapKey& key, const Field& field, int column) {
  MapValueConstRef value;
  if (!CelMapReflectionFriend::Find(*field.reflection, *map.message, field.descriptor, key, &value)) {
    return Fail(Failure::kNoSuchKey, column);
  }
  switch (field.cpp_type) {
    case FieldDescriptor::CPPTYPE_BOOL: return Bool(value.GetBoolValue());
    case FieldDescriptor::CPPTYPE_INT32: return Int(value.GetInt32Value());
    case FieldDescriptor::CPPTYPE_INT64: return Int(value.GetInt64Value());
    case FieldDescriptor::CPPTYPE_ENUM: return Int(value.GetEnumValue());
    case FieldDescriptor::CPPTYPE_UINT32: return Uint(value.GetUInt32Value());
    case FieldDescriptor::CPPTYPE_UINT64: return Uint(value.GetUInt64Value());
    case FieldDescriptor::CPPTYPE_FLOAT: return Double(static_cast<double>(value.GetFloatValue()));
    case FieldDescriptor::CPPTYPE_DOUBLE: return Double(value.GetDoubleValue());
    case FieldDescriptor::CPPTYPE_STRING: return String(value.GetStringValue());
    case FieldDescriptor::CPPTYPE_MESSAGE: break;
  }
  return FromMessage(field, value.GetMessageValue(), column);
}

}  // namespace ebb::expression
