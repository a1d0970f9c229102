#include "engine/expression/value.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "engine/expression/expression.h"

namespace ebb::expression {

std::string Describe(Failure failure) {
  switch (failure) {
    case Failure::kDivisionByZero: return "division by zero";
    case Failure::kModulusByZero: return "modulus by zero";
    case Failure::kOverflow: return "a number beyond what its type holds";
    case Failure::kIndexOutOfRange: return "an index beyond the list";
    case Failure::kNoSuchKey: return "no such key in the map";
    case Failure::kConversion: return "a value that has no counterpart in the other type";
    case Failure::kNull: return "null where a value is needed";
    case Failure::kTimeRange: return "a time beyond the years 1 to 9999, or a duration beyond ten thousand years";
    case Failure::kTimeZone: return "an unknown time zone";
    case Failure::kElements: return "more than " + std::to_string(kMaxElements) + " elements visited";
    case Failure::kText: return "more than " + std::to_string(kMaxTextVisited) + " bytes of text visited";
    case Failure::kScratch: return "more than " + std::to_string(kMaxScratchBytes) + " bytes of new text and lists";
  }
  return "";
}

size_t FormatDouble(double real, char* text) {
  const double size = std::abs(real);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e15);
  const auto format = plain ? std::chars_format::fixed : std::chars_format::scientific;
  return static_cast<size_t>(std::to_chars(text, text + kMaxDoubleBytes, real, format).ptr - text);
}

void BreakPromise(const char* promise) {
  std::fprintf(stderr, "promise broken: %s\n", promise);
  std::abort();
}

}  // namespace ebb::expression
