#include "engine/kafka/input.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"
#include "engine/kafka/errands.h"

namespace ebb {
namespace {

// What librdkafka keeps of a record beside key and value, about; measured.
constexpr size_t kRecordOverheadBytes = 512;
constexpr char kQueueBackoff[] = "fetch.queue.backoff.ms";
constexpr size_t kLeastFetchBytes = size_t{64} << 10;
constexpr size_t kMostFetchBytes = size_t{4} << 20;

// A partition that is being read through a queue of its own, so that what is not polled is not fetched.
struct Reading {
  TopicPtr topic;
  QueuePtr queue;
  bool at_end = false;
  int64_t end_offset = 0;
  size_t taken_bytes = 0;  // Out of the queue, since the library was last reminded that there is room.
  absl::Status failure;    // Final.
};

// Librdkafka before 2.2 looks only once a second whether a queue that was full has room again, unless something else
// wakes the thread of its broker. An answer from that broker does; so it is asked something.
class Reminder {
 public:
  explicit Reminder(rd_kafka_t* client) : client_(client) {}

  // Asks the leader of a partition, unless a question is under way. True when it will be asked.
  bool Remind(const TopicPartition& partition) {
    if (asking_.exchange(true)) return false;
    errands_.Post([this, partition] {
      const PartitionsPtr list = ToList({partition});
      list->elems[0].offset = RD_KAFKA_OFFSET_END;  // As a time: the latest.
      rd_kafka_offsets_for_times(client_, list.get(), kPatienceMs);
      asking_ = false;
    });
    return true;
  }

 private:
  static constexpr int kPatienceMs = 1000;

  rd_kafka_t* const client_;
  std::atomic<bool> asking_ = false;
  Errands errands_;  // Last, so that it ends first.
};

// A header that has no value, which is not the same as an empty one to Kafka, is taken for an empty one.
void AddHeaders(const rd_kafka_message_t& message, RecordBatch* batch) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    batch->AddHeader(name, {static_cast<const char*>(value), value == nullptr ? 0 : size});
  }
}

class KafkaInput final : public Input {
 public:
  // A queue counts as full from `queue_bytes` on, each record with its overhead.
  KafkaInput(std::unique_ptr<Client> client, size_t queue_bytes)
      : client_(std::move(client)), queue_bytes_(queue_bytes) {
    if (!LibraryKnows(kQueueBackoff)) reminder_ = std::make_unique<Reminder>(client_->get());
  }
  ~KafkaInput() override;

  absl::Status Start(const TopicPartition& partition, int64_t offset) override;
  void Stop(const TopicPartition& partition) override;
  absl::StatusOr<Polled> Poll(const TopicPartition& partition, size_t max_records, RecordBatch* batch) override;
  std::optional<int64_t> KnownEnd(const TopicPartition& partition) const override;

 private:
  static constexpr size_t kChunk = 512;

  // True: the message was a record.
  static bool Take(const rd_kafka_message_t& message, const TopicPartition& partition, Reading& reading,
                   RecordBatch* batch, absl::Status* trouble);

  const std::unique_ptr<Client> client_;
  const size_t queue_bytes_;
  std::map<TopicPartition, Reading> readings_;
  std::unique_ptr<Reminder> reminder_;  // Null where the library needs none.
  std::array<rd_kafka_message_t*, kChunk> messages_;
  uint32_t polls_ = 0;
};

KafkaInput::~KafkaInput() {
  while (!readings_.empty()) Stop(TopicPartition(readings_.begin()->first));
}

absl::Status KafkaInput::Start(const TopicPartition& partition, int64_t offset) {
  if (offset < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat(ToString(partition), ": expected an offset that is not negative, got ", offset));
  }
  Stop(partition);
  Reading reading;
  reading.topic.reset(rd_kafka_topic_new(client_->get(), partition.topic.c_str(), nullptr));
  reading.queue.reset(rd_kafka_queue_new(client_->get()));
  if (reading.topic == nullptr ||
      rd_kafka_consume_start_queue(reading.topic.get(), partition.partition, offset, reading.queue.get()) != 0) {
    return absl::FailedPreconditionError(ToStatus(rd_kafka_last_error(), ToString(partition)).message());
  }
  readings_.emplace(partition, std::move(reading));
  return absl::OkStatus();
}

void KafkaInput::Stop(const TopicPartition& partition) {
  const auto found = readings_.find(partition);
  if (found == readings_.end()) return;
  rd_kafka_consume_stop(found->second.topic.get(), partition.partition);
  readings_.erase(found);
}

