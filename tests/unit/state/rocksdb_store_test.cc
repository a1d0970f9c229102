#include "state/rocksdb_store.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/state/store_testing.h"

// Takes the place of the C library's for all of this program: a disk can be full, or slow for as long as a test wants,
// without one at hand.
enum class Disk { kGood, kSlow, kFull, kFullForCompaction };
std::atomic<Disk> g_disk = Disk::kGood;
extern "C" int fdatasync(int file) {
  g_disk.wait(Disk::kSlow);
  char thread[16] = "";
  ::pthread_getname_np(::pthread_self(), thread, sizeof(thread));
  if (g_disk == Disk::kFull || (g_disk == Disk::kFullForCompaction && std::string_view(thread) == "rocksdb:low")) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fdatasync, file));
}

namespace ebb {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

double Figure(const RocksDbStores& stores, const std::string& name) {
  for (const auto& [figure, value] : stores.Figures()) {
    if (figure == name) return value;
  }
  ADD_FAILURE() << "no figure " << name;
  return -1;
}

// A child is this same program, started afresh, for RocksDB's threads do not survive a fork. It leaves its role to this
// environment, which runs before any test.
constexpr char kChildRole[] = "EBB_STORE_TEST_CHILD";
constexpr char kChildDirectory[] = "EBB_STORE_TEST_DIRECTORY";
constexpr int kStores = 2;
constexpr int kRowsOfBatch = 20;

std::string RowOfBatch(uint64_t batch, int row) { return "batch " + std::to_string(batch * kRowsOfBatch + row); }

void Report() {
  if (::write(STDOUT_FILENO, ".", 1) != 1) ::_exit(1);
}

// Batch n writes rows of its own, takes the number n and marks shared rows with it; each store by turns, for ever.
void WriteForEver(RocksDbStores& stores) {
  std::unique_ptr<Store> store[kStores];
  uint64_t next[kStores];
  for (int s = 0; s < kStores; ++s) {
    store[s] = OpenStore(stores, s);
    next[s] = std::stoull(Value(*store[s], "next").value_or("0"));
  }
  for (;;) {
    for (int s = 0; s < kStores; ++s) {
      WriteBatch batch;
      const uint64_t number = next[s]++;
      for (int row = 0; row < kRowsOfBatch; ++row) {
        batch.Put(RowOfBatch(number, row), std::string(200, 'v'));
        batch.Put("shared " + std::to_string(row), std::to_string(number));
      }
      batch.Put("next", std::to_string(next[s]));
      if (!store[s]->Apply(batch).ok()) ::_exit(1);
    }
    Report();
  }
}

class ChildEnvironment final : public testing::Environment {
 public:
  void SetUp() override {
    const char* role = std::getenv(kChildRole);
    if (role == nullptr) return;
    const auto stores = OpenDirectory(Small(std::getenv(kChildDirectory)));
    if (stores == nullptr) ::_exit(1);
    if (std::string_view(role) == "write") WriteForEver(*stores);
    Report();
    for (;;) ::pause();
  }
};
const auto* const kEnvironment = testing::AddGlobalTestEnvironment(new ChildEnvironment);

class Child {
 public:
  Child(const std::string& role, const std::string& directory) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::setenv(kChildRole, role.c_str(), 1);
    ::setenv(kChildDirectory, directory.c_str(), 1);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    char name[] = "child", quiet[] = "--gtest_brief=1", all[] = "--gtest_filter=*";
    char* arguments[] = {name, quiet, all, nullptr};
    EXPECT_EQ(::posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, arguments, environ), 0);
    ::posix_spawn_file_actions_destroy(&actions);
    ::unsetenv(kChildRole);
    ::unsetenv(kChildDirectory);
    ::close(ends[1]);
    reports_ = ends[0];
  }
  ~Child() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::close(reports_);
  }

  // Waits until the child has reported `count` times more; false when it ended.
  bool Await(int count) {
    char report = 0;
    while (count > 0) {
      if (::read(reports_, &report, 1) != 1) return false;
      if (report == '.') --count;
    }
    return true;
  }

 private:
  pid_t pid_ = -1;
  int reports_ = -1;
};

