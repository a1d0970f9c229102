#include "state/store.h"

#include <algorithm>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/memory_store.h"
#include "state/rocksdb_store.h"
#include "tests/unit/state/store_testing.h"

namespace ebb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// What every kind of store keeps.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual StoreProvider& stores() = 0;
  // As after a clean stop and a start.
  virtual void Restart() = 0;
};

class MemoryBackend final : public Backend {
 public:
  StoreProvider& stores() override { return stores_; }
  void Restart() override {}

 private:
  MemoryStores stores_;
};

class RocksDbBackend final : public Backend {
 public:
  RocksDbBackend() { Restart(); }
  StoreProvider& stores() override { return *stores_; }
  void Restart() override {
    stores_.reset();
    stores_ = OpenDirectory(Small(directory_.path()));
  }

 private:
  Directory directory_;
  std::unique_ptr<RocksDbStores> stores_;
};

template <typename Kind>
class StoreTest : public testing::Test {
 protected:
  void Restart() {
    store_.reset();
    backend_.Restart();
    store_ = OpenStore(stores(), 0);
  }
  StoreProvider& stores() { return backend_.stores(); }

  Kind backend_;
  std::unique_ptr<Store> store_ = OpenStore(backend_.stores(), 0);
};

using Kinds = testing::Types<MemoryBackend, RocksDbBackend>;
TYPED_TEST_SUITE(StoreTest, Kinds);

TYPED_TEST(StoreTest, RowsComeInOrderOfUnsignedBytes) {
  const std::vector<std::string> keys = {std::string("\0", 1), std::string("\0\0", 2), "a", "a\x7f", "a\x80",
                                         "a\xff",              "b",                    "\x7f", "\x80", "\xff\xff"};
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) ASSERT_TRUE(Put(*this->store_, *key, "v").ok());
  EXPECT_EQ(Keys(Scan(*this->store_)), keys);
  ASSERT_TRUE(this->store_->Flush().ok());
  EXPECT_EQ(Keys(Scan(*this->store_)), keys);
}

TYPED_TEST(StoreTest, ScanTakesTheLowerBoundAndLeavesTheUpper) {
  for (const char* key : {"a", "b", "ba", "c", "d"}) ASSERT_TRUE(Put(*this->store_, key, "v").ok());
  EXPECT_THAT(Keys(Scan(*this->store_, "b", "c")), ElementsAre("b", "ba"));
  EXPECT_THAT(Keys(Scan(*this->store_, "aa", "cc")), ElementsAre("b", "ba", "c"));
  EXPECT_THAT(Keys(Scan(*this->store_, "c", "")), ElementsAre("c", "d"));
  EXPECT_THAT(Keys(Scan(*this->store_, "b", "b")), IsEmpty());
  EXPECT_THAT(Keys(Scan(*this->store_, "c", "b")), IsEmpty());
  EXPECT_THAT(Keys(Scan(*this->store_, "e", "")), IsEmpty());
}

TYPED_TEST(StoreTest, ScanStopsWhenTheVisitorHasEnough) {
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(Put(*this->store_, key, "v").ok());
  EXPECT_THAT(Keys(Scan(*this->store_, "", "", 2)), ElementsAre("a", "b"));
}

TYPED_TEST(StoreTest, LaterWriteOfABatchHolds) {
  WriteBatch batch;
  batch.Put("twice", "first");
  batch.Put("twice", "second");
  batch.Put("gone", "first");
  batch.Delete("gone");
  batch.Delete("back");
  batch.Put("back", "second");
  ASSERT_TRUE(this->store_->Apply(batch).ok());
  EXPECT_EQ(Scan(*this->store_), (Rows{{"back", "second"}, {"twice", "second"}}));
}

TYPED_TEST(StoreTest, DeleteRemovesWhatWasFlushedAndIgnoresWhatIsNotThere) {
  ASSERT_TRUE(Put(*this->store_, "a", "1").ok());
  ASSERT_TRUE(Put(*this->store_, "b", "2").ok());
  ASSERT_TRUE(this->store_->Flush().ok());
  WriteBatch batch;
  batch.Delete("a");
  batch.Delete("never");
  ASSERT_TRUE(this->store_->Apply(batch).ok());
  EXPECT_EQ(Value(*this->store_, "a"), std::nullopt);
  EXPECT_EQ(Scan(*this->store_), (Rows{{"b", "2"}}));
}

TYPED_TEST(StoreTest, EmptyValueIsNotAbsence) {
  ASSERT_TRUE(this->store_->Apply(WriteBatch()).ok());
  ASSERT_TRUE(Put(*this->store_, "empty", "").ok());
  EXPECT_EQ(Value(*this->store_, "empty"), "");
  EXPECT_EQ(Value(*this->store_, "absent"), std::nullopt);
}

