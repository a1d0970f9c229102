#ifndef EBB_ENGINE_CLI_KAFKA_PROCESS_H_
#define EBB_ENGINE_CLI_KAFKA_PROCESS_H_

// A running pipeline: the runtime's step functions on threads, over Kafka. The thin shell.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/kafka/connection.h"
#include "engine/log/cluster.h"
#include "engine/observe/admin_server.h"
#include "engine/observe/worker_metrics.h"
#include "engine/pipeline/spec.h"
#include "engine/runtime/engine.h"
#include "engine/runtime/worker.h"
#include "engine/runtime/worker_control.h"
#include "engine/time/clock.h"
#include "state/rocksdb_store.h"

namespace ebb {

struct KafkaProcessOptions {
  // Ends when all input is read and time has been carried so far.
  std::optional<absl::Time> until;
  // The cluster is librdkafka's mock: it describes and creates no topics, so that is left out.
  bool embedded_broker = false;
  // Go on without what cannot be had again, and where redo gives other results than were committed.
  bool accept_loss = false;
  bool accept_divergence = false;
};

// How `memory` is divided.
struct MemoryPlan {
  size_t cache_bytes = 0;            // A task's customers.
  size_t pinned_bytes = 0;           // A task's open epoch.
  size_t outbox_bytes = 0;           // A task's results of one epoch.
  size_t source_buffer_bytes = 0;    // A partition, records taken from the client.
  size_t fetch_buffer_bytes = 0;     // A partition, records within the client.
  size_t producer_bytes = 0;         // A worker.
  uint64_t block_cache_bytes = 0;
  uint64_t write_buffer_bytes = 0;
};
MemoryPlan PlanMemory(uint64_t memory_bytes, int32_t partitions, size_t sources, int32_t workers);

class KafkaProcess {
 public:
  // Checks topics, opens the state and the ports, and joins the group. Errors say what is wrong and what to do.
  static absl::StatusOr<std::unique_ptr<KafkaProcess>> Start(std::shared_ptr<const PipelineSpec> spec,
                                                             const KafkaProcessOptions& options);
  ~KafkaProcess();

  // Runs until `stop` is set or the end given by `until` is reached, then stops cleanly. On the thread that started it.
  absl::Status Run(const std::atomic<bool>& stop);

  // Thread-safe; for those who watch.
  std::vector<WorkerSnapshot> Snapshots() const;
  int admin_port() const { return admin_ ? admin_->port() : 0; }

  static constexpr absl::Duration kTopicPatience = absl::Seconds(30);
  // A source that keeps its records for less leaves no time to be down with something left to redo.
  static constexpr absl::Duration kLeastRetention = absl::Hours(1);
  static constexpr absl::Duration kSnapshotInterval = absl::Milliseconds(200);
  // A worker that shows no sign of life for so long makes the process unhealthy.
  static constexpr absl::Duration kStall = absl::Seconds(60);

 private:
  // One worker, its ports and its thread.
  struct Shift {
    std::unique_ptr<Input> input;
    std::unique_ptr<Output> output;
    std::unique_ptr<Cluster> cluster;
    std::unique_ptr<Worker> worker;
    WorkerControl control;
    std::thread thread;
    mutable std::mutex mutex;
    WorkerSnapshot snapshot;
    std::atomic<int64_t> last_turn_ms = 0;
  };

  KafkaProcess(std::shared_ptr<const PipelineSpec> spec, KafkaProcessOptions options);

  absl::Status CheckTopics();
  absl::Status CheckRetention();
  absl::Status CheckChangelog();
  absl::Status OpenState();
  absl::Status OpenShifts();
  absl::Status OpenAdmin();
  void Work(Shift& shift);
  std::string Metrics() const;
  absl::Status TakenIn(std::string_view key) const;
  absl::Status Health() const;
  absl::StatusOr<std::string> DescribeCustomer(std::string_view customer);
  absl::StatusOr<std::string> History();
  std::string ChangelogTopic() const;

  const std::shared_ptr<const PipelineSpec> spec_;
  const KafkaProcessOptions options_;
  const SystemClock clock_;
  KafkaConnection connection_;
  std::string instance_;
  int32_t partitions_ = 0;
  absl::Duration max_store_age_ = absl::Hours(20);
  absl::Duration recovery_budget_;
  std::vector<absl::Duration> compaction_lags_;  // By source; see TaskOptions.
  MemoryPlan plan_;
  std::unique_ptr<RocksDbStores> stores_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Membership> membership_;
  std::vector<std::unique_ptr<Shift>> shifts_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<AdminServer> admin_;
  std::atomic<bool> open_ = false;  // Everything above is in place; before that the admin endpoint knows nothing.
  std::atomic<bool> ending_ = false;
  mutable std::mutex standing_mutex_;
  Engine::Standing standing_;
  absl::Time started_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_KAFKA_PROCESS_H_
