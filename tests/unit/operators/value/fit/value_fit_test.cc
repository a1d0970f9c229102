#include "operators/value/fit/value_fit.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/chance.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;

// Customers who buy at rates of their own until the cut-off, for sums of their own around a mean of 20.
TrainingRowList Rows(int customers) {
  TrainingRowList rows;
  Chance chance(5);
  for (int i = 0; i < customers; ++i) {
    v1::TrainingRow& row = rows.emplace_back();
    row.set_customer_id("c" + std::to_string(i));
    row.set_cutoff_ms(1'500'000'000'000);
    const double gap_days = 5 + 60 * chance.Uniform();
    const double age_days = 100 + 100 * chance.Uniform();
    const double leaves_after = age_days * std::min(1.0, 2 * chance.Uniform());
    const double repeat_days = std::floor(leaves_after / gap_days);
    row.mutable_features()->set_repeat_days(repeat_days);
    row.mutable_features()->set_span_days(repeat_days * gap_days);
    row.mutable_features()->set_age_days(age_days);
    const double mean = 10 + 20 * chance.Uniform();
    row.mutable_features()->set_spent((repeat_days + 1) * mean * (.9 + .2 * chance.Uniform()));
  }
  return rows;
}
std::string Refused(int customers, const ValueOptions& options) {
  const auto fit = FitValue(Rows(customers), options);
  return fit.ok() ? "taken" : std::string(fit.status().message());
}

TEST(ValueFitTest, FindsWhatADayBrings) {
  const auto fit = FitValue(Rows(500), {.currency = "EUR"});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->population_spend, 20, 1);
  EXPECT_EQ(fit->model.purchases().model(), "mbg-nbd");
  EXPECT_GT(fit->model.purchases().r(), 0);
  EXPECT_EQ(fit->model.spend().currency(), "EUR");
  EXPECT_EQ(fit->model.customers(), 500);
  EXPECT_EQ(fit->model.version(), fit->model.fingerprint().substr(0, 8));
  EXPECT_THAT(SummaryOf(*fit), HasSubstr("EUR on the mean"));
}

TEST(ValueFitTest, RefusesWhatCannotBeFitted) {
  EXPECT_THAT(Refused(500, {.model = "logistic", .currency = "EUR"}), HasSubstr("--model: expected mbgnbd"));
  EXPECT_THAT(Refused(500, {.currency = "Euro"}), HasSubstr("--currency: expected three capital letters"));
  EXPECT_THAT(Refused(0, {.currency = "EUR"}), HasSubstr("got none"));
  EXPECT_THAT(Refused(50, {.currency = "EUR"}), HasSubstr("100"));
}

}  // namespace
}  // namespace ebb
