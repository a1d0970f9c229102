#ifndef EBB_ENGINE_KAFKA_MEMBERSHIP_H_
#define EBB_ENGINE_KAFKA_MEMBERSHIP_H_

// Membership in a Kafka consumer group: it shares partitions out and fetches nothing.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/log/cluster.h"

namespace ebb {

struct KafkaMembershipOptions {
  std::string group;
  // Stable over restarts and of this process alone, so that a restart within the session time-out moves nothing;
  // empty: a new member each time. Source: KIP-345.
  std::string instance;
  // How long the group waits for a member that shows no sign of life; the brokers bound it (6 s to 30 min unless
  // configured). A process that does not Poll for ten times as long is given up too.
  absl::Duration session_timeout = absl::Seconds(10);
};

// Connects in the background. Destroying it without Leave() is a crash to the others: they wait for the session
// time-out. InvalidArgument: properties that do not hold.
absl::StatusOr<std::unique_ptr<Membership>> OpenKafkaMembership(const KafkaConnection& connection,
                                                                const KafkaMembershipOptions& options);

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_MEMBERSHIP_H_
