#ifndef EBB_ENGINE_PIPELINE_CONFIG_VALUE_H_
#define EBB_ENGINE_PIPELINE_CONFIG_VALUE_H_

// How single values of configuration messages are spelled. Stateless; any thread.

#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ebb/v1/options.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"

namespace ebb {

// A value of a field. Enums are their number.
using ConfigValue = std::variant<bool, int64_t, uint64_t, double, std::string, absl::Duration>;

const v1::FieldRule& RuleOf(const google::protobuf::FieldDescriptor& field);

// Whether the field is a google.protobuf.Duration.
bool IsDuration(const google::protobuf::FieldDescriptor& field);

// Whether the field, or an item of it, is written as one word: anything but a message other than a Duration.
bool IsSingleValue(const google::protobuf::FieldDescriptor& field);

// Reads "250ms", "7d", "2h30m", "1.5s": numbers with the units d, h, m, s, ms, us, ns. InvalidArgument for anything
// else and for what a google.protobuf.Duration cannot hold.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);

// Reads an RFC 3339 time or a date, which stands for its midnight in UTC.
absl::StatusOr<absl::Time> ParseTime(absl::string_view text);

// Reads a value as the field's type and rule want it spelled; the rules `bytes` and `time` are for int64 fields.
// InvalidArgument with a phrase for what was expected, such as `a whole number`; the text is not part of it.
absl::StatusOr<ConfigValue> ParseConfigValue(const google::protobuf::FieldDescriptor& field, absl::string_view text);

// Spells a value so that ParseConfigValue reads the same from it.
std::string PrintConfigValue(const google::protobuf::FieldDescriptor& field, const ConfigValue& value);

// Sets a singular field, or adds an item to a repeated one.
void StoreConfigValue(const google::protobuf::FieldDescriptor& field, const ConfigValue& value,
                      google::protobuf::Message& message);

// The value of a singular field, or of item `index` of a repeated one.
ConfigValue LoadConfigValue(const google::protobuf::FieldDescriptor& field, const google::protobuf::Message& message,
                            int index);

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_CONFIG_VALUE_H_
