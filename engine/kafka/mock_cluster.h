#ifndef EBB_ENGINE_KAFKA_MOCK_CLUSTER_H_
#define EBB_ENGINE_KAFKA_MOCK_CLUSTER_H_

// A Kafka cluster inside this process, for a demonstration without installing anything. It speaks the protocol on
// loopback ports and keeps a few megabytes of each partition. It promises nothing: aborted records are read, offsets
// of transactions are not kept, topics are neither created nor described by request.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ebb {

// Any thread, one at a time. The brokers end with it.
class MockCluster {
 public:
  static absl::StatusOr<std::unique_ptr<MockCluster>> Start();
  ~MockCluster();

  std::string bootstrap_servers() const;
  absl::Status CreateTopic(const std::string& topic, int32_t partitions);
  // Cuts the connection instead of answering the next request of this kind. `api_key` is the protocol's number.
  void CutNextRequest(int16_t api_key);

 private:
  struct Parts;
  explicit MockCluster(std::unique_ptr<Parts> parts);

  const std::unique_ptr<Parts> parts_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_MOCK_CLUSTER_H_
