#include "state/handles.h"

#include "gmock/gmock.h"
#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "state/customer_cache.h"
#include "state/layout.h"
#include "state/memory_store.h"
#include "tests/unit/state/store_testing.h"

namespace ebb {
namespace {

using google::protobuf::Int64Value;
using google::protobuf::StringValue;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

StringValue Message(std::string text) {
  StringValue message;
  message.set_value(std::move(text));
  return message;
}

// Owns handles as an operator does.
struct Owner : StateOwner {
  ValueState<StringValue> name{this, "name"};
  ValueState<Int64Value> count{this, "count"};
  ReadState<StringValue> elsewhere{this, "other-type", "theirs"};
  MapState<StringValue> map{this, "map"};
  ListState<StringValue> list{this, "list"};
  Timer silence{this, "silence"};
  Timer reminder{this, "reminder"};
};

// Handles over the real cache, which has three places for a row: the open epoch, unwritten epochs, the store.
class HandlesTest : public testing::Test {
 public:
  // A context, as handles know it.
  StateAccess& state() { return *state_; }

 protected:
  HandlesTest() {
    StateId id = 0;
    for (StateHandle* handle : owner_.states()) handle->Bind(++id);
    TimerId timer = 0;
    for (Timer* handle : owner_.timers()) handle->Bind(++timer);
    // Of its own, for nothing here runs upstream.
    owner_.elsewhere.Bind(1);
    Begin("ann");
  }

  void Begin(std::string_view customer) {
    auto loaded = cache_.Load(customer);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    state_ = &cache_.Open(*loaded);
  }
  // Closes the epoch, writing back everything or nothing, and begins the next.
  void Commit(bool write) {
    cache_.Freeze();
    WriteBatch batch;
    cache_.Commit(epoch_, cache_.SelectWriteBack(epoch_, write ? epoch_ : 0, 0, write ? SIZE_MAX : 0), &batch);
    ASSERT_TRUE(store_->Apply(batch).ok());
    ++epoch_;
    Begin("ann");
  }
  void Abort() {
    cache_.Abort();
    Begin("ann");
  }

  std::vector<std::pair<std::string, std::string>> Rows() {
    std::vector<std::pair<std::string, std::string>> rows;
    owner_.map.ForEach(*this, [&](std::string_view key, const StringValue& value) {
      rows.emplace_back(key, value.value());
      return true;
    });
    return rows;
  }
  std::vector<std::string> Items() {
    std::vector<std::string> items;
    owner_.list.ForEach(*this, [&](const StringValue& value) {
      items.push_back(value.value());
      return true;
    });
    return items;
  }

