#include "engine/runtime/allowance_tally.h"

#include <gtest/gtest.h>

#include <limits>

#include "engine/pipeline/operator.h"
#include "google/protobuf/empty.pb.h"

namespace ebb {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kDayMs = 24 * 60 * kMinuteMs;
constexpr int64_t kNow = 20'000 * kDayMs;

struct Nothing final : Operator<Takes<>, Emits<>, google::protobuf::Empty> {};

class AllowanceTallyTest : public ::testing::Test {
 protected:
  void Limit(std::vector<Allowance::Limit> limits) { allowance_.SetLimits(std::move(limits)); }
  // How many of `asked` may leave.
  int Taken(AllowanceTally* tally, int asked, int64_t at_ms) {
    int taken = 0;
    for (int i = 0; i < asked; ++i) taken += tally->Take("policy", allowance_, at_ms) ? 1 : 0;
    return taken;
  }
  static AllowanceTally AfterRestart(const AllowanceTally& tally) {
    v1::EpochRecord record;
    tally.AddTo(&record);
    AllowanceTally next(0, 1);
    next.Adopt(record);
    return next;
  }

  Nothing op_;
  Counter within_{&op_, "within"};
  Counter beyond_{&op_, "beyond"};
  Allowance allowance_{"overall", &within_, &beyond_};
};

TEST_F(AllowanceTallyTest, WithoutLimitsEverythingLeaves) {
  AllowanceTally tally(0, 1);
  EXPECT_EQ(Taken(&tally, 100, kNow), 100);
}

TEST_F(AllowanceTallyTest, SharesAddUpToTheLimit) {
  Limit({{10, absl::Minutes(1)}});
  for (const int32_t partitions : {1, 3, 4, 10, 12}) {
    int taken = 0;
    for (int32_t partition = 0; partition < partitions; ++partition) {
      AllowanceTally tally(partition, partitions);
      taken += Taken(&tally, 100, kNow);
    }
    EXPECT_EQ(taken, 10) << partitions << " partitions";
  }
}

TEST_F(AllowanceTallyTest, EachWindowBeginsAnew) {
  Limit({{2, absl::Minutes(1)}});
  AllowanceTally tally(0, 1);
  EXPECT_EQ(Taken(&tally, 3, kNow), 2);
  EXPECT_EQ(Taken(&tally, 3, kNow + kMinuteMs - 1), 0);
  EXPECT_EQ(Taken(&tally, 3, kNow + kMinuteMs), 2);
  // Time that goes back finds no second share.
  EXPECT_EQ(Taken(&tally, 3, kNow), 0);
}

TEST_F(AllowanceTallyTest, TimesBefore1970HaveWindowsToo) {
  Limit({{2, absl::Minutes(1)}});
  AllowanceTally tally(0, 1);
  EXPECT_EQ(Taken(&tally, 3, -1), 2);
  EXPECT_EQ(Taken(&tally, 3, 0), 2);
  EXPECT_EQ(Taken(&tally, 3, std::numeric_limits<int64_t>::min()), 0);
}

TEST_F(AllowanceTallyTest, WhatOneLimitForbidsUsesUpNoOther) {
  Limit({{2, absl::Minutes(1)}, {5, absl::Hours(24)}});
  AllowanceTally tally(0, 1);
  EXPECT_EQ(Taken(&tally, 100, kNow), 2);
  EXPECT_EQ(Taken(&tally, 100, kNow + kMinuteMs), 2);
  EXPECT_EQ(Taken(&tally, 100, kNow + 2 * kMinuteMs), 1);
  EXPECT_EQ(Taken(&tally, 100, kNow + 3 * kMinuteMs), 0);
  EXPECT_EQ(Taken(&tally, 100, kNow + kDayMs), 2);
}

TEST_F(AllowanceTallyTest, GoesOnWhereAnEpochEnded) {
  Limit({{5, absl::Hours(24)}});
  AllowanceTally tally(0, 1);
  EXPECT_EQ(Taken(&tally, 3, kNow), 3);
  tally = AfterRestart(tally);
  EXPECT_EQ(Taken(&tally, 3, kNow + 1), 2);
  EXPECT_EQ(Taken(&tally, 3, kNow + kDayMs), 3);
}

}  // namespace
}  // namespace ebb
