#include "engine/expression/check.h"

#include <algorithm>
#include <array>
#include <utility>

#include "engine/expression/operators.h"
#include "engine/wording/wording.h"

namespace ebb::expression {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;

bool IsPath(const Syntax& syntax) {
  return syntax.kind == Syntax::Kind::kName || syntax.kind == Syntax::Kind::kSelect ||
         syntax.kind == Syntax::Kind::kIndex;
}

bool IsRelation(std::string_view symbol) {
  static constexpr std::array<std::string_view, 7> kRelations = {"==", "!=", "<", "<=", ">", ">=", "in"};
  return std::find(kRelations.begin(), kRelations.end(), symbol) != kRelations.end();
}

const EnumDescriptor* EnumerationOf(const Type& type) {
  if (type.kind == Kind::kList && type.element) return type.element->enumeration;
  return type.enumeration;
}

std::vector<std::string> ConstantsOf(const EnumDescriptor& enumeration) {
  std::vector<std::string> names;
  for (int i = 0; i < enumeration.value_count(); ++i) names.push_back(enumeration.value(i)->name());
  return names;
}

// "a.b.c"
std::string DottedName(const Syntax& syntax) {
  if (syntax.kind == Syntax::Kind::kName) return syntax.text;
  return DottedName(*syntax.parts[0]) + "." + syntax.text;
}

const Syntax& RootOf(const Syntax& syntax) {
  return syntax.kind == Syntax::Kind::kSelect ? RootOf(*syntax.parts[0]) : syntax;
}

Type EnumType(const EnumDescriptor* enumeration) { return {.kind = Kind::kInt, .enumeration = enumeration}; }

// How an int literal would be a value of the other type.
std::string LiteralHint(const Syntax& syntax, const Type& other) {
  if (syntax.kind != Syntax::Kind::kInt) return "";
  const std::string number = (syntax.negative ? "-" : "") + std::to_string(syntax.natural);
  if (other.kind == Kind::kDouble) return "; write " + number + ".0";
  if (other.kind == Kind::kUint && !syntax.negative) return "; write " + number + "u";
  return "";
}

// A constant that was put into quotes.
std::string QuotesHint(const Type& type, const Syntax& other) {
  const bool quoted = type.enumeration != nullptr && other.kind == Syntax::Kind::kString &&
                      type.enumeration->FindValueByName(other.text) != nullptr;
  return quoted ? "; write " + other.text + " without quotes" : "";
}

}  // namespace

Checked Checker::Check(const Syntax& syntax, const EnumDescriptor* enumeration) {
  Checked checked = CheckUntraced(syntax, enumeration);
  return IsPath(syntax) ? Traced(syntax, std::move(checked)) : checked;
}

Checked Checker::CheckPresent(const Syntax& syntax, const EnumDescriptor* enumeration) {
  return Present(syntax, Check(syntax, enumeration));
}

// Of a path, only the whole is worth a report.
Checked Checker::CheckTarget(const Syntax& syntax) {
  return IsPath(syntax) ? CheckUntraced(syntax, nullptr) : Check(syntax);
}

Checked Checker::CheckUntraced(const Syntax& syntax, const EnumDescriptor* enumeration) {
  switch (syntax.kind) {
    case Syntax::Kind::kName: return CheckName(syntax, enumeration);
    case Syntax::Kind::kSelect: return CheckSelect(syntax);
    case Syntax::Kind::kIndex: return CheckIndex(syntax);
    case Syntax::Kind::kCall:
    case Syntax::Kind::kMethod: return CheckCall(syntax);
    case Syntax::Kind::kList: return CheckList(syntax, enumeration);
    case Syntax::Kind::kUnary: return CheckArithmetic(syntax);
    case Syntax::Kind::kBinary: return IsRelation(syntax.text) ? CheckRelation(syntax) : CheckArithmetic(syntax);
    case Syntax::Kind::kAnd:
    case Syntax::Kind::kOr: return CheckLogic(syntax);
    case Syntax::Kind::kConditional: return CheckConditional(syntax, enumeration);
    default: return CheckLiteral(syntax);
  }
}

