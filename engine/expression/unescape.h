#ifndef EBB_ENGINE_EXPRESSION_UNESCAPE_H_
#define EBB_ENGINE_EXPRESSION_UNESCAPE_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace ebb::expression {

// Where a literal is wrong, in bytes from its begin, and what was expected there; no text when it is right.
struct UnescapeError {
  size_t place = 0;
  const char* text = nullptr;
};

// What a string literal stands for: `literal` with its quotes, one or three, and the r before them when it is raw.
// Any thread.
// Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md, "String and Bytes Values".
[[nodiscard]] UnescapeError Unescape(std::string_view literal, std::string* text);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_UNESCAPE_H_
