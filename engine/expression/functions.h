#ifndef EBB_ENGINE_EXPRESSION_FUNCTIONS_H_
#define EBB_ENGINE_EXPRESSION_FUNCTIONS_H_

// The functions and arithmetic operators that there are. Stateless; any thread.

#include <array>
#include <vector>

#include "engine/expression/program.h"

namespace ebb::expression {

// How something is called.
enum class Style { kFunction, kMethod, kOperator };

// One way to call it; what has several has several overloads.
struct Overload {
  const char* name;
  Style style;
  size_t count;                   // Of arguments, the value before the dot included.
  std::array<Kind, 2> arguments;  // kList and kMap stand for all of them.
  Kind result;
  Evaluator evaluate;  // Of node.left and node.right.
  // A text for which there is no value is wrong already when the expression is loaded.
  const char* literal = nullptr;  // What it should look like.
  bool takes_zone = false;        // Its last argument names a time zone.
};

const std::vector<Overload>& Overloads();

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_FUNCTIONS_H_
