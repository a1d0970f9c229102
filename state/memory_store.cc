#include "state/memory_store.h"

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"

namespace ebb {

struct MemoryStores::Disk {
  Rows rows;
  std::atomic<bool> open = false;
};

// std::string compares its bytes as unsigned numbers, so the map's order is the contract's.
class MemoryStores::Rowset final : public Store {
 public:
  explicit Rowset(std::shared_ptr<Disk> disk) : disk_(std::move(disk)) {}
  ~Rowset() override { disk_->open = false; }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) override { return Find(key); }

  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(absl::Span<const std::string> sorted_keys) override {
    if (!std::is_sorted(sorted_keys.begin(), sorted_keys.end())) {
      return absl::InvalidArgumentError("MultiGet expects ascending keys: sort them first");
    }
    std::vector<std::optional<std::string>> values;
    values.reserve(sorted_keys.size());
    for (const std::string& key : sorted_keys) values.push_back(Find(key));
    return values;
  }

  absl::Status Scan(std::string_view from, std::string_view to, const Visitor& visit) override {
    for (auto row = disk_->rows.lower_bound(from); row != disk_->rows.end(); ++row) {
      if (!to.empty() && row->first >= to) break;
      if (!visit(row->first, row->second)) break;
    }
    return absl::OkStatus();
  }

  absl::Status Apply(const WriteBatch& batch) override {
    for (const auto& [key, value] : batch.writes()) {
      if (value.has_value()) {
        disk_->rows.insert_or_assign(std::string(key), std::string(*value));
      } else {
        disk_->rows.erase(std::string(key));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Flush() override { return absl::OkStatus(); }

  uint64_t Bytes() const override {
    uint64_t bytes = 0;
    for (const auto& [key, value] : disk_->rows) bytes += key.size() + value.size();
    return bytes;
  }

 private:
  std::optional<std::string> Find(std::string_view key) const {
    const auto row = disk_->rows.find(key);
    if (row == disk_->rows.end()) return std::nullopt;
    return row->second;
  }

  const std::shared_ptr<Disk> disk_;
};

absl::StatusOr<std::unique_ptr<Store>> MemoryStores::Open(int32_t partition) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Disk> disk = DiskOf(partition);
  if (disk->open.exchange(true)) {
    return absl::FailedPreconditionError(absl::StrCat("the store of task ", partition, " is open: close it first"));
  }
  return std::make_unique<Rowset>(std::move(disk));
}

absl::Status MemoryStores::Destroy(int32_t partition) {
  const std::lock_guard lock(mutex_);
  const std::shared_ptr<Disk> disk = DiskOf(partition);
  if (disk->open) {
    return absl::FailedPreconditionError(absl::StrCat("the store of task ", partition, " is open: close it first"));
  }
  disk->rows.clear();
  return absl::OkStatus();
}

MemoryStores::Rows& MemoryStores::rows(int32_t partition) {
  const std::lock_guard lock(mutex_);
  return DiskOf(partition)->rows;
}

std::shared_ptr<MemoryStores::Disk> MemoryStores::DiskOf(int32_t partition) {
  std::shared_ptr<Disk>& disk = disks_[partition];
  if (disk == nullptr) disk = std::make_shared<Disk>();
  return disk;
}

}  // namespace ebb
