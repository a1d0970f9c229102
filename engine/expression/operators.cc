#include "engine/expression/operators.h"

#include <algorithm>
#include <cmath>

namespace ebb::expression {
namespace {

std::partial_ordering Reversed(std::partial_ordering order) { return 0 <=> order; }

// Converting the whole number to a double would round it.
template <class Whole>
std::partial_ordering CompareWithReal(Whole whole, double real) {
  constexpr double kEnd = std::is_signed_v<Whole> ? 0x1p63 : 0x1p64;
  constexpr double kBegin = std::is_signed_v<Whole> ? -0x1p63 : 0;
  if (std::isnan(real)) return std::partial_ordering::unordered;
  if (real >= kEnd) return std::partial_ordering::less;
  if (real < kBegin) return std::partial_ordering::greater;
  const auto floor = static_cast<Whole>(std::floor(real));
  if (whole != floor) return whole <=> floor;
  return static_cast<double>(floor) == real ? std::partial_ordering::equivalent : std::partial_ordering::less;
}

std::partial_ordering CompareNumbers(const Value& a, const Value& b) {
  if (a.kind == Kind::kInt) {
    if (b.kind == Kind::kDouble) return CompareWithReal(a.integer, b.real);
    return a.integer < 0 ? std::partial_ordering::less : static_cast<uint64_t>(a.integer) <=> b.natural;
  }
  if (a.kind == Kind::kUint && b.kind == Kind::kDouble) return CompareWithReal(a.natural, b.real);
  return Reversed(CompareNumbers(b, a));
}

bool Equal(const Value& a, const Value& b) {
  if (a.kind == Kind::kNull || b.kind == Kind::kNull) return a.kind == b.kind;
  if (a.kind == Kind::kString) return a.view() == b.view();
  return Compare(a, b) == 0;
}

struct IsEqual {
  static bool Of(std::partial_ordering order) { return order == 0; }
};
struct IsNotEqual {
  static bool Of(std::partial_ordering order) { return order != 0; }
};
struct IsLess {
  static bool Of(std::partial_ordering order) { return order < 0; }
};
struct IsAtMost {
  static bool Of(std::partial_ordering order) { return order <= 0; }
};
struct IsGreater {
  static bool Of(std::partial_ordering order) { return order > 0; }
};
struct IsAtLeast {
  static bool Of(std::partial_ordering order) { return order >= 0; }
};

enum class Operands { kInts, kDoubles, kAny };

template <class Test, Operands kOperands>
Value EvaluateRelation(const Node& node, Frame& frame) {
  const Value a = Run(*node.left, frame);
  if (a.failed()) return a;
  const Value b = Run(*node.right, frame);
  if (b.failed()) return b;
  if constexpr (kOperands == Operands::kInts) return Bool(Test::Of(a.integer <=> b.integer));
  if constexpr (kOperands == Operands::kDoubles) return Bool(Test::Of(a.real <=> b.real));
  if (a.kind == Kind::kString && b.kind == Kind::kString) {
    if (!frame.VisitText(std::min(a.extra, b.extra))) return Fail(Failure::kText, node.column);
    if constexpr (std::is_same_v<Test, IsEqual>) return Bool(a.view() == b.view());
    if constexpr (std::is_same_v<Test, IsNotEqual>) return Bool(a.view() != b.view());
  }
  if (a.kind == Kind::kNull || b.kind == Kind::kNull) {
    return Bool(Test::Of(Equal(a, b) ? std::partial_ordering::equivalent : std::partial_ordering::unordered));
  }
  return Bool(Test::Of(Compare(a, b)));
}

template <class Test>
Evaluator RelationOn(Operands operands) {
  switch (operands) {
    case Operands::kInts: return &EvaluateRelation<Test, Operands::kInts>;
    case Operands::kDoubles: return &EvaluateRelation<Test, Operands::kDoubles>;
    case Operands::kAny: break;
  }
  return &EvaluateRelation<Test, Operands::kAny>;
}

// && and || but for which of the two values decides.
template <bool kDecides>
Value EvaluateLogic(const Node& node, Frame& frame) {
  Value failure = Bool(!kDecides);
  for (const Node* part : node.parts) {
    const Value value = Run(*part, frame);
    if (value.failed()) {
      if (!failure.failed()) failure = value;
    } else if (value.boolean == kDecides) {
      return value;
    }
  }
  return failure;
}

// Calls `visit` with each element, which is then the local variable, until it returns false. kNull, or what failed.
template <class Visit>
Value ForEach(const Node& node, Frame& frame, Visit visit) {
  const Value list = Run(*node.left, frame);
  if (list.failed()) return list;
  const int64_t size = SizeOf(list, frame.fields);
  for (int64_t i = 0; i < size; ++i) {
    if (!frame.VisitElement()) return Fail(Failure::kElements, node.column);
    frame.locals[node.slot] = ElementAt(list, i, frame.fields, node.column);
    if (!visit(Run(*node.right, frame))) break;
  }
  return OfKind(Kind::kNull);
}

template <bool kDecides>
Value EvaluateQuantifier(const Node& node, Frame& frame) {
  Value result = Bool(!kDecides);
  const Value stopped = ForEach(node, frame, [&](const Value& value) {
    if (value.failed()) {
      if (!result.failed()) result = value;
      return true;
    }
    if (value.boolean != kDecides) return true;
    result = value;
    return false;
  });
  return stopped.failed() ? stopped : result;
}

}  // namespace

Value ReadInput(const Node& node, Frame& frame) { return frame.inputs[node.slot].value(); }

Value ReadMessageInput(const Node& node, Frame& frame) {
  const Value value = frame.inputs[node.slot].value();
  return value.message == nullptr ? node.constant : value;
}

Value ReadLocal(const Node& node, Frame& frame) { return frame.locals[node.slot]; }

Value ReadTraced(const Node& node, Frame& frame) {
  const Value value = Run(*node.left, frame);
  auto& reads = frame.trace->reads;
  if (reads.size() == kMaxReads) return value;
  FieldRead read{node.path, TextOf(value, node.type, frame.fields)};
  const bool known = std::any_of(reads.begin(), reads.end(), [&](const FieldRead& other) {
    return other.path == read.path && other.value == read.value;
  });
  if (!known) reads.push_back(std::move(read));
  return value;
}

Value RequireValue(const Node& node, Frame& frame) {
  const Value value = Run(*node.left, frame);
  return value.kind == Kind::kNull ? Fail(Failure::kNull, node.column) : value;
}

Value EvaluateAnd(const Node& node, Frame& frame) { return EvaluateLogic<false>(node, frame); }
Value EvaluateOr(const Node& node, Frame& frame) { return EvaluateLogic<true>(node, frame); }

Value EvaluateConditional(const Node& node, Frame& frame) {
  const Value condition = Run(*node.left, frame);
  if (condition.failed()) return condition;
  return Run(condition.boolean ? *node.right : *node.third, frame);
}

Value EvaluateList(const Node& node, Frame& frame) {
  auto* const elements = reinterpret_cast<Value*>(frame.scratch.Allocate(node.parts.size() * sizeof(Value)));
  if (elements == nullptr) return Fail(Failure::kScratch, node.column);
  for (size_t i = 0; i < node.parts.size(); ++i) {
    elements[i] = Run(*node.parts[i], frame);
    if (elements[i].failed()) return elements[i];
  }
  Value list = OfKind(Kind::kList, static_cast<uint32_t>(node.parts.size()));
  list.elements = elements;
  return list;
}

Value EvaluateInList(const Node& node, Frame& frame) {
  const Value value = Run(*node.left, frame);
  if (value.failed()) return value;
  const Value list = Run(*node.right, frame);
  if (list.failed()) return list;
  const int64_t size = SizeOf(list, frame.fields);
  Value failure = Bool(false);
  for (int64_t i = 0; i < size; ++i) {
    if (!frame.VisitElement()) return Fail(Failure::kElements, node.column);
    const Value element = ElementAt(list, i, frame.fields, node.column);
    if (element.failed()) {
      failure = element;
      continue;
    }
    const bool long_text = element.kind == Kind::kString && !frame.VisitText(std::min(element.extra, value.extra));
    if (long_text) return Fail(Failure::kText, node.column);
    if (Equal(value, element)) return Bool(true);
  }
  return failure;
}

Value EvaluateInMap(const Node& node, Frame& frame) {
  const Value value = Run(*node.left, frame);
  if (value.failed()) return value;
  const Value map = Run(*node.right, frame);
  if (map.failed()) return map;
  google::protobuf::MapKey key;
  const Field& field = frame.fields[map.extra];
  return Bool(SetKey(value, field, &key) && HasKey(map, key, field));
}

Value EvaluateIndex(const Node& node, Frame& frame) {
  const Value list = Run(*node.left, frame);
  if (list.failed()) return list;
  const Value index = Run(*node.right, frame);
  if (index.failed()) return index;
  if (index.integer < 0 || index.integer >= SizeOf(list, frame.fields)) {
    return Fail(Failure::kIndexOutOfRange, node.column);
  }
  return ElementAt(list, index.integer, frame.fields, node.column);
}

Value EvaluateKey(const Node& node, Frame& frame) {
  const Value map = Run(*node.left, frame);
  if (map.failed()) return map;
  const Field& field = frame.fields[map.extra];
  if (node.right == nullptr) return AtKey(map, node.key, field, node.column);
  const Value value = Run(*node.right, frame);
  if (value.failed()) return value;
  google::protobuf::MapKey key;
  if (!SetKey(value, field, &key)) return Fail(Failure::kNoSuchKey, node.column);
  return AtKey(map, key, field, node.column);
}

Value EvaluateHasKey(const Node& node, Frame& frame) {
  const Value map = Run(*node.left, frame);
  return map.failed() ? map : Bool(HasKey(map, node.key, frame.fields[map.extra]));
}

Value EvaluateExists(const Node& node, Frame& frame) { return EvaluateQuantifier<true>(node, frame); }
Value EvaluateAll(const Node& node, Frame& frame) { return EvaluateQuantifier<false>(node, frame); }

Value EvaluateExistsOne(const Node& node, Frame& frame) {
  int64_t found = 0;
  Value failure = OfKind(Kind::kNull);
  const Value stopped = ForEach(node, frame, [&](const Value& value) {
    if (value.failed()) failure = value;
    found += !value.failed() && value.boolean ? 1 : 0;
    return !value.failed();
  });
  if (stopped.failed()) return stopped;
  return failure.failed() ? failure : Bool(found == 1);
}

Evaluator RelationOf(std::string_view symbol, Kind left, Kind right) {
  Operands operands = Operands::kAny;
  if (left == right) {
    if (left == Kind::kInt) operands = Operands::kInts;
    if (left == Kind::kDouble) operands = Operands::kDoubles;
  }
  if (symbol == "==") return RelationOn<IsEqual>(operands);
  if (symbol == "!=") return RelationOn<IsNotEqual>(operands);
  if (symbol == "<") return RelationOn<IsLess>(operands);
  if (symbol == "<=") return RelationOn<IsAtMost>(operands);
  if (symbol == ">") return RelationOn<IsGreater>(operands);
  return RelationOn<IsAtLeast>(operands);
}

std::partial_ordering Compare(const Value& a, const Value& b) {
  if (a.kind != b.kind) return CompareNumbers(a, b);
  switch (a.kind) {
    case Kind::kBool: return a.boolean <=> b.boolean;
    case Kind::kUint: return a.natural <=> b.natural;
    case Kind::kDouble: return a.real <=> b.real;
    case Kind::kString: return a.view() <=> b.view();
    case Kind::kTimestamp:
    case Kind::kDuration: return a.integer != b.integer ? a.integer <=> b.integer : a.nanos() <=> b.nanos();
    default: return a.integer <=> b.integer;
  }
}

}  // namespace ebb::expression
