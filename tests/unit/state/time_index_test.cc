#include "state/time_index.h"

#include <algorithm>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/layout.h"
#include "state/memory_store.h"
#include "tests/unit/state/store_testing.h"

namespace ebb {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

using Wake = TimeIndex::Wake;

constexpr int64_t kGreatestTime = std::numeric_limits<int64_t>::max();

// Counts the scans, and can be made to fail.
class ScanWatch final : public Store {
 public:
  explicit ScanWatch(Store* store) : store_(*store) {}

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) override { return store_.Get(key); }
  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(absl::Span<const std::string> keys) override {
    return store_.MultiGet(keys);
  }
  absl::Status Scan(std::string_view from, std::string_view to, const Visitor& visit) override {
    ++scans;
    if (!failure.ok()) return failure;
    return store_.Scan(from, to, [&](std::string_view key, std::string_view value) {
      ++rows;
      return visit(key, value);
    });
  }
  absl::Status Apply(const WriteBatch& batch) override { return store_.Apply(batch); }
  absl::Status Flush() override { return store_.Flush(); }
  uint64_t Bytes() const override { return store_.Bytes(); }

  int scans = 0;
  size_t rows = 0;
  absl::Status failure;

 private:
  Store& store_;
};

class TimeIndexTest : public testing::Test {
 protected:
  // A row as a written document leaves it.
  void Write(int64_t time_ms, const std::string& customer) {
    ASSERT_TRUE(Put(*store_, layout::WakeKey(time_ms, customer), "").ok());
  }
  // All wake-ups that are due.
  std::vector<Wake> Pop(int64_t watermark_ms) {
    std::vector<Wake> wakes;
    for (;;) {
      auto wake = index_.PopDue(watermark_ms);
      EXPECT_TRUE(wake.ok()) << wake.status();
      if (!wake.ok() || !*wake) return wakes;
      wakes.push_back(**std::move(wake));
    }
  }
  bool Any(int64_t watermark_ms) {
    auto any = index_.FirstDue(watermark_ms);
    EXPECT_TRUE(any.ok()) << any.status();
    return any.value_or(nullptr) != nullptr;
  }

  MemoryStores stores_;
  std::unique_ptr<Store> store_ = OpenStore(stores_, 0);
  ScanWatch watch_{store_.get()};
  TimeIndex index_{&watch_};
};

TEST_F(TimeIndexTest, NothingIsDueBeforeThereIsAWatermark) {
  Write(-5, "a");
  index_.Add(-5, "b");
  EXPECT_FALSE(Any(kNoTime));
  EXPECT_THAT(Pop(kNoTime), IsEmpty());
  EXPECT_EQ(watch_.scans, 0);
}

TEST_F(TimeIndexTest, WakesComeInOrderOfTimeThenCustomerFromBothSides) {
  Write(20, "b");
  Write(10, "z");
  Write(-10, "m");
  index_.Add(20, "a");
  index_.Add(20, "c");
  index_.Add(-10, "n");
  index_.Add(15, "q");
  EXPECT_THAT(Pop(20), ElementsAre(Wake{-10, "m"}, Wake{-10, "n"}, Wake{10, "z"}, Wake{15, "q"}, Wake{20, "a"},
                                   Wake{20, "b"}, Wake{20, "c"}));
  EXPECT_EQ(index_.unwritten(), 0u);
}

TEST_F(TimeIndexTest, WakeIsDueAtItsTimeAndNotBefore) {
  Write(100, "stored");
  index_.Add(200, "unwritten");
  EXPECT_FALSE(Any(99));
  EXPECT_THAT(Pop(99), IsEmpty());
  EXPECT_TRUE(Any(100));
  EXPECT_TRUE(Any(100));
  EXPECT_THAT(Pop(199), ElementsAre(Wake{100, "stored"}));
  EXPECT_FALSE(Any(199));
  EXPECT_TRUE(Any(200));
  EXPECT_THAT(Pop(200), ElementsAre(Wake{200, "unwritten"}));
}

