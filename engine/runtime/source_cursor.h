#ifndef EBB_ENGINE_RUNTIME_SOURCE_CURSOR_H_
#define EBB_ENGINE_RUNTIME_SOURCE_CURSOR_H_

// One source's partition as a task reads it: records that have arrived, the head decoded, and everything since the
// epoch opened kept, so that an abort replays it from memory.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/codec/event_decoder.h"
#include "engine/log/input.h"
#include "engine/pipeline/spec.h"
#include "state/customer.h"

namespace ebb {

// Owned by its task, on the task's thread. The input must outlive Stop.
class SourceCursor {
 public:
  SourceCursor(const SourceSpec& spec, int32_t partition, int32_t partitions, size_t buffer_bytes);

  // Begins to read at `offset`; drops what is buffered.
  absl::Status Start(Input* input, int64_t offset);
  void Stop();

  // Takes in what has arrived, as far as there is room: what waits here takes a fraction of what it takes in the input.
  // True when something came.
  absl::StatusOr<bool> Fill();

  // The next record, decoded; false when none has arrived, or the bound is reached.
  bool HasHead() { return has_head_ || FindHead(); }
  // Of the head: its record, and why it cannot be processed, if so.
  const RecordBatch::View& record() const { return head_; }
  const std::optional<Rejection>& rejection() const { return rejection_; }
  const EventDecoder& event() const { return decoder_; }
  // Consumes the head. Its decoded form stays valid until the next HasHead.
  void Take();

  // Redo reads up to here and no further, and keeps nothing that was taken, since it is never rewound.
  void SetBound(std::optional<int64_t> offset) {
    bound_ = offset;
    has_head_ = false;
  }
  bool AtBound() const { return bound_ && position_ >= *bound_; }

  // Forgets what was taken in the epoch that has committed, or goes back to where it began.
  void Release();
  void Rewind();

  // Caught up and empty: the end of the partition has been reached and nothing is buffered.
  bool idle() const { return at_end_ && Unread() == 0; }
  // How many offsets lie between what was taken and the end of the partition as far as it is known: what is left to
  // process, records that nobody will see included. 0 when idle; nothing before the port has heard of an end.
  std::optional<int64_t> lag() const;
  // The offset after the last record taken.
  int64_t position() const { return position_; }
  // Since the epoch opened.
  int64_t from() const { return from_; }
  uint64_t records() const { return records_; }
  uint64_t digest() const { return digest_; }
  // Records buffered and not taken.
  size_t Unread() const;
  // Of all that is buffered, and of what was taken since the epoch opened and is kept for a rewind.
  size_t bytes() const { return bytes_; }
  size_t kept_bytes() const { return kept_bytes_; }
  // Records that arrived together, and the customers of their keys where they were looked for.
  struct Batch {
    RecordBatch records;
    std::vector<Customer*> customers;
    uint64_t generation = 0;  // Of the cache, when they were found.

    size_t bytes() const { return records.bytes() + records.size() * sizeof(Customer*); }
  };
  // Visits the batches that come next and were not visited yet: their customers will soon be asked for.
  template <class Visit>
  void VisitNext(Visit visit) {
    for (; visited_ < std::min(batches_.size(), batch_ + kBatchesAhead); ++visited_) visit(&batches_[visited_]);
  }
  // The customer of the head's key, if it was looked for and is still where it was found; brings those near that come
  // after it.
  Customer* KnownCustomer(uint64_t generation) const;
  const SourceSpec& spec() const { return spec_; }
  const TopicPartition& partition() const { return partition_; }

  // How many records are asked for at a time, how often in one Fill, and how many such batches VisitNext looks
  // ahead.
  static constexpr size_t kPollRecords = 1000;
  static constexpr int kPollsPerFill = 8;
  static constexpr size_t kBatchesAhead = 3;
  // Of the bytes of the buffer, what batches may take that are kept to be used again.
  static constexpr size_t kSpareShare = 4;

 private:
  bool FindHead();
  // Adds what has come in to the batches.
  void Keep();
  void DropTaken();

  const SourceSpec& spec_;
  const TopicPartition partition_;
  const size_t buffer_bytes_;
  EventDecoder decoder_;
  Input* input_ = nullptr;

  std::deque<Batch> batches_;
  RecordBatch incoming_;
  std::vector<Batch> spare_;  // Whose memory is used again.
  size_t spare_bytes_ = 0;
  size_t visited_ = 0;
  size_t batch_ = 0;         // The next record: its batch,
  size_t record_ = 0;        // and its place there.
  size_t first_record_ = 0;  // Where the epoch began, in batches_.front().
  size_t bytes_ = 0;
  size_t kept_bytes_ = 0;  // Of the batches before batch_.
  bool at_end_ = false;
  int64_t end_offset_ = 0;  // With at_end_.
  bool has_head_ = false;  // Decoded, and within the bound.
  bool decoded_ = false;
  RecordBatch::View head_;
  std::optional<Rejection> rejection_;
  std::optional<int64_t> bound_;
  int64_t position_ = 0;
  int64_t from_ = 0;
  uint64_t records_ = 0;
  uint64_t digest_ = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_SOURCE_CURSOR_H_
