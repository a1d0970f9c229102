#ifndef EBB_ENGINE_EXPRESSION_TYPE_H_
#define EBB_ENGINE_EXPRESSION_TYPE_H_

// What is known of a value before there is one. Stateless; any thread.

#include <memory>
#include <optional>
#include <string>

#include "engine/expression/value.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace ebb::expression {

struct Type {
  Kind kind = Kind::kNull;                                        // Of lists of both forms, kList.
  bool nullable = false;                                          // Of a wrapper: may be null instead.
  const google::protobuf::EnumDescriptor* enumeration = nullptr;  // Of an int that is one.
  const google::protobuf::Message* prototype = nullptr;           // Of a message.
  Kind key = Kind::kNull;                                         // Of a map.
  std::shared_ptr<const Type> element;  // Of a list, or a map's values. None for a list without elements.
};

std::string NameOf(Kind kind);
std::string NameOf(const Type& type);

// The type of what is one or the other, as the branches of ?: and the elements of a list.
std::optional<Type> Common(const Type& a, const Type& b);

// Whether == may stand between them.
bool Comparable(const Type& a, const Type& b);
// Whether < may.
bool Ordered(const Type& a, const Type& b);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_TYPE_H_
