#include "operators/value/customer_value.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::CustomerValueConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
constexpr absl::Duration kDay = absl::Hours(24);

// Fitted to CDNOW. Sources: Fader, Hardie, Lee (2005), "'Counting Your Customers' the Easy Way", table 2; Fader, Hardie
// (2013), "The Gamma-Gamma Model of Monetary Value".
constexpr std::string_view kCdnow = R"(
  model: "bg-nbd" parameters { r: 0.243 alpha: 4.414 a: 0.793 b: 2.426 }
  spend { p: 6.25 q: 3.74 v: 15.44 currency: "USD" } horizon { seconds: 23587200 } )";

class CustomerValueTest : public ::testing::Test {
 protected:
  absl::Status Configured(std::string_view config) { return value_.SetConfig(ConfigOf<CustomerValueConfig>(config)); }
  void Configure(std::string_view more = "") {
    const absl::Status status = Configured(Text(kCdnow, more));
    ASSERT_TRUE(status.ok()) << status;
  }
  void Buy(absl::Time at, int64_t minor, std::string currency = "USD") {
    v1::Purchase purchase;
    purchase.set_kind(v1::Purchase::ORDER);
    purchase.set_order_id(Text("o", ++orders_));
    purchase.set_currency(std::move(currency));
    purchase.add_lines()->set_price_minor(minor);
    ann_.Do(purchase, at);
  }
  std::vector<v1::CustomerValue> Values() { return ann_.ctx.Take<v1::CustomerValue>(); }

  CustomerValueOperator value_;
  Customer ann_{value_, "customer-value"};
  int orders_ = 0;
};

// The customer of the paper: x = 2, t_x = 30.43, T = 38.86 weeks buys 1.226 times in the next 39.
TEST_F(CustomerValueTest, AgreesWithThePublishedCustomer) {
  Configure("annual_discount_rate: 0 look_again { seconds: 5097600 } least_change: 0");  // 59 days.
  Buy(kStart, 1000);
  Buy(kStart + 100 * kDay, 2000);
  Buy(kStart + 213 * kDay, 6000);
  Values();
  ann_.Until(kStart + 272 * kDay);
  const auto values = Values();
  ASSERT_THAT(values, SizeIs(1));
  EXPECT_NEAR(values[0].expected_purchases(), 1.226, .005 * 1.226);
  // 6.25 (15.44 + 3 * 30) / (6.25 * 3 + 3.74 - 1).
  EXPECT_NEAR(values[0].expected_spend(), 30.665, .001);
  EXPECT_NEAR(static_cast<double>(values[0].expected().minor()),
              100 * values[0].expected_purchases() * values[0].expected_spend(), 1);
  EXPECT_EQ(values[0].expected().currency(), "USD");
  EXPECT_EQ(values[0].historic(0).minor(), 9000);
  EXPECT_EQ(values[0].horizon_days(), 273);
}

TEST_F(CustomerValueTest, MoneyOfLaterIsWorthLess) {
  Configure("annual_discount_rate: 0");
  Buy(kStart, 1000);
  const auto plain = Values();
  Configure("annual_discount_rate: 0.15");
  Buy(kStart + absl::Hours(1), 0);
  const auto discounted = Values();
  ASSERT_THAT(discounted, SizeIs(1));
  const double share =
      static_cast<double>(discounted[0].expected().minor()) / static_cast<double>(plain[0].expected().minor());
  EXPECT_LT(share, .97);
  EXPECT_GT(share, .90);
  EXPECT_NEAR(discounted[0].expected_purchases(), plain[0].expected_purchases(), .01);
}

TEST_F(CustomerValueTest, TellsInSilenceOnlyWhatHasChangedAndStopsAfterTheHorizon) {
  Configure("look_again { seconds: 604800 } least_change: 0.25");
  for (int week = 0; week < 10; ++week) Buy(kStart + 7 * week * kDay, 1000);
  const auto told = Values();
  ASSERT_THAT(told, SizeIs(10));
  const absl::Time last = kStart + 63 * kDay;
  ann_.Until(last + 7 * kDay);
  EXPECT_THAT(Values(), IsEmpty());
  ann_.Until(last + 300 * kDay);
  auto before = static_cast<double>(told.back().expected().minor());
  const auto silent = Values();
  EXPECT_GT(silent.size(), 3u);
  EXPECT_LT(silent.size(), 30u);
  for (const auto& value : silent) {
    EXPECT_LE(static_cast<double>(value.expected().minor()), .75 * before);
    before = static_cast<double>(value.expected().minor());
  }
  EXPECT_EQ(ann_.ctx.DeadlineOf("customer-value", "look"), std::nullopt);
}

