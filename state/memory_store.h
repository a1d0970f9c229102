#ifndef EBB_STATE_MEMORY_STORE_H_
#define EBB_STATE_MEMORY_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "state/store.h"

namespace ebb {

// Stores in memory, for tests and simulation. Rows outlive the Store object, as files outlive a process; a Store may
// outlive its provider.
class MemoryStores final : public StoreProvider {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;

  absl::StatusOr<std::unique_ptr<Store>> Open(int32_t partition) override;
  absl::Status Destroy(int32_t partition) override;

  // The rows of a task, for tests that inspect or spoil them; valid as long as the provider. Not to be used while
  // the task's store is in use on another thread.
  Rows& rows(int32_t partition);

 private:
  struct Disk;
  class Rowset;
  std::shared_ptr<Disk> DiskOf(int32_t partition);  // Holds mutex_.

  std::mutex mutex_;
  std::map<int32_t, std::shared_ptr<Disk>> disks_;
};

}  // namespace ebb

#endif  // EBB_STATE_MEMORY_STORE_H_
