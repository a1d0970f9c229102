#include "engine/runtime/debt.h"

#include <gtest/gtest.h>

namespace ebb {
namespace {

Debt::Epoch At(uint64_t epoch, uint64_t records, int64_t end, int64_t expires_ms = Debt::kNever) {
  return {epoch, records, {end}, expires_ms};
}

// Epochs 11 to 13 of 100 records each after the low-water mark 10.
Debt ThreeEpochs() {
  Debt debt;
  debt.Reset(At(10, 1000, 5000));
  for (uint64_t i = 1; i <= 3; ++i) debt.Add(At(10 + i, 1000 + 100 * i, 5000 + 100 * static_cast<int64_t>(i)));
  return debt;
}

TEST(DebtTest, RecordsCountWhatIsNotWritten) {
  Debt debt = ThreeEpochs();
  EXPECT_EQ(debt.work(), 300u);
  debt.Written(12);
  EXPECT_EQ(debt.work(), 100u);
  debt.Written(13);
  EXPECT_EQ(debt.work(), 0u);
}

TEST(DebtTest, LowWaterStaysWhileTheBudgetAllows) {
  const Debt debt = ThreeEpochs();
  const Debt::Epoch open = At(14, 1400, 5400);
  EXPECT_EQ(debt.LeastLow(open, 400, 0), 10u);
  EXPECT_EQ(debt.LeastLow(open, 399, 0), 11u);
  EXPECT_EQ(debt.LeastLow(open, 100, 0), 13u);
  EXPECT_EQ(debt.LeastLow(open, 99, 0), 14u);
}

TEST(DebtTest, LogThatStandsStillEndangersNothing) {
  Debt debt = ThreeEpochs();
  debt.LogBegins(0, 4999);
  EXPECT_EQ(debt.margin(0), 1);
  EXPECT_EQ(debt.LeastLow(At(14, 1400, 5400), 1000, 0), 10u);
  EXPECT_FALSE(debt.Endangered(0));
}

TEST(DebtTest, LogThatMovesForcesWritingTwoStepsAhead) {
  Debt debt = ThreeEpochs();
  debt.LogBegins(0, 4900);
  debt.LogBegins(0, 4950);
  // A step of 50: redo must begin at 5050 or later.
  EXPECT_TRUE(debt.Endangered(0));
  EXPECT_EQ(debt.LeastLow(At(14, 1400, 5400), 1000, 0), 11u);
  debt.Written(11);
  EXPECT_FALSE(debt.Endangered(0));
}

TEST(DebtTest, LogThatHasPassedEverythingForcesEverything) {
  Debt debt = ThreeEpochs();
  debt.LogBegins(0, 9000);
  EXPECT_EQ(debt.LeastLow(At(14, 1400, 5400), 1000, 0), 14u);
}

TEST(DebtTest, WhatExpiresIsWrittenInTime) {
  Debt debt;
  debt.Reset(At(10, 1000, 5000, 1));  // Written: its expiry counts for nothing.
  debt.Add(At(11, 1100, 5100, 50));
  debt.Add(At(12, 1200, 5200));
  const Debt::Epoch open = At(13, 1300, 5300, 80);
  EXPECT_EQ(debt.LeastLow(open, 1000, 49), 10u);
  EXPECT_EQ(debt.LeastLow(open, 1000, 50), 11u);
  EXPECT_EQ(debt.LeastLow(open, 1000, 80), 13u);
  EXPECT_FALSE(debt.Endangered(49));
  EXPECT_TRUE(debt.Endangered(50));
}

TEST(DebtTest, NothingOwedIsNeverInDanger) {
  Debt debt;
  debt.Reset(At(10, 1000, 5000, 1));
  debt.LogBegins(0, 4000);
  debt.LogBegins(0, 9000);
  EXPECT_FALSE(debt.Endangered(100));
}

}  // namespace
}  // namespace ebb
