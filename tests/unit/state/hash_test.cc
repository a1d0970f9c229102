#include "state/hash.h"

#include <string>

#include "gtest/gtest.h"

namespace ebb {
namespace {

// Of the sanity checks of xxHash: the first bytes of this sequence, with and without this seed.
std::string SanityBytes(size_t size) {
  std::string bytes;
  uint64_t generator = 2654435761U;
  while (bytes.size() < size) {
    bytes.push_back(static_cast<char>(generator >> 56));
    generator *= 11400714785074694797ULL;
  }
  return bytes;
}

TEST(StableHash64Test, GivesThePublishedValues) {
  constexpr uint64_t kSeed = 2654435761U;
  EXPECT_EQ(StableHash64(""), 0xEF46DB3751D8E999ULL);
  EXPECT_EQ(StableHash64("", kSeed), 0xAC75FDA2929B17EFULL);
  EXPECT_EQ(StableHash64(SanityBytes(1)), 0xE934A84ADB052768ULL);
  EXPECT_EQ(StableHash64(SanityBytes(1), kSeed), 0x5014607643A9B4C3ULL);
  EXPECT_EQ(StableHash64(SanityBytes(14)), 0x8282DCC4994E35C8ULL);
  EXPECT_EQ(StableHash64(SanityBytes(222)), 0xB641AE8CB691C174ULL);
  EXPECT_EQ(StableHash64("abc"), 0x44BC2CF5AD770999ULL);
}

TEST(StableHash64Test, LooksAtEveryByteAndTheSeed) {
  const std::string zeros(40, '\0');
  EXPECT_NE(StableHash64(zeros), StableHash64(zeros.substr(1)));
  EXPECT_NE(StableHash64(zeros), StableHash64(zeros, 1));
}

}  // namespace
}  // namespace ebb
