#ifndef EBB_ENGINE_EXPRESSION_CHECK_H_
#define EBB_ENGINE_EXPRESSION_CHECK_H_

// From syntax to what can be evaluated, with every name and type settled. Used by one thread.

#include <string>
#include <string_view>
#include <vector>

#include "engine/expression/functions.h"
#include "engine/expression/program.h"
#include "engine/expression/syntax.h"

namespace ebb::expression {

// A part of the program, or none when something is wrong with it that has been reported.
struct Checked {
  const Node* node = nullptr;
  Type type;
};

class Checker {
 public:
  // `traced`: what is read is reported to Frame::trace.
  Checker(std::string_view text, const Environment& environment, bool traced, Program* program,
          std::vector<Mistake>* mistakes)
      : text_(text), environment_(environment), traced_(traced), program_(program), mistakes_(mistakes) {}

  // Adds nodes to the program, or mistakes. A name that is unknown otherwise may be a constant of `enumeration`.
  Checked Check(const Syntax& syntax, const google::protobuf::EnumDescriptor* enumeration = nullptr);
  // The same, but wrong when it is null, when evaluated.
  Checked CheckPresent(const Syntax& syntax, const google::protobuf::EnumDescriptor* enumeration = nullptr);
  void AddMistake(size_t place, std::string text);

 private:
  using EnumDescriptor = google::protobuf::EnumDescriptor;

  Checked CheckUntraced(const Syntax& syntax, const EnumDescriptor* enumeration);
  Checked CheckTarget(const Syntax& syntax);
  Checked CheckLiteral(const Syntax& syntax);
  Checked CheckInt(const Syntax& syntax);
  Checked CheckName(const Syntax& syntax, const EnumDescriptor* enumeration);
  Checked CheckSelect(const Syntax& syntax);
  Checked CheckIndex(const Syntax& syntax);
  Checked CheckList(const Syntax& syntax, const EnumDescriptor* enumeration);
  Checked CheckLogic(const Syntax& syntax);
  Checked CheckConditional(const Syntax& syntax, const EnumDescriptor* enumeration);
  Checked CheckRelation(const Syntax& syntax);
  Checked CheckIn(const Syntax& syntax, Checked left, Checked right);
  Checked CheckArithmetic(const Syntax& syntax);
  // In check_calls.cc.
  Checked CheckCall(const Syntax& syntax);
  Checked CheckHas(const Syntax& syntax);
  Checked CheckQuantifier(const Syntax& syntax);
  Checked UnknownFunction(const Syntax& syntax, Style style);
  Checked WrongCount(const Syntax& syntax, Style style);
  Checked WrongArgument(const Syntax& syntax, Style style, const std::vector<Checked>& arguments);
  Checked Call(const Syntax& syntax, const Overload& overload, const std::vector<Checked>& arguments);

  // The variable or local of that name.
  Checked FindVariable(const Syntax& syntax);
  bool IsVariable(std::string_view name) const;
  // What the names that dots join are a constant's full name of; a mistake when only the last is wrong.
  bool FindConstant(const Syntax& syntax, Checked* constant);
  // Whether some name in it might be a constant of an enum that stands elsewhere.
  bool HoldsUnknownName(const Syntax& syntax) const;
  const Field* FindField(const Syntax& syntax, const google::protobuf::Message& prototype);

  Node* NewNode(Evaluator evaluate, const Syntax& syntax);
  Checked Constant(const Syntax& syntax, Value value, Type type);
  Checked Present(const Syntax& syntax, Checked checked);
  Checked Traced(const Syntax& syntax, Checked checked);
  // Evaluates the node now when all that it needs is known.
  Checked Folded(Node* node, Type type);
  Value Keep(const Value& value);
  std::string_view TextOf(const Syntax& syntax) const;
  Checked Wrong(size_t place, std::string text);

  struct Local {
    std::string name;
    Type type;
  };

  std::string_view text_;
  const Environment& environment_;
  bool traced_;
  Program* program_;
  std::vector<Mistake>* mistakes_;
  std::vector<Local> locals_;
};

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_CHECK_H_