Checked Checker::CheckLiteral(const Syntax& syntax) {
  switch (syntax.kind) {
    case Syntax::Kind::kBool: return Constant(syntax, Bool(syntax.natural == 1), {.kind = Kind::kBool});
    case Syntax::Kind::kInt: return CheckInt(syntax);
    case Syntax::Kind::kUint: return Constant(syntax, Uint(syntax.natural), {.kind = Kind::kUint});
    case Syntax::Kind::kDouble:
      return Constant(syntax, Double(syntax.negative ? -syntax.real : syntax.real), {.kind = Kind::kDouble});
    case Syntax::Kind::kString: return Constant(syntax, Keep(String(syntax.text)), {.kind = Kind::kString});
    default: return Constant(syntax, OfKind(Kind::kNull), {.kind = Kind::kNull});
  }
}

Checked Checker::CheckInt(const Syntax& syntax) {
  constexpr uint64_t kEnd = uint64_t{1} << 63;
  if (syntax.natural > kEnd || (syntax.natural == kEnd && !syntax.negative)) {
    return Wrong(syntax.begin, "expected an int of at most 64 bits, got " + std::string(TextOf(syntax)));
  }
  const uint64_t bits = syntax.negative ? 0 - syntax.natural : syntax.natural;
  return Constant(syntax, Int(static_cast<int64_t>(bits)), {.kind = Kind::kInt});
}

Checked Checker::CheckName(const Syntax& syntax, const EnumDescriptor* enumeration) {
  if (IsVariable(syntax.text)) return FindVariable(syntax);
  std::vector<std::string> known;
  if (enumeration != nullptr) {
    if (const EnumValueDescriptor* value = enumeration->FindValueByName(syntax.text)) {
      return Constant(syntax, Int(value->number()), EnumType(enumeration));
    }
    known = ConstantsOf(*enumeration);
  }
  for (const Local& local : locals_) known.push_back(local.name);
  for (const auto& variable : environment_.variables()) known.push_back(variable.name);
  const std::string expected =
      enumeration != nullptr ? "a constant of " + enumeration->full_name() + " or a variable" : "a variable";
  return Wrong(syntax.place, "expected " + expected + ", got " + Quoted(syntax.text) + KnownHint(syntax.text, known));
}

bool Checker::IsVariable(std::string_view name) const {
  const auto has_name = [&](const auto& named) { return named.name == name; };
  return std::any_of(locals_.begin(), locals_.end(), has_name) ||
         std::any_of(environment_.variables().begin(), environment_.variables().end(), has_name);
}

Checked Checker::FindVariable(const Syntax& syntax) {
  for (size_t slot = locals_.size(); slot > 0; --slot) {
    if (locals_[slot - 1].name != syntax.text) continue;
    Node* const node = NewNode(&ReadLocal, syntax);
    node->slot = static_cast<uint32_t>(slot - 1);
    return {node, locals_[slot - 1].type};
  }
  const auto& variables = environment_.variables();
  size_t slot = 0;
  while (variables[slot].name != syntax.text) ++slot;
  const bool message = variables[slot].kind == Kind::kMessage;
  Node* const node = NewNode(message ? &ReadMessageInput : &ReadInput, syntax);
  node->slot = static_cast<uint32_t>(slot);
  if (message) node->constant = InMessage(Kind::kMessage, variables[slot].prototype);
  return {node, {.kind = variables[slot].kind, .prototype = variables[slot].prototype}};
}

bool Checker::FindConstant(const Syntax& syntax, Checked* constant) {
  const std::string name = DottedName(syntax);
  const std::string scope = name.substr(0, name.rfind('.'));
  for (const auto& variable : environment_.variables()) {
    if (variable.kind != Kind::kMessage) continue;
    const auto* const pool = variable.prototype->GetDescriptor()->file()->pool();
    const EnumDescriptor* const enumeration = pool->FindEnumTypeByName(scope);
    const EnumValueDescriptor* const value =
        enumeration != nullptr ? enumeration->FindValueByName(syntax.text) : pool->FindEnumValueByName(name);
    if (value != nullptr) {
      *constant = Constant(syntax, Int(value->number()), EnumType(value->type()));
      return true;
    }
    if (enumeration != nullptr) {
      *constant = Wrong(syntax.place, "expected a constant of " + scope + ", got " + Quoted(syntax.text) +
                                          KnownHint(syntax.text, ConstantsOf(*enumeration)));
      return true;
    }
  }
  return false;
}

