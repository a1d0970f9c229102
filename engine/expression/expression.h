#ifndef EBB_ENGINE_EXPRESSION_EXPRESSION_H_
#define EBB_ENGINE_EXPRESSION_EXPRESSION_H_

// Rules as people write them, such as `event.amount.units > 50 && customer.segment in ["gold", "silver"]`: a strict
// subset of the Common Expression Language. Every field, function and type is settled when a rule is loaded; what can
// be evaluated then neither loops nor does I/O, apart from reading a time zone's file once.
// Source: https://github.com/google/cel-spec/blob/master/doc/langdef.md
//
// There are null, bool, int, uint, double, string, timestamp, duration, messages, lists and maps; the operators
// ?: || && < <= > >= == != in + - * / % ! - . []; has(m.field), list.exists(x, p), list.all(x, p) and
// list.exists_one(x, p); and the functions of functions.cc. There are no bytes, no literals of maps and messages, no
// lists of mixed types, no comparison of lists, maps and messages, and no dynamic types: fields of type Any, Struct and
// bytes cannot be read. Further choices:
// - Numbers are compared by their value whatever their types; in arithmetic both must be of the same type.
// - An enum is an int. Its constants are named in full (ebb.v1.Purchase.Kind.ORDER or ebb.v1.Purchase.ORDER), or, where
//   they are compared with a field of that enum, alone (ORDER).
// - A message is never null; has() tells whether it is there. A wrapper that is absent is null, and only == and != take
//   it; other operators fail.
// - An index of a list is an int. A map is asked with m["key"], m.key, `in`, has(m.key) and size().
// - A timestamp's text or a duration's is wrong when the rule is loaded if it is a literal.
// - Strings are measured in code points.

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "engine/expression/scratch.h"
#include "engine/expression/value.h"
#include "google/protobuf/message.h"

namespace ebb::expression {

// Bounds on a rule.
inline constexpr size_t kMaxTextBytes = 4096;
inline constexpr size_t kMaxDepth = 32;   // Of parentheses, brackets, arguments and branches within one another.
inline constexpr size_t kMaxNodes = 512;  // Names, values and operators.
// Of one rule; further ones are not told.
inline constexpr size_t kMaxMistakes = 20;
// Bounds on one evaluation, which fails beyond them; see also kMaxScratchBytes.
inline constexpr int64_t kMaxElements = 10'000;       // Visited by exists(), all(), exists_one() and `in`.
inline constexpr int64_t kMaxTextVisited = 16 << 20;  // Bytes that are searched, compared and converted.
// Bounds on the explanation of a clause.
inline constexpr size_t kMaxReads = 16;
inline constexpr size_t kMaxShownElements = 8;

// What is wrong with a rule, and where: the column is counted in characters from 1, over line breaks too.
struct Mistake {
  int column = 1;
  std::string text;

  friend auto operator<=>(const Mistake&, const Mistake&) = default;
};

// The variables that a rule may name, in the order in which an evaluation is given their values. Used by one thread.
class Environment {
 public:
  struct Variable {
    std::string name;
    Kind kind;
    const google::protobuf::Message* prototype;  // Of a message.
  };

  // Names are unique; `prototype` is the default instance of a generated type.
  Environment& AddMessage(std::string name, const google::protobuf::Message& prototype);
  // `kind` is kBool, kInt, kUint, kDouble, kString, kTimestamp or kDuration.
  Environment& AddScalar(std::string name, Kind kind);
  const std::vector<Variable>& variables() const { return variables_; }

 private:
  std::vector<Variable> variables_;
};

// The value of one variable. Owns nothing: a message or string must stay as it is for as long as the outcome is used.
class Input {
 public:
  // NOLINTBEGIN(google-explicit-constructor): a list of inputs is written as a list of values.
  Input(const google::protobuf::Message& message) : value_(InMessage(Kind::kMessage, &message)) {}
  // Null stands for the default instance.
  Input(const google::protobuf::Message* message) : value_(InMessage(Kind::kMessage, message)) {}
  template <std::same_as<bool> T>
  Input(T boolean) : value_(Bool(boolean)) {}
  template <std::signed_integral T>
  Input(T integer) : value_(Int(integer)) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Input(T natural) : value_(Uint(natural)) {}
  Input(double real) : value_(Double(real)) {}
  Input(std::string_view text) : value_(String(text)) {}
  // What lies outside of the years 1 to 9999, or of ten thousand years, is an error where it is read.
  Input(absl::Time time);
  Input(absl::Duration duration);
  // NOLINTEND(google-explicit-constructor)

