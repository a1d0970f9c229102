#include "state/document.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <random>

#include "ebb/v1/changelog.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

using namespace std::string_literals;

struct Parts {
  std::vector<std::pair<StateId, std::string>> values;
  std::vector<DocumentTimer> timers;  // In order of (deadline, id).
};

std::string BodyOf(const Parts& parts) {
  std::string body;
  for (const auto& [state, bytes] : parts.values) AppendValue(&body, state, bytes);
  for (const DocumentTimer& timer : parts.timers) AppendTimer(&body, timer);
  return body;
}

// Numbers of every length on the wire.
uint64_t AnyNumber(std::mt19937_64& random) { return random() >> (random() % 64); }

std::string AnyBytes(std::mt19937_64& random, size_t most) {
  std::string bytes(random() % (most + 1), '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

Parts AnyParts(std::mt19937_64& random) {
  Parts parts;
  for (size_t i = random() % 5; i > 0; --i) {
    parts.values.emplace_back(std::max<StateId>(1, static_cast<StateId>(AnyNumber(random))), AnyBytes(random, 200));
  }
  for (size_t i = random() % 5; i > 0; --i) {
    parts.timers.push_back({std::max<TimerId>(1, static_cast<TimerId>(AnyNumber(random))),
                            static_cast<int64_t>(AnyNumber(random)) * (random() % 2 ? 1 : -1)});
  }
  std::sort(parts.timers.begin(), parts.timers.end(), [](const DocumentTimer& a, const DocumentTimer& b) {
    return std::pair(a.deadline_ms, a.timer) < std::pair(b.deadline_ms, b.timer);
  });
  return parts;
}

// Takes the bytes at the very end of a block of their own, so that a sanitiser sees every byte read beyond them.
void ReadEverything(std::string_view bytes) {
  const auto block = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), block.get());
  const std::string_view copy(block.get(), bytes.size());
  auto inside = [&](std::string_view part) {
    return part.empty() || (part.data() >= copy.data() && part.data() + part.size() <= copy.data() + copy.size());
  };
  if (const auto parts = SplitDocument(copy)) {
    for (const DocumentValue& value : parts->values) {
      ASSERT_NE(value.state, 0u);
      ASSERT_TRUE(inside(value.bytes));
    }
    for (const DocumentTimer& timer : parts->timers) ASSERT_NE(timer.timer, 0u);
    const auto earliest = EarliestDeadline(copy);
    ASSERT_EQ(earliest.has_value(), !parts->timers.empty());
    if (earliest) {
      ASSERT_EQ(*earliest, parts->timers.front().deadline_ms);
    }
  } else {
    EarliestDeadline(copy);
  }
  if (const auto row = ReadStampedRow(copy)) {
    ASSERT_TRUE(inside(row->body));
    ASSERT_LT(row->body.size(), copy.size());
  }
}

TEST(DocumentTest, SplitGivesBackWhatWasAppended) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 5000; ++i) {
    const Parts parts = AnyParts(random);
    const std::string body = BodyOf(parts);
    const auto split = SplitDocument(body);
    ASSERT_TRUE(split);
    ASSERT_EQ(split->values.size(), parts.values.size());
    for (size_t v = 0; v < parts.values.size(); ++v) {
      EXPECT_EQ(split->values[v].state, parts.values[v].first);
      EXPECT_EQ(split->values[v].bytes, parts.values[v].second);
    }
    EXPECT_EQ(split->timers, parts.timers);
  }
}

TEST(DocumentTest, BytesAreTheMessageOnTheWire) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 2000; ++i) {
    const Parts parts = AnyParts(random);
    const uint64_t stamp = AnyNumber(random) | 1;
    v1::CustomerDocument message;
    message.set_stamp(stamp);
    for (const auto& [state, bytes] : parts.values) {
      auto* value = message.add_values();
      value->set_state_id(state);
      value->set_value(bytes);
    }
    for (const DocumentTimer& timer : parts.timers) {
      auto* armed = message.add_timers();
      armed->set_timer_id(timer.timer);
      armed->set_deadline_ms(timer.deadline_ms);
    }
    // As this program writes it, for any reader of protocol buffers.
    v1::CustomerDocument read;
    const std::string row = StampedRow(stamp, BodyOf(parts));
    ASSERT_TRUE(read.ParseFromString(row));
    EXPECT_EQ(read.SerializeAsString(), message.SerializeAsString());
    // As protocol buffers write it, which leave out defaults, for this program.
    const std::string written = message.SerializeAsString();
    const auto document = ReadStampedRow(written);
    ASSERT_TRUE(document);
    EXPECT_EQ(document->stamp, stamp);
    const auto split = SplitDocument(document->body);
    ASSERT_TRUE(split);
    EXPECT_EQ(split->timers, parts.timers);
    ASSERT_EQ(split->values.size(), parts.values.size());
    for (size_t v = 0; v < parts.values.size(); ++v) EXPECT_EQ(split->values[v].bytes, parts.values[v].second);
  }
}

