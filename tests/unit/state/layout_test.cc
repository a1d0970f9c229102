#include "state/layout.h"

#include <algorithm>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb::layout {
namespace {

using testing::IsEmpty;
using testing::Optional;
using testing::Pair;
using testing::SizeIs;

using namespace std::string_literals;

constexpr int64_t kLeastTime = std::numeric_limits<int64_t>::min();
constexpr int64_t kGreatestTime = std::numeric_limits<int64_t>::max();

// Ids that are prefixes of each other, hold the bytes of the separator, or look like the rest of a key; ascending.
const std::vector<std::string> kCustomers = {
    ""s,         "\0"s,         "\0\0"s, "\0\1"s, "\0\xff"s, "\1"s,  "a"s,    "a\0"s,  "a\0\0\0\0\1x"s, "a\0\1"s,
    "a\0\xff"s, "a\0\xff\0"s, "a\1"s,  "ab"s,   "a\xff"s,  "b"s,   "\x7f"s, "\x80"s, "\xfe"s,         "\xff"s,
    "\xff\0\1"s, "\xff\xff"s};

const std::vector<std::string> kSubKeys = {"", "\0"s, "\0\1"s, "\xff", "key", "\0\0\0\0\0\0\0\1"s};

TEST(LayoutTest, KeyOrderIsCustomerMajor) {
  std::vector<std::string> customers = kCustomers;
  ASSERT_TRUE(std::is_sorted(customers.begin(), customers.end()));
  std::vector<std::string> keys;
  for (const std::string& customer : customers) {
    keys.push_back(DocumentKey(customer));
    for (StateId state : {1u, 2u, 255u, 256u, 0xffffffffu}) {
      keys.push_back(RowKey(customer, state, ""));
      keys.push_back(RowKey(customer, state, "\xff"));
    }
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(LayoutTest, KeyOrderIsCustomerMajorForAnyBytes) {
  std::mt19937 random(1);
  auto id = [&] {
    std::string bytes(random() % 6, '\0');
    for (char& c : bytes) c = "\0\1\xff\xfe"[random() % 4];
    return bytes;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = id(), b = id(), sub = id();
    if (a == b) continue;
    ASSERT_EQ(RowKey(a, random(), sub) < RowKey(b, random(), sub), a < b) << testing::PrintToString(std::pair(a, b));
    ASSERT_THAT(CustomerOf(RowKey(a, random(), sub)), Optional(a));
  }
}

TEST(LayoutTest, CustomerRowsAreOneRangeWithTheDocumentFirst) {
  for (const std::string& customer : kCustomers) {
    const std::string document = DocumentKey(customer);
    const std::string end = PrefixEnd(document);
    for (const std::string& other : kCustomers) {
      for (const std::string& key : {DocumentKey(other), RowKey(other, 1, "\xff\xff"), RowKey(other, 0xffffffff, "")}) {
        EXPECT_EQ(document <= key && key < end, other == customer)
            << testing::PrintToString(std::pair(customer, other));
      }
    }
  }
}

TEST(LayoutTest, KindAndCustomerAndSubKeyComeBackFromAKey) {
  for (const std::string& customer : kCustomers) {
    EXPECT_EQ(KindOf(DocumentKey(customer)), RowKind::kDocument);
    EXPECT_THAT(CustomerOf(DocumentKey(customer)), Optional(customer));
    EXPECT_EQ(SubKeyOf(DocumentKey(customer), customer), "");
    for (StateId state : {1u, 0x00010203u, 0xff000001u}) {
      for (const std::string& sub_key : kSubKeys) {
        const std::string key = RowKey(customer, state, sub_key);
        EXPECT_EQ(KindOf(key), RowKind::kRow);
        EXPECT_THAT(CustomerOf(key), Optional(customer));
        EXPECT_EQ(SubKeyOf(key, customer), sub_key);
      }
    }
    for (int64_t time : {kLeastTime, int64_t{0}, kGreatestTime}) {
      EXPECT_EQ(KindOf(WakeKey(time, customer)), RowKind::kWake);
      EXPECT_THAT(WakeOf(WakeKey(time, customer)), Optional(Pair(time, customer)));
    }
  }
  EXPECT_EQ(KindOf(ManifestKey()), RowKind::kMeta);
  EXPECT_EQ(KindOf(PositionKey()), RowKind::kMeta);
  EXPECT_EQ(KindOf(EpochKey(7)), RowKind::kEpoch);
}

TEST(LayoutTest, KindsDoNotMix) {
  const std::vector<std::string> keys = {ManifestKey(),      EpochKey(0),           EpochKey(0xffffffff),
                                         DocumentKey(""),    RowKey("\xff", 1, ""), WakeKey(kLeastTime, ""),
                                         WakeKey(kGreatestTime, "\xff")};
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_FALSE(CustomerOf(WakeKey(0, "a")));
  EXPECT_FALSE(CustomerOf(ManifestKey()));
  EXPECT_FALSE(CustomerOf(EpochKey(1)));
  EXPECT_FALSE(WakeOf(DocumentKey("abcdefgh")));
}

TEST(LayoutTest, WhatIsNoKeyIsRefused) {
  for (const std::string& key : {""s, "\0"s, "\5"s, "\xff"s, "\3"s, "\3a"s, "\3a\0"s, "\3a\0\xff"s, "\3a\0\xff\1"s}) {
    EXPECT_EQ(KindOf(key), RowKind::kUnknown) << testing::PrintToString(key);
    EXPECT_FALSE(CustomerOf(key)) << testing::PrintToString(key);
  }
  EXPECT_FALSE(WakeOf(""));
  EXPECT_FALSE(WakeOf(WakeKey(1, "").substr(0, 8)));
  EXPECT_THAT(SubKeyOf("\3a", "a"), IsEmpty());
}

TEST(LayoutTest, TimesSortAsNumbersThenCustomers) {
  std::vector<std::string> keys;
  for (int64_t time : {kLeastTime, kLeastTime + 1, int64_t{-256}, int64_t{-255}, int64_t{-1}, int64_t{0}, int64_t{1},
                       int64_t{255}, int64_t{256}, int64_t{1} << 40, kGreatestTime - 1, kGreatestTime}) {
    for (const std::string& customer : kCustomers) keys.push_back(WakeKey(time, customer));
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(LayoutTest, SlotsSortAsNumbers) {
  EXPECT_LT(EpochKey(255), EpochKey(256));
  EXPECT_LT(EpochKey(0x7fffffff), EpochKey(0x80000000));
  EXPECT_EQ(EpochKey(0x01020304), "\x02\x01\x02\x03\x04");
  EXPECT_THAT(EpochKey(0), SizeIs(5));
}

TEST(LayoutTest, PrefixEndIsTheLeastKeyBehindAPrefix) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd("a\x7f"), "a\x80");
  EXPECT_EQ(PrefixEnd("a\0"s), "a\1");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

}  // namespace
}  // namespace ebb::layout
