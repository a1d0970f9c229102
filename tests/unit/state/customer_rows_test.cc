#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/customer_cache.h"
#include "state/layout.h"
#include "tests/unit/state/customer_cache_testing.h"

namespace ebb {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

class CustomerRowsTest : public CustomerCacheTest {};

TEST_F(CustomerRowsTest, RowsAreWrittenTogetherWithTheDocument) {
  Open("ann").PutRow(kMap, "a", "first");
  Open("ann").PutRow(kMap, "b", "only");
  CommitNone(1);
  EXPECT_EQ(StoredRow("ann", "a"), std::nullopt);
  EXPECT_EQ(State("ann"), ", dirty since 1");
  Open("ann").PutRow(kMap, "a", "second");
  Open("ann").PutRow(kMap, "c", "now");
  const WriteBack written = Select(2, kAll);
  EXPECT_THAT(WritesOf(written.rows), UnorderedElementsAre(Pair(layout::RowKey("ann", kMap, "a"), "second"),
                                                           Pair(layout::RowKey("ann", kMap, "b"), "only"),
                                                           Pair(layout::RowKey("ann", kMap, "c"), "now"),
                                                           Pair(layout::DocumentKey("ann"), StampedRow(2, ""))));
  Commit(2, written);
  EXPECT_THAT(MapRows("ann"), ElementsAre("a=second", "b=only", "c=now"));
  Set("ann", kName, "Ann");
  EXPECT_THAT(WritesOf(Select(3, kAll).rows), ElementsAre(Pair(layout::DocumentKey("ann"), testing::_)))
      << "rows were written twice";
}

TEST_F(CustomerRowsTest, ErasedRowIsATombstone) {
  for (const char* key : {"erased later", "erased now", "kept"}) Open("ann").PutRow(kMap, key, "v");
  CommitAll(1);
  Open("ann").EraseRow(kMap, "erased later");
  CommitNone(2);
  EXPECT_EQ(StoredRow("ann", "erased later"), "v");
  Open("ann").EraseRow(kMap, "erased now");
  const WriteBack written = Select(3, kAll);
  EXPECT_THAT(WritesOf(written.rows),
              UnorderedElementsAre(Pair(layout::RowKey("ann", kMap, "erased later"), std::nullopt),
                                   Pair(layout::RowKey("ann", kMap, "erased now"), std::nullopt),
                                   Pair(layout::DocumentKey("ann"), StampedRow(3, ""))));
  Commit(3, written);
  EXPECT_THAT(MapRows("ann"), ElementsAre("kept=v"));
  EXPECT_EQ(StoredRow("ann", "erased later"), std::nullopt);
}

TEST_F(CustomerRowsTest, ScanBeginsWhereItIsTold) {
  for (const char* key : {"a", "b", "c"}) Open("ann").PutRow(kMap, key, "stored");
  CommitAll(1);
  Open("ann").PutRow(kMap, "aa", "open");
  Open("ann").PutRow(kMap, "bb", "open");
  std::vector<std::string> keys;
  Open("ann").ScanRows(kMap, "b", [&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return keys.size() < 2;
  });
  EXPECT_THAT(keys, ElementsAre("b", "bb"));
}

}  // namespace
}  // namespace ebb
