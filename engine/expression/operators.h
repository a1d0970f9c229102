#ifndef EBB_ENGINE_EXPRESSION_OPERATORS_H_
#define EBB_ENGINE_EXPRESSION_OPERATORS_H_

// The evaluators of what the language itself provides; functions and arithmetic are in functions.h. Each takes its
// operands from node.left, right and third, or from node.parts. Stateless; any thread.

#include <compare>
#include <string_view>

#include "engine/expression/program.h"

namespace ebb::expression {

Value ReadInput(const Node& node, Frame& frame);         // inputs[slot]
Value ReadMessageInput(const Node& node, Frame& frame);  // The same; `constant` is the default instance.
Value ReadLocal(const Node& node, Frame& frame);         // locals[slot]
Value ReadTraced(const Node& node, Frame& frame);        // left, reported to the trace by `path`
Value RequireValue(const Node& node, Frame& frame);      // left, which must not be null

Value EvaluateAnd(const Node& node, Frame& frame);          // parts
Value EvaluateOr(const Node& node, Frame& frame);           // parts
Value EvaluateConditional(const Node& node, Frame& frame);  // left ? right : third
Value EvaluateList(const Node& node, Frame& frame);         // parts

Value EvaluateInList(const Node& node, Frame& frame);  // left in right
Value EvaluateInMap(const Node& node, Frame& frame);   // left in right, of `field`
Value EvaluateIndex(const Node& node, Frame& frame);   // left[right]
Value EvaluateKey(const Node& node, Frame& frame);     // left[right], or left[key] without right
Value EvaluateHasKey(const Node& node, Frame& frame);  // Whether left has `key`.
Value EvaluateExists(const Node& node, Frame& frame);  // left.exists(locals[slot], right)
Value EvaluateAll(const Node& node, Frame& frame);
Value EvaluateExistsOne(const Node& node, Frame& frame);

// Of left and right; `symbol` is ==, !=, <, <=, > or >=.
Evaluator RelationOf(std::string_view symbol, Kind left, Kind right);

// Of values of one scalar kind, or of numbers of any, by their value; unordered when one is no number.
std::partial_ordering Compare(const Value& a, const Value& b);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_OPERATORS_H_
