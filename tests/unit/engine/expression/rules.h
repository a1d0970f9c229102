#ifndef EBB_TESTS_UNIT_ENGINE_EXPRESSION_RULES_H_
#define EBB_TESTS_UNIT_ENGINE_EXPRESSION_RULES_H_

// Rules as texts, and what they come to as texts.

#include <string>
#include <string_view>
#include <vector>

#include "engine/expression/expression.h"
#include "engine/expression/test_order.pb.h"

namespace ebb::expression {

// The variables of all rules here, and their values but for the order: 2026-03-01T23:30:15.25Z, 90 minutes, "Zoë",
// -7, 7u, 2.5 and true.
inline const Environment& Variables() {
  static const auto* const kEnvironment = new Environment([] {
    Environment environment;
    environment.AddMessage("order", test::Order::default_instance())
        .AddScalar("now", Kind::kTimestamp)
        .AddScalar("wait", Kind::kDuration)
        .AddScalar("name", Kind::kString)
        .AddScalar("count", Kind::kInt)
        .AddScalar("natural", Kind::kUint)
        .AddScalar("rate", Kind::kDouble)
        .AddScalar("flag", Kind::kBool);
    return environment;
  }());
  return *kEnvironment;
}

inline std::vector<Input> Values(const test::Order& order) {
  constexpr int64_t kNowSeconds = 1'772'407'815;
  return {&order,
          absl::FromUnixSeconds(kNowSeconds) + absl::Milliseconds(250),
          absl::Minutes(90),
          std::string_view("Zoë"),
          -7,
          7u,
          2.5,
          true};
}

// `72`, `7u`, `2.5`, `"text"`, `true`, a timestamp or duration, or what failed.
inline std::string TextOf(const Outcome& outcome) {
  char text[kMaxDoubleBytes];
  switch (outcome.kind()) {
    case Kind::kBool: return outcome.boolean() ? "true" : "false";
    case Kind::kInt: return std::to_string(outcome.integer());
    case Kind::kUint: return std::to_string(outcome.natural()) + "u";
    case Kind::kDouble: return {text, FormatDouble(outcome.real(), text)};
    case Kind::kString: return "\"" + std::string(outcome.text()) + "\"";
    case Kind::kTimestamp: return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", outcome.time(), absl::UTCTimeZone());
    case Kind::kDuration: return absl::FormatDuration(outcome.duration());
    default: return std::string(outcome.status().message());
  }
}

// What the rule comes to, or its mistakes.
inline std::string ValueOf(std::string_view rule, const test::Order& order = {}) {
  const auto expression = Compile(rule, Variables(), Kind::kNull);
  if (!expression.ok()) return std::string(expression.status().message());
  Scratch scratch;
  return TextOf(expression->Evaluate(Values(order), scratch));
}

}  // namespace ebb::expression

#endif  // EBB_TESTS_UNIT_ENGINE_EXPRESSION_RULES_H_
