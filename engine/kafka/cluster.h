#ifndef EBB_ENGINE_KAFKA_CLUSTER_H_
#define EBB_ENGINE_KAFKA_CLUSTER_H_

// The answers of a Kafka cluster.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/log/cluster.h"

namespace ebb {

struct KafkaClusterOptions {
  std::string group;
  // After this an answer that is still missing is DeadlineExceeded. Longer than the transaction time-out, or
  // a crashed worker's transaction looks like a cluster that is away.
  absl::Duration patience = absl::Minutes(2);
};

// Connects in the background; a thread of its own asks. Destroying it waits for the question under way, seconds at
// most. InvalidArgument: properties that do not hold.
absl::StatusOr<std::unique_ptr<Cluster>> OpenKafkaCluster(const KafkaConnection& connection,
                                                          const KafkaClusterOptions& options);

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_CLUSTER_H_
