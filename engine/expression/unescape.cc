#include "engine/expression/unescape.h"

#include <charconv>
#include <cstdint>

namespace ebb::expression {
namespace {

void AppendUtf8(uint32_t point, std::string* text) {
  const auto tail = [&](int shift) { text->push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3f))); };
  if (point < 0x80) {
    text->push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    text->push_back(static_cast<char>(0xc0 | (point >> 6)));
    tail(0);
  } else if (point < 0x10000) {
    text->push_back(static_cast<char>(0xe0 | (point >> 12)));
    tail(6);
    tail(0);
  } else {
    text->push_back(static_cast<char>(0xf0 | (point >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The digits behind an escape that begins with `letter`: how many, and of which base. None for single letters.
struct Digits {
  size_t count;
  int base;
};
Digits DigitsAfter(char letter) {
  switch (letter) {
    case 'x':
    case 'X': return {2, 16};
    case 'u': return {4, 16};
    case 'U': return {8, 16};
    case '0':
    case '1':
    case '2':
    case '3': return {3, 8};
    default: return {0, 0};
  }
}

// Appends what the escape at the front of `rest` stands for; returns its length, 0 when it is none.
size_t UnescapeOne(std::string_view rest, std::string* text) {
  static constexpr std::string_view kLetters = "abfnrtv\\\"'`?";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"'`?";
  if (rest.size() < 2) return 0;
  if (const size_t found = kLetters.find(rest[1]); found != std::string_view::npos) {
    text->push_back(kMeanings[found]);
    return 2;
  }
  const Digits digits = DigitsAfter(rest[1]);
  if (digits.count == 0) return 0;
  const size_t first = digits.base == 8 ? 1 : 2;
  if (rest.size() < first + digits.count) return 0;
  uint32_t point = 0;
  const char* const end = rest.data() + first + digits.count;
  const auto read = std::from_chars(rest.data() + first, end, point, digits.base);
  const bool surrogate = point >= 0xd800 && point < 0xe000;
  if (read.ec != std::errc() || read.ptr != end || point > 0x10ffff || surrogate) return 0;
  AppendUtf8(point, text);
  return first + digits.count;
}

}  // namespace

UnescapeError Unescape(std::string_view literal, std::string* text) {
  const bool raw = literal.front() == 'r' || literal.front() == 'R';
  const size_t prefix = raw ? 1 : 0;
  const char quote = literal[prefix];
  // Two quotes are an empty text, six one in three quotes.
  const bool three = literal.size() >= prefix + 6 && literal[prefix + 1] == quote && literal[prefix + 2] == quote;
  const size_t quotes = three ? 3 : 1;
  const std::string_view body = literal.substr(prefix + quotes, literal.size() - prefix - 2 * quotes);
  for (size_t at = 0; at < body.size();) {
    size_t step = 1;
    if (raw || body[at] != '\\') {
      text->push_back(body[at]);
    } else {
      step = UnescapeOne(body.substr(at), text);
      if (step == 0) {
        return {prefix + quotes + at, "expected an escape such as \\n, \\\", \\\\, \\x41, \\u00e4 or \\101"};
      }
    }
    at += step;
  }
  return {};
}

}  // namespace ebb::expression