TEST_F(TimeIndexTest, WakeOnBothSidesComesTwiceAndOnceWhenOneIsRemoved) {
  Write(10, "twice");
  Write(20, "once");
  index_.Add(10, "twice");
  index_.Add(20, "once");
  index_.Add(20, "once");
  index_.Remove(20, "once");
  index_.Remove(20, "never there");
  EXPECT_THAT(Pop(30), ElementsAre(Wake{10, "twice"}, Wake{10, "twice"}, Wake{20, "once"}));
}

TEST_F(TimeIndexTest, WakeAddedBehindTheWatermarkComesNext) {
  Write(1000, "later");
  EXPECT_THAT(Pop(500), IsEmpty());
  index_.Add(7, "past");
  EXPECT_TRUE(Any(500));
  EXPECT_THAT(Pop(1000), ElementsAre(Wake{7, "past"}, Wake{1000, "later"}));
}

TEST_F(TimeIndexTest, StoreIsReadOnceForAnHourOfEventTime) {
  Write(5 * TimeIndex::kLookaheadMs, "far");
  for (int64_t watermark = 0; watermark <= TimeIndex::kLookaheadMs; watermark += 60'000) EXPECT_FALSE(Any(watermark));
  EXPECT_EQ(watch_.scans, 1);
  EXPECT_FALSE(Any(TimeIndex::kLookaheadMs + 1));
  EXPECT_EQ(watch_.scans, 2);
}

TEST_F(TimeIndexTest, StoreWillTellExactlyOfRowsBehindWhatWasRead) {
  EXPECT_TRUE(index_.StoreWillTell(-1'000'000));
  Write(TimeIndex::kLookaheadMs, "last read");
  EXPECT_FALSE(Any(0));
  EXPECT_FALSE(index_.StoreWillTell(TimeIndex::kLookaheadMs));
  EXPECT_TRUE(index_.StoreWillTell(TimeIndex::kLookaheadMs + 1));
  // A row at the first time that is still to be read comes; one at the last time that was read has been missed.
  Write(TimeIndex::kLookaheadMs + 1, "told");
  Write(TimeIndex::kLookaheadMs, "missed");
  EXPECT_THAT(Pop(TimeIndex::kLookaheadMs + 1),
              ElementsAre(Wake{TimeIndex::kLookaheadMs, "last read"}, Wake{TimeIndex::kLookaheadMs + 1, "told"}));
}

TEST_F(TimeIndexTest, MoreRowsAtOneTimeThanAreReadAtOnceComeAllOfThem) {
  std::vector<Wake> wakes;
  const int rows = static_cast<int>(TimeIndex::kReadAhead) + 100;
  for (int i = 0; i < rows; ++i) wakes.push_back({10, std::to_string(100'000 + i)});
  wakes.push_back({11, "next"});
  wakes.push_back({11, "other"});
  for (const Wake& wake : wakes) Write(wake.time_ms, wake.customer);
  ASSERT_TRUE(Any(10));
  // The rows of one time are read together, those of the next are still to come.
  EXPECT_FALSE(index_.StoreWillTell(10));
  EXPECT_TRUE(index_.StoreWillTell(11));
  EXPECT_THAT(Pop(11), ElementsAreArray(wakes));
}

TEST_F(TimeIndexTest, ReadingStopsAtItsBoundAndGoesOnBehindIt) {
  std::vector<Wake> wakes;
  const int rows = 3 * static_cast<int>(TimeIndex::kReadAhead);
  for (int i = 0; i < rows; ++i) wakes.push_back({i / 2, i % 2 == 0 ? "a" : "b"});
  for (const Wake& wake : wakes) Write(wake.time_ms, wake.customer);
  EXPECT_TRUE(Any(rows));
  EXPECT_LE(watch_.rows, TimeIndex::kReadAhead + 2);
  const auto read_up_to = static_cast<int64_t>(TimeIndex::kReadAhead) / 2 - 1;
  EXPECT_FALSE(index_.StoreWillTell(read_up_to));
  EXPECT_TRUE(index_.StoreWillTell(read_up_to + 1));
  EXPECT_THAT(Pop(rows), ElementsAreArray(wakes));
}

TEST_F(TimeIndexTest, ExactlyAsManyRowsAsAreReadAtOnceComeOnce) {
  std::vector<Wake> wakes;
  for (size_t i = 0; i < TimeIndex::kReadAhead; ++i) wakes.push_back({static_cast<int64_t>(i), "a"});
  for (const Wake& wake : wakes) Write(wake.time_ms, wake.customer);
  EXPECT_THAT(Pop(wakes.back().time_ms), ElementsAreArray(wakes));
}

TEST_F(TimeIndexTest, RewindStartsFromTheStoreAgain) {
  Write(10, "stored");
  index_.Add(10, "unwritten");
  EXPECT_THAT(Pop(10), ElementsAre(Wake{10, "stored"}, Wake{10, "unwritten"}));
  index_.Add(5, "dropped");
  index_.Rewind();
  EXPECT_EQ(index_.unwritten(), 0u);
  EXPECT_TRUE(index_.StoreWillTell(10));
  EXPECT_THAT(Pop(10), ElementsAre(Wake{10, "stored"}));
}

TEST_F(TimeIndexTest, EarliestAndLatestTimesOfTheStoreComeInTheirPlace) {
  Write(kNoTime + 1, "first");
  Write(kGreatestTime - 1, "next to last");
  Write(kGreatestTime, "last");
  EXPECT_THAT(Pop(kNoTime + 1), ElementsAre(Wake{kNoTime + 1, "first"}));
  EXPECT_FALSE(Any(kGreatestTime - 2));
  EXPECT_THAT(Pop(kGreatestTime - 1), ElementsAre(Wake{kGreatestTime - 1, "next to last"}));
  EXPECT_THAT(Pop(kGreatestTime), ElementsAre(Wake{kGreatestTime, "last"}));
  EXPECT_FALSE(Any(kGreatestTime));
}

TEST_F(TimeIndexTest, FailingStoreIsReportedAndReadAgainLater) {
  Write(10, "a");
  watch_.failure = absl::DataLossError("spoiled");
  EXPECT_EQ(index_.FirstDue(10).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(index_.PopDue(10).status().code(), absl::StatusCode::kDataLoss);
  watch_.failure = absl::OkStatus();
  EXPECT_THAT(Pop(10), ElementsAre(Wake{10, "a"}));
}

// Against a plain set; rows are written only where the store will still tell of them, as the cache does it.
TEST_F(TimeIndexTest, AnyMixtureComesInOrderAndWhole) {
  std::mt19937_64 random(6);
  std::multiset<Wake> expected;
  int64_t watermark = -2 * TimeIndex::kLookaheadMs;
  int quiet = 0;
  for (int step = 0; step < 3000; ++step) {
    for (size_t i = random() % 6; i > 0; --i) {
      const int64_t time = watermark - 1000 + static_cast<int64_t>(random() % (4 * TimeIndex::kLookaheadMs));
      const Wake wake{time, std::to_string(random() % 50)};
      if (expected.contains(wake)) continue;
      expected.insert(wake);
      if (index_.StoreWillTell(time)) {
        Write(time, wake.customer);
      } else {
        index_.Add(time, wake.customer);
      }
    }
    watermark += static_cast<int64_t>(random() % (TimeIndex::kLookaheadMs / 2));
    const auto due_end = expected.upper_bound(Wake{watermark, "\xff"});
    if (index_.Quiet(watermark)) {
      ASSERT_EQ(expected.begin(), due_end);
      ++quiet;
    }
    ASSERT_EQ(Any(watermark), expected.begin() != due_end);
    ASSERT_THAT(Pop(watermark), ElementsAreArray(std::vector<Wake>(expected.begin(), due_end)));
    expected.erase(expected.begin(), due_end);
    const bool next_is_later = expected.empty() || expected.begin()->time_ms > watermark + 100;
    if (index_.Quiet(watermark + 100)) {
      ASSERT_TRUE(next_is_later);
    }
  }
  EXPECT_GT(quiet, 20);
}

}  // namespace
}  // namespace ebb
