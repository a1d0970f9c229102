#ifndef EBB_TESTS_UNIT_STATE_STORE_TESTING_H_
#define EBB_TESTS_UNIT_STATE_STORE_TESTING_H_

// What the tests of stores share: a directory for each, and calls that must succeed.

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "state/rocksdb_store.h"
#include "state/store.h"

namespace ebb {

using Rows = std::vector<std::pair<std::string, std::string>>;

class Directory {
 public:
  Directory() {
    std::string name = testing::TempDir() + "/ebb_store_XXXXXX";
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The writes of a batch, in order.
inline std::vector<std::pair<std::string, std::optional<std::string>>> WritesOf(const WriteBatch& batch) {
  const auto writes = batch.writes();
  return {writes.begin(), writes.end()};
}

inline RocksDbOptions Small(const std::string& directory) {
  return {.directory = directory, .block_cache_bytes = 4 << 20, .write_buffer_bytes = 1 << 20};
}

inline std::unique_ptr<RocksDbStores> OpenDirectory(const RocksDbOptions& options) {
  auto stores = RocksDbStores::OpenDirectory(options);
  EXPECT_TRUE(stores.ok()) << stores.status();
  return stores.ok() ? *std::move(stores) : nullptr;
}

inline absl::Status OpeningFails(const RocksDbOptions& options) {
  return RocksDbStores::OpenDirectory(options).status();
}

inline std::unique_ptr<Store> OpenStore(StoreProvider& stores, int32_t partition) {
  auto store = stores.Open(partition);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

inline absl::Status Put(Store& store, const std::string& key, const std::string& value) {
  WriteBatch batch;
  batch.Put(key, value);
  return store.Apply(batch);
}

inline std::optional<std::string> Value(Store& store, const std::string& key) {
  const auto value = store.Get(key);
  EXPECT_TRUE(value.ok()) << value.status();
  return value.value_or(std::nullopt);
}

inline Rows Scan(Store& store, const std::string& from = "", const std::string& to = "", size_t most = SIZE_MAX) {
  Rows rows;
  const absl::Status status = store.Scan(from, to, [&](std::string_view key, std::string_view value) {
    rows.emplace_back(key, value);
    return rows.size() < most;
  });
  EXPECT_TRUE(status.ok()) << status;
  return rows;
}

inline std::vector<std::string> Keys(const Rows& rows) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : rows) keys.push_back(key);
  return keys;
}

}  // namespace ebb

#endif  // EBB_TESTS_UNIT_STATE_STORE_TESTING_H_
