#ifndef EBB_ENGINE_LOG_INPUT_H_
#define EBB_ENGINE_LOG_INPUT_H_

// The port through which records come in. Implemented over Kafka, files and memory.

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/log/record.h"

namespace ebb {

// Reads committed records of partitions that it is told to read. Nothing blocks. One thread at a time, the worker's.
class Input {
 public:
  // What a call of Poll brought.
  struct Polled {
    size_t records = 0;
    // The fetch position is at the end of what can be read and nothing is buffered below: caught up and empty.
    // Never inferred from the high watermark, which control records keep out of reach.
    bool at_end = false;
    // The offset after the last record read or passed over; meaningful only with at_end.
    int64_t end_offset = 0;
  };

  virtual ~Input() = default;

  // Begins to read a partition at `offset`, anew if it is being read. Returns at once.
  // FailedPrecondition: the port cannot read this partition at all.
  virtual absl::Status Start(const TopicPartition& partition, int64_t offset) = 0;

  // Ends reading it; buffered records are dropped. No effect on a partition that is not being read.
  virtual void Stop(const TopicPartition& partition) = 0;

  // Appends to *batch up to `max_records` that have arrived. OutOfRange: the offset is no longer kept;
  // Unavailable: passing trouble, call again; other codes are final for this partition.
  virtual absl::StatusOr<Polled> Poll(const TopicPartition& partition, size_t max_records, RecordBatch* batch) = 0;

  // The offset after the last record of a partition that is being read, as far as the port has heard without asking;
  // nothing before it has. Until Poll is at_end it may lie behind control records and records that are not committed
  // yet, so that it tells how much is left to read, never that nothing is.
  virtual std::optional<int64_t> KnownEnd(const TopicPartition& partition) const = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_INPUT_H_
