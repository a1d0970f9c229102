#include "engine/wording/wording.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "state/utf8.h"

namespace ebb {
namespace {

constexpr size_t kMaxQuoted = 120;

// How many letters must be changed, added, left out or swapped with their neighbour to make `b` of `a`.
// Source: optimal string alignment distance, Damerau 1964.
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

// Smaller is nearer. A word left short ("memory" for "memory_limit") or bare ("Purchase" for "ebb.v1.Purchase") is
// near as well.
size_t Distance(absl::string_view word, absl::string_view candidate) {
  std::string a = absl::AsciiStrToLower(word), b = absl::AsciiStrToLower(candidate);
  size_t distance = EditDistance(a, b);
  if (b.size() > a.size() && a.size() >= 3) {
    const bool begins = b.substr(0, a.size()) == a && (b[a.size()] == '_' || b[a.size()] == '-' || b[a.size()] == '.');
    const std::string tail = b.substr(b.rfind('.') + 1);
    if (begins) distance = std::min<size_t>(distance, 1);
    if (tail.size() < b.size()) distance = std::min(distance, EditDistance(a, tail));
  }
  return distance;
}

}  // namespace

std::string Escaped(absl::string_view text) {
  return IsUtf8({text.data(), text.size()}) ? absl::Utf8SafeCEscape(text) : absl::CHexEscape(text);
}

std::string Printable(absl::string_view text) {
  const std::string whole = AsUtf8({text.data(), text.size()});
  std::string shown;
  for (size_t i = 0; i < whole.size(); ++i) {
    const auto byte = static_cast<unsigned char>(whole[i]);
    const auto next = static_cast<unsigned char>(i + 1 < whole.size() ? whole[i + 1] : 0);
    // U+0080 to U+009f are control characters too.
    const bool is_pair = byte == 0xc2 && next < 0xa0;
    if (byte >= 0x20 && byte != 0x7f && !is_pair) {
      shown.push_back(whole[i]);
    } else {
      absl::StrAppend(&shown, "\\x", absl::Hex(is_pair ? next : byte, absl::kZeroPad2));
      i += is_pair ? 1 : 0;
    }
  }
  return shown;
}

std::string Quoted(absl::string_view text) {
  const std::string shown = Escaped(text.substr(0, CutUtf8({text.data(), text.size()}, kMaxQuoted).size()));
  return absl::StrCat("\"", shown, text.size() > kMaxQuoted ? "…" : "", "\"");
}

std::string DidYouMean(absl::string_view word, const std::vector<std::string>& candidates) {
  const size_t limit = std::max<size_t>(1, std::min<size_t>(word.size(), 12) / 3);
  const std::string* nearest = nullptr;
  size_t least = limit + 1;
  // A long word is near to nothing, and comparing it would take long.
  if (word.size() > kMaxQuoted) return "";
  for (const std::string& candidate : candidates) {
    if (size_t distance = Distance(word, candidate); distance < least) {
      nearest = &candidate;
      least = distance;
    }
  }
  return nearest ? absl::StrCat("; did you mean ", Quoted(*nearest), "?") : "";
}

std::string KnownHint(absl::string_view word, const std::vector<std::string>& candidates) {
  return absl::StrCat(DidYouMean(word, candidates), " (known: ", Listed(candidates, "and"), ")");
}

std::string Listed(const std::vector<std::string>& words, absl::string_view conjunction) {
  if (words.empty()) return "nothing";
  std::vector<std::string> shown;
  for (const std::string& word : words) {
    if (shown.size() == kMaxWords) break;
    shown.push_back(Escaped(word));
  }
  if (words.size() > kMaxWords) {
    return absl::StrCat(absl::StrJoin(shown, ", "), " ", conjunction, " ", words.size() - kMaxWords, " more");
  }
  if (shown.size() == 1) return shown[0];
  return absl::StrCat(absl::StrJoin(shown.begin(), shown.end() - 1, ", "), " ", conjunction, " ", shown.back());
}

}  // namespace ebb
