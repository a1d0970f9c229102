#include "engine/runtime/work_rate.h"

#include "gtest/gtest.h"
#include "tests/unit/engine/runtime/runtime_fixture.h"

namespace ebb::testing {
namespace {

TEST(WorkRateTest, LittleWorkTellsNothing) {
  WorkRate rate;
  EXPECT_EQ(rate.PerSecond(), std::nullopt);
  rate.Add(4999, absl::Seconds(1));
  EXPECT_EQ(rate.PerSecond(), std::nullopt);
  rate.Add(1, absl::Seconds(1));
  EXPECT_DOUBLE_EQ(rate.PerSecond().value_or(0), 2500);
}

TEST(WorkRateTest, WorkThatTookNoTimeTellsNothing) {
  WorkRate rate;
  rate.Add(1'000'000, absl::ZeroDuration());
  EXPECT_EQ(rate.PerSecond(), std::nullopt);
}

TEST(WorkRateTest, TheLastSecondsCountMost) {
  WorkRate rate;
  for (int second = 0; second < 60; ++second) rate.Add(100'000, absl::Seconds(1));
  for (int second = 0; second < 60; ++second) rate.Add(20'000, absl::Seconds(1));
  EXPECT_NEAR(rate.PerSecond().value_or(0), 20'000, 100);
}

// Each look finds it a second later: so does everything take its time.
class SlowClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixMillis(kStartMs); }
  absl::Duration Elapsed() const override { return absl::Seconds(++looks_); }

 private:
  mutable int looks_ = 0;
};

class RedoRateTest : public RuntimeTest {};

TEST_F(RedoRateTest, IsBelievedToBeSlowerThanProcessing) {
  SendEvents(0, 10'000);
  const SlowClock clock;
  SimulatedProcess process(spec_, &broker_, &stores_, &clock, options_);
  ASSERT_TRUE(process.engine().Start().ok());
  ASSERT_EQ(process.worker().figures().redo_rate, Worker::kAssumedRedoRate);
  for (int step = 0; step < 200'000 && !process.worker().Finished(); ++step) {
    ASSERT_TRUE(process.Step().ok());
  }
  ASSERT_TRUE(process.worker().Finished());
  // At most 2,000 records of each task in a second, of which redo is believed to manage a share.
  EXPECT_GT(process.worker().figures().redo_rate, 0);
  EXPECT_LE(process.worker().figures().redo_rate, 4000 * Worker::kRedoShare);
}

}  // namespace
}  // namespace ebb::testing
