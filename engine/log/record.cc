#include "engine/log/record.h"

#include <cstring>

namespace ebb {
namespace {

// Reads little-endian, as Java's implementation does whatever the machine.
uint32_t Word(const unsigned char* bytes) {
  return static_cast<uint32_t>(bytes[0]) | static_cast<uint32_t>(bytes[1]) << 8 |
         static_cast<uint32_t>(bytes[2]) << 16 | static_cast<uint32_t>(bytes[3]) << 24;
}

uint32_t Murmur2(std::string_view key) {
  constexpr uint32_t kSeed = 0x9747b28c;
  constexpr uint32_t kMultiplier = 0x5bd1e995;
  constexpr int kShift = 24;
  const auto* bytes = reinterpret_cast<const unsigned char*>(key.data());
  size_t left = key.size();
  uint32_t hash = kSeed ^ static_cast<uint32_t>(key.size());
  for (; left >= 4; left -= 4, bytes += 4) {
    uint32_t word = Word(bytes) * kMultiplier;
    word ^= word >> kShift;
    hash = (hash * kMultiplier) ^ (word * kMultiplier);
  }
  if (left > 0) {
    unsigned char tail[4] = {};
    std::memcpy(tail, bytes, left);
    hash = (hash ^ Word(tail)) * kMultiplier;
  }
  hash ^= hash >> 13;
  hash *= kMultiplier;
  return hash ^ (hash >> 15);
}

}  // namespace

std::string ToString(const TopicPartition& partition) {
  return partition.topic + "-" + std::to_string(partition.partition);
}

size_t OutputRecord::bytes() const {
  size_t bytes = sizeof(*this) + key.size() + (value ? value->size() : 0);
  for (const Header& header : headers) bytes += sizeof(header) + header.first.size() + header.second.size();
  return bytes;
}

void RecordBatch::Add(int64_t offset, int64_t timestamp_ms, std::string_view key,
                      std::optional<std::string_view> value) {
  entries_.push_back({offset, timestamp_ms, arena_.size(), static_cast<uint32_t>(key.size()),
                      value ? static_cast<uint32_t>(value->size()) : kNoValue});
  arena_.append(key);
  if (value) arena_.append(*value);
}

void RecordBatch::AddHeader(std::string_view name, std::string_view value) {
  AddPiece(name);
  AddPiece(value);
}

void RecordBatch::AddPiece(std::string_view piece) {
  const auto size = static_cast<uint32_t>(piece.size());
  arena_.append(reinterpret_cast<const char*>(&size), sizeof(size));
  arena_.append(piece);
}

std::string_view RecordBatch::TakePiece(std::string_view* left) {
  uint32_t size;
  std::memcpy(&size, left->data(), sizeof(size));
  const std::string_view piece = left->substr(sizeof(size), size);
  left->remove_prefix(sizeof(size) + size);
  return piece;
}

RecordBatch::View RecordBatch::operator[](size_t index) const {
  const Entry& entry = entries_[index];
  const size_t end = index + 1 < entries_.size() ? entries_[index + 1].begin : arena_.size();
  std::string_view bytes(arena_.data() + entry.begin, end - entry.begin);
  const auto take = [&bytes](size_t size) {
    const std::string_view piece = bytes.substr(0, size);
    bytes.remove_prefix(size);
    return piece;
  };
  View view{entry.offset, entry.timestamp_ms, take(entry.key_size), std::nullopt, {}};
  if (entry.value_size != kNoValue) view.value = take(entry.value_size);
  view.headers = bytes;
  return view;
}

void RecordBatch::Clear() {
  arena_.clear();
  entries_.clear();
}

int32_t PartitionOf(std::string_view key, int32_t partitions) {
  return static_cast<int32_t>((Murmur2(key) & 0x7fffffff) % static_cast<uint32_t>(partitions));
}

}  // namespace ebb
