// Rules as people write them, evaluated for an order: a value or a reason, never more than it may cost.

#include "engine/expression/expression.h"

#include <algorithm>

#include "state/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/engine/expression/rules.h"

namespace ebb::fuzzing {
namespace {

using expression::ClauseOutcome;
using expression::Compile;
using expression::Expression;
using expression::Kind;
using expression::Mistake;
using expression::Outcome;
using expression::Scratch;
using expression::TextOf;

void CheckMistakes(std::string_view rule, const absl::Status& status, const std::vector<Mistake>& mistakes) {
  constexpr size_t kMostBytes = 16 << 10;
  Require(absl::IsInvalidArgument(status), "a rule that is wrong is an invalid argument", Text(status.ToString()));
  Require(!mistakes.empty() && mistakes.size() <= expression::kMaxMistakes, "its mistakes are told, and not too many");
  for (const Mistake& mistake : mistakes) {
    Require(mistake.column >= 1 && mistake.column <= static_cast<int>(rule.size()) + 1, "each has its place");
    Require(!mistake.text.empty() && mistake.text.size() <= kMostBytes, "and is told briefly", mistake.text);
    Require(IsUtf8(mistake.text), "in UTF-8", mistake.text);
  }
}

bool IsOfBounds(const Outcome& outcome) {
  return outcome.status().message().find("more than") != absl::string_view::npos;
}

void CheckClauses(const Outcome& whole, const std::vector<ClauseOutcome>& clauses) {
  const auto all = [&](ClauseOutcome::Verdict verdict) {
    return std::all_of(clauses.begin(), clauses.end(), [&](const auto& clause) { return clause.verdict == verdict; });
  };
  const auto any = [&](ClauseOutcome::Verdict verdict) {
    return std::any_of(clauses.begin(), clauses.end(), [&](const auto& clause) { return clause.verdict == verdict; });
  };
  for (const ClauseOutcome& clause : clauses) {
    Require(clause.reads.size() <= expression::kMaxReads, "an explanation is bounded");
    RequireExplains(clause.ToText());
  }
  if (whole.kind() == Kind::kBool) {
    Require(whole.holds() == all(ClauseOutcome::Verdict::kTrue), "a condition holds when all its clauses do");
    Require(whole.holds() != any(ClauseOutcome::Verdict::kFalse), "and does not when one does not");
  } else if (!whole.ok() && !IsOfBounds(whole)) {
    Require(any(ClauseOutcome::Verdict::kError), "and fails when one does");
  }
}

}  // namespace

EBB_FUZZ_TARGET(expression) {
  Bytes in(bytes);
  test::Order order;
  const std::string_view encoded = in.Piece();
  if (!order.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()))) order.Clear();
  const std::string_view rule = in.Rest();
  std::vector<Mistake> mistakes;
  const auto compiled = Compile(rule, expression::Variables(), Kind::kNull, &mistakes);
  if (!compiled.ok()) return CheckMistakes(rule, compiled.status(), mistakes);
  const auto inputs = expression::Values(order);
  Scratch scratch;
  const Outcome outcome = compiled->Evaluate(inputs, scratch);
  Require(!outcome.ok() || outcome.kind() == compiled->kind(), "a value is of the kind that was announced");
  if (!outcome.ok()) RequireExplains(Text(outcome.status().message()));
  const std::string text = TextOf(outcome);
  Require(TextOf(compiled->Evaluate(inputs, scratch)) == text, "a rule comes to the same again", text);
  CheckClauses(outcome, compiled->Explain(inputs, scratch));
}

}  // namespace ebb::fuzzing