  const Value& value() const { return value_; }

 private:
  Value value_;
};

// What an evaluation came to: a value, or why there is none. Owns nothing; a text lives as long as the inputs, the
// expression, and until the next evaluation with the same scratch.
class Outcome {
 public:
  explicit Outcome(Value value) : value_(value) {}

  bool ok() const { return !value_.failed(); }
  Kind kind() const { return value_.kind; }
  // True when it is a condition that holds; false also when there is no value.
  bool holds() const { return value_.kind == Kind::kBool && value_.boolean; }
  // The value. Needs kind() to be that kind.
  bool boolean() const { return Checked(Kind::kBool).boolean; }
  int64_t integer() const { return Checked(Kind::kInt).integer; }
  uint64_t natural() const { return Checked(Kind::kUint).natural; }
  double real() const { return Checked(Kind::kDouble).real; }
  std::string_view text() const { return Checked(Kind::kString).view(); }
  absl::Time time() const;
  absl::Duration duration() const;
  // OK, or kOutOfRange with the column and what went wrong. Allocates where it is not OK.
  absl::Status status() const;

 private:
  const Value& Checked(Kind kind) const {
    Must(value_.kind == kind, "an outcome is asked for the kind of value that it has");
    return value_;
  }

  Value value_;
};

// A part of a condition that must hold for the whole to hold.
struct Clause {
  std::string text;  // As it was written.
  int column = 1;
};

// A field, or a variable that is no message, as it was read.
struct FieldRead {
  std::string path;   // As it was written.
  std::string value;  // Strings in quotes, enums by name, long lists shortened.
};

struct ClauseOutcome {
  enum class Verdict { kTrue, kFalse, kError, kValue };  // kValue: of an expression that is no condition.

  Clause clause;
  Verdict verdict = Verdict::kError;
  std::string value;             // "true", "false", the value, or the error.
  std::vector<FieldRead> reads;  // In order of reading, each once, at most kMaxReads.

  // `event.amount.units > 50  (event.amount.units = 72)`, and what went wrong if anything did.
  std::string ToText() const;
};

class Program;

// What can be evaluated. Immutable and cheap to copy; any number of threads, each with its own scratch.
class Expression {
 public:
  // The kind of all its values.
  Kind kind() const;
  // The conditions at the top that && joins, in order; of any other expression, the whole.
  const std::vector<Clause>& Clauses() const;
  // Whether it may read this field of a variable that is a message, so that fields that are not read need not be
  // filled.
  bool Reads(std::string_view variable, std::string_view field) const;

  // The value under `inputs`, one for each variable of the environment and of its type; anything else ends the program.
  // && and || fail only where the other sides do not decide, ?: takes one side. Does not allocate once `scratch` has
  // grown, but for: a time zone that is not a literal, when it is new; a map's key of more than 15 bytes; timestamp()
  // and duration() of what is not a literal.
  Outcome Evaluate(absl::Span<const Input> inputs, Scratch& scratch) const;

  // The outcome of each clause, those behind a false one too. Allocates.
  std::vector<ClauseOutcome> Explain(absl::Span<const Input> inputs, Scratch& scratch) const;

 private:
  friend absl::StatusOr<Expression> Compile(std::string_view, const Environment&, Kind, std::vector<Mistake>*);
  explicit Expression(std::shared_ptr<const Program> program) : program_(std::move(program)) {}

  std::shared_ptr<const Program> program_;
};

// The expression in `text`, whose values must be of `kind`; kNull stands for any. Otherwise kInvalidArgument, one line
// a mistake: "column 7: expected …, got …; did you mean …?", which `mistakes` holds one by one. Prototypes must outlive
// the expression; nothing else is referred to. Any thread.
absl::StatusOr<Expression> Compile(std::string_view text, const Environment& environment, Kind kind = Kind::kBool,
                                   std::vector<Mistake>* mistakes = nullptr);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_EXPRESSION_H_