const Field* Checker::FindField(const Syntax& syntax, const google::protobuf::Message& prototype) {
  const auto* const descriptor = prototype.GetDescriptor()->FindFieldByName(syntax.text);
  if (descriptor == nullptr) {
    std::vector<std::string> known;
    for (int i = 0; i < prototype.GetDescriptor()->field_count(); ++i) {
      known.push_back(prototype.GetDescriptor()->field(i)->name());
    }
    AddMistake(syntax.place, "expected a field of " + prototype.GetTypeName() + ", got " + Quoted(syntax.text) +
                                 KnownHint(syntax.text, known));
    return nullptr;
  }
  std::optional<Field> field = ResolveField(prototype, descriptor);
  if (!field) {
    const auto* const message = descriptor->message_type();
    AddMistake(syntax.place, "expected a field that expressions can read, got " + Quoted(syntax.text) + " of type " +
                                 (message != nullptr ? message->full_name() : descriptor->type_name()));
    return nullptr;
  }
  field->number = static_cast<uint32_t>(program_->fields.size());
  program_->fields.push_back(*std::move(field));
  return &program_->fields.back();
}

Checked Checker::CheckSelect(const Syntax& syntax) {
  if (const Syntax& root = RootOf(syntax); root.kind == Syntax::Kind::kName && !IsVariable(root.text)) {
    Checked constant;
    return FindConstant(syntax, &constant) ? constant : CheckName(root, nullptr);
  }
  const Checked target = CheckTarget(*syntax.parts[0]);
  if (target.node == nullptr) return {};
  if (target.type.kind == Kind::kMap && target.type.key == Kind::kString) {
    Node* const node = NewNode(&EvaluateKey, syntax);
    node->left = target.node;
    node->key.SetStringValue(syntax.text);
    return {node, *target.type.element};
  }
  if (target.type.kind != Kind::kMessage) {
    return Wrong(syntax.place, "expected a message before ." + syntax.text + ", got " + NameOf(target.type));
  }
  const Field* const field = FindField(syntax, *target.type.prototype);
  if (field == nullptr) return {};
  Node* const node = NewNode(ReaderOf(*field), syntax);
  node->left = target.node;
  node->field = field;
  return {node, field->type};
}

Checked Checker::CheckIndex(const Syntax& syntax) {
  const Checked target = CheckTarget(*syntax.parts[0]);
  const Checked index = CheckPresent(*syntax.parts[1]);
  if (target.node == nullptr || index.node == nullptr) return {};
  const bool list = target.type.kind == Kind::kList;
  if (!list && target.type.kind != Kind::kMap) {
    return Wrong(syntax.parts[0]->begin, "expected a list or map before [, got " + NameOf(target.type));
  }
  if (const Kind expected = list ? Kind::kInt : target.type.key; index.type.kind != expected) {
    return Wrong(syntax.parts[1]->begin, "expected " + NameOf(expected) + (list ? " as an index" : " as a key") +
                                             ", got " + NameOf(index.type));
  }
  Node* const node = NewNode(list ? &EvaluateIndex : &EvaluateKey, syntax);
  node->left = target.node;
  node->right = index.node;
  const Type element = target.type.element ? *target.type.element : Type{.kind = Kind::kNull};
  if (list) return Folded(node, element);
  // A conditional may give maps of several fields, which hold the key in different ways.
  const bool literal = index.node->evaluate == nullptr && target.node->field != nullptr;
  if (literal && SetKey(index.node->constant, *target.node->field, &node->key)) node->right = nullptr;
  return {node, element};
}

Checked Checker::CheckList(const Syntax& syntax, const EnumDescriptor* enumeration) {
  Node* const node = NewNode(&EvaluateList, syntax);
  std::optional<Type> type;
  bool good = true;
  for (const auto& part : syntax.parts) {
    const Checked element = CheckPresent(*part, enumeration);
    good = good && element.node != nullptr;
    if (element.node == nullptr) continue;
    node->parts.push_back(element.node);
    const auto common = type ? Common(*type, element.type) : element.type;
    if (element.type.kind < Kind::kBool || element.type.kind > Kind::kDuration) {
      return Wrong(part->begin, "expected a scalar as an element, got " + NameOf(element.type));
    }
    if (!common) {
      return Wrong(part->begin, "expected " + NameOf(type->kind) + " like the elements before, got " +
                                    NameOf(element.type) + LiteralHint(*part, *type));
    }
    type = common;
  }
  if (!good) return {};
  return Folded(node, {.kind = Kind::kList, .element = type ? std::make_shared<Type>(*type) : nullptr});
}

