#include "engine/expression/functions.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"
#include "engine/expression/moments.h"
#include "state/utf8.h"

namespace ebb::expression {
namespace {

template <Value (*kOperation)(const Value&, const Node&, Frame&)>
Value Unary(const Node& node, Frame& frame) {
  const Value a = Run(*node.left, frame);
  return a.failed() ? a : kOperation(a, node, frame);
}

template <Value (*kOperation)(const Value&, const Value&, const Node&, Frame&)>
Value Binary(const Node& node, Frame& frame) {
  const Value a = Run(*node.left, frame);
  if (a.failed()) return a;
  const Value b = Run(*node.right, frame);
  return b.failed() ? b : kOperation(a, b, node, frame);
}

// Arithmetic of whole numbers.

Value Of(int64_t integer) { return Int(integer); }
Value Of(uint64_t natural) { return Uint(natural); }
template <class Whole>
Whole Get(const Value& value) {
  if constexpr (std::is_signed_v<Whole>) {
    return value.integer;
  } else {
    return value.natural;
  }
}

template <class Whole>
Value Add(const Value& a, const Value& b, const Node& node, Frame&) {
  Whole result;
  const bool over = __builtin_add_overflow(Get<Whole>(a), Get<Whole>(b), &result);
  return over ? Fail(Failure::kOverflow, node.column) : Of(result);
}
template <class Whole>
Value Subtract(const Value& a, const Value& b, const Node& node, Frame&) {
  Whole result;
  const bool over = __builtin_sub_overflow(Get<Whole>(a), Get<Whole>(b), &result);
  return over ? Fail(Failure::kOverflow, node.column) : Of(result);
}
template <class Whole>
Value Multiply(const Value& a, const Value& b, const Node& node, Frame&) {
  Whole result;
  const bool over = __builtin_mul_overflow(Get<Whole>(a), Get<Whole>(b), &result);
  return over ? Fail(Failure::kOverflow, node.column) : Of(result);
}
template <class Whole>
bool DivisionOverflows(Whole dividend, Whole divisor) {
  return std::is_signed_v<Whole> && dividend == std::numeric_limits<Whole>::min() && divisor == static_cast<Whole>(-1);
}
template <class Whole>
Value Divide(const Value& a, const Value& b, const Node& node, Frame&) {
  const Whole divisor = Get<Whole>(b);
  if (divisor == 0) return Fail(Failure::kDivisionByZero, node.column);
  if (DivisionOverflows(Get<Whole>(a), divisor)) return Fail(Failure::kOverflow, node.column);
  return Of(Get<Whole>(a) / divisor);
}
template <class Whole>
Value Modulus(const Value& a, const Value& b, const Node& node, Frame&) {
  const Whole divisor = Get<Whole>(b);
  if (divisor == 0) return Fail(Failure::kModulusByZero, node.column);
  if (DivisionOverflows(Get<Whole>(a), divisor)) return Fail(Failure::kOverflow, node.column);
  return Of(Get<Whole>(a) % divisor);
}
Value NegateInt(const Value& a, const Node& node, Frame&) {
  return a.integer == INT64_MIN ? Fail(Failure::kOverflow, node.column) : Int(-a.integer);
}

// And of the others.

Value AddDoubles(const Value& a, const Value& b, const Node&, Frame&) { return Double(a.real + b.real); }
Value SubtractDoubles(const Value& a, const Value& b, const Node&, Frame&) { return Double(a.real - b.real); }
Value MultiplyDoubles(const Value& a, const Value& b, const Node&, Frame&) { return Double(a.real * b.real); }
Value NegateDouble(const Value& a, const Node&, Frame&) { return Double(-a.real); }
Value Not(const Value& a, const Node&, Frame&) { return Bool(!a.boolean); }

// Zero by zero and the like are what IEEE 754 says.
Value DivideDoubles(const Value& a, const Value& b, const Node&, Frame&) { return Double(a.real / b.real); }

Value NewText(std::string_view text, const Node& node, Frame& frame) {
  char* const copy = frame.scratch.Allocate(text.size());
  if (copy == nullptr) return Fail(Failure::kScratch, node.column);
  std::copy(text.begin(), text.end(), copy);
  return String({copy, text.size()});
}

Value Concatenate(const Value& a, const Value& b, const Node& node, Frame& frame) {
  const std::string_view front = a.view(), back = b.view();
  char* const text = frame.scratch.Allocate(front.size() + back.size());
  if (text == nullptr) return Fail(Failure::kScratch, node.column);
  std::copy(back.begin(), back.end(), std::copy(front.begin(), front.end(), text));
  return String({text, front.size() + back.size()});
}

template <Kind kKind>
Value AddMoments(const Value& a, const Value& b, const Node& node, Frame&) {
  return MakeMoment(kKind, a.integer + b.integer, int64_t{a.nanos()} + b.nanos(), node.column);
}
template <Kind kKind>
Value SubtractMoments(const Value& a, const Value& b, const Node& node, Frame&) {
  return MakeMoment(kKind, a.integer - b.integer, int64_t{a.nanos()} - b.nanos(), node.column);
}

// Texts.

Value Contains(const Value& a, const Value& b, const Node& node, Frame& frame) {
  if (!frame.VisitText(a.extra)) return Fail(Failure::kText, node.column);
  if (b.extra == 0 || a.extra == 0) return Bool(b.extra == 0);
  // Unlike find() of a string, never slower than in proportion to the text.
  return Bool(memmem(a.text, a.extra, b.text, b.extra) != nullptr);
}
Value StartsWith(const Value& a, const Value& b, const Node& node, Frame& frame) {
  if (!frame.VisitText(b.extra)) return Fail(Failure::kText, node.column);
  return Bool(a.view().starts_with(b.view()));
}
Value EndsWith(const Value& a, const Value& b, const Node& node, Frame& frame) {
  if (!frame.VisitText(b.extra)) return Fail(Failure::kText, node.column);
  return Bool(a.view().ends_with(b.view()));
}

// What is so already is not copied.
template <bool (*kIsOther)(unsigned char), char (*kConvert)(unsigned char)>
Value Convert(const Value& a, const Node& node, Frame& frame) {
  const std::string_view text = a.view();
  if (!frame.VisitText(text.size())) return Fail(Failure::kText, node.column);
  if (std::none_of(text.begin(), text.end(), [](char c) { return kIsOther(static_cast<unsigned char>(c)); })) return a;
  char* const copy = frame.scratch.Allocate(text.size());
  if (copy == nullptr) return Fail(Failure::kScratch, node.column);
  std::transform(text.begin(), text.end(), copy, [](char c) { return kConvert(static_cast<unsigned char>(c)); });
  return String({copy, text.size()});
}

Value SizeOfText(const Value& a, const Node& node, Frame& frame) {
  const std::string_view text = a.view();
  if (!frame.VisitText(text.size())) return Fail(Failure::kText, node.column);
  return Int(std::count_if(text.begin(), text.end(), [](char c) { return !ContinuesCharacter(c); }));
}
Value SizeOfMany(const Value& a, const Node&, Frame& frame) { return Int(SizeOf(a, frame.fields)); }

// Conversions.

Value Same(const Value& a, const Node&, Frame&) { return a; }

Value IntOfUint(const Value& a, const Node& node, Frame&) {
  return a.natural > INT64_MAX ? Fail(Failure::kConversion, node.column) : Int(static_cast<int64_t>(a.natural));
}
// Source: cel-spec, tests/simple/testdata/conversions.textproto: the ends are no ints, since they may have been
// rounded.
Value IntOfDouble(const Value& a, const Node& node, Frame&) {
  const bool fits = a.real > -0x1p63 && a.real < 0x1p63;
  return fits ? Int(static_cast<int64_t>(a.real)) : Fail(Failure::kConversion, node.column);
}
Value IntOfTimestamp(const Value& a, const Node&, Frame&) { return Int(a.integer); }
Value UintOfInt(const Value& a, const Node& node, Frame&) {
  return a.integer < 0 ? Fail(Failure::kConversion, node.column) : Uint(static_cast<uint64_t>(a.integer));
}
Value UintOfDouble(const Value& a, const Node& node, Frame&) {
  const bool fits = a.real >= 0 && a.real < 0x1p64;
  return fits ? Uint(static_cast<uint64_t>(a.real)) : Fail(Failure::kConversion, node.column);
}
Value DoubleOfInt(const Value& a, const Node&, Frame&) { return Double(static_cast<double>(a.integer)); }
Value DoubleOfUint(const Value& a, const Node&, Frame&) { return Double(static_cast<double>(a.natural)); }

template <class Number>
Value NumberOfText(const Value& a, const Node& node, Frame& frame) {
  if (!frame.VisitText(a.extra)) return Fail(Failure::kText, node.column);
  Number number{};
  const char* const end = a.text + a.extra;
  const auto read = std::from_chars(a.text, end, number);
  if (read.ec != std::errc() || read.ptr != end) return Fail(Failure::kConversion, node.column);
  if constexpr (std::is_floating_point_v<Number>) {
    return Double(number);
  } else {
    return Of(number);
  }
}

Value TextOfBool(const Value& a, const Node&, Frame&) { return String(a.boolean ? "true" : "false"); }
Value TextOfWhole(const Value& a, const Node& node, Frame& frame) {
  char text[24];
  const auto written = a.kind == Kind::kInt ? std::to_chars(text, std::end(text), a.integer)
                                            : std::to_chars(text, std::end(text), a.natural);
  return NewText({text, static_cast<size_t>(written.ptr - text)}, node, frame);
}
Value TextOfDouble(const Value& a, const Node& node, Frame& frame) {
  char text[kMaxDoubleBytes];
  return NewText({text, FormatDouble(a.real, text)}, node, frame);
}
Value TextOfMoment(const Value& a, const Node& node, Frame& frame) {
  char text[kMaxMomentBytes];
  return NewText({text, FormatMoment(a, text)}, node, frame);
}
Value TimestampOfText(const Value& a, const Node& node, Frame&) { return ParseTimestamp(a.view(), node.column); }
Value TimestampOfInt(const Value& a, const Node& node, Frame&) {
  return MakeMoment(Kind::kTimestamp, a.integer, 0, node.column);
}
Value DurationOfText(const Value& a, const Node& node, Frame&) { return ParseDuration(a.view(), node.column); }

// Parts of a date.

int64_t Year(const absl::CivilSecond& civil) { return civil.year(); }
int64_t Month(const absl::CivilSecond& civil) { return civil.month() - 1; }
int64_t DayOfMonth(const absl::CivilSecond& civil) { return civil.day() - 1; }
int64_t Date(const absl::CivilSecond& civil) { return civil.day(); }
int64_t DayOfYear(const absl::CivilSecond& civil) { return absl::GetYearDay(absl::CivilDay(civil)) - 1; }
// Sunday is 0, where absl begins with Monday.
int64_t DayOfWeek(const absl::CivilSecond& civil) {
  return (static_cast<int64_t>(absl::GetWeekday(absl::CivilDay(civil))) + 1) % 7;
}
int64_t Hour(const absl::CivilSecond& civil) { return civil.hour(); }
int64_t Minute(const absl::CivilSecond& civil) { return civil.minute(); }
int64_t Second(const absl::CivilSecond& civil) { return civil.second(); }

template <int64_t (*kPart)(const absl::CivilSecond&)>
Value PartOfDate(const Node& node, Frame& frame) {
  const Value moment = Run(*node.left, frame);
  if (moment.failed()) return moment;
  const absl::TimeZone* zone = &node.zone;
  if (node.right != nullptr) {
    const Value name = Run(*node.right, frame);
    if (name.failed()) return name;
    zone = frame.scratch.Zone(name.view());
    if (zone == nullptr) return Fail(Failure::kTimeZone, node.column);
  }
  return Int(kPart(zone->At(absl::FromUnixSeconds(moment.integer)).cs));
}

Value Milliseconds(const Value& a, const Node&, Frame&) { return Int(a.nanos() / 1'000'000); }

template <int64_t kSeconds>
Value DurationIn(const Value& a, const Node&, Frame&) {
  return Int(a.integer / kSeconds);
}

std::vector<Overload> MakeOverloads() {
  using enum Kind;
  constexpr Style kOperator = Style::kOperator, kFunction = Style::kFunction, kMethod = Style::kMethod;
  static constexpr char kTimestampLike[] = "a timestamp like \"2026-03-01T09:30:00Z\"";
  static constexpr char kDurationLike[] = "a duration in h, m, s, ms, us or ns, like \"36h\" or \"1m30s\"";
  std::vector<Overload> all = {
      {"+", kOperator, 2, {kInt, kInt}, kInt, &Binary<Add<int64_t>>},
      {"+", kOperator, 2, {kUint, kUint}, kUint, &Binary<Add<uint64_t>>},
      {"+", kOperator, 2, {kDouble, kDouble}, kDouble, &Binary<AddDoubles>},
      {"+", kOperator, 2, {kString, kString}, kString, &Binary<Concatenate>},
      {"+", kOperator, 2, {kTimestamp, kDuration}, kTimestamp, &Binary<AddMoments<kTimestamp>>},
      {"+", kOperator, 2, {kDuration, kTimestamp}, kTimestamp, &Binary<AddMoments<kTimestamp>>},
      {"+", kOperator, 2, {kDuration, kDuration}, kDuration, &Binary<AddMoments<kDuration>>},
      {"-", kOperator, 2, {kInt, kInt}, kInt, &Binary<Subtract<int64_t>>},
      {"-", kOperator, 2, {kUint, kUint}, kUint, &Binary<Subtract<uint64_t>>},
      {"-", kOperator, 2, {kDouble, kDouble}, kDouble, &Binary<SubtractDoubles>},
      {"-", kOperator, 2, {kTimestamp, kDuration}, kTimestamp, &Binary<SubtractMoments<kTimestamp>>},
      {"-", kOperator, 2, {kTimestamp, kTimestamp}, kDuration, &Binary<SubtractMoments<kDuration>>},
      {"-", kOperator, 2, {kDuration, kDuration}, kDuration, &Binary<SubtractMoments<kDuration>>},
      {"*", kOperator, 2, {kInt, kInt}, kInt, &Binary<Multiply<int64_t>>},
      {"*", kOperator, 2, {kUint, kUint}, kUint, &Binary<Multiply<uint64_t>>},
      {"*", kOperator, 2, {kDouble, kDouble}, kDouble, &Binary<MultiplyDoubles>},
      {"/", kOperator, 2, {kInt, kInt}, kInt, &Binary<Divide<int64_t>>},
      {"/", kOperator, 2, {kUint, kUint}, kUint, &Binary<Divide<uint64_t>>},
      {"/", kOperator, 2, {kDouble, kDouble}, kDouble, &Binary<DivideDoubles>},
      {"%", kOperator, 2, {kInt, kInt}, kInt, &Binary<Modulus<int64_t>>},
      {"%", kOperator, 2, {kUint, kUint}, kUint, &Binary<Modulus<uint64_t>>},
      {"-", kOperator, 1, {kInt}, kInt, &Unary<NegateInt>},
      {"-", kOperator, 1, {kDouble}, kDouble, &Unary<NegateDouble>},
      {"!", kOperator, 1, {kBool}, kBool, &Unary<Not>},

      {"contains", kMethod, 2, {kString, kString}, kBool, &Binary<Contains>},
      {"startsWith", kMethod, 2, {kString, kString}, kBool, &Binary<StartsWith>},
      {"endsWith", kMethod, 2, {kString, kString}, kBool, &Binary<EndsWith>},
      {"lowerAscii", kMethod, 1, {kString}, kString, &Unary<Convert<absl::ascii_isupper, absl::ascii_tolower>>},
      {"upperAscii", kMethod, 1, {kString}, kString, &Unary<Convert<absl::ascii_islower, absl::ascii_toupper>>},

      {"int", kFunction, 1, {kInt}, kInt, &Unary<Same>},
      {"int", kFunction, 1, {kUint}, kInt, &Unary<IntOfUint>},
      {"int", kFunction, 1, {kDouble}, kInt, &Unary<IntOfDouble>},
      {"int", kFunction, 1, {kString}, kInt, &Unary<NumberOfText<int64_t>>},
      {"int", kFunction, 1, {kTimestamp}, kInt, &Unary<IntOfTimestamp>},
      {"uint", kFunction, 1, {kUint}, kUint, &Unary<Same>},
      {"uint", kFunction, 1, {kInt}, kUint, &Unary<UintOfInt>},
      {"uint", kFunction, 1, {kDouble}, kUint, &Unary<UintOfDouble>},
      {"uint", kFunction, 1, {kString}, kUint, &Unary<NumberOfText<uint64_t>>},
      {"double", kFunction, 1, {kDouble}, kDouble, &Unary<Same>},
      {"double", kFunction, 1, {kInt}, kDouble, &Unary<DoubleOfInt>},
      {"double", kFunction, 1, {kUint}, kDouble, &Unary<DoubleOfUint>},
      {"double", kFunction, 1, {kString}, kDouble, &Unary<NumberOfText<double>>},
      {"string", kFunction, 1, {kString}, kString, &Unary<Same>},
      {"string", kFunction, 1, {kBool}, kString, &Unary<TextOfBool>},
      {"string", kFunction, 1, {kInt}, kString, &Unary<TextOfWhole>},
      {"string", kFunction, 1, {kUint}, kString, &Unary<TextOfWhole>},
      {"string", kFunction, 1, {kDouble}, kString, &Unary<TextOfDouble>},
      {"string", kFunction, 1, {kTimestamp}, kString, &Unary<TextOfMoment>},
      {"string", kFunction, 1, {kDuration}, kString, &Unary<TextOfMoment>},
      {"timestamp", kFunction, 1, {kTimestamp}, kTimestamp, &Unary<Same>},
      {"timestamp", kFunction, 1, {kInt}, kTimestamp, &Unary<TimestampOfInt>},
      {"timestamp", kFunction, 1, {kString}, kTimestamp, &Unary<TimestampOfText>, kTimestampLike},
      {"duration", kFunction, 1, {kDuration}, kDuration, &Unary<Same>},
      {"duration", kFunction, 1, {kString}, kDuration, &Unary<DurationOfText>, kDurationLike},

      {"getMilliseconds", kMethod, 1, {kTimestamp}, kInt, &Unary<Milliseconds>},
      {"getHours", kMethod, 1, {kDuration}, kInt, &Unary<DurationIn<3600>>},
      {"getMinutes", kMethod, 1, {kDuration}, kInt, &Unary<DurationIn<60>>},
      {"getSeconds", kMethod, 1, {kDuration}, kInt, &Unary<DurationIn<1>>},
  };
  for (const Style style : {kFunction, kMethod}) {
    all.push_back({"size", style, 1, {kString}, kInt, &Unary<SizeOfText>});
    all.push_back({"size", style, 1, {kList}, kInt, &Unary<SizeOfMany>});
    all.push_back({"size", style, 1, {kMap}, kInt, &Unary<SizeOfMany>});
  }
  const auto part = [&](const char* name, Evaluator evaluate) {
    all.push_back({name, kMethod, 1, {kTimestamp}, kInt, evaluate});
    all.push_back({name, kMethod, 2, {kTimestamp, kString}, kInt, evaluate, nullptr, true});
  };
  part("getFullYear", &PartOfDate<Year>);
  part("getMonth", &PartOfDate<Month>);
  part("getDate", &PartOfDate<Date>);
  part("getDayOfMonth", &PartOfDate<DayOfMonth>);
  part("getDayOfWeek", &PartOfDate<DayOfWeek>);
  part("getDayOfYear", &PartOfDate<DayOfYear>);
  part("getHours", &PartOfDate<Hour>);
  part("getMinutes", &PartOfDate<Minute>);
  part("getSeconds", &PartOfDate<Second>);
  return all;
}

}  // namespace

const std::vector<Overload>& Overloads() {
  static const auto* const kOverloads = new std::vector<Overload>(MakeOverloads());
  return *kOverloads;
}

}  // namespace ebb::expression
