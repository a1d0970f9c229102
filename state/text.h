#ifndef EBB_STATE_TEXT_H_
#define EBB_STATE_TEXT_H_

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"

namespace ebb {

// absl::StrCat that also takes std::string_view: Debian builds Abseil with a string_view of its own.
template <class... Parts>
std::string Text(const Parts&... parts) {
  const auto piece = [](const auto& part) -> decltype(auto) {
    if constexpr (std::is_same_v<std::decay_t<decltype(part)>, std::string_view>) {
      return absl::string_view(part.data(), part.size());
    } else {
      return (part);
    }
  };
  return absl::StrCat(piece(parts)...);
}

// Without the end of the line.
inline std::string_view FirstLine(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace ebb

#endif  // EBB_STATE_TEXT_H_
