#ifndef EBB_STATE_ROCKSDB_STORE_H_
#define EBB_STATE_ROCKSDB_STORE_H_

// Stores in files. The files named rocksdb_* are the only place that knows RocksDB.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "state/store.h"

namespace ebb {

// The version of the library, such as "7.8.3".
std::string RocksDbVersion();

// Where a process keeps its stores, and the memory that all of them share. The sum of the two sizes is kept to,
// however many tasks there are: memtables beyond their share, readers of files, index, filter and data blocks take
// room from one cache. A batch larger than that is in memory as a whole while it is written.
struct RocksDbOptions {
  std::string directory;
  uint64_t block_cache_bytes = 64 << 20;   // Index, filter and data blocks.
  uint64_t write_buffer_bytes = 64 << 20;  // All memtables together.
  uint64_t reserve_bytes = 16 << 20;       // Disk left free: opening and writing fail before RocksDB meets a full one.
  bool read_only = false;                  // Opens what a stopped process left, as of its last flush.
};

// One RocksDB database a process, one column family a task, no write-ahead log: the changelog is the log. The
// directory is guarded by a lock, held until this and the stores it opened are gone; unflushed rows are flushed then.
// Thread-safe. A failed background write (above all a full disk) is final: every later Apply and Flush reports it.
class RocksDbStores final : public StoreProvider {
 public:
  // Makes the directory if needed. FailedPrecondition: somebody holds it; PermissionDenied: it cannot be written;
  // ResourceExhausted: the disk is full; DataLoss: files are damaged; NotFound: read_only, and there is no state.
  static absl::StatusOr<std::unique_ptr<RocksDbStores>> OpenDirectory(const RocksDbOptions& options);

  ~RocksDbStores() override;

  absl::StatusOr<std::unique_ptr<Store>> Open(int32_t partition) override;
  absl::Status Destroy(int32_t partition) override;

  // The tasks that have files here, ascending.
  std::vector<int32_t> Partitions() const;

  // Figures for /metrics: name without prefix, value.
  std::vector<std::pair<std::string, double>> Figures() const;

 private:
  class Database;
  class Family;
  explicit RocksDbStores(std::shared_ptr<Database> database);

  std::shared_ptr<Database> database_;
};

}  // namespace ebb

#endif  // EBB_STATE_ROCKSDB_STORE_H_
