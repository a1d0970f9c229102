#ifndef EBB_ENGINE_EXPRESSION_SYNTAX_H_
#define EBB_ENGINE_EXPRESSION_SYNTAX_H_

// An expression as it was written, before anything is known of types. Stateless; any thread.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/expression/expression.h"

namespace ebb::expression {

struct Syntax {
  enum class Kind {
    kNull,
    kBool,  // `natural` is 0 or 1.
    kInt,   // `natural` is the magnitude, `negative` the sign.
    kUint,
    kDouble,
    kString,  // `text` is what it stands for.
    kName,    // `text`
    kSelect,  // parts[0].text
    kIndex,   // parts[0][parts[1]]
    kCall,    // text(parts...)
    kMethod,  // parts[0].text(parts[1]...)
    kList,
    kUnary,   // `text` is the operator.
    kBinary,  // parts[0] text parts[1]
    kAnd,     // Two parts or more, none of which is one itself.
    kOr,
    kConditional,  // parts[0] ? parts[1] : parts[2]
  };

  Kind kind = Kind::kNull;
  size_t begin = 0;  // Bytes in the text, `end` excluded.
  size_t end = 0;
  size_t place = 0;  // Where a mistake in it would be: its operator, or the name of its field or function.
  std::string text;
  uint64_t natural = 0;
  double real = 0;
  bool negative = false;
  std::vector<std::unique_ptr<Syntax>> parts;
};

// The column of a byte, counted in characters from 1.
int ColumnOf(std::string_view text, size_t place);

// Null, and one mistake, when the text is not an expression or exceeds a bound.
std::unique_ptr<Syntax> Parse(std::string_view text, std::vector<Mistake>& mistakes);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_SYNTAX_H_
