#ifndef EBB_ENGINE_LOG_RECORD_H_
#define EBB_ENGINE_LOG_RECORD_H_

// Records as they enter and leave: what the ports of this folder carry.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ebb {

// One partition of one topic.
struct TopicPartition {
  std::string topic;
  int32_t partition = 0;

  friend auto operator<=>(const TopicPartition&, const TopicPartition&) = default;
};

// For people: "orders-3".
std::string ToString(const TopicPartition& partition);

// A name and bytes beside a record's value.
using Header = std::pair<std::string, std::string>;

// A record that leaves.
struct OutputRecord {
  static constexpr int32_t kByKey = -1;

  std::string topic;
  int32_t partition = kByKey;  // kByKey: chosen by murmur2 of the key, as Kafka's own clients do.
  std::string key;
  std::optional<std::string> value;  // Absent: a tombstone.
  std::vector<Header> headers;

  // Bytes it takes, bookkeeping included.
  size_t bytes() const;
};

// Records of one partition in order of offset, copied out of the client's fetch buffers so that their size is
// known and nothing pins a buffer. A view stays valid until the batch changes. Not thread-safe.
class RecordBatch {
 public:
  struct View {
    int64_t offset = 0;
    int64_t timestamp_ms = 0;  // The record's own time by the broker, not the event's.
    std::string_view key;
    std::optional<std::string_view> value;  // Absent: a tombstone.
    std::string_view headers;               // For VisitHeaders.

    // Calls visit(name, value) for each header, in order; both are views of the batch.
    template <class Visit>
    void VisitHeaders(Visit visit) const {
      for (std::string_view left = headers; !left.empty();) {
        const std::string_view name = TakePiece(&left);
        visit(name, TakePiece(&left));
      }
    }
  };

  // Copies one record in. Offsets must rise.
  void Add(int64_t offset, int64_t timestamp_ms, std::string_view key, std::optional<std::string_view> value);
  // Gives the record added last one more header.
  void AddHeader(std::string_view name, std::string_view value);
  View operator[](size_t index) const;
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  // Bytes held, bookkeeping included.
  size_t bytes() const { return arena_.capacity() + entries_.capacity() * sizeof(Entry); }
  // At least half of that is records.
  bool IsFull() const { return 2 * (arena_.size() + entries_.size() * sizeof(Entry)) >= bytes(); }
  // Forgets the records; the memory stays, to be used again.
  void Clear();

 private:
  struct Entry {
    int64_t offset;
    int64_t timestamp_ms;
    size_t begin;
    uint32_t key_size;
    uint32_t value_size;
  };
  static constexpr uint32_t kNoValue = std::numeric_limits<uint32_t>::max();

  void AddPiece(std::string_view piece);
  static std::string_view TakePiece(std::string_view* left);

  // Of each record its key and its value, and then, up to where the next one begins, its headers: names and values,
  // each behind its size. A record without headers costs nothing.
  std::string arena_;
  std::vector<Entry> entries_;
};

// The partition that Kafka's Java clients give a key, of `partitions` many.
// Source: org.apache.kafka.common.utils.Utils.murmur2 and BuiltInPartitioner.
int32_t PartitionOf(std::string_view key, int32_t partitions);

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_RECORD_H_
