#include "operators/churn/training_rows.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/churn/risk_features.h"
#include "state/text.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kDay = absl::Hours(24);
// At midnight, so that days of the calendar are days of the test.
const absl::Time kStart = absl::FromUnixSeconds(1'500'076'800);

class TrainingRowsTest : public ::testing::Test {
 protected:
  // Cut-offs in days after kStart; a horizon of four weeks.
  void Configure(std::initializer_list<int> cutoffs) {
    std::string config = "horizon { seconds: 2419200 }";
    for (int day : cutoffs) config += Text(" cutoffs: ", absl::ToUnixMillis(Day(day)));
    const absl::Status status = rows_.SetConfig(ConfigOf<operators::TrainingRowsConfig>(config));
    ASSERT_TRUE(status.ok()) << status;
  }
  static absl::Time Day(double day) { return kStart + day * kDay; }
  std::vector<v1::TrainingRow> Rows() { return ann_.ctx.Take<v1::TrainingRow>(); }

  TrainingRows rows_;
  Customer ann_{rows_, "training-rows"};
};

TEST_F(TrainingRowsTest, WhatHappensAtTheCutOffIsOutcomeAndNotFeature) {
  Configure({20});
  ann_.Buy(Day(0));
  ann_.Buy(Day(10));
  ann_.Buy(Day(20));
  ann_.Until(Day(48));
  const auto rows = Rows();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].customer_id(), "ann");
  EXPECT_EQ(rows[0].cutoff_ms(), absl::ToUnixMillis(Day(20)));
  EXPECT_EQ(rows[0].horizon_days(), 28);
  EXPECT_EQ(rows[0].features().orders(), 2);
  EXPECT_EQ(rows[0].features().silence_days(), 10);
  EXPECT_TRUE(rows[0].bought());
  EXPECT_EQ(rows[0].orders_after(), 1);
}

TEST_F(TrainingRowsTest, APurchaseWhenTheHorizonEndsComesTooLate) {
  Configure({20});
  ann_.Buy(Day(0));
  ann_.Until(Day(48) - absl::Milliseconds(1));
  EXPECT_THAT(Rows(), IsEmpty());
  ann_.Buy(Day(48));
  const auto rows = Rows();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_FALSE(rows[0].bought());
  EXPECT_EQ(rows[0].orders_after(), 0);
}

TEST_F(TrainingRowsTest, AnOrderThatIsCalledOffIsNoPurchase) {
  Configure({20});
  ann_.Buy(Day(0));
  ann_.Buy(Day(25), "dress");
  ann_.CallOffOrder(Day(30), "dress");
  ann_.Until(Day(48));
  const auto rows = Rows();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_FALSE(rows[0].bought());
}

TEST_F(TrainingRowsTest, HorizonsMayOverlap) {
  Configure({10, 20, 30});
  ann_.Buy(Day(12));
  ann_.Buy(Day(25));
  ann_.Until(Day(100));
  const auto rows = Rows();
  // At the first cut-off nobody had bought.
  ASSERT_THAT(rows, SizeIs(2));
  EXPECT_EQ(rows[0].cutoff_ms(), absl::ToUnixMillis(Day(20)));
  EXPECT_TRUE(rows[0].bought());
  EXPECT_EQ(rows[1].cutoff_ms(), absl::ToUnixMillis(Day(30)));
  EXPECT_FALSE(rows[1].bought());
  EXPECT_FALSE(ann_.ctx.HasState("training-rows", "rows"));
}

TEST_F(TrainingRowsTest, CutOffsRise) {
  const auto config = ConfigOf<operators::TrainingRowsConfig>("cutoffs: 5 cutoffs: 5 horizon { seconds: 2419200 }");
  EXPECT_THAT(std::string(rows_.SetConfig(config).message()), HasSubstr("cutoffs: expected moments in rising order"));
}

TEST_F(TrainingRowsTest, FeaturesAreWhatTheySay) {
  Configure({100});
  for (int day : {0, 60, 86, 93}) ann_.Buy(Day(day + 0.5));
  ann_.Browse(Day(99), v1::Browse::VIEW);
  ann_.Consent(Day(99.5), v1::PURPOSE_MARKETING, v1::CHANNEL_EMAIL);
  ann_.Until(Day(128));
  const auto rows = Rows();
  ASSERT_THAT(rows, SizeIs(1));
  const v1::RiskFeatures& features = rows[0].features();
  EXPECT_EQ(features.repeat_days(), 3);
  EXPECT_EQ(features.age_days(), 99.5);
  EXPECT_EQ(features.span_days(), 93);
  EXPECT_EQ(features.silence_days(), 6.5);
  EXPECT_EQ(features.gap_mean_days(), 31);
  EXPECT_DOUBLE_EQ(features.overdue(), 6.5 / 31);
  EXPECT_EQ(features.days_4w(), 2);
  EXPECT_EQ(features.days_8w(), 3);
  EXPECT_EQ(features.days_13w(), 3);
  EXPECT_EQ(features.days_26w(), 4);
  EXPECT_DOUBLE_EQ(features.decayed_2w(), std::exp2(-7 / 14.) + 0.5 + std::exp2(-40 / 14.) + std::exp2(-100 / 14.));
  EXPECT_DOUBLE_EQ(features.spent(), 7.96);
  EXPECT_DOUBLE_EQ(features.spent_4w(), 3.98);
  EXPECT_DOUBLE_EQ(features.order_value(), 1.99);
  EXPECT_EQ(features.browses_30d(), 1);
  EXPECT_EQ(features.contact_days(), 0.5);
  EXPECT_EQ(features.consents(), 1);
}

TEST_F(TrainingRowsTest, WhoBoughtOnceIsNotOverdue) {
  Configure({20});
  ann_.Buy(Day(0));
  ann_.Until(Day(48));
  const auto rows = Rows();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].features().overdue(), 1);
  EXPECT_EQ(rows[0].features().gap_mean_days(), 0);
}

}  // namespace
}  // namespace ebb
