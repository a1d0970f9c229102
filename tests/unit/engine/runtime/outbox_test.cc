#include "engine/runtime/outbox.h"

#include <string>

#include "gtest/gtest.h"

namespace ebb {
namespace {

OutputRecord Record(const std::string& key, size_t value_bytes = 100) {
  OutputRecord record;
  record.topic = "alerts";
  record.key = key;
  record.value = std::string(value_bytes, 'v');
  record.headers = {{"ce_id", key + "-1"}};
  return record;
}

TEST(OutboxTest, WhatCameFirstLeavesFirst) {
  Outbox outbox;
  EXPECT_TRUE(outbox.empty());
  for (const char* key : {"ann", "bob", "eve"}) outbox.Add(Record(key));
  outbox.PopFront();
  outbox.Add(Record("dan"));
  ASSERT_EQ(outbox.records().size(), 3);
  for (const char* key : {"bob", "eve", "dan"}) {
    EXPECT_EQ(outbox.front().key, key);
    EXPECT_EQ(outbox.front().headers.at(0).second, std::string(key) + "-1");
    outbox.PopFront();
  }
  EXPECT_TRUE(outbox.empty());
}

TEST(OutboxTest, ARecordShowsNothingOfTheOneWhosePlaceItTakes) {
  Outbox outbox;
  outbox.Add(Record("ann"));
  outbox.Clear();
  EXPECT_TRUE(outbox.empty());
  OutputRecord tombstone;
  tombstone.key = "bob";
  outbox.Add(tombstone);
  EXPECT_EQ(outbox.front().key, "bob");
  EXPECT_EQ(outbox.front().topic, "");
  EXPECT_FALSE(outbox.front().value.has_value());
  EXPECT_TRUE(outbox.front().headers.empty());
}

TEST(OutboxTest, MemoryIsUsedAgainUnlessItIsMuch) {
  Outbox outbox;
  outbox.Add(Record("ann"));
  const char* const bytes = outbox.front().value->data();
  outbox.PopFront();
  outbox.Add(Record("bob", 90));
  EXPECT_EQ(outbox.front().value->data(), bytes);
  outbox.PopFront();
  outbox.Add(Record("eve", 100'000));
  outbox.PopFront();
  outbox.Add(Record("dan"));
  EXPECT_LT(outbox.front().value->capacity(), 1000);
}

}  // namespace
}  // namespace ebb
