#ifndef EBB_ENGINE_KAFKA_TOPICS_H_
#define EBB_ENGINE_KAFKA_TOPICS_H_

// Topics of a Kafka cluster: what they are, and making them.

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/log/record.h"

namespace ebb {

class Client;

struct TopicSpec {
  std::string name;
  int32_t partitions = 1;
  int replication = -1;                         // -1: as the brokers default to.
  std::map<std::string, std::string> settings;  // Such as cleanup.policy; only for a topic that is created.
};

// Creates the topic unless it is there, and returns when the brokers know it and its partitions have leaders. Blocks
// up to `patience`. FailedPrecondition: it has another number of partitions. DeadlineExceeded: the cluster is away.
// Unimplemented: this cluster creates no topics.
absl::Status EnsureTopic(const KafkaConnection& connection, const TopicSpec& spec,
                         absl::Duration patience = absl::Seconds(30));

// Lets the brokers forget the records of a partition below an offset. Blocks up to `patience`. OutOfRange: there is no
// such offset yet.
absl::Status TrimPartition(const KafkaConnection& connection, const TopicPartition& partition, int64_t offset,
                           absl::Duration patience = absl::Seconds(30));

// For the files of this folder; both block up to `timeout_ms`.
// NotFound: no such topic.
absl::StatusOr<int32_t> FetchPartitionCount(const Client& client, const std::string& topic, int timeout_ms);
absl::StatusOr<std::map<std::string, std::string>> FetchTopicSettings(const Client& client, const std::string& topic,
                                                                      int timeout_ms);

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_TOPICS_H_
