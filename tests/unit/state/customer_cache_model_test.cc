// Any course of epochs, aborts, crashes and redo: the cache and its store against plain maps.

#include <map>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/customer_cache.h"
#include "state/hash.h"
#include "state/layout.h"
#include "state/memory_store.h"
#include "state/text.h"
#include "tests/unit/state/plain_customer.h"
#include "tests/unit/state/store_testing.h"

namespace ebb {
namespace {

using namespace std::string_literals;

// Prefixes of each other, and bytes with a meaning in keys.
const std::vector<std::string> kIds = {"a",  "a\0"s, "a\0\1"s, "a\xff", "ab", "b", "\0"s, "\xff", "\xff\xff",
                                       "c1", "c2",   "c3",     "c4",    "c5", "c6"};

class MemoryBackend {
 public:
  std::unique_ptr<Store> Open() { return OpenStore(stores_, 0); }

 private:
  MemoryStores stores_;
};

class RocksDbBackend {
 public:
  std::unique_ptr<Store> Open() { return OpenStore(*stores_, 0); }

 private:
  Directory directory_;
  std::unique_ptr<RocksDbStores> stores_ = OpenDirectory(Small(directory_.path()));
};

// Carries a cache through epochs as a task does, and keeps what must come of it.
class Course {
 public:
  // With a small cache much is written early and evicted, with a large one there is much to redo.
  Course(Store* store, uint64_t seed)
      : store_(*store), random_(seed), limit_(seed % 2 == 0 ? 100'000 : random_() % 10'000), cache_(store, limit_) {}

  // One epoch, committed or aborted, or a crash in the middle of one and redo.
  void Epoch() {
    Log log;
    const int64_t watermark_before = watermark_ms_;
    for (size_t i = random_() % 12; i > 0; --i) {
      Step step;
      if (random_() % 4 == 0) {
        step.watermark_ms = watermark_ms_ + static_cast<int64_t>(random_() % (2 * kHour));
      } else {
        step.customer = kIds[random_() % kIds.size()];
        step.seed = random_();
      }
      log.steps.push_back(step);
      Prefetch();
      Do(step);
      FireDue();
    }
    const std::set<std::string> changed = Changed();
    if (random_() % 5 == 0) CheckAll();
    switch (random_() % 16) {
      case 0:
        Crash();
        return;
      case 1:
      case 2:
      case 3:
        if (random_() % 2) Choose(changed);
        cache_.Abort();
        watermark_ms_ = watermark_before;
        live_ = committed_;
        EXPECT_EQ(cache_.pinned_bytes(), 0u);
        break;
      default:
        WriteBack written = Choose(changed);
        log.watermark_ms = watermark_ms_;
        logs_[epoch_ + 1] = std::move(log);
        Commit(changed, std::move(written));
    }
    CheckDirty();
    CheckStore();
  }

  void Crash() {
    cache_.Reset();
    live_ = committed_;
    CheckStore();
    for (const std::string& id : kIds) {
      const auto loaded = cache_.Load(id);
      ASSERT_TRUE(loaded.ok()) << loaded.status();
      EXPECT_EQ((*loaded)->stamp, stamps_.contains(id) ? stamps_[id] : 0);
      EXPECT_EQ(Read(cache_.Open(*loaded)).ToString(), After(id, AsOf(id)).ToString());
    }
    cache_.Abort();
    cache_.Reset();
    Redo();
    CheckDirty();
    CheckStore();
    CheckAll();
    cache_.Abort();
  }

  int fired() const { return fired_; }
  int skipped() const { return skipped_; }
  int buried() const { return buried_; }

 private:
  // An event of a customer, or else time that passes.
  struct Step {
    std::string customer;
    uint64_t seed = 0;
    std::optional<int64_t> watermark_ms;
  };
  struct Log {
    std::vector<Step> steps;
    int64_t watermark_ms = 0;  // At its end.
  };

  Customer* Load(const std::string& id) {
    auto loaded = cache_.Load(id);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return *loaded;
  }

  void Prefetch() {
    std::vector<std::string_view> ids;
    for (size_t i = random_() % 4; i > 0; --i) ids.push_back(kIds[random_() % kIds.size()]);
    std::vector<Customer*> found;
    ASSERT_TRUE(cache_.Prefetch(ids, &found).ok());
    for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(found[i]->id(), ids[i]);
  }

