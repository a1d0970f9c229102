#ifndef EBB_ENGINE_EXPRESSION_VALUE_H_
#define EBB_ENGINE_EXPRESSION_VALUE_H_

// What an expression handles while it is evaluated: two machine words that own nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "google/protobuf/message.h"

namespace ebb::expression {

enum class Kind : uint8_t {
  kError,
  kNull,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kTimestamp,
  kDuration,
  kMessage,
  kList,      // Values that lie side by side.
  kRepeated,  // A repeated field; to types, a list as well.
  kMap,
};

// Why an evaluation, or a part of it, has no value.
enum class Failure : uint32_t {
  kDivisionByZero,
  kModulusByZero,
  kOverflow,
  kIndexOutOfRange,
  kNoSuchKey,
  kConversion,
  kNull,
  kTimeRange,
  kTimeZone,
  kElements,
  kText,
  kScratch,
};

// What went wrong and, where it helps, within which bounds it would not have.
std::string Describe(Failure failure);

struct Value {
  Kind kind;
  // A string's or list's size, a time's nanoseconds (as int32_t), an error's Failure, the number of a repeated field
  // or map among the fields of its program.
  uint32_t extra;
  union {
    bool boolean;
    int64_t integer;  // Also a time's seconds, an error's column.
    uint64_t natural;
    double real;
    const char* text;
    const google::protobuf::Message* message;  // Also what holds a repeated field or map.
    const Value* elements;
  };

  std::string_view view() const { return {text, extra}; }
  int32_t nanos() const { return static_cast<int32_t>(extra); }
  bool failed() const { return kind == Kind::kError; }
};
static_assert(sizeof(Value) == 16 && std::is_trivial_v<Value>, "a value is returned in two registers");

inline Value OfKind(Kind kind, uint32_t extra = 0) {
  Value value;
  value.kind = kind;
  value.extra = extra;
  value.integer = 0;
  return value;
}
inline Value Bool(bool boolean) {
  Value value = OfKind(Kind::kBool);
  value.boolean = boolean;
  return value;
}
inline Value Int(int64_t integer) {
  Value value = OfKind(Kind::kInt);
  value.integer = integer;
  return value;
}
inline Value Uint(uint64_t natural) {
  Value value = OfKind(Kind::kUint);
  value.natural = natural;
  return value;
}
inline Value Double(double real) {
  Value value = OfKind(Kind::kDouble);
  value.real = real;
  return value;
}
// `text` stays where it is.
inline Value String(std::string_view text) {
  Value value = OfKind(Kind::kString, static_cast<uint32_t>(text.size()));
  value.text = text.data();
  return value;
}
// A timestamp or duration that is in range and normalised.
inline Value Moment(Kind kind, int64_t seconds, int32_t nanos) {
  Value value = OfKind(kind, static_cast<uint32_t>(nanos));
  value.integer = seconds;
  return value;
}
inline Value InMessage(Kind kind, const google::protobuf::Message* message, uint32_t field = 0) {
  Value value = OfKind(kind, field);
  value.message = message;
  return value;
}
inline Value Fail(Failure failure, int column) {
  Value value = OfKind(Kind::kError, static_cast<uint32_t>(failure));
  value.integer = column;
  return value;
}

inline bool IsNumber(Kind kind) { return kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kDouble; }

// The shortest text that is read as the same number. Needs kMaxDoubleBytes; returns the size.
inline constexpr size_t kMaxDoubleBytes = 40;
size_t FormatDouble(double real, char* text);

// Ends the program, telling which promise of its caller does not hold.
[[noreturn]] void BreakPromise(const char* promise);
inline void Must(bool holds, const char* promise) {
  if (!holds) [[unlikely]]
    BreakPromise(promise);
}

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_VALUE_H_
