#include "engine/runtime/control_feed.h"

#include <algorithm>
#include <utility>

#include "state/hash.h"
#include "state/text.h"

namespace ebb {

std::string PublicationKey(const v1::Publication& publication) {
  return Text(publication.name(), "@", publication.version());
}

uint64_t PublicationChecksum(const v1::Publication& publication) {
  const auto piece = [](std::string_view text) { return Text(text.size(), ":", text); };
  return StableHash64(Text(piece(publication.name()), publication.version(), ",", publication.valid_from_ms(), ",",
                           publication.published_at_ms(), ",", piece(publication.author()),
                           piece(publication.amendment())));
}

absl::StatusOr<std::shared_ptr<const PipelineSpec>> AmendedBy(
    const PipelineSpec& file, const std::map<int64_t, const v1::Publication*>& by_offset) {
  std::vector<Amendment> amendments;
  for (const auto& [offset, publication] : by_offset) {
    amendments.push_back({PublicationKey(*publication), publication->amendment()});
  }
  return AmendPipeline(file, amendments);
}

Published ReadPublished(const RecordBatch::View& record) {
  Published published;
  published.offset = record.offset;
  published.timestamp_ms = record.timestamp_ms;
  published.key = std::string(record.key);
  published.value = std::string(record.value.value_or(""));
  v1::Publication& publication = published.publication;
  if (!publication.ParseFromString(published.value)) {
    published.unreadable = "expected a message ebb.v1.Publication, got other bytes";
  } else if (publication.checksum() != PublicationChecksum(publication)) {
    published.unreadable = "its checksum is not that of what it holds: it is damaged, or was not made by ebb control";
  } else if (publication.name().empty() || publication.version() < 1) {
    published.unreadable = "it has no name or no version";
  } else if (const std::string key = PublicationKey(publication); key != record.key) {
    published.unreadable = Text("its key is ", record.key, "; expected ", key);
  }
  return published;
}

ControlFeed::ControlFeed(std::string topic, Input* input, Cluster* cluster)
    : topic_(std::move(topic)), input_(*input), cluster_(*cluster) {}

void ControlFeed::Step(absl::Duration elapsed) {
  if (topic_.empty()) return;
  if (!began_) began_ = elapsed;
  heard_ |= elapsed - *began_ >= kFirstLook;
  if (elapsed < look_at_) return;
  const absl::Status status = Look();
  if (absl::IsUnavailable(status)) return;
  if (!status.ok()) {
    input_.Stop(partition());
    reading_ = false;
    heard_ = true;
  }
  trouble_ = status;
  look_at_ = elapsed + (!status.ok() ? kLookAgain : heard_ ? kLook : absl::ZeroDuration());
}

absl::Status ControlFeed::Look() {
  if (!reading_) {
    auto bounds = cluster_.WrittenBounds(partition());
    if (!bounds.ok()) return bounds.status();
    const int64_t from = std::max(bounds->begin, published_.empty() ? 0 : published_.back().offset + 1);
    if (auto status = input_.Start(partition(), from); !status.ok()) return status;
    reading_ = true;
    end_ = bounds->end;
    heard_ |= from >= end_;
  }
  RecordBatch batch;
  auto polled = input_.Poll(partition(), kRecordsPerLook, &batch);
  if (!polled.ok()) return polled.status();
  // What the end counts may be records that are passed over.
  heard_ |= polled->at_end || (!batch.empty() && batch[batch.size() - 1].offset + 1 >= end_);
  for (size_t i = 0; i < batch.size(); ++i) {
    // A version that was taken off the topic stays in force where it is.
    if (batch[i].value) published_.push_back(ReadPublished(batch[i]));
  }
  if (batch.empty()) return absl::OkStatus();
  if (published_.size() > kMostPublications) {
    published_.erase(published_.begin(), published_.end() - static_cast<ptrdiff_t>(kMostPublications));
  }
  ++generation_;
  return absl::OkStatus();
}

}  // namespace ebb