TEST(RocksDbStoreTest, KilledProcessLeavesAPrefixOfItsBatches) {
  const Directory directory;
  uint64_t kept = 0;
  for (int round = 1; round <= 8; ++round) {
    ASSERT_TRUE(Child("write", directory.path()).Await(400 + 97 * round));
    const auto stores = OpenDirectory(Small(directory.path()));
    ASSERT_NE(stores, nullptr);
    kept = 0;
    for (int s = 0; s < kStores; ++s) {
      const auto store = OpenStore(*stores, s);
      std::map<std::string, std::string> rows;
      for (auto& row : Scan(*store)) rows.insert(std::move(row));
      const uint64_t next = rows.contains("next") ? std::stoull(rows["next"]) : 0;
      kept += next;
      ASSERT_EQ(rows.size(), next == 0 ? 0 : next * kRowsOfBatch + kRowsOfBatch + 1);
      for (int row = 0; row < kRowsOfBatch && next > 0; ++row) {
        ASSERT_EQ(rows["shared " + std::to_string(row)], std::to_string(next - 1));
      }
      for (uint64_t batch = 0; batch < next; ++batch) {
        for (int row = 0; row < kRowsOfBatch; ++row) ASSERT_TRUE(rows.contains(RowOfBatch(batch, row)));
      }
    }
  }
  EXPECT_GT(kept, 1000u);
}

TEST(RocksDbStoreTest, DirectoryOfARunningProcessIsRefusedByName) {
  const Directory directory;
  RocksDbOptions options = Small(directory.path());
  {
    Child child("hold", directory.path());
    ASSERT_TRUE(child.Await(1));
    for (options.read_only = false;; options.read_only = true) {
      const absl::Status status = OpeningFails(options);
      EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(directory.path() + " is in use"));
      if (options.read_only) break;
    }
  }
  options.read_only = false;
  const auto stores = OpenDirectory(options);
  EXPECT_EQ(OpeningFails(options).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RocksDbStoreTest, DirectoryThatCannotBeWrittenIsRefused) {
  const Directory directory;
  std::ofstream(directory.path() + "/file") << "in the way";
  for (const std::string& path : {directory.path() + "/file/state", directory.path() + "/file",
                                  std::string("/proc/ebb"), std::string("/proc")}) {
    const absl::Status status = OpeningFails(Small(path));
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path + " cannot be written"));
  }
}

TEST(RocksDbStoreTest, NearlyFullDiskIsRefusedBeforeItIsFull) {
  const Directory directory;
  RocksDbOptions options = Small(directory.path());
  options.reserve_bytes = fs::space(directory.path()).available - (100 << 20);
  {
    const auto stores = OpenDirectory(options);
    const auto store = OpenStore(*stores, 0);
    EXPECT_TRUE(Put(*store, "a", "1").ok());
  }
  options.reserve_bytes = fs::space(directory.path()).available + (100 << 20);
  const absl::Status status = OpeningFails(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(directory.path() + " is full: make room"));
}

class FullDiskTest : public testing::Test {
 protected:
  ~FullDiskTest() override { Become(Disk::kGood); }
  void Become(Disk disk) {
    g_disk = disk;
    g_disk.notify_all();
  }

  absl::Status WriteUntilItFails() {
    absl::Status status;
    for (int i = 0; i < 100'000 && status.ok(); ++i) status = Put(*store_, std::to_string(i), std::string(1000, 'v'));
    return status;
  }

  Directory directory_;
  std::unique_ptr<RocksDbStores> stores_ = OpenDirectory(Small(directory_.path()));
  std::unique_ptr<Store> store_ = OpenStore(*stores_, 0);
};

TEST_F(FullDiskTest, FailsTheFlushAndAllThatFollows) {
  Become(Disk::kFull);
  ASSERT_TRUE(Put(*store_, "a", "1").ok());
  const absl::Status status = store_->Flush();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(directory_.path() + " is full: make room"));
  Become(Disk::kGood);
  EXPECT_EQ(Put(*store_, "a", "2").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Value(*store_, "a"), "1");
  EXPECT_GE(Figure(*stores_, "background_errors_total"), 1);
}