TYPED_TEST(StoreTest, MultiGetEqualsGetOverFilesAndMemory) {
  for (int i = 0; i < 1000; i += 2) ASSERT_TRUE(Put(*this->store_, std::to_string(20000 + i), std::to_string(i)).ok());
  ASSERT_TRUE(this->store_->Flush().ok());
  for (int i = 0; i < 1000; i += 3) ASSERT_TRUE(Put(*this->store_, std::to_string(20000 + i), "new").ok());
  std::vector<std::string> keys;
  for (int i = -5; i < 1005; ++i) keys.push_back(std::to_string(20000 + i));
  keys.insert(keys.begin() + 7, keys[7]);
  const auto values = this->store_->MultiGet(keys);
  ASSERT_TRUE(values.ok()) << values.status();
  ASSERT_EQ(values->size(), keys.size());
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ((*values)[i], Value(*this->store_, keys[i])) << keys[i];
  EXPECT_TRUE(this->store_->MultiGet({})->empty());
}

TYPED_TEST(StoreTest, MultiGetRefusesKeysOutOfOrder) {
  const std::vector<std::string> keys = {"b", "a"};
  EXPECT_EQ(this->store_->MultiGet(keys).status().code(), absl::StatusCode::kInvalidArgument);
}

TYPED_TEST(StoreTest, RowsOutliveARestart) {
  ASSERT_TRUE(Put(*this->store_, "flushed", "1").ok());
  ASSERT_TRUE(this->store_->Flush().ok());
  ASSERT_TRUE(Put(*this->store_, "not flushed", "2").ok());
  ASSERT_TRUE(Put(*OpenStore(this->stores(), 7), "other", "3").ok());
  this->Restart();
  EXPECT_EQ(Scan(*this->store_), (Rows{{"flushed", "1"}, {"not flushed", "2"}}));
  EXPECT_EQ(Scan(*OpenStore(this->stores(), 7)), (Rows{{"other", "3"}}));
}

TYPED_TEST(StoreTest, LargeBatchIsOneBatch) {
  constexpr int kRows = 100'000;
  WriteBatch batch;
  for (int i = 0; i < kRows; ++i) batch.Put(std::to_string(i), std::string(100, 'v'));
  ASSERT_TRUE(this->store_->Apply(batch).ok());
  EXPECT_EQ(Scan(*this->store_).size(), kRows);
  EXPECT_GT(this->store_->Bytes(), 100'000u);
}

TYPED_TEST(StoreTest, OpenStoreIsNeitherOpenedAgainNorDestroyed) {
  EXPECT_EQ(this->stores().Open(0).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(this->stores().Destroy(0).code(), absl::StatusCode::kFailedPrecondition);
  this->store_.reset();
  EXPECT_TRUE(this->stores().Open(0).ok());
}

TYPED_TEST(StoreTest, DestroyedStoreOpensEmptyAndLeavesOthersAlone) {
  ASSERT_TRUE(Put(*this->store_, "a", "1").ok());
  ASSERT_TRUE(this->store_->Flush().ok());
  ASSERT_TRUE(Put(*OpenStore(this->stores(), 1), "b", "2").ok());
  this->store_.reset();
  ASSERT_TRUE(this->stores().Destroy(0).ok());
  ASSERT_TRUE(this->stores().Destroy(99).ok());
  this->Restart();
  EXPECT_THAT(Scan(*this->store_), IsEmpty());
  EXPECT_EQ(Scan(*OpenStore(this->stores(), 1)), (Rows{{"b", "2"}}));
}

TYPED_TEST(StoreTest, TwoThreadsUseAStoreEach) {
  const auto work = [this](int32_t partition) {
    auto store = OpenStore(this->stores(), partition);
    for (int i = 0; i < 2000; ++i) {
      ASSERT_TRUE(Put(*store, "row " + std::to_string(i % 500), std::to_string(partition)).ok());
      if (i % 500 == 0) {
        ASSERT_TRUE(store->Flush().ok());
      }
      ASSERT_EQ(Value(*store, "row " + std::to_string(i % 500)), std::to_string(partition));
    }
  };
  std::thread one(work, 1);
  std::thread two(work, 2);
  one.join();
  two.join();
  EXPECT_EQ(Scan(*OpenStore(this->stores(), 1)).size(), 500u);
  EXPECT_EQ(Scan(*OpenStore(this->stores(), 2)).size(), 500u);
}

}  // namespace
}  // namespace ebb