TEST(DocumentTest, EmptyBodyIsACustomerWithoutState) {
  const auto parts = SplitDocument("");
  ASSERT_TRUE(parts);
  EXPECT_THAT(parts->values, IsEmpty());
  EXPECT_THAT(parts->timers, IsEmpty());
  EXPECT_EQ(EarliestDeadline(""), std::nullopt);
}

TEST(DocumentTest, ValueWithoutBytesIsThere) {
  std::string body;
  AppendValue(&body, 3, "");
  const auto parts = SplitDocument(body);
  ASSERT_TRUE(parts);
  ASSERT_EQ(parts->values.size(), 1u);
  EXPECT_EQ(parts->values[0].state, 3u);
  EXPECT_EQ(parts->values[0].bytes, "");
}

TEST(DocumentTest, EarliestDeadlineIsTheMinimum) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 5000; ++i) {
    const Parts parts = AnyParts(random);
    const auto least = std::min_element(parts.timers.begin(), parts.timers.end(),
                                        [](const auto& a, const auto& b) { return a.deadline_ms < b.deadline_ms; });
    const auto earliest = EarliestDeadline(BodyOf(parts));
    if (least == parts.timers.end()) {
      EXPECT_EQ(earliest, std::nullopt);
    } else {
      EXPECT_THAT(earliest, Optional(least->deadline_ms));
    }
  }
}

TEST(DocumentTest, ExtremeDeadlinesComeBack) {
  std::string body;
  AppendTimer(&body, {1, std::numeric_limits<int64_t>::min()});
  AppendTimer(&body, {2, -1});
  AppendTimer(&body, {3, 0});
  AppendTimer(&body, {4, std::numeric_limits<int64_t>::max()});
  const auto parts = SplitDocument(body);
  ASSERT_TRUE(parts);
  EXPECT_THAT(parts->timers,
              ElementsAre(DocumentTimer{1, std::numeric_limits<int64_t>::min()}, DocumentTimer{2, -1},
                          DocumentTimer{3, 0}, DocumentTimer{4, std::numeric_limits<int64_t>::max()}));
  EXPECT_THAT(EarliestDeadline(body), Optional(std::numeric_limits<int64_t>::min()));
}

TEST(DocumentTest, StampComesBackInFrontOfAnyBody) {
  for (uint64_t stamp : std::vector<uint64_t>{0, 1, 127, 128, std::numeric_limits<uint64_t>::max()}) {
    for (const std::string& body : {""s, "\0"s, "body"s}) {
      const std::string row = StampedRow(stamp, body);
      const auto document = ReadStampedRow(row);
      ASSERT_TRUE(document);
      EXPECT_EQ(document->stamp, stamp);
      EXPECT_EQ(document->body, body);
    }
  }
}

TEST(DocumentTest, RowWithoutAStampIsRefused) {
  std::string body;
  AppendValue(&body, 1, "value");
  for (const std::string& row : {""s, "\x08"s, "\x08\x80"s, "\x08"s + std::string(10, '\xff'), "\0"s, body}) {
    EXPECT_FALSE(ReadStampedRow(row)) << testing::PrintToString(row);
  }
}

TEST(DocumentTest, WhatIsNoDocumentIsRefused) {
  std::string timer_without_id, value_without_id, value, stamped;
  AppendTimer(&timer_without_id, {0, 5});
  AppendValue(&value_without_id, 0, "x");
  AppendValue(&value, 1, "x");
  stamped = StampedRow(7, value);
  for (const std::string& body :
       {timer_without_id, value_without_id, stamped, value + "\x12"s, value + "\x80"s, "\x12\x7f"s, "\x0a\x00"s,
        "\x12\x04\x08\x01\x12\x05"s, "\x1a\x02\x08\x80"s, "\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s}) {
    EXPECT_FALSE(SplitDocument(body)) << testing::PrintToString(body);
  }
}

TEST(DocumentTest, EveryTornDocumentIsRefusedOrEndsBetweenItsParts) {
  Parts parts;
  parts.values = {{1, std::string(300, 'x')}, {2, ""}};
  parts.timers = {{1, -5}, {2, 1'700'000'000'000}};
  const std::string body = BodyOf(parts);
  size_t whole = 0;
  for (size_t size = 0; size <= body.size(); ++size) whole += SplitDocument(body.substr(0, size)).has_value();
  EXPECT_EQ(whole, 5u);
}

TEST(DocumentTest, AnyBytesAreReadWithinTheirBounds) {
  std::mt19937_64 random(4);
  for (int i = 0; i < 200'000; ++i) ASSERT_NO_FATAL_FAILURE(ReadEverything(AnyBytes(random, 40)));
}

TEST(DocumentTest, SpoiledDocumentsAreReadWithinTheirBounds) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 100'000; ++i) {
    std::string bytes = BodyOf(AnyParts(random));
    if (random() % 2) bytes = StampedRow(AnyNumber(random), bytes);
    for (size_t change = 1 + random() % 4; change > 0 && !bytes.empty(); --change) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8); break;
        case 2: bytes.erase(at, 1 + random() % 3); break;
        default: bytes.insert(at, AnyBytes(random, 3));
      }
    }
    ASSERT_NO_FATAL_FAILURE(ReadEverything(bytes));
  }
}

}  // namespace
}  // namespace ebb
