#include "state/chance.h"

#include "gtest/gtest.h"

namespace ebb {
namespace {

// Source: the first outputs of SplitMix64 from 1234567, as in its reference implementation.
TEST(ChanceTest, IsSplitMix64) {
  Chance chance(1234567);
  EXPECT_EQ(chance.Next(), 6457827717110365317u);
  EXPECT_EQ(chance.Next(), 3203168211198807973u);
  EXPECT_EQ(chance.Next(), 9817491932198370423u);
}

}  // namespace
}  // namespace ebb
