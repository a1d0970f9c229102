#ifndef EBB_BENCHMARKS_FLOOR_KAFKA_H_
#define EBB_BENCHMARKS_FLOOR_KAFKA_H_

// librdkafka, as far as the floor needs it. One thread. Whatever goes wrong ends the program with a sentence: the floor
// promises no recovery.

#include <librdkafka/rdkafka.h>

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ebb::bench {

using Properties = std::map<std::string, std::string>;

[[noreturn]] void Die(std::string_view what, std::string_view why);

// A member of a consumer group.
class Consumer {
 public:
  Consumer(const Properties& properties, const std::vector<std::string>& topics);
  ~Consumer();
  Consumer(const Consumer&) = delete;
  Consumer& operator=(const Consumer&) = delete;

  // Calls `take` with each of at most `messages` records that come within `wait_ms`; errors that pass are left out.
  template <class Take>
  void Poll(size_t messages, int wait_ms, Take take) {
    batch_.resize(messages);
    const ssize_t count = rd_kafka_consume_batch_queue(queue_, wait_ms, batch_.data(), messages);
    for (ssize_t i = 0; i < count; ++i) {
      if (Check(*batch_[i])) take(*batch_[i]);
      rd_kafka_message_destroy(batch_[i]);
    }
  }

  // The group's state at this moment, for a transaction; to be destroyed by the caller.
  rd_kafka_consumer_group_metadata_t* GroupMetadata() const { return rd_kafka_consumer_group_metadata(client_); }

 private:
  static bool Check(const rd_kafka_message_t& message);

  rd_kafka_t* client_ = nullptr;
  rd_kafka_queue_t* queue_ = nullptr;
  std::vector<rd_kafka_message_t*> batch_;
};

using Headers = std::vector<std::pair<std::string_view, std::string_view>>;

// A transactional producer.
class Producer {
 public:
  explicit Producer(const Properties& properties);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  // A topic's handle, which lives as long as the producer.
  rd_kafka_topic_t* Topic(const std::string& name);

  void Begin();
  // To the partition of the key by murmur2.
  void Send(rd_kafka_topic_t* topic, std::string_view key, std::string_view value, const Headers& headers);
  // To this partition, without headers.
  void Send(rd_kafka_topic_t* topic, int32_t partition, std::string_view key, std::string_view value);
  void Commit(const rd_kafka_topic_partition_list_t* offsets, const Consumer& consumer);

 private:
  // Waits for room in the queue.
  void Wait();

  rd_kafka_t* client_ = nullptr;
  std::vector<rd_kafka_topic_t*> topics_;
};

}  // namespace ebb::bench

#endif  // EBB_BENCHMARKS_FLOOR_KAFKA_H_
