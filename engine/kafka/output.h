#ifndef EBB_ENGINE_KAFKA_OUTPUT_H_
#define EBB_ENGINE_KAFKA_OUTPUT_H_

// The transactional output over Kafka.

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/log/output.h"

namespace ebb {

struct KafkaOutputOptions {
  std::string transactional_id;  // Stable over restarts, of one worker of one instance only.
  // How long a transaction may stay open before the broker aborts it, and how long a commit may take before its
  // outcome counts as unknown. At least 1 s; the broker bounds it (15 minutes unless configured).
  absl::Duration transaction_timeout = absl::Seconds(30);
  size_t queue_bytes = size_t{64} << 20;  // Of records that the broker has not acknowledged; at least 1 KiB.
};

// Connects in the background. Destroying it while a commit is under way waits for that, at most transaction_timeout.
// InvalidArgument: properties that do not hold. LastError() of the port says whom to blame:
// PermissionDenied: fenced or not authorised; Aborted: the group has moved on; DeadlineExceeded: the cluster is away.
// A transaction that outlives its time-out ends in kFenced too: the broker fences its producer like a predecessor.
// The first record for a topic finds the queue "full" (ResourceExhausted) until the topic has been looked up.
absl::StatusOr<std::unique_ptr<Output>> OpenKafkaOutput(const KafkaConnection& connection, KafkaOutputOptions options);

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_OUTPUT_H_
