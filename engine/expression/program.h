#ifndef EBB_ENGINE_EXPRESSION_PROGRAM_H_
#define EBB_ENGINE_EXPRESSION_PROGRAM_H_

// What a checked expression is evaluated from: a tree of nodes, each with the function that evaluates it.

#include <deque>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "engine/expression/expression.h"
#include "engine/expression/fields.h"
#include "engine/expression/scratch.h"
#include "engine/expression/type.h"
#include "engine/expression/value.h"

namespace ebb::expression {

struct Node;

// What was read while an evaluation is explained.
struct Trace {
  std::vector<FieldRead> reads;
};

// One evaluation.
struct Frame {
  // `locals` are left as they are: clearing them would take longer than most evaluations.
  Frame(absl::Span<const Input> values, const std::deque<Field>& program_fields, Scratch& memory)
      : inputs(values), fields(program_fields), scratch(memory) {}

  absl::Span<const Input> inputs;
  const std::deque<Field>& fields;
  Scratch& scratch;
  Trace* trace = nullptr;
  int64_t elements_left = kMaxElements;
  int64_t text_left = kMaxTextVisited;
  Value locals[kMaxDepth];  // Of exists() and the like, the outermost first.

  // False when the evaluation has cost enough.
  bool VisitElement() { return --elements_left >= 0; }
  bool VisitText(size_t bytes) { return (text_left -= static_cast<int64_t>(bytes)) >= 0; }
};

using Evaluator = Value (*)(const Node& node, Frame& frame);

struct Node {
  Evaluator evaluate = nullptr;  // None for a constant.
  const Node* left = nullptr;
  const Node* right = nullptr;
  const Node* third = nullptr;
  Value constant = OfKind(Kind::kNull);
  const Field* field = nullptr;
  uint32_t slot = 0;  // Of an input or local.
  int column = 1;
  std::vector<const Node*> parts;  // Of &&, || and lists.
  absl::TimeZone zone;             // Of a part of a date, where `right` does not tell it.
  google::protobuf::MapKey key;    // Of a map, where `right` does not tell it.
  std::string path;                // Of what is traced.
  Type type;
};

inline Value Run(const Node& node, Frame& frame) {
  return node.evaluate == nullptr ? node.constant : node.evaluate(node, frame);
}

class Program {
 public:
  const Node* root = nullptr;
  Kind kind = Kind::kNull;
  std::vector<Environment::Variable> variables;
  std::vector<Clause> clauses;
  std::vector<const Node*> traced_clauses;  // The same once more, for Frame::trace.
  // What the nodes refer to; places must not change.
  std::deque<Node> nodes;
  std::deque<Field> fields;
  std::deque<std::string> texts;
  std::deque<std::vector<Value>> lists;
};

// The value, of that type, as explanations show it. `fields` are those of its program.
std::string TextOf(const Value& value, const Type& type, const std::deque<Field>& fields);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_PROGRAM_H_
