#ifndef EBB_TESTS_HARNESS_SCENARIO_MESSAGE_H_
#define EBB_TESTS_HARNESS_SCENARIO_MESSAGE_H_

// Messages as scenario files spell them: YAML mappings in, one line out. Stateless.
//
// A field goes by its name or its proto3 JSON name; `_id` and `_ms` at its end may be left out, as may the prefix of
// an enum's value, whose letters are small: `customer: anna, channel: email` for customer_id and CHANNEL_EMAIL.
// Fields of the header may stand beside the others. Moments are written 2026-01-05 10:00, in UTC.

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "yaml-cpp/yaml.h"

namespace ebb::testing {

// A moment such as "2026-01-05 10:00", "2026-01-05 10:00:30" or "2026-01-05 10:00:30.250".
absl::StatusOr<absl::Time> ParseMoment(std::string_view text);
std::string FormatMoment(absl::Time time);

// Fills `message` from a mapping. InvalidArgument: what is wrong, and which fields there are.
absl::Status FillMessage(const YAML::Node& mapping, google::protobuf::Message* message);

// "type: abandoned-cart, channel: app": the fields at `paths`, such as `trigger.type`; of repeated fields a list.
// Numbers with a fraction have six digits. InvalidArgument: there is no such field.
absl::StatusOr<std::string> RenderFields(const google::protobuf::Message& message,
                                         const std::vector<std::string>& paths);

}  // namespace ebb::testing

#endif  // EBB_TESTS_HARNESS_SCENARIO_MESSAGE_H_
