#ifndef EBB_TESTS_SIMULATION_DISK_H_
#define EBB_TESTS_SIMULATION_DISK_H_

// The disk of a machine: stores that survive the process, that can fail, be lost, be torn and be replaced by copies.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "state/memory_store.h"
#include "state/store.h"

namespace ebb::simulation {

// Outlives the processes that use it, one after the other. Everything but the StoreProvider only between processes.
class Disk final : public StoreProvider {
 public:
  using Image = std::map<int32_t, MemoryStores::Rows>;
  // Called for every batch that is applied.
  using Watch = std::function<void(int32_t partition, const WriteBatch& batch)>;

  // With a `directory` its stores are RocksDB's.
  Disk(int32_t partitions, std::string directory, Watch watch);
  ~Disk() override;

  // Before and after each process. Crash: what was not flushed may be gone, see LoseLast.
  void PowerOn();
  void PowerOff();

  absl::StatusOr<std::unique_ptr<Store>> Open(int32_t partition) override;
  absl::Status Destroy(int32_t partition) override { return base_->Destroy(partition); }

  // The n-th access from now on fails, and every one after it, until the power is turned off.
  void FailAfter(int64_t accesses) { until_failure_ = accesses; }
  // What has not failed yet will not.
  void Mend() { until_failure_ = failed() ? until_failure_ : std::nullopt; }

  bool Empty();
  void Lose();
  // Drops the last batches of one store; returns how many. Memory only.
  int LoseLast(int32_t partition, int batches);
  Image Copy();
  void Replace(const Image& image);

  static constexpr size_t kUndoBatches = 64;

 private:
  class Watched;
  using Undo = std::vector<std::pair<std::string, std::optional<std::string>>>;
  absl::Status Access();
  bool failed() const { return until_failure_ && *until_failure_ <= 0; }

  const int32_t partitions_;
  const std::string directory_;
  const Watch watch_;
  MemoryStores memory_;
  std::unique_ptr<StoreProvider> files_;
  StoreProvider* base_ = nullptr;
  std::map<int32_t, std::deque<Undo>> undo_;
  std::optional<int64_t> until_failure_;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_DISK_H_
