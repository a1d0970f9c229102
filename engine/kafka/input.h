#ifndef EBB_ENGINE_KAFKA_INPUT_H_
#define EBB_ENGINE_KAFKA_INPUT_H_

// The input over Kafka: reads partitions as told, as no member of any group.

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/log/input.h"

namespace ebb {

struct KafkaInputOptions {
  // What records fetched ahead of Poll may take, for each partition: half of it queued, half for the fetch that comes
  // on top. Held to as long as a batch of the topic unpacks to less than that half. At least 1 KiB.
  size_t buffer_bytes = size_t{4} << 20;
  // How long a broker waits for new records before it answers a fetch.
  absl::Duration fetch_wait = absl::Milliseconds(50);
};

// Connects in the background. InvalidArgument: properties that do not hold.
absl::StatusOr<std::unique_ptr<Input>> OpenKafkaInput(const KafkaConnection& connection,
                                                      const KafkaInputOptions& options);

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_INPUT_H_