absl::StatusOr<Input::Polled> KafkaInput::Poll(const TopicPartition& partition, size_t max_records,
                                               RecordBatch* batch) {
  constexpr uint32_t kHousekeeping = 256;  // Polls between two looks at what is not of a partition.
  if (++polls_ % kHousekeeping == 0) rd_kafka_poll(client_->get(), 0);
  const auto found = readings_.find(partition);
  if (found == readings_.end()) {
    return absl::FailedPreconditionError(absl::StrCat(ToString(partition), " is not being read: Start it first"));
  }
  Reading& reading = found->second;
  Polled polled;
  absl::Status trouble;
  while (polled.records < max_records && reading.failure.ok() && rd_kafka_queue_length(reading.queue.get()) > 0) {
    const size_t wanted = std::min(max_records - polled.records, kChunk);
    const ssize_t got = rd_kafka_consume_batch_queue(reading.queue.get(), 0, messages_.data(), wanted);
    if (got <= 0) break;
    for (ssize_t i = 0; i < got; ++i) {
      polled.records += Take(*messages_[i], partition, reading, batch, &trouble) ? 1 : 0;
      rd_kafka_message_destroy(messages_[i]);
    }
  }
  const bool room = reading.taken_bytes >= queue_bytes_ / 2;
  if (reminder_ != nullptr && room && !reading.at_end && reminder_->Remind(partition)) reading.taken_bytes = 0;
  // Records before a failure are handed over first.
  if (polled.records == 0 && !reading.failure.ok()) return reading.failure;
  if (polled.records == 0 && !trouble.ok()) return trouble;
  polled.at_end = reading.at_end;
  polled.end_offset = reading.end_offset;
  return polled;
}

bool KafkaInput::Take(const rd_kafka_message_t& message, const TopicPartition& partition, Reading& reading,
                      RecordBatch* batch, absl::Status* trouble) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: break;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      reading.at_end = true;
      reading.end_offset = message.offset;
      return false;
    default: {
      const absl::Status status = ToStatus(message.err, ToString(partition));
      if (IsPassing(status)) {
        *trouble = absl::UnavailableError(status.message());
      } else {
        reading.failure = status;
      }
      return false;
    }
  }
  reading.at_end = false;
  std::optional<std::string_view> value;
  if (message.payload != nullptr) value.emplace(static_cast<const char*>(message.payload), message.len);
  rd_kafka_timestamp_type_t type;
  batch->Add(message.offset, rd_kafka_message_timestamp(&message, &type),
             {static_cast<const char*>(message.key), message.key_len}, value);
  AddHeaders(message, batch);
  reading.taken_bytes += message.key_len + message.len + kRecordOverheadBytes;
  return true;
}

std::optional<int64_t> KafkaInput::KnownEnd(const TopicPartition& partition) const {
  const auto found = readings_.find(partition);
  if (found == readings_.end()) return std::nullopt;
  if (found->second.at_end) return found->second.end_offset;
  int64_t begin = 0;
  int64_t end = RD_KAFKA_OFFSET_INVALID;
  rd_kafka_get_watermark_offsets(client_->get(), partition.topic.c_str(), partition.partition, &begin, &end);
  if (end < 0) return std::nullopt;
  return end;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Input>> OpenKafkaInput(const KafkaConnection& connection,
                                                      const KafkaInputOptions& options) {
  // One fetch may come on top of what is queued; it is compressed, and unpacks to several times its size.
  const size_t fetch_bytes = std::clamp(options.buffer_bytes / 16, kLeastFetchBytes, kMostFetchBytes);
  KafkaProperties defaults = {
      {"fetch.wait.max.ms", absl::StrCat(absl::ToInt64Milliseconds(options.fetch_wait))},
      {"fetch.message.max.bytes", absl::StrCat(fetch_bytes)},
      {"fetch.error.backoff.ms", "50"},
  };
  if (LibraryKnows(kQueueBackoff)) defaults.emplace(kQueueBackoff, "5");
  const size_t queue_bytes = options.buffer_bytes / 4;
  const KafkaProperties own = {
      {"isolation.level", "read_committed"},
      {"enable.partition.eof", "true"},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
      {"auto.commit.enable", "false"},  // Of the topic: else the legacy way of consuming keeps offsets in files.
      {"auto.offset.reset", "error"},
      {"check.crcs", "true"},
      // Two limits, since that of bytes leaves out what the library keeps beside each record.
      {"queued.min.messages", absl::StrCat(std::max<size_t>(1, queue_bytes / kRecordOverheadBytes))},
      {"queued.max.messages.kbytes", absl::StrCat(std::max<size_t>(1, queue_bytes >> 10))},
  };
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(RD_KAFKA_CONSUMER, connection, defaults, own, {});
  if (!client.ok()) return client.status();
  return std::make_unique<KafkaInput>(*std::move(client), queue_bytes);
}

}  // namespace ebb
