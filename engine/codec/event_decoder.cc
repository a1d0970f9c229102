#include "engine/codec/event_decoder.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "engine/log/truncation.h"
#include "engine/time/duration.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/type_resolver_util.h"
#include "state/serialize.h"
#include "state/text.h"
#include "state/utf8.h"

namespace ebb {
namespace {

std::string FormatMs(int64_t ms) {
  return absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

// "not an ebb.v1.Purchase in JSON".
std::string NotA(std::string_view type, std::string_view format) {
  const bool vowel = !type.empty() && std::string_view("aeiouAEIOU").find(type.front()) != std::string_view::npos;
  return Text(vowel ? "not an " : "not a ", type, " in ", format);
}

// The first line of what the parser says, as a header may hold it: bounded, and in UTF-8 also where the input is not.
// On further lines protobuf points at the place.
std::string Explanation(std::string_view text) {
  constexpr size_t kMaxBytes = 300;
  // Of what has no name, such as the whole, protobuf gives an empty one.
  while (text.starts_with(": ")) text.remove_prefix(2);
  return AsUtf8(FirstLine(text).substr(0, kMaxBytes));
}

// JSON that nests deeper than any event is refused before the parser recurses into it.
bool NestsTooDeep(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > EventDecoder::kMaxJsonDepth) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

google::protobuf::util::Status ParseJson(std::string_view json, google::protobuf::Message* message) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  return google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message, options);
}

// The size of the value before it was cut, if it was.
uint64_t WholeSize(const RecordBatch::View& record) {
  uint64_t whole = record.value->size();
  record.VisitHeaders([&](std::string_view name, std::string_view value) {
    uint64_t told = 0;
    if (name == kTruncatedBytesHeader && absl::SimpleAtoi({value.data(), value.size()}, &told)) {
      whole = std::max(whole, told);
    }
  });
  return whole;
}

constexpr char kTypeUrl[] = "type.googleapis.com";

google::protobuf::util::TypeResolver& KnownTypes() {
  static auto* const resolver = google::protobuf::util::NewTypeResolverForDescriptorPool(
      kTypeUrl, google::protobuf::DescriptorPool::generated_pool());
  return *resolver;
}

}  // namespace

EventDecoder::EventDecoder(const SourceSpec& spec, int32_t partition, int32_t partitions)
    : spec_(spec),
      is_json_(spec.config.format() == "json"),
      any_partition_(spec.config.partitioner() == "any"),
      max_ahead_ms_(ToMillis(spec.config.max_ahead())),
      partition_(partition),
      partitions_(partitions),
      message_(spec.prototype->New()),
      header_field_(spec.prototype->GetDescriptor()->FindFieldByName("header")),
      header_(FindHeader()) {}

const v1::EventHeader* EventDecoder::FindHeader() const {
  return static_cast<const v1::EventHeader*>(&message_->GetReflection()->GetMessage(*message_, header_field_));
}

std::optional<Rejection> EventDecoder::Decode(const RecordBatch::View& record) {
  if (!record.value || record.value->empty()) return Rejection{"empty", "the record has no value; expected an event"};
  const uint64_t whole = WholeSize(record);
  if (whole > static_cast<uint64_t>(spec_.config.max_bytes())) {
    return Rejection{"too-large", Text("the value has ", whole, " bytes; the source takes up to ",
                                       spec_.config.max_bytes(), ": raise its max_bytes to take more")};
  }
  if (whole > record.value->size()) {
    return Rejection{"truncated", Text("of the ", whole, " bytes of the value only ", record.value->size(),
                                       " are there, says the header ", kTruncatedBytesHeader, "; send it whole")};
  }
  if (auto rejection = Parse(*record.value)) return rejection;
  if (auto rejection = CheckTime(record.timestamp_ms)) return rejection;
  return FindCustomer();
}

