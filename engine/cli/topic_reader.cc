#include "engine/cli/topic_reader.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "engine/cli/await.h"
#include "engine/kafka/cluster.h"
#include "engine/kafka/input.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr absl::Duration kPause = absl::Milliseconds(5);
constexpr size_t kRecordsAtOnce = 1000;

}  // namespace

TopicReader::TopicReader(std::string brokers, absl::Duration patience, std::unique_ptr<Cluster> cluster,
                         std::unique_ptr<Input> input)
    : brokers_(std::move(brokers)), patience_(patience), cluster_(std::move(cluster)), input_(std::move(input)) {}

absl::StatusOr<TopicReader> TopicReader::Open(const KafkaConnection& connection, absl::Duration patience) {
  auto cluster = OpenKafkaCluster(connection, {"", patience});
  if (!cluster.ok()) return cluster.status();
  auto input = OpenKafkaInput(connection, {});
  if (!input.ok()) return input.status();
  return TopicReader(connection.bootstrap_servers, patience, *std::move(cluster), *std::move(input));
}

absl::StatusOr<int32_t> TopicReader::PartitionCount(const std::string& topic) {
  return Await([&] { return cluster_->PartitionCount(topic); });
}

absl::StatusOr<Cluster::Bounds> TopicReader::Bounds(const TopicPartition& partition) {
  return Await([&] { return cluster_->WrittenBounds(partition); });
}

absl::Status TopicReader::Read(const TopicPartition& partition, int64_t offset, const Visit& visit) {
  const auto bounds = Bounds(partition);
  if (!bounds.ok()) return bounds.status();
  return ReadBetween(partition, std::max(offset, bounds->begin), bounds->end, visit);
}

absl::Status TopicReader::ReadSince(const TopicPartition& partition, absl::Time since, const Visit& visit) {
  const auto offset = Await([&] { return cluster_->OffsetAt(partition, since); });
  if (!offset.ok()) return offset.status();
  return Read(partition, *offset, visit);
}

absl::Status TopicReader::ReadBetween(const TopicPartition& partition, int64_t begin, int64_t end, const Visit& visit) {
  if (begin >= end) return absl::OkStatus();
  if (auto status = input_->Start(partition, begin); !status.ok()) return status;
  absl::Time until = absl::Now() + patience_;
  absl::Status status;
  for (bool goes_on = true; goes_on;) {
    RecordBatch batch;
    const auto polled = input_->Poll(partition, kRecordsAtOnce, &batch);
    if (!polled.ok() && !absl::IsUnavailable(polled.status())) {
      status = polled.status();
      break;
    }
    for (size_t i = 0; i < batch.size() && goes_on; ++i) {
      goes_on = batch[i].offset < end && visit(batch[i]) && batch[i].offset + 1 < end;
    }
    if (!batch.empty()) {
      until = absl::Now() + patience_;
    } else if (polled.ok() && polled->at_end) {
      // What is left up to the end are control records, and what no transaction has committed.
      goes_on = false;
    } else if (absl::Now() >= until) {
      status =
          absl::DeadlineExceededError(Text(ToString(partition), " could not be read to its end: nothing came for ",
                                           absl::FormatDuration(patience_), "; is Kafka at ", brokers_, " running?"));
      break;
    } else {
      absl::SleepFor(kPause);
    }
  }
  input_->Stop(partition);
  return status;
}

}  // namespace ebb
