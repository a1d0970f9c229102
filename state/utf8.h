#ifndef EBB_STATE_UTF8_H_
#define EBB_STATE_UTF8_H_

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "google/protobuf/stubs/common.h"

namespace ebb {

// Whether the text is UTF-8, as protobuf's text fields and JSON must be.
inline bool IsUtf8(std::string_view text) {
  return google::protobuf::internal::IsStructurallyValidUTF8(text.data(), static_cast<int>(text.size()));
}

// Whether the byte goes on with a character that began before it.
inline bool ContinuesCharacter(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

// At most `size` bytes of the text, no character torn.
inline std::string_view CutUtf8(std::string_view text, size_t size) {
  if (text.size() <= size) return text;
  while (size > 0 && ContinuesCharacter(text[size])) --size;
  return text.substr(0, size);
}

// The text, or, where it is not UTF-8, its bytes escaped as in C.
inline std::string AsUtf8(std::string_view text) {
  return IsUtf8(text) ? std::string(text) : absl::CHexEscape({text.data(), text.size()});
}

}  // namespace ebb

#endif  // EBB_STATE_UTF8_H_
