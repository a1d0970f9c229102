#include "state/compact_bytes.h"

#include <string>
#include <utility>

#include "gtest/gtest.h"

namespace ebb {
namespace {

TEST(CompactBytesTest, HoldsNothingAtFirst) {
  const CompactBytes bytes;
  EXPECT_TRUE(bytes.empty());
  EXPECT_EQ(bytes.view(), "");
  EXPECT_EQ(bytes.block(), nullptr);
  EXPECT_EQ(bytes.block_bytes(), 0);
}

TEST(CompactBytesTest, HoldsWhatItWasGivenLast) {
  CompactBytes bytes;
  for (const size_t size : {1, 11, 12, 13, 28, 300, 29, 2, 0, 5000, 1}) {
    const std::string given(size, static_cast<char>('a' + size % 26));
    bytes.Assign(given);
    EXPECT_EQ(bytes.view(), given);
    EXPECT_EQ(bytes.size(), size);
    EXPECT_EQ(bytes.empty(), size == 0);
  }
}

TEST(CompactBytesTest, TakesNoMoreThanSixteenBytesMoreThanItHolds) {
  CompactBytes bytes;
  for (size_t size = 1; size < 200; ++size) {
    bytes.Assign(std::string(size, 'x'));
    EXPECT_GE(bytes.block_bytes(), size);
    EXPECT_LT(bytes.block_bytes(), size + 20) << size;
  }
  bytes.Assign("");
  EXPECT_EQ(bytes.block_bytes(), 0);
}

TEST(CompactBytesTest, UsesItsBlockAgainForWhatIsAboutAsLarge) {
  CompactBytes bytes;
  bytes.Assign(std::string(188, 'x'));
  const void* const block = bytes.block();
  bytes.Assign(std::string(180, 'y'));
  EXPECT_EQ(bytes.block(), block);
  EXPECT_EQ(bytes.view(), std::string(180, 'y'));
}

TEST(CompactBytesTest, AViewOutlivesAMove) {
  CompactBytes from;
  from.Assign("Ann");
  const std::string_view view = from.view();
  const CompactBytes to = std::move(from);
  EXPECT_EQ(view, "Ann");
  EXPECT_EQ(to.view().data(), view.data());
}

TEST(CompactBytesTest, KeepsEveryByte) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  CompactBytes bytes;
  bytes.Assign(all);
  EXPECT_EQ(bytes.view(), all);
}

}  // namespace
}  // namespace ebb
