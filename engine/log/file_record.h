#ifndef EBB_ENGINE_LOG_FILE_RECORD_H_
#define EBB_ENGINE_LOG_FILE_RECORD_H_

// The records of a file, one after the other, each held no larger than it may be; and how files are made that are read
// so.

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ebb {

struct FileRecord {
  std::string value;    // Of a record that is larger than it may be, the beginning.
  uint64_t bytes = 0;   // Of the whole record.
  uint64_t digest = 0;  // XXH64 of the whole record; only when it is cut.

  bool cut() const { return bytes > value.size(); }
};

// The largest record that is held whole, and how much of a larger one is kept: no more than that.
struct FileRecordLimits {
  size_t whole_bytes = size_t{64} << 20;
  size_t cut_bytes = size_t{64} << 20;
};

// The next record, or none at the end. With `lines` a record is a line that is not empty, without its line break (LF or
// CR LF), else bytes behind their length as a varint. DataLoss: a length is not one, or the file ends within a record;
// `path` names it to people.
absl::StatusOr<std::optional<FileRecord>> ReadRecord(std::istream& file, bool lines, const FileRecordLimits& limits,
                                                     const std::string& path);

// Writes a record behind its length as a varint. The stream's own state tells whether it could.
void WriteRecord(std::ostream& file, std::string_view value);

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_FILE_RECORD_H_
