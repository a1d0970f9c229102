#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/customer_cache.h"
#include "state/layout.h"
#include "state/text.h"
#include "tests/unit/state/customer_cache_testing.h"

namespace ebb {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;
using testing::Optional;

class CustomerTimersTest : public CustomerCacheTest {};

TEST_F(CustomerTimersTest, IndexChangesOnlyInTheBatchThatWritesTheDocument) {
  Arm("ann", 500);
  Arm("bob", 600);
  CommitNone(1);
  EXPECT_THAT(Index(), IsEmpty());
  CommitAll(2);
  EXPECT_THAT(Index(), ElementsAre(Wake{500, "ann"}, Wake{600, "bob"}));
  Arm("ann", 700);
  Disarm("bob");
  CommitNone(3);
  EXPECT_THAT(Index(), ElementsAre(Wake{500, "ann"}, Wake{600, "bob"}));
  Arm("ann", 800, kOtherTimer);
  WriteBack written = Select(4, kAll);
  for (const auto& [key, value] : WritesOf(written.rows)) {
    EXPECT_NE(layout::KindOf(key), layout::RowKind::kWake) << "the index is local, the changelog does not have it";
  }
  Commit(4, std::move(written));
  EXPECT_THAT(Index(), ElementsAre(Wake{700, "ann"}));
  EXPECT_EQ(Stored("ann"), "timer 1@700 timer 2@800, stamp 4");
}

TEST_F(CustomerTimersTest, WakeStandsAtTheEarliestDeadlineWhereverTheDocumentIs) {
  Arm("ann", 500);
  Arm("ann", 400, kOtherTimer);
  EXPECT_THAT(Pop(399), std::nullopt);
  EXPECT_THAT(Pop(400), Optional(Wake{400, "ann"})) << "in the open epoch";
  Disarm("ann", kOtherTimer);
  CommitNone(1);
  EXPECT_THAT(Due(10'000), ElementsAre(Wake{500, "ann"})) << "unwritten";
  CommitAll(2);
  EXPECT_THAT(Due(10'000), ElementsAre(Wake{500, "ann"})) << "written";
  cache_->Reset();
  EXPECT_THAT(Due(10'000), ElementsAre(Wake{500, "ann"})) << "after a restart";
}

TEST_F(CustomerTimersTest, NoTimerIsArmedBeforeTheEarliestTimeAllowed) {
  StateAccess& ann = cache_->Open(&Load("ann"), 500);
  ann.Arm(kTimer, 400);
  ann.Arm(kOtherTimer, 600);
  EXPECT_EQ(ann.Deadline(kTimer), 500);
  EXPECT_EQ(ann.Deadline(kOtherTimer), 600);
  cache_->Open(&Load("ann")).Arm(kTimer, 400);
  EXPECT_EQ(ann.Deadline(kTimer), 400);
}

TEST_F(CustomerTimersTest, EarlyWakeIsFollowedByOneAtTheDeadline) {
  Arm("ann", 500);
  CommitAll(1);
  Arm("ann", 900);
  CommitNone(2);
  std::vector<Wake> wakes;
  while (const auto wake = Pop(1000)) {
    wakes.push_back(*wake);
    if (wake->time_ms < 900) {
      cache_->KeepWake(&Load("ann"));
    } else {
      Disarm("ann");
    }
  }
  EXPECT_THAT(wakes, Contains(Wake{900, "ann"}));
}

TEST_F(CustomerTimersTest, WakeIsNotLostWhenItsRowIsWrittenBehindWhatWasRead) {
  ASSERT_FALSE(*cache_->wakes().FirstDue(0));
  for (const int64_t deadline : {int64_t{1}, TimeIndex::kLookaheadMs, TimeIndex::kLookaheadMs + 1}) {
    Arm(Text("customer ", deadline), deadline);
  }
  CommitAll(1);
  EXPECT_THAT(Due(TimeIndex::kLookaheadMs + 1), ElementsAreArray(Index()));
  EXPECT_EQ(Index().size(), 3u);
}

TEST_F(CustomerTimersTest, DisarmedTimerLeavesNoWakeOnceItIsWritten) {
  Arm("ann", 500);
  CommitAll(1);
  Disarm("ann");
  CommitAll(2);
  EXPECT_THAT(Index(), IsEmpty());
  EXPECT_THAT(Due(1000), IsEmpty());
  EXPECT_EQ(cache_->wakes().unwritten(), 0u);
}

}  // namespace
}  // namespace ebb
