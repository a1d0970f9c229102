#include "engine/log/file_record.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "absl/status/status.h"
#include "google/protobuf/io/coded_stream.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr size_t kChunkBytes = 64 << 10;

// A record that grows piece by piece, of which only so much is kept.
class Growing {
 public:
  explicit Growing(const FileRecordLimits& limits) : limits_(limits) {}

  void Append(std::string_view piece) {
    record_.bytes += piece.size();
    if (!digesting_ && record_.bytes > limits_.whole_bytes) {
      digesting_ = true;
      XXH64_reset(&digest_, 0);
      XXH64_update(&digest_, record_.value.data(), record_.value.size());
    }
    if (digesting_) {
      XXH64_update(&digest_, piece.data(), piece.size());
      piece = piece.substr(0, limits_.cut_bytes - std::min(limits_.cut_bytes, record_.value.size()));
    }
    record_.value += piece;
  }

  FileRecord Finish() {
    if (digesting_) {
      record_.digest = XXH64_digest(&digest_);
      record_.value.resize(std::min(record_.value.size(), limits_.cut_bytes));
    }
    return std::move(record_);
  }

 private:
  const FileRecordLimits& limits_;
  FileRecord record_;
  bool digesting_ = false;
  XXH64_state_t digest_;
};

// The next line, which may be empty; none at the end.
std::optional<FileRecord> ReadLine(std::istream& file, const FileRecordLimits& limits) {
  std::array<char, kChunkBytes> chunk;
  Growing line(limits);
  bool held_return = false;  // A CR: part of the line only if more of it follows.
  bool any = false;
  for (bool ended = false; !ended;) {
    file.getline(chunk.data(), kChunkBytes);
    auto count = static_cast<size_t>(file.gcount());
    // Without an error but with characters, the stream has met the line break, which it counts, or the end.
    ended = !file.fail() || count == 0;
    any = any || count > 0;
    if (!file.fail() && !file.eof()) --count;
    if (!ended) file.clear();
    if (count == 0) continue;
    if (held_return) line.Append("\r");
    held_return = chunk[count - 1] == '\r';
    line.Append({chunk.data(), count - (held_return ? 1 : 0)});
  }
  if (!any) return std::nullopt;
  return line.Finish();
}

// The length before a record; none at the end.
absl::StatusOr<std::optional<uint64_t>> ReadLength(std::istream& file, const std::string& path) {
  uint64_t size = 0;
  for (int shift = 0;; shift += 7) {
    const int byte = file.get();
    if (byte == std::char_traits<char>::eof() && shift == 0) return std::nullopt;
    if (byte == std::char_traits<char>::eof() || shift > 28) {
      return absl::DataLossError(Text(path, " is not a file of messages, each behind its length as a varint; a file of "
                                            "JSON Lines has a name that ends in .jsonl"));
    }
    size |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return size;
  }
}

}  // namespace

absl::StatusOr<std::optional<FileRecord>> ReadRecord(std::istream& file, bool lines, const FileRecordLimits& limits,
                                                     const std::string& path) {
  if (lines) {
    std::optional<FileRecord> line;
    do {
      line = ReadLine(file, limits);
    } while (line && line->bytes == 0);
    return line;
  }
  const auto length = ReadLength(file, path);
  if (!length.ok()) return length.status();
  if (!*length) return std::nullopt;
  std::array<char, kChunkBytes> chunk;
  Growing record(limits);
  for (uint64_t left = **length; left > 0;) {
    const size_t count = std::min<uint64_t>(left, kChunkBytes);
    if (!file.read(chunk.data(), static_cast<std::streamsize>(count))) {
      return absl::DataLossError(Text(path, " ends in the middle of a record of ", **length, " bytes"));
    }
    record.Append({chunk.data(), count});
    left -= count;
  }
  return record.Finish();
}

void WriteRecord(std::ostream& file, std::string_view value) {
  uint8_t length[10];
  const uint8_t* const end = google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value.size(), length);
  file.write(reinterpret_cast<const char*>(length), end - length);
  file << value;
}

}  // namespace ebb