TEST_F(CustomerValueTest, OtherCurrenciesAreHistoryOnly) {
  Configure();
  Buy(kStart, 1000);
  const auto usd = Values();
  Buy(kStart + absl::Hours(1), 500'000, "EUR");
  const auto both = Values();
  ASSERT_THAT(both, SizeIs(1));
  ASSERT_THAT(both[0].historic(), SizeIs(2));
  EXPECT_EQ(both[0].historic(0).currency(), "EUR");
  EXPECT_EQ(both[0].expected_spend(), usd[0].expected_spend());
}

TEST_F(CustomerValueTest, WithoutAnOrderNothingIsExpected) {
  Configure();
  Buy(kStart, 1000);
  ann_.CallOffOrder(kStart + kDay, "o1");
  const auto values = Values();
  ASSERT_THAT(values, SizeIs(2));
  EXPECT_GT(values[0].expected().minor(), 0);
  EXPECT_EQ(values[1].expected().minor(), 0);
  EXPECT_EQ(values[1].expected_purchases(), 0);
  EXPECT_EQ(ann_.ctx.DeadlineOf("customer-value", "look"), std::nullopt);
}

TEST_F(CustomerValueTest, TakesAModelAsItIsFitted) {
  Configure("version: 'a'");
  Buy(kStart, 1000);
  ASSERT_TRUE(Configured(R"(fitted: '{"format": 1, "version": "b", "purchases": {"model": "bg-nbd", "r": 0.243,'
                            ' "alpha": 4.414, "a": 0.793, "b": 2.426}, "spend": {"p": 6.25, "q": 3.74, "v": 15.44,'
                            ' "currency": "USD"}}' horizon { seconds: 23587200 })")
                  .ok());
  Buy(kStart, 0);
  const auto values = Values();
  ASSERT_THAT(values, SizeIs(2));
  EXPECT_EQ(values[1].expected().minor(), values[0].expected().minor());
  EXPECT_EQ(values[0].model_version(), "a");
  EXPECT_EQ(values[1].model_version(), "b");
  EXPECT_THAT(std::string(Configured("fitted: '{}'").message()), HasSubstr("fitted: format: expected 1"));
  EXPECT_THAT(std::string(Configured("fitted: '{'").message()), HasSubstr("fitted: no model of value in JSON"));
}

TEST_F(CustomerValueTest, APublishedModelValuesWhoSleeps) {
  Configure("version: 'a' least_change: 0.25");
  Buy(kStart, 1000);
  const auto before = Values();
  ASSERT_TRUE(value_.visits());
  Configure("version: 'b' least_change: 0.25");
  ann_.ctx.Visit(value_);
  EXPECT_THAT(Values(), IsEmpty()) << "the value is the same";
  // Twice the money an order.
  Configure("version: 'c' least_change: 0.25 spend { v: 30.88 }");
  ann_.ctx.Visit(value_);
  const auto values = Values();
  ASSERT_THAT(values, SizeIs(1));
  EXPECT_EQ(values[0].model_version(), "c");
  EXPECT_THAT(values[0].published(), ElementsAre("change@1"));
  EXPECT_GT(static_cast<double>(values[0].expected().minor()),
            1.25 * static_cast<double>(before[0].expected().minor()));
}

TEST_F(CustomerValueTest, RefusesParametersWithoutAMean) {
  EXPECT_THAT(std::string(Configured(R"(spend { p: 6 q: 0.9 v: 15 currency: "USD" })").message()),
              HasSubstr("spend.q: expected above 1"));
  EXPECT_THAT(std::string(Configured(R"(spend { p: -6 q: 3 v: 15 currency: "USD" })").message()),
              HasSubstr("spend: spend model: expected p"));
  EXPECT_THAT(std::string(Configured(R"(spend { p: 6 q: 3 v: 15 currency: "usd" })").message()),
              HasSubstr("spend.currency: expected three capital letters"));
  EXPECT_THAT(
      std::string(
          Configured(R"(parameters { r: 1 alpha: 2 a: 1 } spend { p: 6 q: 3 v: 15 currency: "USD" })").message()),
      HasSubstr("parameters: "));
  EXPECT_THAT(std::string(Configured(R"(model: "pareto-nbd" spend { p: 6 q: 3 v: 15 currency: "USD" })").message()),
              HasSubstr("model: pareto-nbd was not fitted to a grocer"));
  EXPECT_THAT(std::string(Configured("").message()), HasSubstr("spend: expected either spend or fitted"));
}

}  // namespace
}  // namespace ebb
