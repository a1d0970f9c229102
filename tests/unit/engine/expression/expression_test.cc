#include "engine/expression/expression.h"

#include <atomic>
#include <initializer_list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/expression/test_order.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/expression/rules.h"

namespace ebb::expression {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;

test::Order OrderOf(const std::string& text) {
  test::Order order;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &order)) << text;
  return order;
}

// Rules, and what they come to.
using Table = std::initializer_list<std::pair<const char*, const char*>>;

void Expect(const Table& table, const test::Order& order = {}) {
  for (const auto& [rule, value] : table) EXPECT_EQ(ValueOf(rule, order), value) << rule;
}

const test::Order& Full() {
  static const auto* const kOrder = new test::Order(OrderOf(R"(
    id: "o-1" amount {units: 72 currency: "EUR"}
    lines {category: "shoes" count: 2 price: 49.5 labels: "sale"}
    lines {category: "bags" count: 1 price: 120 labels: "new" labels: "sale"}
    tags: "vip" tags: "web"
    small: -5 large: 5000000000 natural: 4000000000 big: 18446744073709551615
    ratio: 0.5 score: 0.25 first: true kind: SALE kinds: SALE kinds: RETURN level: GOLD
    placed {seconds: 1772407815} wait {seconds: 5400 nanos: 500000000}
    points {value: 10} nickname {value: "nick"} agreed {value: true}
    counts {key: "web" value: 3} counts {key: "a key of more than fifteen bytes" value: 4}
    by_category {key: "shoes" value {category: "shoes" count: 9}}
    by_number {key: 7 value: "seven"} by_truth {key: true value: 0.75} kind_by_number {key: 1 value: RETURN}
    maybe: 0 visits {seconds: 60} visits {seconds: 120} scores {value: 1} scores {value: 2}
    numbers: 3 numbers: 1 numbers: 2 reals: 1.5 parent {id: "o-0"} right: 4 placed_time_ms: 1772407815250)"));
  return *kOrder;
}

TEST(ExpressionTest, LiteralsStandForThemselves) {
  Expect({{"0", "0"},
          {"007", "7"},
          {"0x1F", "31"},
          {"-0x10", "-16"},
          {"9223372036854775807", "9223372036854775807"},
          {"-9223372036854775808", "-9223372036854775808"},
          {"18446744073709551615u", "18446744073709551615u"},
          {"0xFFU", "255u"},
          {"1.5", "1.5"},
          {".5", "0.5"},
          {"-2.5e3", "-2500"},
          {"1e-7", "1e-07"},
          {"1E+2", "100"},
          {"true", "true"},
          {"false", "false"},
          {"null == null", "true"},
          {"[1, 2, 3][1]", "2"},
          {"size([])", "0"}});
}

TEST(ExpressionTest, StringsHaveQuotesEscapesAndRawForms) {
  Expect({{R"('a"b')", "\"a\"b\""},
          {R"("it's")", "\"it's\""},
          {R"("")", "\"\""},
          {R"("\a\b\f\n\r\t\v\\\"\'\`\?")", "\"\a\b\f\n\r\t\v\\\"'`?\""},
          {R"("\x41\101\u00e4\U0001F600")", "\"AAä😀\""},
          {R"("\xe4")", "\"ä\""},
          {R"(r"\n")", "\"\\n\""},
          {R"(R'\')", "\"\\\""},
          {R"("""two "quoted"
lines""")",
           "\"two \"quoted\"\nlines\""},
          {R"(''''a' ''')", "\"'a' \""},
          {R"(r'''\''')", "\"\\\""},
          {R"("grün")", "\"grün\""}});
}

TEST(ExpressionTest, SpaceAndCommentsMeanNothing) {
  Expect({{" \t1\n+ 2 // three\n", "3"},
          {"size ( \"ab\" ) // two", "2"},
          {"order . id", "\"o-1\""},
          {"[ 1 , 2 ] [ 0 ]", "1"}},
         Full());
}

TEST(ExpressionTest, OperatorsBindAsInCel) {
  Expect({{"1 + 2 * 3", "7"},
          {"(1 + 2) * 3", "9"},
          {"10 - 4 - 3", "3"},
          {"100 / 10 / 5", "2"},
          {"7 % 4 * 2", "6"},
          {"-2 + 3", "1"},
          {"2--3", "5"},
          {"- -3", "3"},
          {"--3", "3"},
          {"-(3)", "-3"},
          {"!true || true", "true"},
          {"!!flag", "true"},
          {"!(true || true)", "false"},
          {"1 < 2 == true", "true"},
          {"true || false && false", "true"},
          {"(true || false) && false", "false"},
          {"1 + 1 in [2]", "true"},
          {"false ? 1 : true ? 2 : 3", "2"},
          {"true || false ? 1 : 2", "1"},
          {"1 < 2 ? 3 : 4", "3"},
          {"-[1, 2][1]", "-2"},
          {"count - 1", "-8"},
          {"count -1", "-8"}});
}

TEST(ExpressionTest, WholeNumbersNeverWrapAround) {
  Expect({{"9223372036854775807 + 1", "column 21: a number beyond what its type holds"},
          {"-9223372036854775808 - 1", "column 22: a number beyond what its type holds"},
          {"4611686018427387904 * 2", "column 21: a number beyond what its type holds"},
          {"-(-9223372036854775808)", "column 1: a number beyond what its type holds"},
          {"-9223372036854775808 / -1", "column 22: a number beyond what its type holds"},
          {"-9223372036854775808 % -1", "column 22: a number beyond what its type holds"},
          {"order.large * order.large", "column 13: a number beyond what its type holds"},
          {"0u - 1u", "column 4: a number beyond what its type holds"},
          {"18446744073709551615u + 1u", "column 23: a number beyond what its type holds"},
          {"natural - 8u", "column 9: a number beyond what its type holds"},
          {"1 / 0", "column 3: division by zero"},
          {"1u / 0u", "column 4: division by zero"},
          {"count % (count - count)", "column 7: modulus by zero"},
          {"7u % 0u", "column 4: modulus by zero"},
          {"-7 / 2", "-3"},
          {"-7 % 2", "-1"},
          {"count / 2", "-3"}},
         Full());
}

TEST(ExpressionTest, DoublesAreThoseOfTheHardware) {
  Expect({{"1.0 / 0.0", "inf"},
          {"-1.0 / 0.0", "-inf"},
          {"rate * 2.0 - 1.0", "4"},
          {"0.0 / 0.0 == 0.0 / 0.0", "false"},
          {"0.0 / 0.0 != 0.0 / 0.0", "true"},
          {"0.0 / 0.0 < 1.0", "false"},
          {"-rate", "-2.5"},
          {"1e308 * 10.0", "inf"}});
}

TEST(ExpressionTest, NumbersOfAllTypesAreComparedByTheirValue) {
  Expect({{"1 == 1.0", "true"},
          {"1u == 1", "true"},
          {"1 < 1.5", "true"},
          {"-1 < 1u", "true"},
          {"1u > -1", "true"},
          {"2.5 >= 2u", "true"},
          {"9007199254740993 > 9007199254740992.0", "true"},
          {"9007199254740993 == 9007199254740992.0", "false"},
          {"9223372036854775807 < 9223372036854775808.0", "true"},
          {"-9223372036854775808 == -9223372036854775808.0", "true"},
          {"18446744073709551615u < 18446744073709551616.0", "true"},
          {"0u > -0.5", "true"},
          {"-3 > -3.5", "true"},
          {"-4 < -3.5", "true"},
          {"1 < 0.0 / 0.0", "false"},
          {"1u != 0.0 / 0.0", "true"},
          {"count < natural", "true"},
          {"rate > natural", "false"},
          {"1 in [1.0]", "true"},
          {"order.natural > order.small", "true"},
          {"order.big > 9.0e18", "true"}},
         Full());
}

TEST(ExpressionTest, TextsTruthsAndTimesHaveAnOrder) {
  Expect({{"'a' < 'b'", "true"},
          {"'a' < 'B'", "false"},
          {"'' < 'a'", "true"},
          {"name >= 'Zo'", "true"},
          {"name == 'Zo\\u00eb'", "true"},
          {"name != 'Zoe'", "true"},
          {"false < true", "true"},
          {"now > timestamp('2026-03-01T23:30:15Z')", "true"},
          {"now <= timestamp('2026-03-01T23:30:15.25Z')", "true"},
          {"duration('-1s') < duration('-500ms')", "true"},
          {"wait == duration('1h30m')", "true"}});
}

TEST(ExpressionTest, AndOrTakeAnErrorOnlyWhereNoOtherSideDecides) {
  Expect({{"1 / 0 > 0 || true", "true"},
          {"true || 1 / 0 > 0", "true"},
          {"1 / 0 > 0 && false", "false"},
          {"false && 1 / 0 > 0", "false"},
          {"1 / 0 > 0 || false", "column 3: division by zero"},
          {"true && 1 / 0 > 0", "column 11: division by zero"},
          {"1 / 0 > 0 || 1 % 0 > 0", "column 3: division by zero"},
          {"1 / 0 > 0 || false || true", "true"},
          {"count / 0 > 0 && count > 0", "false"},
          {"order.lines[5].count > 1 || flag", "true"},
          {"!(1 / 0 > 0)", "column 5: division by zero"}});
}

TEST(ExpressionTest, AConditionalTakesOneSide) {
  Expect({{"true ? 1 : 1 / 0", "1"},
          {"false ? 1 / 0 : 2", "2"},
          {"flag ? name : 'x'", "\"Zoë\""},
          {"1 / 0 > 0 ? 1 : 2", "column 3: division by zero"},
          {"(flag ? order : order.parent).id", "\"o-1\""},
          {"(flag ? order.tags : ['x'])[0]", "\"vip\""},
          {"(flag ? [] : ['x']) == [] ", "column 21: expected values that == can compare, got list(string) and list"}},
         Full());
}

TEST(ExpressionTest, FieldsAreReadAsTheirTypes) {
  Expect({{"order.id", "\"o-1\""},
          {"order.amount.units > 50", "true"},
          {"order.small", "-5"},
          {"order.large", "5000000000"},
          {"order.natural", "4000000000u"},
          {"order.big", "18446744073709551615u"},
          {"order.ratio", "0.5"},
          {"order.score", "0.25"},
          {"order.first", "true"},
          {"order.placed_time_ms + 1", "1772407815251"},
          {"order.parent.id", "\"o-0\""},
          {"order.right", "4"},
          {"order.left", "\"\""},
          {"order.placed", "2026-03-01T23:30:15Z"},
          {"order.wait", "1h30m0.5s"},
          {"size(order.lines)", "2"},
          {"order.lines[1].price", "120"},
          {"order.visits[1]", "1970-01-01T00:02:00Z"},
          {"order.scores[1] + 1", "3"},
          {"order.kinds[1]", "2"},
          {"order.reals[0]", "1.5"},
          {"2 in order.numbers", "true"},
          {"4 in order.numbers", "false"},
          {"'vip' in order.tags", "true"},
          {"order.tags.size() == 2", "true"}},
         Full());
}

TEST(ExpressionTest, WhatIsAbsentHasItsDefaultAndIsNotThere) {
  Expect({{"order.id", "\"\""},
          {"order.amount.units", "0"},
          {"order.parent.parent.amount.currency", "\"\""},
          {"order.placed", "1970-01-01T00:00:00Z"},
          {"order.wait", "0"},
          {"order.kind", "0"},
          {"size(order.tags)", "0"},
          {"has(order.amount)", "false"},
          {"has(order.parent.amount)", "false"},
          {"has(order.id)", "false"},
          {"has(order.small)", "false"},
          {"has(order.maybe)", "false"},
          {"has(order.tags)", "false"},
          {"has(order.counts)", "false"},
          {"has(order.points)", "false"},
          {"has(order.left)", "false"}});
  Expect({{"has(order.amount)", "true"},
          {"has(order.id)", "true"},
          {"has(order.maybe)", "true"},
          {"has(order.tags)", "true"},
          {"has(order.counts)", "true"},
          {"has(order.counts.web)", "true"},
          {"has(order.counts.shop)", "false"},
          {"has(order.points)", "true"},
          {"has(order.left)", "false"},
          {"has(order.right)", "true"},
          {"has(order.lines[0].category)", "true"}},
         Full());
}

TEST(ExpressionTest, AWrapperIsItsValueOrNull) {
  Expect({{"order.points == null", "true"},
          {"null != order.nickname", "false"},
          {"order.points == 0", "false"},
          {"order.points != 0", "true"},
          {"order.points + 1", "column 7: null where a value is needed"},
          {"order.points > 0", "column 7: null where a value is needed"},
          {"order.agreed && true", "column 7: null where a value is needed"},
          {"order.agreed || true", "true"},
          {"order.nickname.size()", "column 7: null where a value is needed"},
          {"(flag ? null : order.points) == null", "true"}});
  Expect({{"order.points == null", "false"},
          {"order.points == 10", "true"},
          {"order.points == 10.0", "true"},
          {"order.points + 1", "11"},
          {"order.nickname == 'nick'", "true"},
          {"order.agreed", "true"},
          {"order.points in [10, 20]", "true"}},
         Full());
}

TEST(ExpressionTest, EnumsAreIntsWithNames) {
  Expect({{"order.kind == SALE", "true"},
          {"RETURN != order.kind", "true"},
          {"order.kind in [SALE, RETURN]", "true"},
          {"RETURN in order.kinds", "true"},
          {"UNKNOWN in order.kinds", "false"},
          {"order.kind == ebb.test.Order.Kind.SALE", "true"},
          {"order.kind == ebb.test.Order.SALE", "true"},
          {"ebb.test.Level.GOLD", "2"},
          {"ebb.test.GOLD + 1", "3"},
          {"order.level >= SILVER", "true"},
          {"order.kind + 1", "2"},
          {"order.kind == 1", "true"},
          {"order.kind == (flag ? SALE : RETURN)", "true"},
          {"order.kinds.exists(k, k == RETURN)", "true"},
          {"order.kind_by_number[1u] == RETURN", "true"}},
         Full());
}

TEST(ExpressionTest, IndicesAreChecked) {
  Expect({{"order.lines[0].category", "\"shoes\""},
          {"order.lines[2].category", "column 13: an index beyond the list"},
          {"order.lines[-1].category", "column 13: an index beyond the list"},
          {"[1, 2][2]", "column 8: an index beyond the list"},
          {"[count, 2][0]", "-7"},
          {"order.numbers[order.numbers[1]]", "1"}},
         Full());
}

TEST(ExpressionTest, MapsAreAskedByKey) {
  Expect({{"order.counts['web']", "3"},
          {"order.counts.web + 1", "4"},
          {"order.counts['shop']", "column 14: no such key in the map"},
          {"order.counts['a key of more than ' + 'fifteen bytes']", "4"},
          {"order.counts[order.id]", "column 14: no such key in the map"},
          {"'web' in order.counts", "true"},
          {"order.id in order.counts", "false"},
          {"size(order.counts)", "2"},
          {"order.by_category['shoes'].count", "9"},
          {"order.by_category[order.lines[0].category].count", "9"},
          {"order.by_number[7]", "\"seven\""},
          {"order.by_number[count]", "column 17: no such key in the map"},
          {"order.by_number[order.large]", "column 17: no such key in the map"},
          {"7 in order.by_number", "true"},
          {"order.by_truth[true]", "0.75"},
          {"order.by_truth[false]", "column 16: no such key in the map"},
          {"order.kind_by_number[1u]", "2"},
          {"(flag ? order.counts : order.parent.counts)['web']", "3"}},
         Full());
}

TEST(ExpressionTest, ListsAreAskedForSomeAllOrOneElement) {
  Expect({{"order.lines.exists(l, l.category == 'bags')", "true"},
          {"order.lines.exists(l, l.count > 5)", "false"},
          {"order.lines.all(l, l.count > 0)", "true"},
          {"order.lines.all(l, l.price < 100.0)", "false"},
          {"order.lines.exists_one(l, 'new' in l.labels)", "true"},
          {"order.lines.exists_one(l, 'sale' in l.labels)", "false"},
          {"order.lines.exists(l, l.labels.exists(x, x == 'new' && l.count == 1))", "true"},
          {"order.numbers.exists(x, order.numbers.all(y, x >= y))", "true"},
          {"[1, 2, 3].exists(x, x > 2)", "true"},
          {"[].exists(x, true)", "false"},
          {"[].all(x, false)", "true"},
          {"[count].exists(count, count == -7)", "true"}},
         Full());
}

TEST(ExpressionTest, QuantifiersTakeAnErrorOnlyWhereNoElementDecides) {
  Expect({{"[0, 1].exists(x, 1 / x > 0)", "true"},
          {"[0, -1].exists(x, 1 / x > 0)", "column 21: division by zero"},
          {"[0, -1].all(x, 1 / x > 0)", "false"},
          {"[0, 1].all(x, 1 / x > 0)", "column 17: division by zero"},
          {"[0, 1].exists_one(x, 1 / x > 0)", "column 24: division by zero"}});
}

TEST(ExpressionTest, TextsAreSearchedAndConverted) {
  Expect({{"name.size()", "3"},
          {"size('')", "0"},
          {"'abc'.contains('bc')", "true"},
          {"'abc'.contains('')", "true"},
          {"''.contains('a')", "false"},
          {"name.startsWith('Zo')", "true"},
          {"name.startsWith('oe')", "false"},
          {"name.endsWith('\\u00eb')", "true"},
          {"'a'.endsWith('ba')", "false"},
          {"'GRÜN'.lowerAscii()", "\"grÜn\""},
          {"name.upperAscii()", "\"ZOë\""},
          {"name + '!' + name", "\"Zoë!Zoë\""},
          {"'' + ''", "\"\""},
          {"(name + '.').lowerAscii().contains('zo')", "true"}});
}

TEST(ExpressionTest, ConversionsKeepTheValueOrFail) {
  Expect({{"int(7u)", "7"},
          {"int(2.9)", "2"},
          {"int(-2.9)", "-2"},
          {"int('-12')", "-12"},
          {"int(now)", "1772407815"},
          {"int(18446744073709551615u)", "column 1: a value that has no counterpart in the other type"},
          {"int(9223372036854775808.0)", "column 1: a value that has no counterpart in the other type"},
          {"int(-9223372036854775808.0)", "column 1: a value that has no counterpart in the other type"},
          {"int(0.0 / 0.0)", "column 1: a value that has no counterpart in the other type"},
          {"int('twelve')", "column 1: a value that has no counterpart in the other type"},
          {"int('9223372036854775808')", "column 1: a value that has no counterpart in the other type"},
          {"int('')", "column 1: a value that has no counterpart in the other type"},
          {"uint(7)", "7u"},
          {"uint(7.9)", "7u"},
          {"uint('7')", "7u"},
          {"uint(count)", "column 1: a value that has no counterpart in the other type"},
          {"uint(-0.5)", "column 1: a value that has no counterpart in the other type"},
          {"uint(18446744073709551616.0)", "column 1: a value that has no counterpart in the other type"},
          {"double(natural)", "7"},
          {"double(count) * 0.5", "-3.5"},
          {"double('1.25e1')", "12.5"},
          {"double('1,5')", "column 1: a value that has no counterpart in the other type"},
          {"string(count)", "\"-7\""},
          {"string(natural)", "\"7\""},
          {"string(rate)", "\"2.5\""},
          {"string(100000.0)", "\"100000\""},
          {"string(flag)", "\"true\""},
          {"string(name)", "\"Zoë\""},
          {"string(now)", "\"2026-03-01T23:30:15.25Z\""},
          {"string(duration('-1m0.5s'))", "\"-60.5s\""},
          {"string(duration('1000000s'))", "\"1000000s\""}});
}

TEST(ExpressionTest, TimesAreReckonedWith) {
  Expect({{"timestamp('2009-02-13T23:31:30Z')", "2009-02-13T23:31:30Z"},
          {"timestamp('2009-02-14T01:31:30.123456789+02:00')", "2009-02-13T23:31:30.123456789Z"},
          {"timestamp(1234567890)", "2009-02-13T23:31:30Z"},
          {"int(timestamp('2009-02-13T23:31:30Z'))", "1234567890"},
          {"now + duration('45m')", "2026-03-02T00:15:15.25Z"},
          {"duration('1s') + now", "2026-03-01T23:30:16.25Z"},
          {"now - wait", "2026-03-01T22:00:15.25Z"},
          {"now - timestamp('2026-03-01T00:00:00Z')", "23h30m15.25s"},
          {"timestamp('2026-03-01T00:00:00Z') - now", "-23h30m15.25s"},
          {"wait + duration('-2h')", "-30m"},
          {"wait - duration('1ms')", "1h29m59.999s"},
          {"now - order.placed < duration('1s')", "true"},
          {"timestamp('9999-12-31T23:59:59Z') + duration('1s')",
           "column 35: a time beyond the years 1 to 9999, or a duration beyond ten thousand years"},
          {"timestamp('0001-01-01T00:00:00Z') - duration('1ns')",
           "column 35: a time beyond the years 1 to 9999, or a duration beyond ten thousand years"},
          {"timestamp(order.large * 100)",
           "column 1: a time beyond the years 1 to 9999, or a duration beyond ten thousand years"},
          {"timestamp(order.id)", "column 1: a value that has no counterpart in the other type"},
          {"duration(order.id)", "column 1: a value that has no counterpart in the other type"}},
         Full());
}

TEST(ExpressionTest, DatesHavePartsInEveryZone) {
  Expect({{"now.getFullYear()", "2026"},
          {"now.getMonth()", "2"},
          {"now.getDate()", "1"},
          {"now.getDayOfMonth()", "0"},
          {"now.getDayOfWeek()", "0"},
          {"now.getDayOfYear()", "59"},
          {"now.getHours()", "23"},
          {"now.getMinutes()", "30"},
          {"now.getSeconds()", "15"},
          {"now.getMilliseconds()", "250"},
          {"now.getHours('Europe/Berlin')", "0"},
          {"now.getDate('Europe/Berlin')", "2"},
          {"now.getDayOfWeek('Europe/Berlin')", "1"},
          {"now.getHours('-08:00')", "15"},
          {"now.getMinutes('+05:30')", "0"},
          {"now.getHours(flag ? 'America/New_York' : '')", "18"},
          {"now.getHours(name)", "column 5: an unknown time zone"},
          {"wait.getHours()", "1"},
          {"wait.getMinutes()", "90"},
          {"wait.getSeconds()", "5400"},
          {"duration('-90s').getMinutes()", "-1"}});
}

TEST(ExpressionTest, TimesThatNobodyCanHaveMeantAreErrors) {
  const char kRange[] = "column 7: a time beyond the years 1 to 9999, or a duration beyond ten thousand years";
  Expect({{"order.placed", kRange}, {"order.wait", kRange}},
         OrderOf("placed {nanos: 1000000000} wait {seconds: 1 nanos: -1}"));
  Expect({{"order.placed", kRange}, {"order.wait", kRange}},
         OrderOf("placed {seconds: -9223372036854775808} wait {seconds: -9223372036854775808}"));
  const Input inputs[] = {absl::InfiniteFuture(), absl::InfinitePast(), absl::InfiniteDuration(),
                          -absl::InfiniteDuration()};
  for (const Input& input : inputs) EXPECT_EQ(input.value().kind, Kind::kError);
}

TEST(ExpressionTest, AMessageThatIsNotThereIsTheDefaultInstance) {
  Environment environment;
  environment.AddMessage("order", test::Order::default_instance());
  const auto rule = Compile("order.amount.units == 0 && !has(order.amount)", environment);
  ASSERT_TRUE(rule.ok()) << rule.status();
  Scratch scratch;
  const test::Order* const none = nullptr;
  EXPECT_TRUE(rule->Evaluate({none}, scratch).holds());
}

TEST(ExpressionTest, OutcomesAreOfTheKindThatWasAskedFor) {
  Environment environment;
  environment.AddScalar("x", Kind::kInt);
  Scratch scratch;
  const auto condition = Compile("x > 1", environment);
  ASSERT_TRUE(condition.ok());
  EXPECT_EQ(condition->kind(), Kind::kBool);
  EXPECT_TRUE(condition->Evaluate({2}, scratch).holds());
  EXPECT_FALSE(condition->Evaluate({1}, scratch).holds());
  const auto number = Compile("10 / x", environment, Kind::kInt);
  ASSERT_TRUE(number.ok());
  EXPECT_EQ(number->Evaluate({5}, scratch).integer(), 2);
  const Outcome failed = number->Evaluate({0}, scratch);
  EXPECT_FALSE(failed.ok());
  EXPECT_FALSE(failed.holds());
  EXPECT_EQ(failed.status(), absl::OutOfRangeError("column 4: division by zero"));
}

TEST(ExpressionDeathTest, BrokenPromisesEndTheProgram) {
  Environment environment;
  environment.AddMessage("order", test::Order::default_instance()).AddScalar("x", Kind::kInt);
  const auto rule = Compile("order.id == '' && x > 1", environment);
  ASSERT_TRUE(rule.ok());
  Scratch scratch;
  const test::Order order;
  const test::Line line;
  EXPECT_DEATH(rule->Evaluate({&order}, scratch), "given a value for each variable");
  EXPECT_DEATH(rule->Evaluate({&order, 1.0}, scratch), "value is of its kind");
  EXPECT_DEATH(rule->Evaluate({&line, 1}, scratch), "message is of its type");
  EXPECT_DEATH(rule->Evaluate({&order, 1}, scratch).integer(), "the kind of value that it has");
}

TEST(ExpressionTest, AnEvaluationVisitsABoundedNumberOfElements) {
  test::Order order;
  for (int i = 0; i < 100; ++i) order.add_numbers(i);
  // 100 elements of the first, and of the second for each.
  const char kNested[] = "order.numbers.all(x, order.numbers.all(y, y >= 0))";
  EXPECT_EQ(ValueOf(kNested, order), "column 36: more than 10000 elements visited");
  order.mutable_numbers()->RemoveLast();
  EXPECT_EQ(ValueOf(kNested, order), "true");
  order.clear_numbers();
  for (int i = 0; i <= kMaxElements; ++i) order.add_numbers(i);
  EXPECT_EQ(ValueOf("9999 in order.numbers", order), "true");
  EXPECT_EQ(ValueOf("10000 in order.numbers", order), "column 7: more than 10000 elements visited");
}

TEST(ExpressionTest, AnEvaluationReadsABoundedAmountOfText) {
  test::Order order;
  order.set_id(std::string(1 << 20, 'a'));
  for (int i = 0; i < 16; ++i) order.add_numbers(i);
  EXPECT_EQ(ValueOf("order.numbers.all(x, !order.id.contains('b'))", order), "true");
  order.add_numbers(16);
  EXPECT_EQ(ValueOf("order.numbers.all(x, !order.id.contains('b'))", order),
            "column 32: more than 16777216 bytes of text visited");
}

TEST(ExpressionTest, AnEvaluationMakesABoundedAmountOfText) {
  test::Order order;
  order.set_id(std::string(kMaxScratchBytes / 2, 'a'));
  EXPECT_EQ(ValueOf("size(order.id + order.id)", order), "1048576");
  EXPECT_EQ(ValueOf("size(order.id + order.id + 'a')", order),
            "column 26: more than 1048576 bytes of new text and lists");
  EXPECT_EQ(ValueOf("order.id.upperAscii() == order.id.upperAscii() && [count][0] == 0", order),
            "column 51: more than 1048576 bytes of new text and lists");
}

TEST(ExpressionTest, SeveralThreadsEvaluateOneExpression) {
  const auto rule = Compile("order.lines.exists(l, l.category + '!' == 'bags!')", Variables());
  ASSERT_TRUE(rule.ok());
  std::vector<std::thread> threads;
  std::atomic<int> held = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, copy = *rule] {
      Scratch scratch;
      for (int round = 0; round < 1000; ++round) held += copy.Evaluate(Values(Full()), scratch).holds() ? 1 : 0;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(held, 4000);
}

std::vector<std::string> ClausesOf(std::string_view rule) {
  const auto expression = Compile(rule, Variables(), Kind::kNull);
  if (!expression.ok()) return {std::string(expression.status().message())};
  std::vector<std::string> clauses;
  for (const Clause& clause : expression->Clauses()) {
    clauses.push_back(std::to_string(clause.column) + " " + clause.text);
  }
  return clauses;
}

TEST(ExplanationTest, ClausesAreWhatAndJoinsAtTheTop) {
  EXPECT_THAT(ClausesOf("count > 1 && flag"), ElementsAre("1 count > 1", "14 flag"));
  EXPECT_THAT(ClausesOf("count>1&&(flag && name == 'x') && (flag || !flag)"),
              ElementsAre("1 count>1", "11 flag", "19 name == 'x'", "35 (flag || !flag)"));
  EXPECT_THAT(ClausesOf("flag || count > 1 && flag"), ElementsAre("1 flag || count > 1 && flag"));
  EXPECT_THAT(ClausesOf("  count + 1 "), ElementsAre("3 count + 1"));
}

std::string Explained(std::string_view rule, const test::Order& order) {
  static constexpr const char* kVerdicts[] = {"true   ", "false  ", "error  ", "value  "};
  const auto expression = Compile(rule, Variables(), Kind::kNull);
  if (!expression.ok()) return std::string(expression.status().message());
  Scratch scratch;
  std::string text;
  for (const ClauseOutcome& outcome : expression->Explain(Values(order), scratch)) {
    text += kVerdicts[static_cast<size_t>(outcome.verdict)] + outcome.ToText() + "\n";
  }
  return text;
}

TEST(ExplanationTest, ShowsEachClauseWithWhatItRead) {
  EXPECT_EQ(
      Explained("order.amount.units > 50 && order.kind == RETURN && order.large / (count + 7) > 3 && flag"
                " && has(order.amount) && order.lines[count + 7].category in ['shoes', 'bags'] && 'vip' in order.tags"
                " && size(order.lines) == 2 && now > order.placed && wait > duration('1s') && 1 < 2",
                Full()),
      R"(true   order.amount.units > 50  (order.amount.units = 72)
false  order.kind == RETURN  (order.kind = SALE)
error  order.large / (count + 7) > 3  (order.large = 5000000000, count = -7): division by zero
true   flag  (flag = true)
true   has(order.amount)  (has(order.amount) = true)
true   order.lines[count + 7].category in ['shoes', 'bags']  (count = -7, order.lines[count + 7].category = "shoes")
true   'vip' in order.tags  (order.tags = ["vip", "web"])
true   size(order.lines) == 2  (order.lines = 2 of ebb.test.Line)
true   now > order.placed  (now = 2026-03-01T23:30:15.25Z, order.placed = 2026-03-01T23:30:15Z)
true   wait > duration('1s')  (wait = 5400s)
true   1 < 2
)");
}

TEST(ExplanationTest, ShowsOnlyWhatWasReadAndNothingTwice) {
  EXPECT_EQ(Explained("(flag || order.first) && (order.points == null ? order.small : order.small) < 0 && "
                      "order.lines.exists(l, l.count < 2 && l.count > 0) && order.counts['shop'] > 0",
                      Full()),
            R"(true   (flag || order.first)  (flag = true)
true   (order.points == null ? order.small : order.small) < 0  (order.points = 10, order.small = -5)
true   order.lines.exists(l, l.count < 2 && l.count > 0)  (order.lines = 2 of ebb.test.Line, l.count = 2, l.count = 1)
error  order.counts['shop'] > 0  (order.counts['shop'] = no such key in the map): no such key in the map
)");
}

TEST(ExplanationTest, IsBounded) {
  test::Order order;
  for (int i = 0; i < 100; ++i) order.add_numbers(i);
  EXPECT_EQ(
      Explained("order.numbers.all(n, n >= 0)", order),
      "true   order.numbers.all(n, n >= 0)  (order.numbers = [0, 1, 2, 3, 4, 5, 6, 7, and 92 more], n = 0, n = 1, "
      "n = 2, n = 3, n = 4, n = 5, n = 6, n = 7, n = 8, n = 9, n = 10, n = 11, n = 12, n = 13, n = 14)\n");
  order.set_id(std::string(1000, 'x'));
  EXPECT_THAT(Explained("order.id != ''", order), EndsWith("(order.id = \"" + std::string(120, 'x') + "…\")\n"));
  EXPECT_EQ(Explained("order.small + 1", order), "value  order.small + 1  (order.small = 0)\n");
}

TEST(ExpressionTest, TellsWhichFieldsItReads) {
  const auto reads = [](std::string_view text, std::string_view field) {
    const auto expression = Compile(text, Variables());
    EXPECT_TRUE(expression.ok()) << expression.status();
    return expression.ok() && expression->Reads("order", field);
  };
  EXPECT_TRUE(reads("order.id == '' || order.small > 1", "id"));
  EXPECT_TRUE(reads("order.id == '' || order.small > 1", "small"));
  EXPECT_FALSE(reads("order.id == '' || order.small > 1", "numbers"));
  EXPECT_TRUE(reads("order.numbers.exists(n, n == count)", "numbers"));
  EXPECT_TRUE(reads("[1, 2].exists(n, n == order.small)", "small"));
  EXPECT_FALSE(reads("rate > 1.0", "small"));
  // That one is the macro's own.
  EXPECT_FALSE(reads("['a'].exists(order, order == 'a')", "id"));
  // Of a message that is chosen first, any field may be meant.
  EXPECT_TRUE(reads("(rate > 1.0 ? order : order).small == 1", "id"));
}

}  // namespace
}  // namespace ebb::expression
