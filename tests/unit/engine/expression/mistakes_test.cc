// What people are told when they load a rule that is wrong.

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/expression/rules.h"

namespace ebb::expression {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The mistakes of what should be a condition.
std::string MistakesIn(std::string_view rule) {
  const auto expression = Compile(rule, Variables());
  return expression.ok() ? "none" : std::string(expression.status().message());
}

using Table = std::initializer_list<std::pair<const char*, const char*>>;

void Expect(const Table& table) {
  for (const auto& [rule, mistakes] : table) EXPECT_EQ(MistakesIn(rule), mistakes) << rule;
}

TEST(MistakesTest, ATextThatIsNoExpressionIsToldWhere) {
  Expect({{"", "column 1: expected a value, got the end"},
          {"count >", "column 8: expected a value, got the end"},
          {"count > > 1", "column 9: expected a value, got \">\""},
          {"count = 1", "column 7: expected an operator or the end, got \"=\"; did you mean \"==\"?"},
          {"flag and flag", "column 6: expected an operator or the end, got \"and\"; did you mean \"&&\"?"},
          {"flag OR flag", "column 6: expected an operator or the end, got \"OR\"; did you mean \"||\"?"},
          {"flag & flag", "column 6: expected an operator or the end, got \"&\"; did you mean \"&&\"?"},
          {"not flag", "column 5: expected an operator or the end, got \"flag\""},
          {"(count > 1", "column 11: expected an operator or \")\", got the end"},
          {"count in [1, 2", "column 15: expected an operator, \",\" or \"]\", got the end"},
          {"count in [1, ]", "column 14: expected a value, got \"]\""},
          {"name.size(", "column 11: expected an operator, \",\" or \")\", got the end"},
          {"order.tags[0 == ''", "column 19: expected an operator or \"]\", got the end"},
          {"flag ? flag", "column 12: expected an operator or \":\", got the end"},
          {"order. == 1", "column 8: expected the name of a field or function, got \"==\""},
          {"name == 'x", "column 11: expected a closing quote, got the end"},
          {"name == \"x\ny\"", "column 11: expected a closing quote, got the end of the line"},
          {"name == '''x'", "column 14: expected three closing quotes, got the end"},
          {"name == r'x", "column 12: expected a closing quote, got the end"},
          {"name == 'a\\d'", "column 11: expected an escape such as \\n, \\\", \\\\, \\x41, \\u00e4 or \\101"},
          {"name == '\\ud800'", "column 10: expected an escape such as \\n, \\\", \\\\, \\x41, \\u00e4 or \\101"},
          {"count > 7d", "column 9: expected a value, got \"7d\""},
          {"flag ?: flag", "column 7: expected a value, got \":\""},
          {"for > 1", "column 1: expected a value, got \"for\""},
          {"count > 99999999999999999999", "column 9: expected a number of at most 64 bits"},
          {"count > 9223372036854775808", "column 9: expected an int of at most 64 bits, got 9223372036854775808"},
          {"rate > 1e999", "column 8: expected a number that a double can hold"},
          {"{'a': 1}", "column 1: expected a value, got \"{\""},
          {"count > 1;", "column 10: expected an operator or the end, got \";\""}});
}

TEST(MistakesTest, ColumnsCountCharacters) {
  EXPECT_EQ(MistakesIn("name == 'äöü😀' && count ="),
            "column 25: expected an operator or the end, got \"=\"; did you mean \"==\"?");
  EXPECT_EQ(
      MistakesIn("flag &&\n  nmae == ''"),
      "column 11: expected a variable, got \"nmae\"; did you mean \"name\"? (known: order, now, wait, name, count, "
      "natural, rate and flag)");
  EXPECT_EQ(MistakesIn("name == '\xff'"), "column 1: expected a text in UTF-8");
}

TEST(MistakesTest, NamesThatAreUnknownAreToldWithTheNearest) {
  Expect(
      {{"ordr.id == ''",
        "column 1: expected a variable, got \"ordr\"; did you mean \"order\"? (known: order, now, wait, name, count, "
        "natural, rate and flag)"},
       {"order.amount.unit > 5",
        "column 14: expected a field of ebb.test.Money, got \"unit\"; did you mean \"units\"? (known: units and "
        "currency)"},
       {"has(order.amount.euros)",
        "column 18: expected a field of ebb.test.Money, got \"euros\" (known: units and currency)"},
       {"order.kind == SAEL",
        "column 15: expected a constant of ebb.test.Order.Kind or a variable, got \"SAEL\"; did you mean \"SALE\"? "
        "(known: UNKNOWN, SALE, RETURN, order, now, wait, name, count, natural, rate and flag)"},
       {"order.kind == ebb.test.Order.Kind.SAEL",
        "column 35: expected a constant of ebb.test.Order.Kind, got \"SAEL\"; did you mean \"SALE\"? (known: "
        "UNKNOWN, SALE and RETURN)"},
       {"order.kind in ['SALE']",
        "column 12: expected string before in, got int (ebb.test.Order.Kind); write SALE without quotes"},
       {"order.kind == 'SALE'",
        "column 12: expected values that == can compare, got int (ebb.test.Order.Kind) and string; write SALE "
        "without quotes"},
       {"sise(name) > 1",
        "column 1: expected a function, got \"sise\"; did you mean \"size\"? (known: double, duration, has, int, "
        "size, string, timestamp and uint)"},
       {"contains(name, 'x')", "column 1: expected a value and a dot before contains(), got it alone"},
       {"name.int() > 1", "column 6: expected int() around its value, got it behind a dot"}});
  EXPECT_THAT(
      MistakesIn("name.startswith('x')"),
      StartsWith("column 6: expected a function, got \"startswith\"; did you mean \"startsWith\"? (known: all, "));
}

TEST(MistakesTest, OperandsOfWrongTypesAreTold) {
  Expect(
      {{"rate + 1 > 0",
        "column 6: expected int + int, uint + uint, double + double, string + string, timestamp + duration, "
        "duration + timestamp or duration + duration, got double + int; write 1.0"},
       {"natural * 2 > 0u", "column 9: expected int * int, uint * uint or double * double, got uint * int; write 2u"},
       {"count % rate > 0", "column 7: expected int % int or uint % uint, got int % double"},
       {"-natural > 0", "column 1: expected -int or -double, got -uint"},
       {"!count", "column 1: expected !bool, got !int"},
       {"name == 1", "column 6: expected values that == can compare, got string and int"},
       {"name < 1", "column 6: expected values that < can compare, got string and int"},
       {"order.amount == order.amount",
        "column 14: expected values that == can compare, got ebb.test.Money and ebb.test.Money"},
       {"order.amount != null",
        "column 14: expected values that != can compare, got ebb.test.Money and null; has() tells whether a field is "
        "there"},
       {"order.id == null",
        "column 10: expected values that == can compare, got string and null; has() tells whether a field is there"},
       {"order.counts == order.counts",
        "column 14: expected values that == can compare, got map(string, int) and map(string, int)"},
       {"count && flag", "column 1: expected bool on both sides of &&, got int"},
       {"flag || name", "column 9: expected bool on both sides of ||, got string"},
       {"count ? flag : flag", "column 1: expected bool before ?, got int"},
       {"(flag ? 1 : name) == 1", "column 13: expected int as on the other side of :, got string"},
       {"(flag ? rate : 2) > 1", "column 16: expected double as on the other side of :, got int; write 2.0"},
       {"count in count", "column 10: expected a list or map behind in, got int"},
       {"count in ['a']", "column 7: expected string before in, got int"},
       {"1 in order.counts", "column 3: expected string before in, got int"},
       {"[1, 'a'][0] == 1", "column 5: expected int like the elements before, got string"},
       {"[1.5, 2][0] > 1", "column 7: expected double like the elements before, got int; write 2.0"},
       {"[order][0].id == ''", "column 2: expected a scalar as an element, got ebb.test.Order"},
       {"[null] == null", "column 2: expected a scalar as an element, got null"},
       {"order.tags['a'] == ''", "column 12: expected int as an index, got string"},
       {"order.counts[1] == 1", "column 14: expected string as a key, got int"},
       {"count[1] == 1", "column 1: expected a list or map before [, got int"},
       {"name.first == ''", "column 6: expected a message before .first, got string"},
       {"has(name.first)", "column 10: expected a message before .first, got string"},
       {"order.payload == ''", "column 7: expected a field that expressions can read, got \"payload\" of type bytes"},
       {"has(order.anything)",
        "column 11: expected a field that expressions can read, got \"anything\" of type google.protobuf.Any"}});
}

TEST(MistakesTest, CallsOfWrongShapeAreTold) {
  Expect({{"name.contains() ", "column 6: expected 1 argument for contains(), got 0"},
          {"name.contains('a', 'b')", "column 6: expected 1 argument for contains(), got 2"},
          {"now.getHours('a', 'b') > 1", "column 5: expected 0 or 1 argument for getHours(), got 2"},
          {"size() > 1", "column 1: expected 1 argument for size(), got 0"},
          {"name.contains(1)", "column 15: expected string in contains(), got int"},
          {"count.contains('a')", "column 1: expected string before .contains(), got int"},
          {"size(count) > 1", "column 6: expected string, list or map in size(), got int"},
          {"count.getHours() > 1", "column 1: expected duration or timestamp before .getHours(), got int"},
          {"wait.getHours('UTC') > 1", "column 1: expected timestamp before .getHours(), got duration"},
          {"timestamp('yesterday') < now",
           "column 11: expected a timestamp like \"2026-03-01T09:30:00Z\", got \"yesterday\""},
          {"timestamp('2026-02-30T00:00:00Z') < now",
           "column 11: expected a timestamp like \"2026-03-01T09:30:00Z\", got \"2026-02-30T00:00:00Z\""},
          {"wait < duration('7d')",
           "column 17: expected a duration in h, m, s, ms, us or ns, like \"36h\" or \"1m30s\", got \"7d\""},
          {"wait < duration('inf')",
           "column 17: expected a duration in h, m, s, ms, us or ns, like \"36h\" or \"1m30s\", got \"inf\""},
          {"now.getHours('Europe/Berln') > 1",
           "column 14: expected a time zone like \"Europe/Berlin\" or \"+02:00\", got \"Europe/Berln\""},
          {"now.getHours('../etc/passwd') > 1",
           "column 14: expected a time zone like \"Europe/Berlin\" or \"+02:00\", got \"../etc/passwd\""},
          {"has(order)", "column 1: expected a field in has(), as in has(event.amount)"},
          {"has(order.lines[0])", "column 1: expected a field in has(), as in has(event.amount)"},
          {"order.lines.exists(l.count > 1)",
           "column 13: expected a name and a condition in exists(), as in list.exists(item, item > 0)"},
          {"order.lines.all(1, true)",
           "column 13: expected a name and a condition in all(), as in list.all(item, item > 0)"},
          {"order.counts.exists(c, true)", "column 1: expected list before .exists(), got map(string, int)"},
          {"order.lines.exists(l, l.count)", "column 23: expected bool as the condition of exists(), got int"}});
  EXPECT_THAT(MistakesIn("order.lines.exists(l, true) && l.count > 1"),
              StartsWith("column 32: expected a variable, got \"l\""));
}

TEST(MistakesTest, TheValueOfTheWholeIsOfTheKindThatIsNeeded) {
  Expect({{"count + 1", "column 1: expected bool as the value of the whole, got int"},
          {"order.tags", "column 1: expected bool as the value of the whole, got list(string)"}});
  EXPECT_EQ(ValueOf("order.tags"), "column 1: expected a scalar as the value of the whole, got list(string)");
  EXPECT_EQ(ValueOf("order"), "column 1: expected a scalar as the value of the whole, got ebb.test.Order");
}

TEST(MistakesTest, MistakesThatDoNotFollowFromOneAnotherAreToldTogether) {
  std::vector<Mistake> mistakes;
  const char kRule[] = "order.amount.unit > 5 && nmae == 'x' && order.kidn == SALE && size(count) > 1";
  EXPECT_FALSE(Compile(kRule, Variables(), Kind::kBool, &mistakes).ok());
  ASSERT_EQ(mistakes.size(), 4u);
  EXPECT_EQ(mistakes[0].column, 14);
  EXPECT_THAT(mistakes[1].text, StartsWith("expected a variable, got \"nmae\"; did you mean \"name\"?"));
  EXPECT_THAT(mistakes[2].text, StartsWith("expected a field of ebb.test.Order, got \"kidn\"; did you mean \"kind\"?"));
  EXPECT_EQ(mistakes[3], (Mistake{68, "expected string, list or map in size(), got int"}));
}

std::string Repeated(size_t times, const std::string& text) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(MistakesTest, TextsAreOfBoundedLength) {
  const std::string rule = "flag //";
  EXPECT_EQ(MistakesIn(rule + std::string(kMaxTextBytes - rule.size(), ' ')), "none");
  EXPECT_EQ(MistakesIn(rule + std::string(kMaxTextBytes - rule.size() + 1, ' ')),
            "column 1: expected at most 4096 bytes, got 4097");
}

TEST(MistakesTest, NestingIsBounded) {
  const auto nested = [](size_t levels) { return Repeated(levels - 1, "(") + "flag" + Repeated(levels - 1, ")"); };
  EXPECT_EQ(MistakesIn(nested(kMaxDepth)), "none");
  EXPECT_EQ(MistakesIn(nested(kMaxDepth + 1)), "column 33: expected at most 32 levels of nesting");
  EXPECT_EQ(MistakesIn(Repeated(kMaxDepth - 1, "[1].all(x, ") + "x > 0" + Repeated(kMaxDepth - 1, ")")), "none");
  EXPECT_EQ(MistakesIn(Repeated(40, "flag ? flag : ") + "flag"), "column 449: expected at most 32 levels of nesting");
}

TEST(MistakesTest, NamesValuesAndOperatorsAreCounted) {
  EXPECT_EQ(MistakesIn("flag" + Repeated(kMaxNodes / 2 - 1, "||flag")), "none");
  EXPECT_THAT(MistakesIn("flag" + Repeated(kMaxNodes / 2, "||flag")),
              HasSubstr("expected at most 512 names, values and operators"));
  EXPECT_THAT(MistakesIn(Repeated(kMaxNodes, "!") + "flag"),
              HasSubstr("expected at most 512 names, values and operators"));
  EXPECT_EQ(MistakesIn("order" + Repeated(kMaxNodes - 4, ".parent") + ".id == ''"), "none");
}

}  // namespace
}  // namespace ebb::expression
