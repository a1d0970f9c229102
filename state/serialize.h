#ifndef EBB_STATE_SERIALIZE_H_
#define EBB_STATE_SERIALIZE_H_

// Messages as bytes that can be compared and digested: equal messages give equal bytes. Stateless; any thread.

#include <cstddef>
#include <string>

#include "google/protobuf/message.h"

namespace ebb {

// Appends the message's bytes, map entries in order of their keys. `size` is what message.ByteSizeLong() has just
// given.
void AppendMessage(const google::protobuf::Message& message, size_t size, std::string* bytes);

}  // namespace ebb

#endif  // EBB_STATE_SERIALIZE_H_