Checked Checker::CheckLogic(const Syntax& syntax) {
  const bool conjunction = syntax.kind == Syntax::Kind::kAnd;
  Node* const node = NewNode(conjunction ? &EvaluateAnd : &EvaluateOr, syntax);
  bool good = true;
  for (const auto& part : syntax.parts) {
    Checked operand = CheckPresent(*part);
    if (operand.node != nullptr && operand.type.kind != Kind::kBool) {
      operand = Wrong(part->begin, std::string("expected bool on both sides of ") + (conjunction ? "&&" : "||") +
                                       ", got " + NameOf(operand.type));
    }
    good = good && operand.node != nullptr;
    node->parts.push_back(operand.node);
  }
  return good ? Folded(node, {.kind = Kind::kBool}) : Checked();
}

Checked Checker::CheckConditional(const Syntax& syntax, const EnumDescriptor* enumeration) {
  const Checked condition = CheckPresent(*syntax.parts[0]);
  const Checked yes = Check(*syntax.parts[1], enumeration);
  const Checked no = Check(*syntax.parts[2], enumeration);
  if (condition.node == nullptr || yes.node == nullptr || no.node == nullptr) return {};
  if (condition.type.kind != Kind::kBool) {
    return Wrong(syntax.parts[0]->begin, "expected bool before ?, got " + NameOf(condition.type));
  }
  std::optional<Type> type = Common(yes.type, no.type);
  if (!type) {
    return Wrong(syntax.parts[2]->begin, "expected " + NameOf(yes.type) + " as on the other side of :, got " +
                                             NameOf(no.type) + LiteralHint(*syntax.parts[2], yes.type));
  }
  Node* const node = NewNode(&EvaluateConditional, syntax);
  node->left = condition.node;
  node->right = yes.node;
  node->third = no.node;
  return Folded(node, *std::move(type));
}

bool Checker::HoldsUnknownName(const Syntax& syntax) const {
  const auto holds = [this](const auto& part) { return HoldsUnknownName(*part); };
  if (syntax.kind == Syntax::Kind::kName) return !IsVariable(syntax.text);
  if (syntax.kind == Syntax::Kind::kList) return std::any_of(syntax.parts.begin(), syntax.parts.end(), holds);
  return syntax.kind == Syntax::Kind::kConditional && (holds(syntax.parts[1]) || holds(syntax.parts[2]));
}

Checked Checker::CheckRelation(const Syntax& syntax) {
  const Syntax& first = *syntax.parts[0];
  const Syntax& second = *syntax.parts[1];
  Checked left, right;
  // The side that may need to know the other's enum comes last, and not at all when that one is wrong.
  if (HoldsUnknownName(first) && !HoldsUnknownName(second)) {
    right = Check(second);
    if (right.node != nullptr) left = Check(first, EnumerationOf(right.type));
  } else {
    left = Check(first);
    if (left.node != nullptr || !HoldsUnknownName(second)) right = Check(second, EnumerationOf(left.type));
  }
  if (left.node == nullptr || right.node == nullptr) return {};
  if (syntax.text == "in") return CheckIn(syntax, std::move(left), std::move(right));
  const bool equality = syntax.text == "==" || syntax.text == "!=";
  if (!(equality ? Comparable(left.type, right.type) : Ordered(left.type, right.type))) {
    const bool null = left.type.kind == Kind::kNull || right.type.kind == Kind::kNull;
    return Wrong(syntax.place, "expected values that " + syntax.text + " can compare, got " + NameOf(left.type) +
                                   " and " + NameOf(right.type) + QuotesHint(left.type, second) +
                                   QuotesHint(right.type, first) +
                                   (null ? "; has() tells whether a field is there" : ""));
  }
  if (!equality) {
    left = Present(first, std::move(left));
    right = Present(second, std::move(right));
  }
  const bool nullable = left.type.nullable || right.type.nullable;
  Node* const node =
      NewNode(RelationOf(syntax.text, left.type.kind, equality && nullable ? Kind::kNull : right.type.kind), syntax);
  node->left = left.node;
  node->right = right.node;
  return Folded(node, {.kind = Kind::kBool});
}

