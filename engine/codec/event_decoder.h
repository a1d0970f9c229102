#ifndef EBB_ENGINE_CODEC_EVENT_DECODER_H_
#define EBB_ENGINE_CODEC_EVENT_DECODER_H_

// Bytes to events, suspiciously.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ebb/v1/header.pb.h"
#include "engine/log/record.h"
#include "engine/pipeline/spec.h"
#include "google/protobuf/message.h"

namespace ebb {

// Why a record cannot be processed: a stable name for programs and a sentence for people.
struct Rejection {
  std::string reason;
  std::string text;
};

// Decodes the records of one source for one task, reusing one message. Not thread-safe; the spec must outlive it.
class EventDecoder {
 public:
  // `partitions`: of the source's topic.
  EventDecoder(const SourceSpec& spec, int32_t partition, int32_t partitions);

  // Decodes a record into message(), header(), customer() and time_ms(), which hold until the next call.
  // Returns why not when it is empty, too large, not whole, unparsable, without customer, at an absurd time, or in a
  // partition that is not its customer's.
  std::optional<Rejection> Decode(const RecordBatch::View& record);

  const google::protobuf::Message& message() const { return *message_; }
  const v1::EventHeader& header() const { return *header_; }
  // The state key: the customer id, or "anon:<kind>:<value>" of the first anonymous id.
  std::string_view customer() const { return customer_; }
  int64_t time_ms() const { return header().event_time_ms(); }

  static constexpr size_t kMaxCustomerBytes = 512;
  static constexpr int kMaxJsonDepth = 32;
  static constexpr int kMaxProtobufDepth = 100;  // Of the library itself, which reads states to the same depth.

 private:
  // Where the message has its header now, or an empty one.
  const v1::EventHeader* FindHeader() const;
  std::optional<Rejection> Parse(std::string_view bytes);
  std::optional<Rejection> FindCustomer();
  std::optional<Rejection> CheckTime(int64_t record_time_ms) const;

  const SourceSpec& spec_;
  const bool is_json_;
  const bool any_partition_;
  const int64_t max_ahead_ms_;
  const int32_t partition_;
  const int32_t partitions_;
  const std::unique_ptr<google::protobuf::Message> message_;
  const google::protobuf::FieldDescriptor* const header_field_;
  const v1::EventHeader* header_;
  std::string_view customer_;
  std::string anonymous_;  // What customer_ shows of an event without a customer id.
};

// A message in a topic's wire format. `format` is "protobuf" or "json".
std::string EncodeMessage(const google::protobuf::Message& message, std::string_view format);

// Reads a message in a topic's wire format; in JSON, fields that it does not have are passed over. False: it is none.
bool DecodeMessage(std::string_view bytes, std::string_view format, google::protobuf::Message* message);

// The media type of a wire format.
std::string_view ContentType(std::string_view format);

}  // namespace ebb

#endif  // EBB_ENGINE_CODEC_EVENT_DECODER_H_
