#ifndef EBB_STATE_ROCKSDB_DISK_H_
#define EBB_STATE_ROCKSDB_DISK_H_

// The directory and the disk under a RocksDB database, and what can go wrong with them. Stateless; any thread.

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "rocksdb/status.h"
#include "state/rocksdb_store.h"

namespace ebb {

// RocksDB's status as one of ours, with what to do; the codes are those of rocksdb_store.h and store.h.
absl::Status FromRocksDb(const rocksdb::Status& status, const std::string& directory);

// Makes the directory and tries its lock, without keeping it. That changes no file in it, unlike opening the database,
// so what fails after this is about the files, not about access or another process at work on them. FailedPrecondition:
// it is locked; PermissionDenied: it cannot be made or locked; ResourceExhausted: the disk is full; NotFound:
// read_only, and there is no database.
absl::Status PrepareDirectory(const RocksDbOptions& options);

// RocksDB as distributions build it aborts the process when some of its files meet a full disk, so it is stopped short
// of that. ResourceExhausted: less is free than the reserve and `unflushed_bytes`, which are still to be written. File
// systems without a size are not asked.
absl::Status CheckRoom(const RocksDbOptions& options, uint64_t unflushed_bytes);

}  // namespace ebb

#endif  // EBB_STATE_ROCKSDB_DISK_H_
