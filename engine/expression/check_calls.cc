// Functions and macros.

#include <algorithm>
#include <set>
#include <utility>

#include "engine/expression/check.h"
#include "engine/expression/operators.h"
#include "engine/wording/wording.h"

namespace ebb::expression {
namespace {

bool IsQuantifier(std::string_view name) { return name == "exists" || name == "all" || name == "exists_one"; }

bool Is(const Overload& overload, const Syntax& syntax, Style style) {
  return overload.style == style && overload.name == syntax.text;
}

bool Takes(const Overload& overload, size_t at, const Checked& argument) {
  return overload.arguments[at] == argument.type.kind;
}

std::set<std::string> NamesOf(Style style) {
  std::set<std::string> names;
  for (const Overload& overload : Overloads()) {
    if (overload.style == style) names.insert(overload.name);
  }
  if (style == Style::kFunction) names.insert("has");
  if (style == Style::kMethod) names.insert({"all", "exists", "exists_one"});
  return names;
}

}  // namespace

Checked Checker::CheckCall(const Syntax& syntax) {
  const Style style = syntax.kind == Syntax::Kind::kMethod ? Style::kMethod : Style::kFunction;
  if (style == Style::kFunction && syntax.text == "has") return CheckHas(syntax);
  if (style == Style::kMethod && IsQuantifier(syntax.text)) return CheckQuantifier(syntax);
  const auto& overloads = Overloads();
  const auto named = [&](const Overload& overload) { return Is(overload, syntax, style); };
  if (std::none_of(overloads.begin(), overloads.end(), named)) return UnknownFunction(syntax, style);

  std::vector<Checked> arguments;
  for (const auto& part : syntax.parts) arguments.push_back(CheckPresent(*part));
  const auto counted = [&](const Overload& overload) { return named(overload) && overload.count == arguments.size(); };
  if (std::none_of(overloads.begin(), overloads.end(), counted)) return WrongCount(syntax, style);
  for (const Checked& argument : arguments) {
    if (argument.node == nullptr) return {};
  }
  for (const Overload& overload : overloads) {
    if (!counted(overload) || !Takes(overload, 0, arguments[0])) continue;
    if (arguments.size() == 1 || Takes(overload, 1, arguments[1])) return Call(syntax, overload, arguments);
  }
  return WrongArgument(syntax, style, arguments);
}

Checked Checker::UnknownFunction(const Syntax& syntax, Style style) {
  const std::set<std::string> functions = NamesOf(Style::kFunction), methods = NamesOf(Style::kMethod);
  if (style == Style::kFunction && methods.count(syntax.text) > 0) {
    return Wrong(syntax.place, "expected a value and a dot before " + syntax.text + "(), got it alone");
  }
  if (style == Style::kMethod && functions.count(syntax.text) > 0) {
    return Wrong(syntax.place, "expected " + syntax.text + "() around its value, got it behind a dot");
  }
  const auto& known = style == Style::kFunction ? functions : methods;
  return Wrong(syntax.place, "expected a function, got " + Quoted(syntax.text) +
                                 KnownHint(syntax.text, std::vector<std::string>(known.begin(), known.end())));
}

Checked Checker::WrongCount(const Syntax& syntax, Style style) {
  const size_t target = style == Style::kMethod ? 1 : 0;
  std::set<size_t> counts;
  for (const Overload& overload : Overloads()) {
    if (Is(overload, syntax, style)) counts.insert(overload.count - target);
  }
  std::vector<std::string> known;
  for (const size_t count : counts) known.push_back(std::to_string(count));
  return Wrong(syntax.place, "expected " + Listed(known, "or") + (known.back() == "1" ? " argument" : " arguments") +
                                 " for " + syntax.text + "(), got " + std::to_string(syntax.parts.size() - target));
}

Checked Checker::WrongArgument(const Syntax& syntax, Style style, const std::vector<Checked>& arguments) {
  // The first argument that is wrong whatever overload is meant.
  size_t at = 0;
  std::vector<std::string> known;
  for (const Overload& overload : Overloads()) {
    if (!Is(overload, syntax, style) || overload.count != arguments.size()) continue;
    const size_t wrong = Takes(overload, 0, arguments[0]) ? 1 : 0;
    if (wrong > at) known.clear();
    at = std::max(at, wrong);
    if (wrong == at) known.push_back(NameOf(overload.arguments[at]));
  }
  const bool target = style == Style::kMethod && at == 0;
  return Wrong(syntax.parts[at]->begin, "expected " + Listed(known, "or") + (target ? " before ." : " in ") +
                                            syntax.text + "(), got " + NameOf(arguments[at].type));
}

Checked Checker::Call(const Syntax& syntax, const Overload& overload, const std::vector<Checked>& arguments) {
  Node* const node = NewNode(overload.evaluate, syntax);
  node->left = arguments[0].node;
  node->right = arguments.size() > 1 ? arguments[1].node : nullptr;
  if (overload.takes_zone && node->right->evaluate == nullptr) {
    const std::string_view name = node->right->constant.view();
    if (!FindZone(name, &node->zone)) {
      return Wrong(syntax.parts[1]->begin,
                   "expected a time zone like \"Europe/Berlin\" or \"+02:00\", got " + Quoted(std::string(name)));
    }
    node->right = nullptr;
  }
  Checked folded = Folded(node, {.kind = overload.result});
  if (overload.literal != nullptr && node->left->evaluate == nullptr && node->evaluate != nullptr) {
    return Wrong(syntax.parts[0]->begin, std::string("expected ") + overload.literal + ", got " +
                                             Quoted(std::string(node->left->constant.view())));
  }
  return folded;
}

Checked Checker::CheckHas(const Syntax& syntax) {
  if (syntax.parts.size() != 1 || syntax.parts[0]->kind != Syntax::Kind::kSelect) {
    return Wrong(syntax.place, "expected a field in has(), as in has(event.amount)");
  }
  const Syntax& select = *syntax.parts[0];
  const Checked target = CheckTarget(*select.parts[0]);
  if (target.node == nullptr) return {};
  Node* node = nullptr;
  if (target.type.kind == Kind::kMap && target.type.key == Kind::kString) {
    node = NewNode(&EvaluateHasKey, syntax);
    node->key.SetStringValue(select.text);
  } else if (target.type.kind == Kind::kMessage) {
    const Field* const field = FindField(select, *target.type.prototype);
    if (field == nullptr) return {};
    node = NewNode(&HasField, syntax);
    node->field = field;
  } else {
    return Wrong(select.place, "expected a message before ." + select.text + ", got " + NameOf(target.type));
  }
  node->left = target.node;
  return Traced(syntax, {node, {.kind = Kind::kBool}});
}

Checked Checker::CheckQuantifier(const Syntax& syntax) {
  if (syntax.parts.size() != 3 || syntax.parts[1]->kind != Syntax::Kind::kName) {
    return Wrong(syntax.place, "expected a name and a condition in " + syntax.text + "(), as in list." + syntax.text +
                                   "(item, item > 0)");
  }
  const Checked list = Check(*syntax.parts[0]);
  if (list.node == nullptr) return {};
  if (list.type.kind != Kind::kList) {
    return Wrong(syntax.parts[0]->begin, "expected list before ." + syntax.text + "(), got " + NameOf(list.type));
  }
  Must(locals_.size() < kMaxDepth, "an expression is not nested more deeply than its syntax allows");
  const auto slot = static_cast<uint32_t>(locals_.size());
  locals_.push_back({syntax.parts[1]->text, list.type.element ? *list.type.element : Type{.kind = Kind::kNull}});
  const Checked condition = CheckPresent(*syntax.parts[2]);
  locals_.pop_back();
  if (condition.node == nullptr) return {};
  if (condition.type.kind != Kind::kBool) {
    return Wrong(syntax.parts[2]->begin,
                 "expected bool as the condition of " + syntax.text + "(), got " + NameOf(condition.type));
  }
  Node* const node = NewNode(syntax.text == "exists" ? &EvaluateExists
                             : syntax.text == "all"  ? &EvaluateAll
                                                     : &EvaluateExistsOne,
                             syntax);
  node->left = list.node;
  node->right = condition.node;
  node->slot = slot;
  return {node, {.kind = Kind::kBool}};
}

}  // namespace ebb::expression
