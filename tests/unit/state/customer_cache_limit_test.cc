#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/customer_cache.h"
#include "state/text.h"
#include "tests/unit/state/customer_cache_testing.h"

namespace ebb {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::Le;
using testing::Optional;

class CustomerCacheLimitTest : public CustomerCacheTest {};

TEST_F(CustomerCacheLimitTest, TooLargeACacheWritesTheOldestAndShrinksToItsLimit) {
  Start(0);
  constexpr int kCustomers = 100;
  for (int i = 0; i < kCustomers; ++i) {
    Set(Text("customer ", i + 100), kName, std::string(500, 'x'));
    CommitRedone(i + 1);
  }
  const size_t each = cache_->bytes() / kCustomers;
  const size_t limit = (each * 60 + each / 2) / 3 * 4;
  Start(limit);
  for (int i = 0; i < kCustomers; ++i) {
    Set(Text("customer ", i + 100), kName, std::string(500, 'x'));
    CommitRedone(i + 1);
  }
  ASSERT_TRUE(cache_->over_limit());
  EXPECT_EQ(cache_->customers(), 100u) << "dirty customers have left";
  const WriteBack written = Select(200, kNone, kNone, 0);
  ASSERT_THAT(Ids(written).size(), AllOf(Ge(39u), Le(42u)));
  for (size_t i = 0; i < written.customers.size(); ++i) EXPECT_EQ(Ids(written)[i], Text("customer ", i + 100));
  EXPECT_EQ(written.low_water, written.customers.size());
  Commit(200, written);
  EXPECT_FALSE(cache_->over_limit());
  EXPECT_LE(cache_->bytes(), limit);
  EXPECT_EQ(State("customer 199").size(), 2 + 500 + std::string(", dirty since 100").size());
  EXPECT_TRUE(InMemory("customer 198"));
  EXPECT_FALSE(InMemory("customer 100"));
  EXPECT_EQ(State("customer 100").size(), 2u + 500u) << "what left is not what comes back";
}

TEST_F(CustomerCacheLimitTest, GenerationTellsThatSomebodyHasLeft) {
  Start(10'000);
  std::vector<Customer*> found;
  ASSERT_TRUE(cache_->Prefetch({"customer 0"}, &found).ok());
  const uint64_t generation = cache_->generation();
  for (int i = 0; cache_->generation() == generation; ++i) {
    ASSERT_TRUE(InMemory("customer 0"));
    ASSERT_LT(i, 100);
    Set(Text("customer ", i), kName, std::string(500, 'x'));
    CommitAll(i + 1);
  }
  EXPECT_FALSE(InMemory("customer 0"));
}

TEST_F(CustomerCacheLimitTest, CleanCustomersMakeRoomBeforeDirtyOnesAreWritten) {
  Start(0);
  Set("ann", kName, std::string(500, 'x'));
  CommitRedone(1);
  const size_t each = cache_->bytes();
  Start(each * 3);
  Set("ann", kName, std::string(500, 'x'));
  CommitRedone(1);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(cache_->Load(Text("stranger ", i)).ok());
  ASSERT_TRUE(cache_->over_limit());
  EXPECT_TRUE(Select(2, kNone, kNone, 0).customers.empty());
  CommitRedone(2);
  EXPECT_FALSE(cache_->over_limit());
  EXPECT_TRUE(InMemory("ann"));
}

TEST_F(CustomerCacheLimitTest, DirtyCustomerNeverLeaves) {
  Start(0);
  Set("ann", kName, "Ann");
  Open("ann").PutRow(kMap, "k", "v");
  CommitRedone(1);
  Open("bob");
  cache_->Abort();
  CommitRedone(2);
  EXPECT_TRUE(cache_->over_limit());
  EXPECT_TRUE(InMemory("ann"));
  EXPECT_EQ(State("ann"), "1=Ann, dirty since 1");
  EXPECT_THAT(MapRows("ann"), ElementsAre("k=v"));
}

TEST_F(CustomerCacheLimitTest, CustomerLeavesOnceItIsWritten) {
  Start(0);
  Set("ann", kName, "Ann");
  Open("ann").PutRow(kMap, "k", "v");
  Arm("ann", 500);
  CommitAll(1);
  EXPECT_EQ(cache_->customers(), 0u);
  EXPECT_EQ(cache_->bytes(), 0u);
  EXPECT_EQ(State("ann"), "1=Ann timer 1@500");
  EXPECT_THAT(MapRows("ann"), ElementsAre("k=v"));
  EXPECT_THAT(Due(500), ElementsAre(Wake{500, "ann"}));
}

TEST_F(CustomerCacheLimitTest, CustomerWhoseWakeIsOnlyInMemoryNeverLeaves) {
  Start(0);
  ASSERT_FALSE(*cache_->wakes().FirstDue(0)) << "reads the index up to an hour";
  Arm("soon", 1000);
  Arm("later", 2 * TimeIndex::kLookaheadMs);
  CommitAll(1);
  EXPECT_THAT(Index(), ElementsAre(Wake{1000, "soon"}, Wake{2 * TimeIndex::kLookaheadMs, "later"}));
  EXPECT_EQ(cache_->customers(), 1u);
  EXPECT_TRUE(InMemory("soon"));
  ASSERT_THAT(Pop(1000), Optional(Wake{1000, "soon"}));
  Disarm("soon");
  CommitAll(2);
  EXPECT_EQ(Pop(1000), std::nullopt);
  EXPECT_FALSE(InMemory("soon"));
}

TEST_F(CustomerCacheLimitTest, AsManyAsThereAreCanBeTouchedThoughFewAreOpen) {
  Start(kPlenty * 100);
  const size_t customers = CustomerCache::kMaxRegulars * 2;
  const auto touch = [&](const std::string& more) {
    for (size_t i = 0; i < customers; ++i) {
      const std::string id = Text("customer ", i);
      auto* name = static_cast<StringValue*>(Open(id).Mutable(kName, StringValue::default_instance()));
      name->set_value(name->value() + more);
      if (i % 10 == 0) Open(id).PutRow(kMap, more, Text(i));
      ASSERT_LE(cache_->open_customers(), CustomerCache::kMaxNewcomers + CustomerCache::kMaxRegulars);
    }
  };
  touch("a");
  touch("b");
  CommitNone(1);
  EXPECT_EQ(cache_->open_customers(), 0u);
  EXPECT_EQ(cache_->dirty_customers(), customers);
  touch("lost");
  cache_->Abort();
  touch("c");
  Commit(2, Select(2, kAll, 2));
  for (size_t i = 0; i < customers; ++i) {
    ASSERT_EQ(Stored(Text("customer ", i)), "1=abc, stamp 2") << i;
    for (const char* row : {"a", "b", "c"}) {
      ASSERT_EQ(StoredRow(Text("customer ", i), row), i % 10 == 0 ? std::optional(Text(i)) : std::nullopt) << row;
    }
    ASSERT_EQ(StoredRow(Text("customer ", i), "lost"), std::nullopt);
  }
}

TEST_F(CustomerCacheLimitTest, WhoIsOpenedAgainAndAgainStaysOpen) {
  Start(kPlenty * 100);
  Customer& ann = Load("ann");
  for (size_t i = 0; i < CustomerCache::kMaxNewcomers * 3; ++i) {
    Open("ann");
    Open(Text("customer ", i));
    ASSERT_NE(ann.open, nullptr) << i;
  }
}

TEST_F(CustomerCacheLimitTest, WhoComesBackIsNotSetAsideForStrangers) {
  Start(kPlenty * 100);
  Customer& ann = Load("ann");
  const auto strangers = [this](std::string_view kind) {
    for (size_t i = 0; i < CustomerCache::kMaxNewcomers * 3; ++i) Open(Text(kind, i));
  };
  Open("ann");
  strangers("first");
  EXPECT_EQ(ann.open, nullptr);
  Open("ann");
  strangers("second");
  EXPECT_NE(ann.open, nullptr);
}

TEST_F(CustomerCacheLimitTest, WhoWasOpenedFirstIsSetAsideFirst) {
  Start(kPlenty * 100);
  constexpr size_t kMore = 3;
  const auto customer = [this](size_t i) -> Customer& { return Load(Text("customer ", i)); };
  for (size_t i = 0; i < CustomerCache::kMaxNewcomers + kMore; ++i) cache_->Open(&customer(i));
  for (size_t i = 0; i < CustomerCache::kMaxNewcomers + kMore; ++i) {
    ASSERT_EQ(customer(i).open != nullptr, i >= kMore) << i;
  }
}

TEST_F(CustomerCacheLimitTest, BodiesThatWaitForTheCommitArePinned) {
  constexpr size_t kBytes = 10'000;
  Set("ann", kName, std::string(kBytes, 'x'));
  cache_->Freeze();
  EXPECT_GE(cache_->pinned_bytes(), kBytes);
  CommitNone(1);
  EXPECT_EQ(cache_->pinned_bytes(), 0u);
  Set("ann", kName, "short");
  cache_->Freeze();
  EXPECT_GE(cache_->pinned_bytes(), kBytes) << "the old body is there until the commit";
  EXPECT_LT(cache_->pinned_bytes(), 2 * kBytes);
  cache_->Abort();
  EXPECT_EQ(cache_->pinned_bytes(), 0u);
}

TEST_F(CustomerCacheLimitTest, LargeMessagesTakeAShareOfTheCacheAndNoMore) {
  constexpr size_t kBytes = 10'000;
  Start(kBytes * 320);
  for (int i = 0; i < 1000; ++i) {
    Set(Text("customer ", i), kName, std::string(kBytes, 'x'));
    cache_->KeepWake(&Load(Text("customer ", i)));
    // Until the first ones have been looked at, nobody knows how large they are.
    if (i % 100 == 0) CommitAll(i + 1);
    if (i > 300) {
      ASSERT_LE(cache_->open_customers(), 12u) << i;
    }
  }
  CommitAll(2000);
  EXPECT_EQ(cache_->pinned_bytes(), 0u);
}

TEST_F(CustomerCacheLimitTest, WhoWasUsedSinceAnybodyLeftStays) {
  const auto use = [this](const char* id) {
    Open(id);
    cache_->Abort();
  };
  for (const char* id : {"a", "b", "c", "d", "e"}) Set(id, kName, std::string(100, 'x'));
  CommitAll(1);
  Start(kPlenty);
  Load("a");
  Start(3 * cache_->bytes());
  for (const char* id : {"a", "b", "c"}) use(id);
  EXPECT_EQ(cache_->customers(), 3u);
  use("d");
  EXPECT_EQ(cache_->customers(), 3u);
  EXPECT_FALSE(InMemory("a"));
  cache_->Abort();
  use("c");
  use("e");
  EXPECT_EQ(cache_->customers(), 3u);
  EXPECT_TRUE(InMemory("c"));
  EXPECT_TRUE(InMemory("e"));
}

TEST_F(CustomerCacheLimitTest, AllCleanFitsIntoTheLimitAfterEveryEpoch) {
  constexpr size_t kLimit = 20'000;
  Start(kLimit);
  for (int epoch = 1; epoch <= 100; ++epoch) {
    for (int i = 0; i < 30; ++i) {
      const std::string id = Text("customer ", (epoch * 17 + i * 31) % 500);
      Set(id, kName, std::string((epoch * i) % 700, 'x'));
      Open(id).PutRow(kMap, Text(epoch), "row");
      if (i % 10 == 0) Arm(id, 100'000'000 + epoch);
    }
    CommitAll(epoch);
    ASSERT_EQ(cache_->dirty_customers(), 0u);
    ASSERT_LE(cache_->bytes(), kLimit);
    ASSERT_FALSE(cache_->over_limit());
  }
  EXPECT_GT(cache_->customers(), 10u) << "hardly anything is kept";
}

TEST_F(CustomerCacheLimitTest, BytesComeBackToNothing) {
  Start(0);
  for (int round = 0; round < 3; ++round) {
    Set("ann", kName, std::string(10'000, 'x'));
    Arm("ann", 500 + round);
    Open("ann").PutRow(kMap, Text(round), std::string(1000, 'x'));
    CommitRedone(3 * round + 1);
    EXPECT_GT(cache_->bytes(), 11'000u);
    Open("ann").EraseRow(kMap, Text(round));
    Set("ann", kName, "short");
    cache_->Abort();
    CommitAll(3 * round + 2);
    EXPECT_EQ(cache_->bytes(), 0u);
  }
}

}  // namespace
}  // namespace ebb
