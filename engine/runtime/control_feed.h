#ifndef EBB_ENGINE_RUNTIME_CONTROL_FEED_H_
#define EBB_ENGINE_RUNTIME_CONTROL_FEED_H_

// What has been published on the control topic, as far as a worker has heard.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "ebb/v1/control.pb.h"
#include "engine/log/cluster.h"
#include "engine/log/input.h"
#include "engine/pipeline/spec.h"

namespace ebb {

// A broker that takes no larger message than the changelog's takes no larger publication.
inline constexpr size_t kMaxPublicationBytes = 4 << 20;

// "name@version": the key of a publication on the control topic.
std::string PublicationKey(const v1::Publication& publication);

// Digest of everything but the checksum.
uint64_t PublicationChecksum(const v1::Publication& publication);

// The pipeline of a file with these publications, which are given by where they stand on the control topic: of two that
// give the same key the later one counts. InvalidArgument: as AmendPipeline.
absl::StatusOr<std::shared_ptr<const PipelineSpec>> AmendedBy(
    const PipelineSpec& file, const std::map<int64_t, const v1::Publication*>& by_offset);

// A record of the control topic.
struct Published {
  int64_t offset = 0;
  int64_t timestamp_ms = 0;  // The record's own time by the broker.
  std::string key;
  std::string value;
  v1::Publication publication;  // As far as it could be read.
  std::string unreadable;       // Why it could not; empty when it could.
};

// Reads a record. Never fails: what is wrong is in `unreadable`.
Published ReadPublished(const RecordBatch::View& record);

// A step function on the worker's thread. The ports must outlive it.
class ControlFeed {
 public:
  // Of a pipeline without control the topic is empty, and nothing ever comes.
  ControlFeed(std::string topic, Input* input, Cluster* cluster);

  // Takes in what has arrived, looking now and then. Trouble is passing: it looks again.
  void Step(absl::Duration elapsed);

  const std::string& topic() const { return topic_; }
  // In order of offset; the latest kMostPublications of them.
  absl::Span<const Published> all() const { return published_; }
  // Changes with all().
  uint64_t generation() const { return generation_; }
  // What was published before the first step has been read, or could not be, or not within kFirstLook.
  bool heard() const { return topic_.empty() || heard_; }
  // Why the topic cannot be read at the moment; OK when it can.
  const absl::Status& trouble() const { return trouble_; }

  // How often it looks, and after trouble.
  static constexpr absl::Duration kLook = absl::Milliseconds(100);
  static constexpr absl::Duration kLookAgain = absl::Seconds(2);
  static constexpr absl::Duration kFirstLook = absl::Seconds(10);
  // Records that one look takes in.
  static constexpr size_t kRecordsPerLook = 100;
  static constexpr size_t kMostPublications = 1000;

 private:
  TopicPartition partition() const { return {topic_, 0}; }
  absl::Status Look();

  const std::string topic_;
  Input& input_;
  Cluster& cluster_;
  std::vector<Published> published_;
  uint64_t generation_ = 0;
  bool reading_ = false;
  int64_t end_ = 0;  // Of what was there when reading began.
  bool heard_ = false;
  std::optional<absl::Duration> began_;
  absl::Duration look_at_;
  absl::Status trouble_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_CONTROL_FEED_H_
