#include "engine/kafka/sender.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"
#include "engine/kafka/topics.h"

namespace ebb {
namespace {

constexpr int kSliceMs = 1000;
constexpr std::chrono::milliseconds kRetryPause(100);

std::chrono::steady_clock::time_point In(absl::Duration patience) {
  return std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(patience);
}

// What became of the records; written by librdkafka's threads.
struct Deliveries {
  std::atomic<int64_t> acknowledged = 0;
  std::atomic<rd_kafka_resp_err_t> error = RD_KAFKA_RESP_ERR_NO_ERROR;  // Of the first record that was lost.
};

void Count(const rd_kafka_message_t* message) {
  auto* deliveries = static_cast<Deliveries*>(message->_private);
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    deliveries->acknowledged.fetch_add(1, std::memory_order_relaxed);
  } else {
    rd_kafka_resp_err_t none = RD_KAFKA_RESP_ERR_NO_ERROR;
    deliveries->error.compare_exchange_strong(none, message->err);
  }
}

}  // namespace

// In this order: topics are freed before the client, and the client before what its threads write to.
struct Sender::Parts {
  struct Target {
    TopicPtr topic;
    int32_t partitions = 0;
  };

  ~Parts() {
    if (client == nullptr) return;
    rd_kafka_purge(client->get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    targets.clear();
  }

  Deliveries deliveries;
  std::unique_ptr<Client> client;
  std::unordered_map<std::string, Target> targets;
};

Sender::Sender(std::unique_ptr<Parts> parts, absl::Duration patience)
    : parts_(std::move(parts)), patience_(patience) {}
Sender::~Sender() = default;

absl::StatusOr<std::unique_ptr<Sender>> Sender::Open(const KafkaConnection& connection, absl::Duration patience) {
  const KafkaProperties defaults = {
      {"linger.ms", "20"},
      {"batch.size", "1000000"},
      {"compression.type", "lz4"},
  };
  const KafkaProperties own = {
      {"enable.idempotence", "true"},
      {"message.timeout.ms", absl::StrCat(std::max<int64_t>(1000, absl::ToInt64Milliseconds(patience)))},
      {"queue.buffering.max.messages", "500000"},
      {"queue.buffering.max.kbytes", "65536"},
  };
  auto parts = std::make_unique<Parts>();
  auto client = Client::Open(RD_KAFKA_PRODUCER, connection, defaults, own, {nullptr, nullptr, &Count});
  if (!client.ok()) return client.status();
  parts->client = *std::move(client);
  return std::unique_ptr<Sender>(new Sender(std::move(parts), patience));
}

absl::Status Sender::Find(const std::string& topic) {
  const auto deadline = In(patience_);
  while (true) {
    const absl::StatusOr<int32_t> partitions = FetchPartitionCount(*parts_->client, topic, kSliceMs);
    if (partitions.ok()) {
      TopicPtr handle(rd_kafka_topic_new(parts_->client->get(), topic.c_str(), nullptr));
      parts_->targets[topic] = {std::move(handle), *partitions};
      return absl::OkStatus();
    }
    if (!IsPassing(partitions.status())) return partitions.status();
    if (std::chrono::steady_clock::now() >= deadline) {
      return absl::DeadlineExceededError(absl::StrCat(
          "no answer from Kafka for ", absl::FormatDuration(patience_), "; is the address right and the broker up? ",
          std::string(partitions.status().message())));
    }
    std::this_thread::sleep_for(kRetryPause);
  }
}

absl::Status Sender::Send(const std::string& topic, std::string_view key, std::string_view value) {
  if (absl::Status status = Delivered(); !status.ok()) return status;
  auto target = parts_->targets.find(topic);
  if (target == parts_->targets.end()) {
    if (absl::Status status = Find(topic); !status.ok()) return status;
    target = parts_->targets.find(topic);
  }
  const int32_t partition = PartitionOf(key, target->second.partitions);
  const auto deadline = In(patience_);
  rd_kafka_t* const client = parts_->client->get();
  while (rd_kafka_produce(target->second.topic.get(), partition, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()),
                          value.size(), key.data(), key.size(), &parts_->deliveries) != 0) {
    const rd_kafka_resp_err_t error = rd_kafka_last_error();
    if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || std::chrono::steady_clock::now() >= deadline) {
      return ToStatus(error, absl::StrCat("a record for topic ", topic));
    }
    rd_kafka_poll(client, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (absl::Status status = Delivered(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Sender::Flush() {
  const rd_kafka_resp_err_t error =
      rd_kafka_flush(parts_->client->get(), static_cast<int>(absl::ToInt64Milliseconds(patience_)));
  if (absl::Status status = Delivered(); !status.ok()) return status;
  return ToStatus(error, "waiting for the brokers to take what was sent");
}

absl::Status Sender::Delivered() const {
  return ToStatus(parts_->deliveries.error.load(std::memory_order_relaxed),
                  "the brokers have not taken a record that was sent before");
}

int64_t Sender::acknowledged() const { return parts_->deliveries.acknowledged.load(std::memory_order_relaxed); }

}  // namespace ebb
