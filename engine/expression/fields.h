#ifndef EBB_ENGINE_EXPRESSION_FIELDS_H_
#define EBB_ENGINE_EXPRESSION_FIELDS_H_

// Reading messages: what is resolved when an expression is loaded, and the reading itself. Stateless; any thread.

#include <deque>
#include <optional>

#include "engine/expression/type.h"
#include "engine/expression/value.h"
#include "google/protobuf/map_field.h"
#include "google/protobuf/message.h"

namespace ebb::expression {

// How a message in a field becomes a value.
enum class Form { kMessage, kTimestamp, kDuration, kWrapper };

struct Field {
  const google::protobuf::FieldDescriptor* descriptor = nullptr;
  const google::protobuf::Reflection* reflection = nullptr;  // Of the message that has it.
  // Of values of a map; otherwise of the field.
  google::protobuf::FieldDescriptor::CppType cpp_type = google::protobuf::FieldDescriptor::CPPTYPE_INT64;
  Form form = Form::kMessage;
  // Of what a wrapper holds.
  const google::protobuf::FieldDescriptor* wrapped = nullptr;
  const google::protobuf::Reflection* wrapped_reflection = nullptr;
  uint32_t number = 0;  // Among the fields of its program.
  Type type;
};

// The field of messages like `prototype`, of the type that expressions give it; none when they cannot read it.
std::optional<Field> ResolveField(const google::protobuf::Message& prototype,
                                  const google::protobuf::FieldDescriptor* descriptor);

struct Node;
struct Frame;

// What evaluates `node.left` and reads `node.field` of it; reading the whole of a repeated field or map costs nothing.
Value (*ReaderOf(const Field& field))(const Node& node, Frame& frame);
// Evaluates has() of the same.
Value HasField(const Node& node, Frame& frame);

// The size of a list of either form, or of a map.
int64_t SizeOf(const Value& value, const std::deque<Field>& fields);
// An element of a list of either form. `index` must be below its size.
Value ElementAt(const Value& list, int64_t index, const std::deque<Field>& fields, int column);

// `key` for a map of `field`. False when it has none like it, since the map's own keys are of fewer bits.
bool SetKey(const Value& key, const Field& field, google::protobuf::MapKey* map_key);
bool HasKey(const Value& map, const google::protobuf::MapKey& key, const Field& field);
// The value behind the key, or kNoSuchKey.
Value AtKey(const Value& map, const google::protobuf::MapKey& key, const Field& field, int column);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_FIELDS_H_