  MemoryStores stores_;
  std::unique_ptr<Store> store_ = OpenStore(stores_, 0);
  CustomerCache cache_{store_.get(), 1 << 20};
  uint64_t epoch_ = 1;
  StateAccess* state_ = nullptr;
  Owner owner_;
};

TEST_F(HandlesTest, OwnerKnowsItsHandlesInOrder) {
  std::vector<std::string> names;
  for (StateHandle* handle : owner_.states()) names.emplace_back(handle->name());
  EXPECT_THAT(names, ElementsAre("name", "count", "theirs", "map", "list"));
  EXPECT_EQ(owner_.map.shape(), StateShape::kMap);
  EXPECT_EQ(owner_.list.shape(), StateShape::kList);
  EXPECT_EQ(owner_.name.foreign_operator(), "");
  EXPECT_EQ(owner_.elsewhere.foreign_operator(), "other-type");
  EXPECT_EQ(owner_.count.prototype().GetTypeName(), "google.protobuf.Int64Value");
  ASSERT_EQ(owner_.timers().size(), 2u);
  EXPECT_EQ(owner_.timers()[1]->name(), "reminder");
}

TEST_F(HandlesTest, ValueIsTheDefaultUntilItIsSetAndAfterItIsCleared) {
  EXPECT_FALSE(owner_.count.Exists(*this));
  EXPECT_EQ(&owner_.count.Get(*this), &Int64Value::default_instance());
  EXPECT_FALSE(owner_.count.Exists(*this)) << "reading made a value";
  owner_.count.Mutable(*this).set_value(3);
  EXPECT_EQ(owner_.count.Get(*this).value(), 3);
  owner_.count.Clear(*this);
  EXPECT_FALSE(owner_.count.Exists(*this));
  EXPECT_EQ(owner_.count.Mutable(*this).value(), 0) << "a cleared value came back";
}

TEST_F(HandlesTest, ValueOutlivesTheEpochAlsoWhenItIsEmpty) {
  owner_.count.Mutable(*this);
  owner_.name.Mutable(*this).set_value("Ann");
  Commit(false);
  EXPECT_TRUE(owner_.count.Exists(*this));
  EXPECT_EQ(owner_.name.Get(*this).value(), "Ann");
  Commit(true);
  cache_.Reset();
  Begin("ann");
  EXPECT_TRUE(owner_.count.Exists(*this));
  EXPECT_EQ(owner_.name.Get(*this).value(), "Ann");
}

TEST_F(HandlesTest, StatesOfOneCustomerAreApartFromEachOtherAndFromOtherCustomers) {
  owner_.name.Mutable(*this).set_value("Ann");
  owner_.map.Put(*this, "k", Message("ann's"));
  Begin("bob");
  EXPECT_FALSE(owner_.name.Exists(*this));
  EXPECT_THAT(Rows(), IsEmpty());
  owner_.name.Mutable(*this).set_value("Bob");
  Begin("ann");
  EXPECT_EQ(owner_.name.Get(*this).value(), "Ann");
  EXPECT_FALSE(owner_.count.Exists(*this));
}

TEST_F(HandlesTest, ForeignStateIsReadAsItStands) {
  EXPECT_EQ(owner_.elsewhere.Get(*this).value(), "");
  owner_.name.Mutable(*this).set_value("Ann");
  EXPECT_EQ(owner_.elsewhere.Get(*this).value(), "Ann");
}

TEST_F(HandlesTest, MapShowsOpenOverUnwrittenOverStoredRows) {
  for (const char* key : {"stored", "stored, then erased", "stored, then erased unwritten", "everywhere"}) {
    owner_.map.Put(*this, key, Message("stored"));
  }
  Commit(true);
  for (const char* key : {"unwritten", "unwritten, then erased", "everywhere"}) {
    owner_.map.Put(*this, key, Message("unwritten"));
  }
  owner_.map.Erase(*this, "stored, then erased unwritten");
  Commit(false);
  owner_.map.Put(*this, "open", Message("open"));
  owner_.map.Put(*this, "everywhere", Message("open"));
  owner_.map.Erase(*this, "stored, then erased");
  owner_.map.Erase(*this, "unwritten, then erased");
  owner_.map.Erase(*this, "never there");
  EXPECT_THAT(Rows(), ElementsAre(Pair("everywhere", "open"), Pair("open", "open"), Pair("stored", "stored"),
                                  Pair("unwritten", "unwritten")));
  for (const auto& [key, value] : Rows()) {
    const auto found = owner_.map.Get(*this, key);
    ASSERT_TRUE(found) << key;
    EXPECT_EQ(found->value(), value);
  }
  for (const char* key : {"stored, then erased", "stored, then erased unwritten", "unwritten, then erased", "never"}) {
    EXPECT_FALSE(owner_.map.Get(*this, key)) << key;
  }
  Abort();
  EXPECT_THAT(Rows(), ElementsAre(Pair("everywhere", "unwritten"), Pair("stored", "stored"),
                                  Pair("stored, then erased", "stored"), Pair("unwritten", "unwritten"),
                                  Pair("unwritten, then erased", "unwritten")));
}

TEST_F(HandlesTest, ErasedRowComesBackWhenItIsPutAgain) {
  owner_.map.Put(*this, "k", Message("first"));
  Commit(true);
  owner_.map.Erase(*this, "k");
  Commit(false);
  owner_.map.Put(*this, "k", Message("second"));
  EXPECT_THAT(Rows(), ElementsAre(Pair("k", "second")));
  Commit(false);
  EXPECT_THAT(Rows(), ElementsAre(Pair("k", "second")));
  Commit(true);
  cache_.Reset();
  Begin("ann");
  EXPECT_THAT(Rows(), ElementsAre(Pair("k", "second")));
}

TEST_F(HandlesTest, MapKeysAreAnyBytesInOrderOfUnsignedBytes) {
  using namespace std::string_literals;
  const std::vector<std::string> keys = {"", "\0"s, "\0\1"s, "a", "a\0"s, "\x7f", "\x80", "\xff", "\xff\xff"};
  for (size_t i = 0; i < keys.size(); ++i) {
    owner_.map.Put(*this, keys[keys.size() - 1 - i], Message("x"));
    Commit(i % 2 == 0);
  }
  std::vector<std::string> seen;
  for (const auto& [key, value] : Rows()) seen.push_back(key);
  EXPECT_EQ(seen, keys);
}

TEST_F(HandlesTest, RowsOfAdjacentCustomersAndStatesAreNotSeen) {
  for (const char* customer : {"an", "ann\x01", "anna"}) {
    Begin(customer);
    owner_.map.Put(*this, "k", Message(customer));
    owner_.list.Append(*this, Message(customer));
  }
  Begin("ann");
  owner_.list.Append(*this, Message("mine"));
  Commit(true);
  EXPECT_THAT(Rows(), IsEmpty());
  EXPECT_THAT(Items(), ElementsAre("mine"));
}

TEST_F(HandlesTest, VisitStopsWhenTheVisitorHasEnoughAndMayChangeTheRows) {
  for (const char* key : {"a", "b", "c"}) owner_.map.Put(*this, key, Message(key));
  Commit(true);
  int visited = 0;
  owner_.map.ForEach(*this, [&](std::string_view key, const StringValue&) {
    owner_.map.Erase(*this, key);
    return ++visited < 2;
  });
  EXPECT_EQ(visited, 2);
  EXPECT_THAT(Rows(), ElementsAre(Pair("c", "c")));
}

TEST_F(HandlesTest, ListKeepsTheOrderOfAppendsAcrossEpochs) {
  std::vector<std::string> expected;
  for (int i = 0; i < 600; ++i) {
    expected.push_back(std::to_string(i));
    owner_.list.Append(*this, Message(expected.back()));
    if (i % 7 == 0) Commit(i % 2 == 0);
  }
  EXPECT_EQ(Items(), expected);
}

TEST_F(HandlesTest, ClearedListIsEmptyAndBeginsAnew) {
  owner_.list.Append(*this, Message("stored"));
  Commit(true);
  owner_.list.Append(*this, Message("unwritten"));
  Commit(false);
  owner_.list.Append(*this, Message("open"));
  owner_.list.Clear(*this);
  EXPECT_THAT(Items(), IsEmpty());
  owner_.list.Append(*this, Message("new"));
  EXPECT_THAT(Items(), ElementsAre("new"));
  Abort();
  EXPECT_THAT(Items(), ElementsAre("stored", "unwritten"));
}

TEST_F(HandlesTest, TimerHasOneDeadlineInWholeMilliseconds) {
  EXPECT_EQ(owner_.silence.Deadline(*this), std::nullopt);
  owner_.silence.Arm(*this, absl::FromUnixMillis(10) + absl::Microseconds(999));
  owner_.reminder.Arm(*this, absl::FromUnixMillis(-10) + absl::Microseconds(1));
  EXPECT_THAT(owner_.silence.Deadline(*this), Optional(absl::FromUnixMillis(10)));
  EXPECT_THAT(owner_.reminder.Deadline(*this), Optional(absl::FromUnixMillis(-10)));
  owner_.silence.Arm(*this, absl::FromUnixMillis(5));
  EXPECT_THAT(owner_.silence.Deadline(*this), Optional(absl::FromUnixMillis(5)));
  owner_.silence.Cancel(*this);
  owner_.silence.Cancel(*this);
  EXPECT_EQ(owner_.silence.Deadline(*this), std::nullopt);
  EXPECT_THAT(owner_.reminder.Deadline(*this), Optional(absl::FromUnixMillis(-10)));
}

TEST_F(HandlesTest, TimerAtTheEndsOfTimeHasAWakeAlsoWhenItIsWritten) {
  Begin("past");
  owner_.silence.Arm(*this, absl::InfinitePast());
  Begin("future");
  owner_.silence.Arm(*this, absl::InfiniteFuture());
  Commit(true);
  cache_.Reset();
  constexpr int64_t kEnd = std::numeric_limits<int64_t>::max();
  for (const auto& [watermark, customer] : {std::pair(-kEnd, "past"), std::pair(kEnd, "future")}) {
    const auto wake = cache_.wakes().PopDue(watermark);
    ASSERT_TRUE(wake.ok()) << wake.status();
    ASSERT_TRUE(*wake) << customer;
    EXPECT_EQ((*wake)->customer, customer);
  }
}

}  // namespace
}  // namespace ebb