TEST_F(FullDiskTest, FailsAWriterThatWaitsForTheDiskInsteadOfHoldingIt) {
  Become(Disk::kSlow);
  absl::Status status;
  std::thread writer([&] { status = WriteUntilItFails(); });
  while (Figure(*stores_, "write_stopped") == 0) std::this_thread::yield();
  Become(Disk::kFull);
  writer.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST_F(FullDiskTest, FailsWritesWhenOnlyTheMergingOfFilesFails) {
  Become(Disk::kFullForCompaction);
  const absl::Status status = WriteUntilItFails();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_EQ(store_->Flush().code(), absl::StatusCode::kResourceExhausted);
}

class DamageTest : public testing::Test {
 protected:
  DamageTest() {
    const auto stores = OpenDirectory(Small(directory_.path()));
    const auto store = OpenStore(*stores, 0);
    WriteBatch batch;
    for (int i = 1000; i < 2000; ++i) batch.Put(std::to_string(i), std::string(100, 'v'));
    EXPECT_TRUE(store->Apply(batch).ok());
  }

  std::string File(const std::string& part) const {
    for (const auto& entry : fs::directory_iterator(directory_.path())) {
      if (entry.path().filename().string().find(part) != std::string::npos) return entry.path();
    }
    ADD_FAILURE() << "no file " << part;
    return "";
  }

  Directory directory_;
};

TEST_F(DamageTest, SpoiltRowsAreDataLoss) {
  std::fstream file(File(".sst"));
  file.seekp(100);
  file << std::string(50'000, 'x');
  file.close();
  const auto stores = OpenDirectory(Small(directory_.path()));
  const auto store = OpenStore(*stores, 0);
  const std::vector<std::string> keys = {"1001", "1002"};
  EXPECT_EQ(store->Get("1001").status().code(), absl::StatusCode::kDataLoss) << store->Get("1001").status();
  EXPECT_EQ(store->MultiGet(keys).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store->Scan("", "", [](auto, auto) { return true; }).code(), absl::StatusCode::kDataLoss);
}

TEST_F(DamageTest, ShortenedFileIsDataLoss) {
  fs::resize_file(File(".sst"), 1000);
  EXPECT_EQ(OpeningFails(Small(directory_.path())).code(), absl::StatusCode::kDataLoss);
}

TEST_F(DamageTest, MissingManifestIsDataLoss) {
  fs::remove(File("MANIFEST"));
  const absl::Status status = OpeningFails(Small(directory_.path()));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
}

TEST(RocksDbStoreTest, ReadOnlyShowsWhatAStoppedProcessLeftAndChangesNothing) {
  const Directory directory;
  RocksDbOptions options = Small(directory.path());
  options.read_only = true;
  EXPECT_EQ(OpeningFails(options).code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(fs::is_empty(directory.path()));
  ASSERT_TRUE(Put(*OpenStore(*OpenDirectory(Small(directory.path())), 3), "a", "1").ok());
  const auto stores = OpenDirectory(options);
  ASSERT_NE(stores, nullptr);
  EXPECT_THAT(stores->Partitions(), ElementsAre(3));
  EXPECT_EQ(stores->Open(0).status().code(), absl::StatusCode::kNotFound);
  const auto store = OpenStore(*stores, 3);
  EXPECT_EQ(Scan(*store), (Rows{{"a", "1"}}));
  EXPECT_EQ(Put(*store, "b", "2").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(store->Flush().ok());
  EXPECT_EQ(stores->Destroy(3).code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RocksDbStoreTest, StoreOutlivesItsProviderAndKeepsTheLock) {
  const Directory directory;
  auto stores = OpenDirectory(Small(directory.path()));
  auto store = OpenStore(*stores, 0);
  stores.reset();
  ASSERT_TRUE(Put(*store, "a", "1").ok());
  EXPECT_EQ(OpeningFails(Small(directory.path())).code(), absl::StatusCode::kFailedPrecondition);
  store.reset();
  EXPECT_EQ(Value(*OpenStore(*OpenDirectory(Small(directory.path())), 0), "a"), "1");
}

TEST(RocksDbStoreTest, MemoryIsBoundedHoweverManyTasksWriteAndLieIdle) {
  const Directory directory;
  const RocksDbOptions options = Small(directory.path());
  const auto stores = OpenDirectory(options);
  constexpr int kTasks = 12;
  std::vector<std::unique_ptr<Store>> open;
  for (int task = 0; task < kTasks; ++task) open.push_back(OpenStore(*stores, task));
  double most = 0;
  for (int i = 0; i < 12'000; ++i) {
    // A task writes for a while, then lies idle with what its memtable holds.
    Store& store = *open[i / 100 % kTasks];
    ASSERT_TRUE(Put(store, "row " + std::to_string(i % 3000), std::string(2000, 'v')).ok());
    most = std::max(most, Figure(*stores, "memtable_bytes") + Figure(*stores, "block_cache_bytes"));
  }
  EXPECT_LE(most, options.block_cache_bytes + options.write_buffer_bytes);
  for (const auto& store : open) {
    ASSERT_TRUE(store->Flush().ok());
    EXPECT_FALSE(Scan(*store, "a", "z").empty());
  }
  EXPECT_GT(Figure(*stores, "file_bytes"), 1e6);
  EXPECT_GT(Figure(*stores, "block_cache_bytes"), 1e5);
  EXPECT_GE(Figure(*stores, "pending_compaction_bytes"), 0);
  EXPECT_GE(Figure(*stores, "write_stalls_total"), 0);
  EXPECT_EQ(Figure(*stores, "background_errors_total"), 0);
}

}  // namespace
}  // namespace ebb
