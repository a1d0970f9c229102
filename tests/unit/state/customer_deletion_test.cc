#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/customer_cache.h"
#include "state/layout.h"
#include "tests/unit/state/customer_cache_testing.h"

namespace ebb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class CustomerDeletionTest : public CustomerCacheTest {};

TEST_F(CustomerDeletionTest, DeletionIsAStampedEmptyDocumentFirstAndATombstoneLater) {
  Set("ann", kName, "Ann");
  CommitAll(1);
  Open("ann").Clear(kName);
  const WriteBack first = Select(2, kAll);
  EXPECT_EQ(first.low_water, 2u);
  EXPECT_THAT(first.buried, IsEmpty());
  Commit(2, first);
  EXPECT_EQ(Stored("ann"), ", stamp 2");
  const WriteBack second = Select(3, kAll);
  EXPECT_THAT(WritesOf(second.rows), ElementsAre(Pair(layout::DocumentKey("ann"), std::nullopt)));
  EXPECT_THAT(second.buried, ElementsAre("ann"));
  Commit(3, second);
  EXPECT_EQ(Stored("ann"), "nothing");
  EXPECT_TRUE(Select(4, kAll).rows.empty()) << "buried twice";
}

TEST_F(CustomerDeletionTest, TombstoneWaitsUntilLowWaterReachesTheLastTouch) {
  Set("ann", kName, "Ann");
  CommitAll(1);
  // Something older than the deletion, and something of its epoch's successor, are not written yet.
  Set("older", kName, "x");
  CommitNone(2);
  Open("ann").Clear(kName);
  CommitNone(3);
  Set("younger", kName, "x");
  CommitNone(4);
  WriteBack written = Select(5, 3);
  ASSERT_THAT(Ids(written), ElementsAre("older", "ann"));
  EXPECT_EQ(written.low_water, 3u);
  EXPECT_THAT(written.buried, IsEmpty());
  Commit(5, std::move(written));
  ASSERT_EQ(Stored("ann"), ", stamp 5");
  // Its stamp says 5, so that is the last epoch that may have touched it, as far as anyone can tell.
  Set("at five", kName, "x");
  written = Select(6, 3);
  EXPECT_EQ(written.low_water, 3u);
  EXPECT_THAT(written.buried, IsEmpty());
  Commit(6, std::move(written));
  written = Select(7, 4);
  EXPECT_EQ(written.low_water, 5u);
  EXPECT_THAT(written.buried, ElementsAre("ann"));
  Commit(7, std::move(written));
  EXPECT_EQ(Stored("ann"), "nothing");
}

TEST_F(CustomerDeletionTest, CustomerThatCameAliveAgainIsNotBuried) {
  for (const bool write : {false, true}) {
    cache_->Reset();
    Set("ann", kName, "Ann");
    CommitAll(1);
    Open("ann").Clear(kName);
    CommitAll(2);
    Set("ann", kName, "Ann again");
    const WriteBack at_once = write ? Select(3, kAll) : Select(3, kNone);
    EXPECT_THAT(at_once.buried, IsEmpty());
    Commit(3, at_once);
    for (uint64_t epoch = 4; epoch < 7; ++epoch) {
      const WriteBack later = Select(epoch, kNone);
      EXPECT_THAT(WritesOf(later.rows), IsEmpty()) << epoch;
      Commit(epoch, later);
    }
    CommitAll(7);
    EXPECT_EQ(Stored("ann"), write ? "1=Ann again, stamp 3" : "1=Ann again, stamp 7");
  }
}

TEST_F(CustomerDeletionTest, CustomerDeletedAgainBeforeItsBurialWaitsForItsNewStamp) {
  Set("ann", kName, "Ann");
  CommitAll(1);
  Open("ann").Clear(kName);
  CommitAll(2);
  Set("ann", kName, "Ann again");
  CommitNone(3);
  Open("ann").Clear(kName);
  CommitNone(4);
  EXPECT_THAT(Select(5, kNone).buried, IsEmpty());
  const WriteBack written = Select(5, kAll);
  EXPECT_THAT(written.buried, IsEmpty());
  Commit(5, written);
  EXPECT_EQ(Stored("ann"), ", stamp 5");
  CommitAll(6);
  EXPECT_EQ(Stored("ann"), "nothing");
}

TEST_F(CustomerDeletionTest, AbortedBurialAndAbortedLifeChangeNothing) {
  Set("ann", kName, "Ann");
  CommitAll(1);
  Open("ann").Clear(kName);
  CommitAll(2);
  Set("ann", kName, "Ann again");
  EXPECT_THAT(Select(3, kNone).buried, IsEmpty());
  cache_->Abort();
  EXPECT_THAT(Select(3, kNone).buried, ElementsAre("ann"));
  cache_->Abort();
  EXPECT_EQ(Stored("ann"), ", stamp 2");
  CommitNone(3);
  EXPECT_EQ(Stored("ann"), "nothing");
}

TEST_F(CustomerDeletionTest, BuriedCustomerIsAsIfNeverSeen) {
  Set("ann", kName, "Ann");
  CommitAll(1);
  Open("ann").Clear(kName);
  CommitAll(2);
  CommitAll(3);
  EXPECT_FALSE(CustomerCache::IsAhead(Load("ann"), 1));
  Set("ann", kCity, "Oslo");
  CommitNone(4);
  EXPECT_EQ(State("ann"), "2=Oslo, dirty since 4");
  CommitAll(5);
  EXPECT_EQ(Stored("ann"), "2=Oslo, stamp 5");
}

TEST_F(CustomerDeletionTest, CustomerWithATimerOrAnEmptyValueIsNotDeleted) {
  Arm("timer", 10 * TimeIndex::kLookaheadMs);
  Set("value", kName, "");
  for (uint64_t epoch = 1; epoch < 5; ++epoch) CommitAll(epoch);
  EXPECT_EQ(Stored("timer"), "timer 1@36000000, stamp 1");
  EXPECT_EQ(Stored("value"), "1=, stamp 1");
}

TEST_F(CustomerDeletionTest, DocumentStaysAsLongAsRowsDo) {
  Open("ann").PutRow(kMap, "k", "v");
  for (uint64_t epoch = 1; epoch < 5; ++epoch) CommitAll(epoch);
  EXPECT_EQ(Stored("ann"), ", stamp 1");
  EXPECT_EQ(StoredRow("ann", "k"), "v");
}

TEST_F(CustomerDeletionTest, DeletedCustomerWithRowsLeavesNoRow) {
  Set("ann", kName, "Ann");
  Open("ann").PutRow(kMap, "k", "v");
  CommitAll(1);
  Open("ann").Clear(kName);
  Open("ann").EraseRow(kMap, "k");
  CommitAll(2);
  EXPECT_EQ(Stored("ann"), ", stamp 2");
  EXPECT_EQ(StoredRow("ann", "k"), std::nullopt);
  CommitAll(3);
  EXPECT_EQ(Stored("ann"), "nothing");
  EXPECT_THAT(Scan(*store_), IsEmpty());
}

}  // namespace
}  // namespace ebb
