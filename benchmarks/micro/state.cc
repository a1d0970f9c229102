// What it costs to reach, to change and to write the state of a customer, and to fire timers.

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>

#include "benchmark/benchmark.h"
#include "benchmarks/job/features.pb.h"
#include "benchmarks/micro/events.h"
#include "state/customer_cache.h"
#include "state/rocksdb_store.h"

namespace ebb::bench {
namespace {

constexpr StateId kState = 1;
constexpr TimerId kTimer = 1;
constexpr uint64_t kCustomers = 20'000;
constexpr size_t kCacheBytes = size_t{64} << 20;
constexpr size_t kEvents = 2000;  // Of an epoch.
constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

// A cache over RocksDB in a directory that goes with it.
class World {
 public:
  explicit World(size_t cache_bytes) : directory_(MakeDirectory()) {
    RocksDbOptions options;
    options.directory = directory_;
    stores_ = *RocksDbStores::OpenDirectory(options);
    store_ = *stores_->Open(0);
    cache_ = std::make_unique<CustomerCache>(store_.get(), cache_bytes);
  }
  ~World() {
    cache_.reset();
    store_.reset();
    stores_.reset();
    std::filesystem::remove_all(directory_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  CustomerCache& cache() { return *cache_; }

  // One event of a customer: its state is read and changed.
  void Touch(const std::string& customer) {
    StateAccess& access = cache_->Open(*cache_->Load(customer));
    auto* features = static_cast<Features*>(access.Mutable(kState, Features::default_instance()));
    if (features->daily_events_size() == 0) features->mutable_daily_events()->Resize(16, 3);
    features->set_browses(features->browses() + 1);
    features->set_last_browse_ms(kFirstEventMs);
    features->set_decayed_browses(1.5);
    features->set_spent_minor(4711);
  }

  // Ends the epoch, and writes customers back as far as `low`.
  void Commit(uint64_t low) {
    ++epoch_;
    cache_->Freeze();
    WriteBack written = cache_->SelectWriteBack(epoch_, low, std::min(low, epoch_), 0);
    WriteBatch batch;
    cache_->Commit(epoch_, std::move(written), &batch);
    if (!store_->Apply(batch).ok()) std::abort();
  }

  void Fill() {
    for (uint64_t i = 0; i < kCustomers; ++i) {
      Touch(Name(i));
      if (i % kEvents == kEvents - 1) Commit(kAll);
    }
  }

  static std::string Name(uint64_t number) { return CustomerOf(number, kCustomers); }

 private:
  static std::string MakeDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "ebb-micro-XXXXXX").string();
    return mkdtemp(name.data());
  }

  const std::string directory_;
  std::unique_ptr<RocksDbStores> stores_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<CustomerCache> cache_;
  uint64_t epoch_ = 0;
};

// Everybody is in memory. Each customer comes `events a customer` times before the epoch is closed.
void CacheHit(benchmark::State& state) {
  World world(kCacheBytes);
  world.Fill();
  const auto repeats = static_cast<size_t>(state.range(0));
  uint64_t next = 0;
  while (state.KeepRunningBatch(kEvents)) {
    for (size_t i = 0; i < kEvents; ++i) world.Touch(World::Name((next + i) / repeats));
    next += kEvents;
    world.Commit(0);
  }
}
BENCHMARK(CacheHit)->ArgName("events a customer")->Arg(1)->Arg(10);

// Nobody is in memory: each comes from RocksDB, read in one go with the others.
void CacheMiss(benchmark::State& state) {
  World world(0);
  world.Fill();
  uint64_t next = 0;
  while (state.KeepRunningBatch(kEvents)) {
    std::vector<std::string> names;
    for (size_t i = 0; i < kEvents; ++i) names.push_back(World::Name(next++));
    const std::vector<std::string_view> ids(names.begin(), names.end());
    std::vector<Customer*> found;
    if (!world.cache().Prefetch(ids, &found).ok()) state.SkipWithError("no answer from the store");
    for (const std::string& name : names) world.Touch(name);
    world.Commit(kAll);
  }
}
BENCHMARK(CacheMiss);

// As CacheHit with one event a customer, and everything is written at once.
void WriteEverything(benchmark::State& state) {
  World world(kCacheBytes);
  world.Fill();
  uint64_t next = 0;
  while (state.KeepRunningBatch(kEvents)) {
    for (size_t i = 0; i < kEvents; ++i) world.Touch(World::Name(next++));
    world.Commit(kAll);
  }
}
BENCHMARK(WriteEverything);

// Timers of customers in memory: armed, found due, and taken.
void Timers(benchmark::State& state) {
  World world(kCacheBytes);
  CustomerCache& cache = world.cache();
  int64_t now_ms = kFirstEventMs;
  uint64_t next = 0;
  while (state.KeepRunningBatch(kEvents)) {
    for (size_t i = 0; i < kEvents; ++i) {
      Customer* customer = *cache.Load(World::Name(next++));
      cache.Open(customer).Arm(kTimer, now_ms + static_cast<int64_t>(i));
      cache.KeepWake(customer);
    }
    world.Commit(0);
    now_ms += kEvents;
    for (auto wake = *cache.wakes().PopDue(now_ms); wake; wake = *cache.wakes().PopDue(now_ms)) {
      Customer* customer = *cache.Load(wake->customer);
      cache.WakeTaken(customer, wake->time_ms);
      cache.Open(customer).Disarm(kTimer);
      cache.KeepWake(customer);
    }
    world.Commit(0);
  }
}
BENCHMARK(Timers);

}  // namespace
}  // namespace ebb::bench
