// Files of records, as replay reads them: the reader, chunk by chunk, against a plain reading of the whole.

#include "engine/log/file_record.h"

#include <sstream>
#include <vector>

#include "state/hash.h"
#include "tests/fuzz/fuzz.h"

namespace ebb::fuzzing {
namespace {

struct Reading {
  std::vector<std::string> records;
  bool whole = true;  // The file does not end, or go wrong, within a record.
};

Reading Lines(std::string_view file) {
  Reading reading;
  while (!file.empty()) {
    const size_t end = std::min(file.find('\n'), file.size());
    std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) reading.records.emplace_back(line);
  }
  return reading;
}

Reading Delimited(std::string_view file) {
  Reading reading;
  while (!file.empty()) {
    uint64_t size = 0;
    size_t digits = 0;
    bool more = true;
    for (; more && digits < 5 && !file.empty(); ++digits) {
      const auto byte = static_cast<unsigned char>(file.front());
      size |= static_cast<uint64_t>(byte & 0x7f) << (7 * digits);
      more = byte >= 0x80;
      file.remove_prefix(1);
    }
    if (more || size > file.size()) {
      reading.whole = false;
      return reading;
    }
    reading.records.emplace_back(file.substr(0, size));
    file.remove_prefix(size);
  }
  return reading;
}

// Each '~' as so many that few of them reach from one chunk of the reader into the next.
std::string Stretched(std::string_view text) {
  std::string out;
  for (char c : text) out.append(c == '~' && out.size() < (512 << 10) ? 16383 : 1, c);
  return out;
}

}  // namespace

EBB_FUZZ_TARGET(file_record) {
  Bytes in(bytes);
  const bool lines = in.Flag();
  const bool stretched = in.Flag();
  FileRecordLimits limits;
  limits.whole_bytes = in.Flag() ? limits.whole_bytes : in.Number() % 1000;
  limits.cut_bytes = std::min<size_t>(limits.whole_bytes, in.Byte());
  const std::string file = stretched ? Stretched(in.Rest()) : std::string(in.Rest());
  const Reading expected = lines ? Lines(file) : Delimited(file);

  std::istringstream stream(file);
  size_t count = 0;
  for (;;) {
    const auto record = ReadRecord(stream, lines, limits, "a file");
    if (!record.ok()) {
      Require(absl::IsDataLoss(record.status()) && !expected.whole, "an error is one of the file's");
      RequireExplains(Text(record.status().message()));
      break;
    }
    if (!*record) {
      Require(expected.whole, "a file that goes wrong is told");
      break;
    }
    Require(count < expected.records.size(), "there are no more records than in the file");
    const std::string& whole = expected.records[count++];
    const size_t held = whole.size() > limits.whole_bytes ? limits.cut_bytes : whole.size();
    Require((*record)->bytes == whole.size(), "the size of a record is known", Text((*record)->bytes));
    Require((*record)->value == whole.substr(0, held), "a record is read as it is", (*record)->value);
    Require(!(*record)->cut() || (*record)->digest == StableHash64(whole), "what is cut is known by its digest");
  }
  Require(count == expected.records.size(), "every whole record is read", Text(count));
}

}  // namespace ebb::fuzzing
