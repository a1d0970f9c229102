#include "engine/expression/expression.h"

#include <algorithm>
#include <typeinfo>
#include <utility>

#include "engine/expression/check.h"
#include "engine/expression/moments.h"
#include "engine/expression/operators.h"
#include "engine/expression/program.h"
#include "engine/expression/syntax.h"

namespace ebb::expression {
namespace {

bool IsScalar(Kind kind) { return kind >= Kind::kBool && kind <= Kind::kDuration; }

absl::Status Refused(const std::vector<Mistake>& mistakes) {
  std::string text;
  for (const Mistake& mistake : mistakes) {
    text += (text.empty() ? "column " : "\ncolumn ") + std::to_string(mistake.column) + ": " + mistake.text;
  }
  return absl::InvalidArgumentError(text);
}

// The clauses, and the nodes to explain them with.
void AddClauses(std::string_view text, const Environment& environment, const Syntax& syntax, Program* program) {
  std::vector<const Syntax*> parts = {&syntax};
  if (syntax.kind == Syntax::Kind::kAnd) {
    parts.clear();
    for (const auto& part : syntax.parts) parts.push_back(part.get());
  }
  std::vector<Mistake> none;
  Checker checker(text, environment, true, program, &none);
  for (const Syntax* part : parts) {
    const std::string_view written = text.substr(part->begin, part->end - part->begin);
    program->clauses.push_back({std::string(written), ColumnOf(text, part->begin)});
    program->traced_clauses.push_back(checker.CheckPresent(*part).node);
  }
  Must(none.empty(), "what is right once is right twice");
}

void CheckInputs(const Program& program, absl::Span<const Input> inputs) {
  Must(inputs.size() == program.variables.size(), "an evaluation is given a value for each variable");
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Value& value = inputs[i].value();
    const Environment::Variable& variable = program.variables[i];
    Must(value.kind == variable.kind || value.failed(), "a variable's value is of its kind");
    if (value.kind != Kind::kMessage || value.message == nullptr) continue;
    Must(typeid(*value.message) == typeid(*variable.prototype), "a variable's message is of its type");
  }
}

ClauseOutcome::Verdict VerdictOf(const Value& value) {
  if (value.failed()) return ClauseOutcome::Verdict::kError;
  if (value.kind != Kind::kBool) return ClauseOutcome::Verdict::kValue;
  return value.boolean ? ClauseOutcome::Verdict::kTrue : ClauseOutcome::Verdict::kFalse;
}

}  // namespace

Environment& Environment::AddMessage(std::string name, const google::protobuf::Message& prototype) {
  variables_.push_back({std::move(name), Kind::kMessage, &prototype});
  return *this;
}

Environment& Environment::AddScalar(std::string name, Kind kind) {
  Must(IsScalar(kind), "a variable is a message or a scalar");
  variables_.push_back({std::move(name), kind, nullptr});
  return *this;
}

Input::Input(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  const int64_t nanos = absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds));
  value_ = MakeMoment(Kind::kTimestamp, seconds, nanos, 1);
}

Input::Input(absl::Duration duration) {
  const int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &duration);
  value_ = MakeMoment(Kind::kDuration, seconds, absl::ToInt64Nanoseconds(duration), 1);
}

absl::Time Outcome::time() const { return ToTime(Checked(Kind::kTimestamp)); }
absl::Duration Outcome::duration() const { return ToDuration(Checked(Kind::kDuration)); }

absl::Status Outcome::status() const {
  if (ok()) return absl::OkStatus();
  return absl::OutOfRangeError("column " + std::to_string(value_.integer) + ": " +
                               Describe(static_cast<Failure>(value_.extra)));
}

Kind Expression::kind() const { return program_->kind; }
const std::vector<Clause>& Expression::Clauses() const { return program_->clauses; }

bool Expression::Reads(std::string_view variable, std::string_view field) const {
  const auto is_input = [&](const Node* node) {
    const bool reads = node != nullptr && (node->evaluate == &ReadInput || node->evaluate == &ReadMessageInput);
    return reads && program_->variables[node->slot].name == variable;
  };
  // Whoever has the message for anything but a field of it may read them all.
  return is_input(program_->root) || std::any_of(program_->nodes.begin(), program_->nodes.end(), [&](const Node& node) {
           if (is_input(node.left) && (node.field == nullptr || node.field->descriptor->name() == field)) return true;
           return is_input(node.right) || is_input(node.third) ||
                  std::any_of(node.parts.begin(), node.parts.end(), is_input);
         });
}

Outcome Expression::Evaluate(absl::Span<const Input> inputs, Scratch& scratch) const {
  CheckInputs(*program_, inputs);
  scratch.Reset();
  Frame frame(inputs, program_->fields, scratch);
  return Outcome(Run(*program_->root, frame));
}

std::vector<ClauseOutcome> Expression::Explain(absl::Span<const Input> inputs, Scratch& scratch) const {
  CheckInputs(*program_, inputs);
  std::vector<ClauseOutcome> outcomes;
  for (size_t i = 0; i < program_->clauses.size(); ++i) {
    scratch.Reset();
    Trace trace;
    Frame frame(inputs, program_->fields, scratch);
    frame.trace = &trace;
    const Value value = Run(*program_->traced_clauses[i], frame);
    outcomes.push_back({program_->clauses[i], VerdictOf(value),
                        TextOf(value, {.kind = program_->kind}, program_->fields), std::move(trace.reads)});
  }
  return outcomes;
}

absl::StatusOr<Expression> Compile(std::string_view text, const Environment& environment, Kind kind,
                                   std::vector<Mistake>* mistakes) {
  std::vector<Mistake> found;
  auto program = std::make_shared<Program>();
  Checked root;
  const std::unique_ptr<Syntax> syntax = Parse(text, found);
  if (syntax) {
    Checker checker(text, environment, false, program.get(), &found);
    root = checker.CheckPresent(*syntax);
    const bool fits = kind == Kind::kNull ? IsScalar(root.type.kind) : root.type.kind == kind;
    if (root.node != nullptr && !fits) {
      const std::string expected = kind == Kind::kNull ? "a scalar" : NameOf(kind);
      checker.AddMistake(syntax->begin,
                         "expected " + expected + " as the value of the whole, got " + NameOf(root.type));
    }
  }
  if (!found.empty()) {
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.column < b.column; });
    absl::Status refused = Refused(found);
    if (mistakes != nullptr) *mistakes = std::move(found);
    return refused;
  }
  program->root = root.node;
  program->kind = root.type.kind;
  program->variables = environment.variables();
  AddClauses(text, environment, *syntax, program.get());
  return Expression(std::move(program));
}

}  // namespace ebb::expression
