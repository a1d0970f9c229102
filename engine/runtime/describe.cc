#include "engine/runtime/describe.h"

#include <memory>

#include "absl/time/time.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "state/document.h"
#include "state/layout.h"
#include "state/text.h"
#include "state/utf8.h"

namespace ebb {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

const v1::Manifest::State* StateOf(const v1::Manifest& manifest, StateId id) {
  for (const auto& state : manifest.states()) {
    if (state.id() == id) return &state;
  }
  return nullptr;
}

// The message as a JSON value; its bytes in hexadecimal when this binary does not know its type.
Value Render(const std::string& type, std::string_view bytes) {
  Value value;
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor != nullptr) {
    std::unique_ptr<google::protobuf::Message> message(
        google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
    std::string json;
    google::protobuf::util::JsonPrintOptions options;
    options.preserve_proto_field_names = true;
    if (message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
        google::protobuf::util::MessageToJsonString(*message, &json, options).ok() &&
        google::protobuf::util::JsonStringToMessage(json, &value).ok()) {
      return value;
    }
  }
  std::string hex;
  for (unsigned char byte : bytes) absl::StrAppend(&hex, absl::Hex(byte, absl::kZeroPad2));
  value.set_string_value(hex);
  return value;
}

// A sub-key as text: bytes that are no letters in hexadecimal.
std::string Printable(std::string_view sub_key) {
  std::string text;
  for (unsigned char byte : sub_key) {
    if (byte >= 0x20 && byte < 0x7f) {
      text.push_back(static_cast<char>(byte));
    } else {
      absl::StrAppend(&text, "\\x", absl::Hex(byte, absl::kZeroPad2));
    }
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> DescribeCustomer(const v1::Manifest& manifest, std::string_view customer,
                                             std::string_view body, uint64_t epoch, Store* store,
                                             const CustomerRows* unwritten) {
  const auto parts = SplitDocument(body);
  if (!parts) return absl::DataLossError("the customer's document cannot be read");
  Struct states;
  for (const DocumentValue& value : parts->values) {
    const auto* state = StateOf(manifest, value.state);
    if (state != nullptr) (*states.mutable_fields())[state->name()] = Render(state->type(), value.bytes);
  }
  Struct timers;
  for (const DocumentTimer& armed : parts->timers) {
    for (const auto& timer : manifest.timers()) {
      if (timer.id() != armed.timer) continue;
      (*timers.mutable_fields())[timer.name()].set_string_value(absl::FormatTime(
          absl::RFC3339_full, absl::FromUnixMillis(armed.deadline_ms), absl::UTCTimeZone()));
    }
  }
  Struct rows;
  for (const auto& state : manifest.states()) {
    if (state.shape() == "value") continue;
    const std::string from = layout::RowKey(customer, state.id(), "");
    auto found = MergedRows(*store, from, layout::PrefixEnd(from), {unwritten});
    if (!found.ok()) return found.status();
    for (const auto& [key, value] : *found) {
      if (!value) continue;
      auto& of_state = (*rows.mutable_fields())[state.name()];
      (*of_state.mutable_struct_value()->mutable_fields())[Printable(layout::SubKeyOf(key, customer))] =
          Render(state.type(), *value);
    }
  }
  // Records' keys are bytes; whoever asks for such a customer reads them as they would be escaped.
  const std::string name = AsUtf8(customer);
  if (states.fields().empty() && timers.fields().empty() && rows.fields().empty()) {
    return absl::NotFoundError(Text("nothing is known of customer ", name, " as of epoch ", epoch));
  }
  Struct all;
  (*all.mutable_fields())["customer"].set_string_value(name);
  (*all.mutable_fields())["as_of_epoch"].set_number_value(static_cast<double>(epoch));
  *(*all.mutable_fields())["states"].mutable_struct_value() = states;
  *(*all.mutable_fields())["timers"].mutable_struct_value() = timers;
  *(*all.mutable_fields())["rows"].mutable_struct_value() = rows;
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  if (!google::protobuf::util::MessageToJsonString(all, &json, options).ok()) {
    return absl::InternalError("the customer's state has no JSON form");
  }
  return json;
}

}  // namespace ebb
