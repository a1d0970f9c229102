#ifndef EBB_ENGINE_CLI_DEMO_FEED_H_
#define EBB_ENGINE_CLI_DEMO_FEED_H_

// Plays a simulated shop into the sources of a pipeline, as fast as it is told.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/cli/shop.h"
#include "engine/kafka/connection.h"
#include "engine/kafka/sender.h"
#include "engine/pipeline/spec.h"

namespace ebb {

// One thread at a time.
class DemoFeed {
 public:
  // The spec must outlive it. FailedPrecondition: the pipeline has no source for a kind of event that the shop makes.
  static absl::StatusOr<std::unique_ptr<DemoFeed>> Open(const KafkaConnection& connection, const PipelineSpec& spec,
                                                        const ShopOptions& options);

  // Sends what happens in the shop before `moment`, and returns when the broker has it.
  absl::Status PlayUntil(absl::Time moment);

  uint64_t sent() const { return sent_; }
  // The shop has come to its end, and all of it is sent.
  bool over() const { return !next_; }

 private:
  DemoFeed(std::unique_ptr<Sender> sender, const ShopOptions& options)
      : sender_(std::move(sender)), shop_(options), next_(shop_.Next()) {}

  const std::unique_ptr<Sender> sender_;
  std::vector<const SourceSpec*> sources_;  // By ShopSource.
  Shop shop_;
  std::optional<ShopEvent> next_;
  uint64_t sent_ = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_DEMO_FEED_H_
