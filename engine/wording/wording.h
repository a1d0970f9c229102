#ifndef EBB_ENGINE_WORDING_WORDING_H_
#define EBB_ENGINE_WORDING_WORDING_H_

// How mistakes are worded: what was written, what may have been meant, what could be written. Stateless; any thread.

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace ebb {

// The text, with what a terminal could not show escaped; always UTF-8.
std::string Escaped(absl::string_view text);
// The text as it is, with only what a terminal would act on escaped, and bytes that are not UTF-8: quotes stay.
std::string Printable(absl::string_view text);
// `"text"`, escaped, and shortened where it is long.
std::string Quoted(absl::string_view text);

// `; did you mean "…"?` when a candidate is near to `word` in spelling, else nothing.
std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates);

// What DidYouMean says, and the candidates: `; did you mean "b"? (known: a and b)`.
std::string KnownHint(absl::string_view word, const std::vector<std::string>& candidates);

// "a", "a and b", "a, b and c"; the last two joined by `conjunction`. More words than kMaxWords are counted.
std::string Listed(const std::vector<std::string>& words, absl::string_view conjunction);
inline constexpr size_t kMaxWords = 40;

}  // namespace ebb

#endif  // EBB_ENGINE_WORDING_WORDING_H_
