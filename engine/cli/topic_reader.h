#ifndef EBB_ENGINE_CLI_TOPIC_READER_H_
#define EBB_ENGINE_CLI_TOPIC_READER_H_

// What topics hold already, for commands that look things up and end.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/log/cluster.h"
#include "engine/log/input.h"
#include "engine/log/record.h"

namespace ebb {

// Reads committed records of one partition after the other. One thread; every call blocks. DeadlineExceeded from any:
// Kafka was silent for longer than the patience.
class TopicReader {
 public:
  // Is given a record, which holds until it returns. False: no further ones are wanted.
  using Visit = std::function<bool(const RecordBatch::View& record)>;

  // Connects in the background. InvalidArgument: properties that do not hold.
  static absl::StatusOr<TopicReader> Open(const KafkaConnection& connection, absl::Duration patience);

  // How many partitions a topic has. NotFound: no such topic.
  absl::StatusOr<int32_t> PartitionCount(const std::string& topic);

  // The first offset that is kept, and the one after the last record written.
  absl::StatusOr<Cluster::Bounds> Bounds(const TopicPartition& partition);

  // Visits the records from `offset` on, or from the first one that is still kept, up to what is written when it
  // begins.
  absl::Status Read(const TopicPartition& partition, int64_t offset, const Visit& visit);
  // The same from the first record on that is not older than `since`, by its own time.
  absl::Status ReadSince(const TopicPartition& partition, absl::Time since, const Visit& visit);

 private:
  TopicReader(std::string brokers, absl::Duration patience, std::unique_ptr<Cluster> cluster,
              std::unique_ptr<Input> input);
  absl::Status ReadBetween(const TopicPartition& partition, int64_t begin, int64_t end, const Visit& visit);

  std::string brokers_;
  absl::Duration patience_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Input> input_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_TOPIC_READER_H_
