#include "operators/explain/remembered.h"

#include "google/protobuf/util/json_util.h"
#include "state/soundness.h"
#include "state/text.h"

namespace ebb {
namespace {

using google::protobuf::Value;

const Value* FieldOf(const google::protobuf::Struct& of, const std::string& name) {
  const auto found = of.fields().find(name);
  return found == of.fields().end() ? nullptr : &found->second;
}

}  // namespace

absl::StatusOr<Remembered> Remembered::Parse(const std::string& json) {
  Remembered remembered;
  if (!google::protobuf::util::JsonStringToMessage(json, &remembered.all_).ok()) {
    return absl::InvalidArgumentError("what is remembered of the customer came as something else than JSON");
  }
  const Value* epoch = FieldOf(remembered.all_, "as_of_epoch");
  const double number = epoch == nullptr ? 0 : epoch->number_value();
  if (number > 0 && number < static_cast<double>(kMostSound)) remembered.epoch_ = static_cast<uint64_t>(number);
  return remembered;
}

const Value* Remembered::Find(std::string_view section, std::string_view op, std::string_view name) const {
  const Value* of_section = FieldOf(all_, std::string(section));
  return of_section == nullptr ? nullptr : FieldOf(of_section->struct_value(), Text(op, "/", name));
}

bool Remembered::Read(std::string_view op, std::string_view name, const google::protobuf::Message& prototype,
                      google::protobuf::Message* state) const {
  const Value* value = Find("states", op, name);
  if (value == nullptr) return true;
  std::string json;
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  return google::protobuf::util::MessageToJsonString(*value, &json).ok() &&
         google::protobuf::util::JsonStringToMessage(json, state, options).ok() && IsSoundState(prototype, *state);
}

std::optional<absl::Time> Remembered::DeadlineOf(std::string_view op, std::string_view timer) const {
  const Value* value = Find("timers", op, timer);
  absl::Time deadline;
  std::string error;
  if (value == nullptr || !absl::ParseTime(absl::RFC3339_full, value->string_value(), &deadline, &error)) {
    return std::nullopt;
  }
  return deadline;
}

}  // namespace ebb
