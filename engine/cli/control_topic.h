#ifndef EBB_ENGINE_CLI_CONTROL_TOPIC_H_
#define EBB_ENGINE_CLI_CONTROL_TOPIC_H_

// The control topic as a publisher sees it.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/kafka/connection.h"
#include "engine/kafka/topics.h"
#include "engine/pipeline/spec.h"
#include "engine/runtime/control_feed.h"

namespace ebb {

// How the topic is made when there is none.
TopicSpec ControlTopicSpec(const std::string& topic);

// Everything that has been published, in order.
class ControlTopic {
 public:
  // Reads the pipeline's control topic to its end, making it when there is none. Blocks up to 30 s.
  // FailedPrecondition: the pipeline has none, or it is not of one partition.
  static absl::StatusOr<ControlTopic> Read(const PipelineSpec& spec);

  // The versions of a name in order, unreadable records left out.
  std::vector<const v1::Publication*> VersionsOf(const std::string& name) const;
  // The latest version of every name, in the order in which they were published.
  std::vector<const v1::Publication*> Latest() const;

  // Publishes the next version of `name` and waits until it is certain. FailedPrecondition: another publisher was
  // faster.
  absl::StatusOr<v1::Publication> Publish(const std::string& name, int64_t valid_from_ms, const std::string& amendment);

 private:
  ControlTopic(KafkaConnection connection, std::string topic);
  absl::Status ReadOn();

  KafkaConnection connection_;
  std::string topic_;
  std::vector<Published> published_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_CONTROL_TOPIC_H_
