#include "tests/simulation/disk.h"

#include <filesystem>
#include <utility>

#include "state/rocksdb_store.h"

namespace ebb::simulation {

class Disk::Watched final : public Store {
 public:
  Watched(Disk* disk, int32_t partition, std::unique_ptr<Store> base)
      : disk_(*disk), partition_(partition), base_(std::move(base)) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) override {
    if (auto status = disk_.Access(); !status.ok()) return status;
    return base_->Get(key);
  }
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(absl::Span<const std::string> sorted_keys) override {
    if (auto status = disk_.Access(); !status.ok()) return status;
    return base_->MultiGet(sorted_keys);
  }
  absl::Status Scan(std::string_view from, std::string_view to, const Visitor& visit) override {
    if (auto status = disk_.Access(); !status.ok()) return status;
    return base_->Scan(from, to, visit);
  }
  absl::Status Apply(const WriteBatch& batch) override {
    if (auto status = disk_.Access(); !status.ok()) return status;
    if (disk_.watch_) disk_.watch_(partition_, batch);
    if (disk_.directory_.empty()) Remember(batch);
    return base_->Apply(batch);
  }
  absl::Status Flush() override { return base_->Flush(); }
  uint64_t Bytes() const override { return base_->Bytes(); }

 private:
  void Remember(const WriteBatch& batch) {
    std::deque<Undo>& undo = disk_.undo_[partition_];
    Undo& before = undo.emplace_back();
    const MemoryStores::Rows& rows = disk_.memory_.rows(partition_);
    for (const auto& [key, value] : batch.writes()) {
      auto row = rows.find(key);
      before.emplace_back(std::string(key), row == rows.end() ? std::nullopt : std::optional(row->second));
    }
    if (undo.size() > kUndoBatches) undo.pop_front();
  }

  Disk& disk_;
  const int32_t partition_;
  const std::unique_ptr<Store> base_;
};

Disk::Disk(int32_t partitions, std::string directory, Watch watch)
    : partitions_(partitions), directory_(std::move(directory)), watch_(std::move(watch)) {}

Disk::~Disk() {
  PowerOff();
  if (!directory_.empty()) std::filesystem::remove_all(directory_);
}

void Disk::PowerOn() {
  base_ = &memory_;
  until_failure_.reset();
  if (directory_.empty() || files_ != nullptr) return;
  RocksDbOptions options;
  options.directory = directory_;
  options.block_cache_bytes = options.write_buffer_bytes = 4 << 20;
  options.reserve_bytes = 0;
  auto opened = RocksDbStores::OpenDirectory(options);
  if (!opened.ok()) std::abort();
  files_ = *std::move(opened);
  base_ = files_.get();
}

void Disk::PowerOff() {
  base_ = nullptr;
  files_.reset();
  until_failure_.reset();
}

absl::Status Disk::Access() {
  if (!until_failure_ || --*until_failure_ > 0) return absl::OkStatus();
  until_failure_ = 0;
  return absl::ResourceExhaustedError("the disk fails (injected)");
}

absl::StatusOr<std::unique_ptr<Store>> Disk::Open(int32_t partition) {
  if (auto status = Access(); !status.ok()) return status;
  auto base = base_->Open(partition);
  if (!base.ok()) return base.status();
  return std::make_unique<Watched>(this, partition, *std::move(base));
}

Disk::Image Disk::Copy() {
  PowerOn();
  Image image;
  for (int32_t p = 0; p < partitions_; ++p) {
    auto store = base_->Open(p);
    (void)(*store)->Scan("", "", [&](std::string_view key, std::string_view value) {
      image[p].emplace(key, value);
      return true;
    });
  }
  PowerOff();
  return image;
}

void Disk::Replace(const Image& image) {
  PowerOn();
  for (int32_t p = 0; p < partitions_; ++p) {
    undo_[p].clear();
    (void)base_->Destroy(p);
    auto rows = image.find(p);
    if (rows == image.end()) continue;
    WriteBatch batch;
    for (const auto& [key, value] : rows->second) batch.Put(key, value);
    (void)(*base_->Open(p))->Apply(batch);
  }
  PowerOff();
}

bool Disk::Empty() {
  for (const auto& [partition, rows] : Copy()) {
    if (!rows.empty()) return false;
  }
  return true;
}

void Disk::Lose() { Replace({}); }

int Disk::LoseLast(int32_t partition, int batches) {
  int lost = 0;
  std::deque<Undo>& undo = undo_[partition];
  MemoryStores::Rows& rows = memory_.rows(partition);
  for (; lost < batches && !undo.empty(); ++lost, undo.pop_back()) {
    for (auto write = undo.back().rbegin(); write != undo.back().rend(); ++write) {
      if (write->second) {
        rows[write->first] = *write->second;
      } else {
        rows.erase(write->first);
      }
    }
  }
  return lost;
}

}  // namespace ebb::simulation
