#ifndef EBB_STATE_STORE_H_
#define EBB_STATE_STORE_H_

// A task's local store: ordered rows of bytes, written in atomic batches. Implemented over RocksDB and memory.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <iterator>
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
  // A key and its value; none deletes it.
  using Write = std::pair<std::string, std::optional<std::string>>;

  void Put(std::string key, std::string value) { writes_.emplace_back(std::move(key), std::move(value)); }
  void Delete(std::string key) { writes_.emplace_back(std::move(key), std::nullopt); }
  // Adds all that `more` has.
  void Append(WriteBatch more) {
    if (writes_.empty()) return writes_.swap(more.writes_);
    std::move(more.writes_.begin(), more.writes_.end(), std::back_inserter(writes_));
  }
  const std::vector<Write>& writes() const { return writes_; }
  bool empty() const { return writes_.empty(); }
  void Clear() { writes_.clear(); }

 private:
  std::vector<Write> writes_;
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