  // An event reaches into the past a little, a timer does not, else time might stand still.
  void Do(const Step& step) {
    if (step.watermark_ms) {
      watermark_ms_ = *step.watermark_ms;
      return;
    }
    Customer* customer = Load(step.customer);
    if (redoing_ != 0 && CustomerCache::IsAhead(*customer, redoing_)) {
      ++skipped_;
      return;
    }
    Apply(customer, [&](StateAccess& access) { Operate(access, step.seed, watermark_ms_, -10 * kMinute); });
  }

  void Fire(Customer* customer, const DocumentTimer& timer) {
    const uint64_t seed = StableHash64(Text(customer->id(), timer.timer, "@", timer.deadline_ms));
    Apply(customer, [&](StateAccess& access) {
      access.Disarm(timer.timer);
      Operate(access, seed, timer.deadline_ms, 10 * kMinute);
    });
  }

  // Redo is compared with what was when the epoch was committed, so that it leaves the maps alone.
  template <class Change>
  void Apply(Customer* customer, Change change) {
    change(cache_.Open(customer));
    cache_.KeepWake(customer);
    EXPECT_TRUE(cache_.status().ok()) << cache_.status();
    if (redoing_ != 0) return;
    Plain& plain = live_[std::string(customer->id())];
    change(plain);
    EXPECT_EQ(Read(cache_.Open(customer)).ToString(), plain.ToString());
  }

  // As a task does it.
  void FireDue() {
    for (;;) {
      auto wake = cache_.wakes().PopDue(watermark_ms_);
      ASSERT_TRUE(wake.ok()) << wake.status();
      if (!*wake) break;
      Customer* customer = Load((*wake)->customer);
      cache_.WakeTaken(customer, (*wake)->time_ms);
      if (redoing_ != 0 && CustomerCache::IsAhead(*customer, redoing_)) {
        kept_wakes_[customer->stamp].push_back(**wake);
        continue;
      }
      cache_.Open(customer);
      const auto& timers = customer->open->timers;
      if (timers.empty() || timers.front().deadline_ms > (*wake)->time_ms) {
        cache_.KeepWake(customer);
        continue;
      }
      const DocumentTimer timer = timers.front();
      if (redoing_ == 0) {
        const auto next = NextTimer();
        ASSERT_TRUE(next && *next == std::tuple(timer.deadline_ms, customer->id(), timer.timer))
            << "timer " << timer.timer << " of " << testing::PrintToString(customer->id()) << " fired at "
            << timer.deadline_ms << " out of its turn";
        ++fired_;
      }
      Fire(customer, timer);
    }
    EXPECT_FALSE(*cache_.wakes().FirstDue(watermark_ms_));
    if (redoing_ == 0) {
      EXPECT_FALSE(NextTimer()) << "a wake-up is lost";
    }
  }

  // The earliest timer that is due.
  std::optional<std::tuple<int64_t, std::string, TimerId>> NextTimer() {
    std::optional<std::tuple<int64_t, std::string, TimerId>> next;
    for (const auto& [id, plain] : live_) {
      for (const auto& [timer, deadline] : plain.timers) {
        const std::tuple candidate(deadline, id, timer);
        if (deadline <= watermark_ms_ && (!next || candidate < *next)) next = candidate;
      }
    }
    return next;
  }

  std::set<std::string> Changed() {
    std::set<std::string> changed;
    for (auto& [id, plain] : live_) {
      if (plain.changed) changed.insert(id);
      plain.changed = false;
    }
    return changed;
  }

