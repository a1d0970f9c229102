#include "state/customer_cache.h"

#include <set>

#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "gtest/gtest.h"
#include "state/layout.h"
#include "state/soundness.h"
#include "state/text.h"
#include "tests/unit/state/customer_cache_testing.h"
#include "tests/unit/state/store_testing.h"

namespace ebb {
namespace {

using google::protobuf::ListValue;
using testing::AllOf;
using testing::ElementsAre;
using testing::Ge;
using testing::IsEmpty;
using testing::Le;
using testing::Not;
using testing::Optional;
using testing::Pair;
using testing::UnorderedElementsAre;

// What an append adds, "a", as a list.
ListValue List(std::string_view text) {
  ListValue list;
  list.add_values()->set_string_value(std::string(text));
  return list;
}

class AppendTest : public CustomerCacheTest {
 protected:
  void Append(std::string_view text) { Open("ann").Append(kList, ListValue::default_instance(), List(text)); }
  // What the open epoch reads; "a b".
  std::string Read() {
    const auto* list = static_cast<const ListValue*>(Open("ann").Find(kList, ListValue::default_instance()));
    return list == nullptr ? "nothing" : absl::StrJoin(list->values(), " ", [](std::string* out, const auto& element) {
      out->append(element.string_value());
    });
  }
  bool IsRead() { return Load("ann").open->values.front().message != nullptr; }
};

TEST_F(AppendTest, AddsToWhatIsThereWithoutReadingIt) {
  Append("a");
  CommitAll(1);
  Append("b");
  Append("c");
  EXPECT_FALSE(IsRead());
  CommitAll(2);
  Append("d");
  EXPECT_FALSE(IsRead());
  EXPECT_EQ(Read(), "a b c d");
  CommitAll(3);
  cache_->Reset();
  EXPECT_EQ(Read(), "a b c d");
}

TEST_F(AppendTest, GivesTheBytesOfAListThatWasMadeAtOnce) {
  Append("a");
  CommitNone(1);
  Append("b");
  CommitNone(2);
  const std::string appended(Load("ann").body.view());
  ListValue whole = List("a");
  whole.MergeFrom(List("b"));
  *static_cast<ListValue*>(Open("ann").Mutable(kList, ListValue::default_instance())) = whole;
  CommitNone(3);
  EXPECT_EQ(Load("ann").body.view(), appended);
}

TEST_F(AppendTest, GoesOnBehindWhatWasReadOrChangedMeanwhile) {
  Append("a");
  CommitNone(1);
  Append("b");
  EXPECT_EQ(Read(), "a b");
  Append("c");
  auto* list = static_cast<ListValue*>(Open("ann").Mutable(kList, ListValue::default_instance()));
  list->mutable_values()->DeleteSubrange(0, 1);
  Append("d");
  EXPECT_EQ(Read(), "b c d");
  Open("ann").Clear(kList);
  Append("e");
  EXPECT_EQ(Read(), "e");
  CommitNone(2);
  EXPECT_EQ(Read(), "e");
}

TEST_F(AppendTest, AbortedLeavesNoTrace) {
  Append("a");
  CommitNone(1);
  Append("b");
  EXPECT_GT(cache_->pinned_bytes(), 0u);
  cache_->Abort();
  EXPECT_EQ(cache_->pinned_bytes(), 0u);
  EXPECT_EQ(Read(), "a");
}

// Abort.

TEST_F(CustomerCacheTest, AbortedEpochLeavesNoTraceOfANewCustomer) {
  Set("ann", kName, "Ann");
  Arm("ann", 500);
  Open("ann").PutRow(kMap, "k", "v");
  cache_->Abort();
  EXPECT_EQ(State("ann"), "");
  EXPECT_EQ(cache_->dirty_customers(), 0u);
  EXPECT_EQ(cache_->OldestDirty(), std::nullopt);
  EXPECT_THAT(MapRows("ann"), IsEmpty());
  EXPECT_THAT(Due(1000), IsEmpty());
  EXPECT_EQ(cache_->pinned_bytes(), 0u);
  const WriteBack written = Select(1, kAll);
  EXPECT_TRUE(written.rows.empty());
  EXPECT_EQ(written.low_water, 1u);
}

TEST_F(CustomerCacheTest, AbortedEpochLeavesNoTraceOfADirtyCustomer) {
  Set("ann", kName, "Ann");
  Set("ann", kCity, "Rome");
  Arm("ann", 500);
  Open("ann").PutRow(kMap, "kept", "old");
  Open("ann").PutRow(kMap, "erased", "old");
  CommitNone(1);
  const size_t bytes = cache_->bytes();

  Set("ann", kName, "Anna");
  Open("ann").Clear(kCity);
  Arm("ann", 200);
  Arm("ann", 100, kOtherTimer);
  Open("ann").PutRow(kMap, "kept", "new");
  Open("ann").PutRow(kMap, "new", "new");
  Open("ann").EraseRow(kMap, "erased");
  cache_->Abort();

  EXPECT_EQ(State("ann"), "1=Ann 2=Rome timer 1@500, dirty since 1");
  EXPECT_THAT(MapRows("ann"), ElementsAre("erased=old", "kept=old"));
  EXPECT_THAT(Due(1000), ElementsAre(Wake{500, "ann"}));
  EXPECT_EQ(cache_->OldestDirty(), 1u);
  EXPECT_EQ(cache_->bytes(), bytes);
  EXPECT_EQ(cache_->pinned_bytes(), 0u);
  CommitAll(2);
  EXPECT_EQ(Stored("ann"), "1=Ann 2=Rome timer 1@500, stamp 2");
  EXPECT_EQ(StoredRow("ann", "kept"), "old");
  EXPECT_EQ(StoredRow("ann", "new"), std::nullopt);
  EXPECT_THAT(Index(), ElementsAre(Wake{500, "ann"}));
}

TEST_F(CustomerCacheTest, AbortedEpochLeavesNoTraceOfACleanCustomer) {
  Set("ann", kName, "Ann");
  Arm("ann", 500);
  CommitAll(1);
  Set("ann", kName, "Anna");
  Disarm("ann");
  cache_->Abort();
  EXPECT_EQ(State("ann"), "1=Ann timer 1@500");
  EXPECT_EQ(cache_->dirty_customers(), 0u);
  EXPECT_THAT(Due(1000), ElementsAre(Wake{500, "ann"}));
}

TEST_F(CustomerCacheTest, AbortGivesBackTheWakesThatWereTaken) {
  Arm("stored", 100);
  CommitAll(1);
  Arm("unwritten", 200);
  CommitNone(2);
  for (int attempt = 0; attempt < 3; ++attempt) {
    std::set<Wake> taken;
    while (const auto wake = Pop(300)) {
      taken.insert(*wake);
      Disarm(wake->customer);
    }
    EXPECT_THAT(taken, ElementsAre(Wake{100, "stored"}, Wake{200, "unwritten"})) << attempt;
    cache_->Abort();
  }
}

TEST_F(CustomerCacheTest, AbortAfterTheChoiceWritesNothingAndTheNextChoiceIsTheSame) {
  Set("ann", kName, "Ann");
  CommitNone(1);
  Set("ann", kName, "Anna");
  Set("bob", kName, "Bob");
  EXPECT_THAT(Ids(Select(2, kAll)), UnorderedElementsAre("ann", "bob"));
  cache_->Abort();
  EXPECT_EQ(State("ann"), "1=Ann, dirty since 1");
  EXPECT_EQ(State("bob"), "");
  EXPECT_EQ(Stored("ann"), "nothing");
  const WriteBack again = Select(2, kAll);
  EXPECT_THAT(Ids(again), ElementsAre("ann"));
  Commit(2, again);
  EXPECT_EQ(Stored("ann"), "1=Ann, stamp 2");
  EXPECT_EQ(Stored("bob"), "nothing");
}

TEST_F(CustomerCacheTest, StateBegunAfterAnAbortIsEmpty) {
  Set("ann", kName, "Ann");
  cache_->Abort();
  EXPECT_EQ(Open("ann").Find(kName, StringValue::default_instance()), nullptr);
  const auto* value = Open("bob").Mutable(kName, StringValue::default_instance());
  EXPECT_EQ(static_cast<const StringValue*>(value)->value(), "");
}

// Write-back.

TEST_F(CustomerCacheTest, WriteBackHoldsTheWholeEpochAndItsStamp) {
  Set("ann", kName, "first");
  CommitNone(1);
  Set("ann", kCity, "second");
  const WriteBack written = Select(2, kAll);
  EXPECT_EQ(Stored("ann"), "nothing") << "chosen, but not committed";
  EXPECT_THAT(WritesOf(written.rows), ElementsAre(Pair(layout::DocumentKey("ann"), Optional(Not(IsEmpty())))));
  Commit(2, written);
  EXPECT_EQ(Stored("ann"), "1=first 2=second, stamp 2");
  EXPECT_EQ(State("ann"), "1=first 2=second");
  EXPECT_EQ(Load("ann").stamp, 2u);
}

TEST_F(CustomerCacheTest, CustomerTouchedInAnEpochMayBeWrittenInIt) {
  Set("new", kName, "New");
  const WriteBack written = Select(1, kAll);
  EXPECT_THAT(Ids(written), ElementsAre("new"));
  EXPECT_EQ(written.low_water, 1u);
  Commit(1, written);
  EXPECT_EQ(Stored("new"), "1=New, stamp 1");
  EXPECT_EQ(cache_->dirty_customers(), 0u);
}

TEST_F(CustomerCacheTest, CustomerThatWasOnlyReadIsNotWritten) {
  Set("ann", kName, "Ann");
  Arm("ann", 500);
  CommitAll(1);
  Open("ann").Find(kName, StringValue::default_instance());
  Open("ann").Clear(kCity);
  Open("ann").Disarm(kOtherTimer);
  Open("ann").Arm(kTimer, 500);
  const WriteBack written = Select(2, kAll);
  EXPECT_TRUE(written.rows.empty());
  EXPECT_EQ(written.low_water, 2u);
  Commit(2, written);
  EXPECT_EQ(Stored("ann"), "1=Ann timer 1@500, stamp 1");
  EXPECT_EQ(State("ann"), "1=Ann timer 1@500");
}

TEST_F(CustomerCacheTest, LowWaterIsTheEpochBeforeTheFirstThatIsNotWritten) {
  const struct {
    uint64_t target;
    std::vector<std::string> written;
    uint64_t low_water;
  } cases[] = {
      {0, {}, 1},  // a is dirty since 2,
      {1, {}, 1},
      {2, {"a"}, 2},  // b since 3,
      {3, {"a", "b"}, 4},
      {4, {"a", "b"}, 4},  // c since 5, nobody since 4,
      {5, {"a", "b", "c"}, 5},
      {6, {"a", "b", "c", "d"}, 6},  // and d since this very epoch.
      {kAll, {"a", "b", "c", "d"}, 6},
  };
  for (const auto& [target, ids, low_water] : cases) {
    cache_->Reset();
    CommitNone(1);
    Set("a", kName, "A");
    CommitNone(2);
    Set("b", kName, "B");
    CommitNone(3);
    Set("a", kName, "A again");
    CommitNone(4);
    Set("c", kName, "C");
    CommitNone(5);
    Set("d", kName, "D");
    Open("a");
    for (const bool must : {false, true}) {
      const WriteBack written = must ? Select(6, kNone, target, 0) : Select(6, target);
      EXPECT_EQ(Ids(written), ids) << target;
      EXPECT_EQ(written.low_water, low_water) << target;
    }
  }
}

TEST_F(CustomerCacheTest, OldestDirtyIsTheFirstEpochNotInWrittenState) {
  Set("a", kName, "A");
  CommitNone(3);
  Set("b", kName, "B");
  Set("a", kName, "A again");
  CommitNone(4);
  EXPECT_EQ(cache_->OldestDirty(), 3u);
  EXPECT_EQ(cache_->dirty_customers(), 2u);
  Commit(5, Select(5, 3));
  EXPECT_EQ(cache_->OldestDirty(), 4u);
  Commit(6, Select(6, 4));
  EXPECT_EQ(cache_->OldestDirty(), std::nullopt);
}

TEST_F(CustomerCacheTest, CustomerChangedAgainAfterItWasWrittenIsDirtySinceThen) {
  Set("a", kName, "one");
  CommitNone(1);
  CommitAll(2);
  Set("a", kName, "two");
  CommitNone(3);
  EXPECT_EQ(State("a"), "1=two, dirty since 3");
  EXPECT_EQ(Stored("a"), "1=one, stamp 2");
}

TEST_F(CustomerCacheTest, BudgetBoundsWhatShouldBeWrittenButNotWhatMust) {
  constexpr int kCustomers = 20;
  for (int i = 0; i < kCustomers; ++i) {
    Set(Text("customer ", i + 10), kName, std::string(1000, 'x'));
    CommitNone(i + 1);
  }
  const size_t each = cache_->bytes() / kCustomers;
  EXPECT_THAT(Ids(Select(30, kAll, kNone, 0)), IsEmpty());
  EXPECT_THAT(Ids(Select(30, kAll, kNone, 5 * each)).size(), AllOf(Ge(4u), Le(6u)));
  EXPECT_EQ(Ids(Select(30, kAll, kNone, 1000 * each)).size(), 20u);
  EXPECT_EQ(Ids(Select(30, 3, kNone, 1000 * each)).size(), 3u) << "more than was asked for";
  EXPECT_EQ(Ids(Select(30, kAll, 8, 0)).size(), 8u) << "least_low must be reached whatever it takes";
  EXPECT_EQ(Select(30, kAll, 8, 0).low_water, 8u);
  EXPECT_EQ(Ids(Select(30, kAll, 8, 5 * each)).size(), 8u) << "what must be written counts too";
}

TEST_F(CustomerCacheTest, WriteBackGoesByTheAgeOfTheFirstChange) {
  for (int i = 0; i < 5; ++i) {
    Set(Text("customer ", i), kName, "x");
    CommitNone(i + 1);
  }
  Set("customer 0", kName, "y");
  CommitNone(6);
  EXPECT_THAT(Ids(Select(7, 2)), ElementsAre("customer 0", "customer 1"));
}

// Redo.

TEST_F(CustomerCacheTest, CustomerIsAheadUpToItsStamp) {
  Set("ann", kName, "Ann");
  CommitAll(5);
  cache_->Reset();
  EXPECT_TRUE(CustomerCache::IsAhead(Load("ann"), 4));
  EXPECT_TRUE(CustomerCache::IsAhead(Load("ann"), 5));
  EXPECT_FALSE(CustomerCache::IsAhead(Load("ann"), 6));
  EXPECT_FALSE(CustomerCache::IsAhead(Load("never seen"), 1));
}

TEST_F(CustomerCacheTest, RedoneEpochMakesDirtySinceItself) {
  Set("ann", kName, "Ann");
  CommitAll(5);
  cache_->Reset();
  Set("bob", kName, "Bob");
  CommitRedone(4);
  Set("ann", kCity, "Rome");
  CommitRedone(6);
  Set("ann", kCity, "Oslo");
  CommitRedone(7);
  EXPECT_EQ(State("bob"), "1=Bob, dirty since 4");
  EXPECT_EQ(State("ann"), "1=Ann 2=Oslo, dirty since 6");
  EXPECT_EQ(Stored("ann"), "1=Ann, stamp 5") << "redo writes nothing";
  EXPECT_EQ(Load("ann").stamp, 5u);
  WriteBack written = Select(8, 5);
  EXPECT_THAT(Ids(written), ElementsAre("bob"));
  EXPECT_EQ(written.low_water, 5u);
  Commit(8, std::move(written));
  EXPECT_EQ(Stored("bob"), "1=Bob, stamp 8");
}

TEST_F(CustomerCacheTest, ResetForgetsEverythingButTheStore) {
  Set("ann", kName, "Ann");
  Arm("ann", 500);
  Open("ann").PutRow(kMap, "k", "v");
  CommitAll(1);
  ASSERT_THAT(Pop(500), Optional(Wake{500, "ann"}));
  Set("ann", kName, "Anna");
  Arm("ann", 100);
  Open("ann").PutRow(kMap, "k", "w");
  Set("bob", kName, "Bob");
  CommitNone(2);
  Set("ann", kName, "open");
  cache_->Reset();
  EXPECT_EQ(cache_->customers(), 0u);
  EXPECT_EQ(cache_->dirty_customers(), 0u);
  EXPECT_EQ(cache_->bytes(), 0u);
  EXPECT_EQ(cache_->pinned_bytes(), 0u);
  EXPECT_EQ(State("ann"), "1=Ann timer 1@500");
  EXPECT_EQ(State("bob"), "");
  EXPECT_THAT(MapRows("ann"), ElementsAre("k=v"));
  EXPECT_THAT(Due(1000), ElementsAre(Wake{500, "ann"}));
}

// Reading the store.

TEST_F(CustomerCacheTest, PrefetchBringsWhatIsMissingAndKeepsWhatIsThere) {
  for (const char* id : {"a", "b", "c"}) Set(id, kName, "stored");
  CommitAll(1);
  Start(kPlenty);
  Set("b", kName, "dirty");
  CommitNone(2);
  const uint64_t misses = cache_->misses();
  std::vector<Customer*> found;
  ASSERT_TRUE(cache_->Prefetch({"c", "b", "a", "c", "never seen", ""}, &found).ok());
  EXPECT_EQ(cache_->misses(), misses + 3);
  ASSERT_EQ(found.size(), 6u);
  EXPECT_THAT(found, ElementsAre(*cache_->Load("c"), *cache_->Load("b"), *cache_->Load("a"), *cache_->Load("c"),
                                 *cache_->Load("never seen"), nullptr));
  EXPECT_EQ(cache_->customers(), 4u);
  EXPECT_EQ(State("a"), "1=stored");
  EXPECT_EQ(State("b"), "1=dirty, dirty since 2");
  EXPECT_EQ(State("c"), "1=stored");
  EXPECT_EQ(State("never seen"), "");
  EXPECT_EQ(cache_->misses(), misses + 3);
}

TEST_F(CustomerCacheTest, SpoiledRowsAreReportedAndNeverTakenForState) {
  ASSERT_TRUE(Put(*store_, layout::DocumentKey("no stamp"), "garbage").ok());
  EXPECT_EQ(cache_->Load("no stamp").status().code(), absl::StatusCode::kDataLoss);
  std::vector<Customer*> found;
  EXPECT_EQ(cache_->Prefetch({"no stamp"}, &found).code(), absl::StatusCode::kDataLoss);
  ASSERT_TRUE(Put(*store_, layout::DocumentKey("no body"), StampedRow(3, "garbage")).ok());
  Open("no body");
  EXPECT_EQ(cache_->status().code(), absl::StatusCode::kDataLoss);
  cache_->Abort();
  EXPECT_TRUE(cache_->status().ok());
  std::string body;
  AppendValue(&body, kName, "\xff\xff");
  ASSERT_TRUE(Put(*store_, layout::DocumentKey("no value"), StampedRow(3, body)).ok());
  Open("no value").Find(kName, StringValue::default_instance());
  EXPECT_EQ(cache_->status().code(), absl::StatusCode::kDataLoss);
}

bool IsSmall(const google::protobuf::Int64Value& number) { return AreSound(number.value()); }
const StateCheck<google::protobuf::Int64Value, &IsSmall> kCheck;

TEST_F(CustomerCacheTest, StateThatItsCheckDoesNotTakeIsReportedAndNotShown) {
  google::protobuf::Int64Value number;
  for (const int64_t value : {kMostSound, kMostSound + 1}) {
    number.set_value(value);
    std::string body;
    AppendValue(&body, kName, number.SerializeAsString());
    const std::string customer = Text(value);
    ASSERT_TRUE(Put(*store_, layout::DocumentKey(customer), StampedRow(3, body)).ok());
    const auto* found = Open(customer).Find(kName, number.default_instance());
    const bool sound = value == kMostSound;
    EXPECT_EQ(static_cast<const google::protobuf::Int64Value*>(found)->value(), sound ? value : 0);
    EXPECT_EQ(absl::IsDataLoss(cache_->status()), !sound) << cache_->status();
  }
}

}  // namespace
}  // namespace ebb
