#ifndef EBB_STATE_ROCKSDB_WATCH_H_
#define EBB_STATE_ROCKSDB_WATCH_H_

// What a RocksDB database tells beside the statuses of its calls.

#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <mutex>

#include "rocksdb/env.h"
#include "rocksdb/listener.h"
#include "rocksdb/status.h"

namespace ebb {

// Hears what happens in RocksDB's background threads.
class RocksDbWatch final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* error) override {
    const std::lock_guard lock(mutex_);
    if (++errors_ > 1) return;
    failure_ = *error;
  }

  // A writer would hang until the disk has room again: an error is better.
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }

  void OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) override {
    if (info.condition.cur != rocksdb::WriteStallCondition::kNormal && info.condition.cur != info.condition.prev) {
      ++stalls_;
    }
  }

  // The first error of a background thread; `otherwise` when there was none.
  rocksdb::Status Failure(const rocksdb::Status& otherwise) const {
    if (errors_ == 0) return otherwise;
    const std::lock_guard lock(mutex_);
    return failure_;
  }

  uint64_t errors() const { return errors_; }
  uint64_t stalls() const { return stalls_; }

 private:
  mutable std::mutex mutex_;
  rocksdb::Status failure_;  // Guarded by mutex_.
  std::atomic<uint64_t> errors_ = 0;
  std::atomic<uint64_t> stalls_ = 0;
};

// RocksDB's own log would be a file beside the data, and to write to it when the disk is full aborts the process. What
// matters of it comes as statuses.
class RocksDbSilence final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace ebb

#endif  // EBB_STATE_ROCKSDB_WATCH_H_