Checked Checker::CheckIn(const Syntax& syntax, Checked left, Checked right) {
  left = Present(*syntax.parts[0], std::move(left));
  const bool map = right.type.kind == Kind::kMap;
  if (!map && right.type.kind != Kind::kList) {
    return Wrong(syntax.parts[1]->begin, "expected a list or map behind in, got " + NameOf(right.type));
  }
  const bool fits =
      map ? left.type.kind == right.type.key : !right.type.element || Comparable(left.type, *right.type.element);
  if (!fits) {
    const std::string expected = map ? NameOf(right.type.key) : NameOf(*right.type.element);
    const bool quoted = syntax.parts[1]->kind == Syntax::Kind::kList;
    return Wrong(syntax.place, "expected " + expected + " before in, got " + NameOf(left.type) +
                                   (quoted ? QuotesHint(left.type, *syntax.parts[1]->parts[0]) : ""));
  }
  Node* const node = NewNode(map ? &EvaluateInMap : &EvaluateInList, syntax);
  node->left = left.node;
  node->right = right.node;
  return Folded(node, {.kind = Kind::kBool});
}

Checked Checker::CheckArithmetic(const Syntax& syntax) {
  std::vector<Checked> operands;
  for (const auto& part : syntax.parts) operands.push_back(CheckPresent(*part));
  for (const Checked& operand : operands) {
    if (operand.node == nullptr) return {};
  }
  const bool unary = operands.size() == 1;
  const auto shape = [&](const std::string& left, const std::string& right) {
    return unary ? syntax.text + left : left + " " + syntax.text + " " + right;
  };
  std::vector<std::string> known;
  for (const Overload& overload : Overloads()) {
    if (overload.style != Style::kOperator || overload.name != syntax.text || overload.count != operands.size())
      continue;
    const bool fits =
        overload.arguments[0] == operands[0].type.kind && (unary || overload.arguments[1] == operands[1].type.kind);
    if (fits) return Call(syntax, overload, operands);
    known.push_back(shape(NameOf(overload.arguments[0]), NameOf(overload.arguments[1])));
  }
  std::string text = "expected " + Listed(known, "or") + ", got " +
                     shape(NameOf(operands[0].type), unary ? "" : NameOf(operands[1].type));
  if (!unary) {
    text += LiteralHint(*syntax.parts[0], operands[1].type) + LiteralHint(*syntax.parts[1], operands[0].type);
  }
  return Wrong(syntax.place, std::move(text));
}

Node* Checker::NewNode(Evaluator evaluate, const Syntax& syntax) {
  Node& node = program_->nodes.emplace_back();
  node.evaluate = evaluate;
  node.column = ColumnOf(text_, syntax.place);
  return &node;
}

Checked Checker::Constant(const Syntax& syntax, Value value, Type type) {
  Node* const node = NewNode(nullptr, syntax);
  node->constant = value;
  return {node, std::move(type)};
}

Checked Checker::Present(const Syntax& syntax, Checked checked) {
  if (checked.node == nullptr || !checked.type.nullable) return checked;
  Node* const node = NewNode(&RequireValue, syntax);
  node->left = checked.node;
  checked.node = node;
  checked.type.nullable = false;
  return checked;
}

Checked Checker::Traced(const Syntax& syntax, Checked checked) {
  if (!traced_ || checked.node == nullptr || checked.node->evaluate == nullptr) return checked;
  Node* const node = NewNode(&ReadTraced, syntax);
  node->left = checked.node;
  node->path = TextOf(syntax);
  node->type = checked.type;
  checked.node = node;
  return checked;
}

Checked Checker::Folded(Node* node, Type type) {
  const auto known = [](const Node* operand) { return operand == nullptr || operand->evaluate == nullptr; };
  if (known(node->left) && known(node->right) && known(node->third) &&
      std::all_of(node->parts.begin(), node->parts.end(), known)) {
    Scratch scratch;
    Frame frame({}, program_->fields, scratch);
    const Value value = node->evaluate(*node, frame);
    if (!value.failed()) {
      node->constant = Keep(value);
      node->evaluate = nullptr;
    }
  }
  return {node, std::move(type)};
}

Value Checker::Keep(const Value& value) {
  if (value.kind == Kind::kString) return String(program_->texts.emplace_back(value.view()));
  if (value.kind != Kind::kList) return value;
  auto& kept = program_->lists.emplace_back(value.elements, value.elements + value.extra);
  Value list = value;
  list.elements = kept.data();
  return list;
}

std::string_view Checker::TextOf(const Syntax& syntax) const {
  return text_.substr(syntax.begin, syntax.end - syntax.begin);
}

void Checker::AddMistake(size_t place, std::string text) {
  if (mistakes_->size() < kMaxMistakes) mistakes_->push_back({ColumnOf(text_, place), std::move(text)});
}

Checked Checker::Wrong(size_t place, std::string text) {
  AddMistake(place, std::move(text));
  return {};
}

}  // namespace ebb::expression
