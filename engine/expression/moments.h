#ifndef EBB_ENGINE_EXPRESSION_MOMENTS_H_
#define EBB_ENGINE_EXPRESSION_MOMENTS_H_

// Timestamps and durations. Stateless; any thread.
// Source: google/protobuf/timestamp.proto and duration.proto for the ranges.

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "engine/expression/value.h"

namespace ebb::expression {

// Of `kind`, with the nanoseconds carried over as it needs; kTimeRange when it is out of range.
Value MakeMoment(Kind kind, int64_t seconds, int64_t nanos, int column);
// As protobuf holds it; kTimeRange when it is out of range or its nanoseconds are.
Value CheckedMoment(Kind kind, int64_t seconds, int32_t nanos, int column);

// RFC 3339, such as 2026-03-01T09:30:00Z or with +01:00; kConversion for anything else.
Value ParseTimestamp(std::string_view text, int column);
// Numbers with the units h, m, s, ms, us and ns, such as 36h or -1m30s; kConversion for anything else.
Value ParseDuration(std::string_view text, int column);

absl::Time ToTime(const Value& timestamp);
absl::Duration ToDuration(const Value& duration);

// As ParseTimestamp and ParseDuration read it; a duration is in seconds. Needs kMaxMomentBytes; returns the size.
inline constexpr size_t kMaxMomentBytes = 40;
size_t FormatMoment(const Value& moment, char* text);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_MOMENTS_H_