std::optional<Rejection> EventDecoder::Parse(std::string_view bytes) {
  const std::string& type = spec_.config.type();
  if (is_json_) {
    if (NestsTooDeep(bytes)) {
      return Rejection{"unparsable", Text("the JSON nests deeper than ", kMaxJsonDepth, " levels")};
    }
    const auto status = ParseJson(bytes, message_.get());
    header_ = FindHeader();
    if (status.ok()) return std::nullopt;
    const std::string_view why(status.message().data(), status.message().size());
    const size_t begin = bytes.find_first_not_of(" \t\r\n");
    const bool is_object = begin != std::string_view::npos && bytes[begin] == '{';
    return Rejection{"unparsable",
                     Text(NotA(type, "JSON"), ": ", Explanation(why),
                          is_object ? "" : " An event is an object; should the format of the source be protobuf?")};
  }
  const bool parsed = message_->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  // Reflection is slow, and a field that knows whether it is there keeps its message where it is.
  if (!header_field_->has_optional_keyword() || header_ == &v1::EventHeader::default_instance()) header_ = FindHeader();
  if (parsed) return std::nullopt;
  // No event begins so: it would be a group, which proto3 does not have.
  const bool is_json = bytes.starts_with('{');
  return Rejection{"unparsable", Text(NotA(type, "protobuf"), ": other bytes, cut off, nested deeper than ",
                                      kMaxProtobufDepth, " levels, or with text that is not UTF-8",
                                      is_json ? "; it looks like JSON: should the format of the source be json?" : "")};
}

std::optional<Rejection> EventDecoder::CheckTime(int64_t record_time_ms) const {
  const int64_t time = time_ms();
  const v1::Source& config = spec_.config;
  if (time < config.not_before() || time > config.not_after()) {
    return Rejection{"absurd-time", Text("the event time ", FormatMs(time), " is not between ",
                                         FormatMs(config.not_before()), " and ", FormatMs(config.not_after()),
                                         "; if it is right, change not_before or not_after of the source")};
  }
  // The record's own time may be any number: whoever sent it may have set it.
  if (record_time_ms > 0 && time - max_ahead_ms_ > record_time_ms) {
    return Rejection{"absurd-time",
                     Text("the event time ", FormatMs(time), " is more than ",
                          absl::FormatDuration(absl::Milliseconds(max_ahead_ms_)), " after its record's own time ",
                          FormatMs(record_time_ms), "; if it is right, raise max_ahead of the source")};
  }
  return std::nullopt;
}

std::optional<Rejection> EventDecoder::FindCustomer() {
  const v1::EventHeader& head = header();
  if (!head.customer_id().empty()) {
    customer_ = head.customer_id();
  } else if (head.anonymous_ids_size() > 0 && !head.anonymous_ids(0).value().empty()) {
    const v1::AnonymousId& id = head.anonymous_ids(0);
    anonymous_ = Text("anon:", absl::AsciiStrToLower(absl::StripPrefix(v1::IdKind_Name(id.kind()), "ID_KIND_")), ":",
                      id.value());
    customer_ = anonymous_;
  } else {
    return Rejection{"no-customer", "header.customer_id is empty and there is no anonymous id; one of them is needed"};
  }
  if (customer_.size() > kMaxCustomerBytes) {
    return Rejection{"no-customer", Text("the customer id has ", customer_.size(), " bytes; at most ",
                                         kMaxCustomerBytes, " are taken")};
  }
  if (any_partition_) return std::nullopt;
  const int32_t right = PartitionOf(customer_, partitions_);
  if (right == partition_) return std::nullopt;
  return Rejection{"wrong-partition",
                   Text("customer ", customer_, " belongs to partition ", right, " by murmur2 of its id, but the ",
                        "record is in partition ", partition_, "; key records by customer id")};
}

std::string EncodeMessage(const google::protobuf::Message& message, std::string_view format) {
  std::string bytes;
  AppendMessage(message, message.ByteSizeLong(), &bytes);
  if (format != "json") return bytes;
  // By way of the bytes, which have the entries of maps in one order; printed from the message they are in any.
  std::string json;
  (void)google::protobuf::util::BinaryToJsonString(
      &KnownTypes(), Text(kTypeUrl, "/", message.GetDescriptor()->full_name()), bytes, &json);
  return json;
}

bool DecodeMessage(std::string_view bytes, std::string_view format, google::protobuf::Message* message) {
  if (format != "json") return message->ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  return !NestsTooDeep(bytes) && ParseJson(bytes, message).ok();
}

std::string_view ContentType(std::string_view format) {
  return format == "json" ? "application/json" : "application/protobuf";
}

}  // namespace ebb