  // Freezes and chooses under a random budget; the choice must keep to it.
  WriteBack Choose(const std::set<std::string>& changed) {
    const uint64_t epoch = epoch_ + 1;
    const uint64_t target_low = epoch - std::min<uint64_t>(epoch, random_() % 40);
    const uint64_t least_low = random_() % 5 == 0 ? epoch - std::min<uint64_t>(epoch, random_() % 60) : 0;
    const size_t max_bytes = random_() % 3 == 0 ? 0 : random_() % 5000;
    const bool crowded = cache_.crowded();
    cache_.Freeze();
    WriteBack written = cache_.SelectWriteBack(epoch, target_low, least_low, max_bytes);

    auto dirty = dirty_since_;
    for (const std::string& id : changed) dirty.try_emplace(id, epoch);
    uint64_t youngest_written = 0;
    for (const Customer* customer : written.customers) {
      const auto it = dirty.find(std::string(customer->id()));
      if (it == dirty.end()) {
        ADD_FAILURE() << "a clean customer, or one customer twice";
        continue;
      }
      youngest_written = std::max(youngest_written, it->second);
      dirty.erase(it);
    }
    uint64_t oldest_left = epoch + 1;
    for (const auto& [id, since] : dirty) oldest_left = std::min(oldest_left, since);
    EXPECT_EQ(written.low_water, oldest_left - 1);
    EXPECT_GE(written.low_water, std::min(least_low, epoch));
    EXPECT_LE(youngest_written, oldest_left);
    if (!crowded) {
      EXPECT_LE(youngest_written, std::max(target_low, least_low));
      if (max_bytes == 0) {
        EXPECT_LE(youngest_written, least_low);
      }
    }
    for (const std::string& id : written.buried) {
      EXPECT_EQ(live_[id].ToString(), "");
      EXPECT_FALSE(dirty_since_.contains(id) || changed.contains(id)) << "it came alive";
      EXPECT_LE(LastTouch(id), written.low_water);
      EXPECT_LE(stamps_[id], written.low_water);
    }
    return written;
  }

  void Commit(const std::set<std::string>& changed, WriteBack written) {
    ++epoch_;
    low_water_ = written.low_water;
    committed_ = live_;
    for (const std::string& id : changed) {
      history_[id][epoch_] = live_[id];
      dirty_since_.try_emplace(id, epoch_);
    }
    for (const Customer* customer : written.customers) {
      const std::string id(customer->id());
      stamps_[id] = as_of_[id] = epoch_;
      dirty_since_.erase(id);
    }
    for (const std::string& id : written.buried) stamps_.erase(id);
    buried_ += static_cast<int>(written.buried.size());
    WriteBatch batch;
    cache_.Commit(epoch_, std::move(written), &batch);
    EXPECT_TRUE(cache_.status().ok()) << cache_.status();
    ASSERT_TRUE(store_.Apply(batch).ok());
    logs_.erase(logs_.begin(), logs_.lower_bound(low_water_));
    if (dirty_since_.empty() && cache_.wakes().unwritten() == 0) {
      EXPECT_LE(cache_.bytes(), limit_);
    }
  }

  void Redo() {
    watermark_ms_ = low_water_ == 0 ? 0 : logs_.at(low_water_).watermark_ms;
    for (redoing_ = low_water_ + 1; redoing_ <= epoch_; ++redoing_) {
      while (!kept_wakes_.empty() && kept_wakes_.begin()->first < redoing_) ReleaseWakes();
      for (const Step& step : logs_.at(redoing_).steps) {
        Do(step);
        FireDue();
      }
      for (const std::string& id : kIds) {
        if (random_() % 4 != 0) continue;
        EXPECT_EQ(Read(cache_.Open(Load(id))).ToString(), After(id, std::max(redoing_, AsOf(id))).ToString());
      }
      cache_.Freeze();
      WriteBatch nothing;
      cache_.Commit(redoing_, WriteBack(), &nothing);
      EXPECT_TRUE(nothing.empty());
    }
    redoing_ = 0;
    while (!kept_wakes_.empty()) ReleaseWakes();
  }
  void ReleaseWakes() {
    for (const TimeIndex::Wake& wake : kept_wakes_.begin()->second) cache_.wakes().Add(wake.time_ms, wake.customer);
    kept_wakes_.erase(kept_wakes_.begin());
  }

  // The state of a customer after an epoch.
  Plain After(const std::string& id, uint64_t epoch) {
    const auto& states = history_[id];
    const auto it = states.upper_bound(epoch);
    return it == states.begin() ? Plain() : std::prev(it)->second;
  }
  // The epoch as of which the store has a customer, buried ones included.
  uint64_t AsOf(const std::string& id) { return as_of_.contains(id) ? as_of_[id] : 0; }
  uint64_t LastTouch(const std::string& id) { return history_[id].empty() ? 0 : history_[id].rbegin()->first; }

