#ifndef EBB_STATE_STORE_H_
#define EBB_STATE_STORE_H_

// A task's local store: ordered rows of bytes, written in atomic batches. Implemented over RocksDB and memory.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace ebb {

// Writes in order; the later of two for one key holds.
class WriteBatch {
 public:
  // A key and its value; none deletes it. Views, valid until the batch changes.
  using Write = std::pair<std::string_view, std::optional<std::string_view>>;

  void Put(std::string_view key, std::string_view value) {
    Add(key, value.size());
    bytes_ += value;
  }
  void Delete(std::string_view key) {
    Add(key, kNoValue);
    deletes_ = true;
  }
  Write operator[](size_t index) const;
  std::vector<Write> writes() const;
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  bool deletes() const { return deletes_; }  // Something.
  // Of all keys and values.
  size_t bytes() const { return bytes_.size(); }

 private:
  struct Entry {
    size_t begin;  // Of the key, in bytes_; the value follows it.
    size_t key_size;
    size_t value_size;
  };
  static constexpr size_t kNoValue = std::numeric_limits<size_t>::max();

  void Add(std::string_view key, size_t value_size) {
    entries_.push_back({bytes_.size(), key.size(), value_size});
    bytes_ += key;
  }

  std::string bytes_;
  std::vector<Entry> entries_;
  bool deletes_ = false;
};

// The rows of one task. After a crash it holds the effect of a prefix of the batches applied, never part of one, and at
// least what was flushed. One thread at a time. After any error but InvalidArgument nothing more may be applied: stop,
// mend the cause, open it again. ResourceExhausted: the disk is full; DataLoss: files are damaged.
class Store {
 public:
  // Called for each row in order of keys (bytes as unsigned numbers); returns false to stop.
  using Visitor = std::function<bool(std::string_view key, std::string_view value)>;

  virtual ~Store() = default;

  virtual absl::StatusOr<std::optional<std::string>> Get(std::string_view key) = 0;

  // Like Get for each of `sorted_keys`, cheaper. The result is as long as the keys, which ascend (equal ones may follow
  // each other), else InvalidArgument.
  virtual absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(
      absl::Span<const std::string> sorted_keys) = 0;

  // Visits the rows with from <= key < to; an empty `to` means no bound. `visit` must not change the store.
  virtual absl::Status Scan(std::string_view from, std::string_view to, const Visitor& visit) = 0;

  // Writes all of `batch` or nothing; its size is not bounded here. FailedPrecondition: opened for reading only.
  virtual absl::Status Apply(const WriteBatch& batch) = 0;

  // Makes what was applied survive a crash of the machine.
  virtual absl::Status Flush() = 0;

  // About how many bytes the rows take on disk, or in memory where there is no disk.
  virtual uint64_t Bytes() const = 0;
};

// The stores of one process, one a task. Thread-safe.
class StoreProvider {
 public:
  virtual ~StoreProvider() = default;

  // Opens the store of task `partition`, empty when there was none. It is closed by deleting it, on any thread.
  // FailedPrecondition: it is open; NotFound: there was none and the provider only reads.
  virtual absl::StatusOr<std::unique_ptr<Store>> Open(int32_t partition) = 0;

  // Removes the store of a task, if there is one. FailedPrecondition: it is open.
  virtual absl::Status Destroy(int32_t partition) = 0;
};

}  // namespace ebb

#endif  // EBB_STATE_STORE_H_
