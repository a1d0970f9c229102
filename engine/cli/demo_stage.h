#ifndef EBB_ENGINE_CLI_DEMO_STAGE_H_
#define EBB_ENGINE_CLI_DEMO_STAGE_H_

// Where the demo plays: a broker, the retail pipeline as it runs on it, its topics, and a directory for its state.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/kafka/mock_cluster.h"
#include "engine/pipeline/spec.h"

namespace ebb {

// Thread-compatible. With it go the state and, where it is embedded, the broker: everything that uses it goes first.
class DemoStage {
 public:
  static constexpr int32_t kPartitions = 2;
  // How long a broker may take to create a topic.
  static constexpr absl::Duration kPatience = absl::Seconds(10);

  // Starts an embedded broker unless `bootstrap` names another. On that one the pipeline and its topics have names
  // that nobody else has. Of what happens in the shop before `emit_from` nothing is sent.
  static absl::StatusOr<std::unique_ptr<DemoStage>> Build(const std::string& bootstrap, absl::Time emit_from);
  ~DemoStage();

  // Creates what KafkaProcess expects to find. Blocks up to the patience for each topic. Cancelled: told to stop.
  absl::Status CreateTopics();

  bool embedded() const { return mock_ != nullptr; }
  const std::string& bootstrap() const { return bootstrap_; }
  const std::string& application() const { return application_; }
  const std::shared_ptr<const PipelineSpec>& spec() const { return spec_; }
  const KafkaConnection& connection() const { return connection_; }

 private:
  DemoStage() = default;
  absl::Status OpenBroker(const std::string& bootstrap);
  absl::Status MakeDirectory();
  absl::Status LoadRetailPipeline(absl::Time emit_from);
  absl::Status CreateTopic(const std::string& topic) const;

  std::string directory_;  // Empty until it is made.
  std::unique_ptr<MockCluster> mock_;
  std::string bootstrap_;
  std::string application_ = "ebb-demo";
  std::shared_ptr<const PipelineSpec> spec_;
  KafkaConnection connection_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_DEMO_STAGE_H_