  // Within an open epoch.
  void CheckAll() {
    for (const std::string& id : kIds) EXPECT_EQ(Read(cache_.Open(Load(id))).ToString(), live_[id].ToString());
  }

  void CheckDirty() {
    EXPECT_EQ(cache_.dirty_customers(), dirty_since_.size());
    uint64_t oldest = 0;
    for (const auto& [id, since] : dirty_since_) {
      EXPECT_EQ(Load(id)->dirty_since, since) << testing::PrintToString(id);
      if (oldest == 0 || since < oldest) oldest = since;
    }
    EXPECT_EQ(cache_.OldestDirty().value_or(0), oldest);
    EXPECT_EQ(low_water_, oldest == 0 ? epoch_ : oldest - 1);
  }

  // The rows of the store are each customer's state as of its stamp, and the index that goes with it.
  void CheckStore() {
    std::map<std::string, std::string> rows;
    for (const std::string& id : kIds) {
      const Plain plain = After(id, AsOf(id));
      for (const auto& [row, value] : plain.rows) rows[layout::RowKey(id, row.first, row.second)] = value;
      if (!stamps_.contains(id)) continue;
      std::string body;
      for (const auto& [state, value] : plain.values) AppendValue(&body, state, value.SerializeAsString());
      if (plain.list) AppendValue(&body, kList, plain.list->SerializeAsString());
      std::set<std::pair<int64_t, TimerId>> timers;
      for (const auto& [timer, deadline] : plain.timers) timers.insert({deadline, timer});
      for (const auto& [deadline, timer] : timers) AppendTimer(&body, {timer, deadline});
      rows[layout::DocumentKey(id)] = StampedRow(stamps_[id], body);
      if (!timers.empty()) rows[layout::WakeKey(timers.begin()->first, id)] = "";
    }
    EXPECT_EQ(Scan(store_), Rows(rows.begin(), rows.end()));
  }

  Store& store_;
  std::mt19937_64 random_;
  const size_t limit_;
  CustomerCache cache_;

  uint64_t epoch_ = 0;
  uint64_t low_water_ = 0;
  int64_t watermark_ms_ = 0;
  std::map<std::string, Plain> live_;
  std::map<std::string, Plain> committed_;
  std::map<std::string, std::map<uint64_t, Plain>> history_;  // After each epoch that changed a customer.
  std::map<std::string, uint64_t> stamps_;                    // Of the documents in the store.
  std::map<std::string, uint64_t> as_of_;                    // The same, and of those buried.
  std::map<std::string, uint64_t> dirty_since_;
  std::map<uint64_t, Log> logs_;  // From low_water_ on.

  uint64_t redoing_ = 0;
  std::map<uint64_t, std::vector<TimeIndex::Wake>> kept_wakes_;
  int fired_ = 0;
  int skipped_ = 0;
  int buried_ = 0;
};

template <class Backend>
class CustomerCacheModelTest : public testing::Test {};
using Backends = testing::Types<MemoryBackend, RocksDbBackend>;
TYPED_TEST_SUITE(CustomerCacheModelTest, Backends);

TYPED_TEST(CustomerCacheModelTest, AnyCourseOfEpochsEqualsPlainMaps) {
  constexpr uint64_t kSeeds = 6;
  int fired = 0;
  int skipped = 0;
  int buried = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(Text("seed ", seed));
    TypeParam backend;
    const std::unique_ptr<Store> store = backend.Open();
    Course course(store.get(), seed);
    for (int epoch = 0; epoch < 500; ++epoch) {
      course.Epoch();
      ASSERT_FALSE(this->HasFailure()) << "after " << epoch << " epochs";
    }
    course.Crash();
    ASSERT_FALSE(this->HasFailure());
    fired += course.fired();
    skipped += course.skipped();
    buried += course.buried();
  }
  // Else it shows little.
  EXPECT_GT(fired, 1000);
  EXPECT_GT(skipped, 1000);
  EXPECT_GT(buried, 100);
}

}  // namespace
}  // namespace ebb
