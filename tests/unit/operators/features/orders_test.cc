#include "operators/features/orders.h"

#include <algorithm>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "operators/features/event_history.h"
#include "operators/features/features.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

constexpr OrderLimits kLimits{180 * kMillisPerDay, 512, 64, 4096};

v1::Purchase Event(v1::Purchase::Kind kind, std::string order, double day, std::vector<int64_t> prices,
                   std::string currency = "EUR") {
  v1::Purchase purchase;
  static int events = 0;
  purchase.mutable_header()->set_event_id(Text("e", ++events));
  purchase.mutable_header()->set_event_time_ms(static_cast<int64_t>((20'000 + day) * kMillisPerDay));
  purchase.set_kind(kind);
  purchase.set_order_id(std::move(order));
  purchase.set_currency(std::move(currency));
  for (int64_t price : prices) purchase.add_lines()->set_price_minor(price);
  return purchase;
}
v1::Purchase Order(std::string order, double day, int64_t price, std::string currency = "EUR") {
  return Event(v1::Purchase::ORDER, std::move(order), day, {price}, std::move(currency));
}
v1::Purchase Refund(std::string order, double day, std::vector<int64_t> prices, std::string currency = "EUR") {
  return Event(v1::Purchase::REFUND, std::move(order), day, std::move(prices), std::move(currency));
}
v1::Purchase Cancellation(std::string order, double day) {
  return Event(v1::Purchase::CANCELLATION, std::move(order), day, {}, "");
}

class Ledger {
 public:
  explicit Ledger(OrderLimits limits = kLimits) : limits_(limits) {}

  OrderLosses Apply(const v1::Purchase& purchase) {
    newest_ms_ = std::max(newest_ms_, purchase.header().event_time_ms());
    return ApplyPurchase(purchase, newest_ms_, limits_, &profile);
  }
  // "orders=2 days=20000..20003 spent=EUR:5 refunded=EUR:1"
  std::string Shown() const {
    v1::CustomerFeatures features;
    ComputeFeatures(profile, "c", newest_ms_, {1.0, 0}, &features);
    std::string text = Text("orders=", features.orders());
    if (features.orders() > 0) {
      text += Text(" days=", DayOf(features.first_purchase_ms()) - 20'000, "..",
                   DayOf(features.last_purchase_ms()) - 20'000, " repeat=", features.repeat_days());
    }
    for (const auto& money : features.spent()) text += Text(" spent=", money.currency(), ":", money.minor());
    for (const auto& money : features.refunded()) text += Text(" refunded=", money.currency(), ":", money.minor());
    return text;
  }

  CustomerProfile profile;

 private:
  OrderLimits limits_;
  int64_t newest_ms_ = 0;
};

std::string After(const std::vector<v1::Purchase>& purchases) {
  Ledger ledger;
  for (const auto& purchase : purchases) ledger.Apply(purchase);
  return ledger.Shown();
}

TEST(CurrencyTest, PackedCodesKeepOrderAndComeBack) {
  EXPECT_LT(PackCurrency("CHF"), PackCurrency("EUR"));
  EXPECT_LT(PackCurrency("EUR"), PackCurrency("EUS"));
  for (const char* code : {"AAA", "EUR", "ZZZ", ""}) EXPECT_EQ(UnpackCurrency(PackCurrency(code)), code);
  for (const char* code : {"eur", "EU", "EURO", "E1R"}) EXPECT_EQ(PackCurrency(code), 0u) << code;
}

TEST(AmountTest, IsTheLinesLessTheDiscountAndNeverNegative) {
  v1::Purchase purchase = Event(v1::Purchase::ORDER, "o", 0, {100, 50});
  purchase.set_discount_minor(30);
  EXPECT_EQ(AmountOf(purchase), 120);
  purchase.set_discount_minor(500);
  EXPECT_EQ(AmountOf(purchase), 0);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(AmountOf(Event(v1::Purchase::ORDER, "o", 0, {kMost, kMost})), kMost);
}

TEST(OrdersTest, OrdersAddUpByCurrency) {
  EXPECT_EQ(After({Order("1", 0, 100), Order("2", 3, 50, "CHF"), Order("3", 3, 10)}),
            "orders=3 days=0..3 repeat=1 spent=CHF:50 spent=EUR:110");
}

TEST(OrdersTest, OfTwoOrdersWithOneIdTheEarlierCountsThenTheSmallerThenTheOneWithTheLesserCurrency) {
  const auto either = [](const v1::Purchase& a, const v1::Purchase& b) {
    EXPECT_EQ(After({a, b}), After({b, a}));
    return After({a, b});
  };
  EXPECT_EQ(either(Order("1", 0, 100), Order("1", 1, 50)), "orders=1 days=0..0 repeat=0 spent=EUR:100");
  EXPECT_EQ(either(Order("1", 0, 100), Order("1", 0, 50)), "orders=1 days=0..0 repeat=0 spent=EUR:50");
  EXPECT_EQ(either(Order("1", 0, 50, "USD"), Order("1", 0, 50)), "orders=1 days=0..0 repeat=0 spent=EUR:50");
}

TEST(OrdersTest, ARefundTakesBackWhatItLists) {
  EXPECT_EQ(After({Order("1", 0, 100), Refund("1", 1, {30, 10})}),
            "orders=1 days=0..0 repeat=0 spent=EUR:60 refunded=EUR:40");
}

TEST(OrdersTest, ARefundWithoutLinesTakesBackAll) {
  EXPECT_EQ(After({Order("1", 0, 100), Refund("1", 1, {}, "")}), "orders=1 days=0..0 repeat=0 refunded=EUR:100");
}

TEST(OrdersTest, RefundsNeverTakeBackMoreThanTheOrder) {
  EXPECT_EQ(After({Order("1", 0, 100), Refund("1", 1, {80}), Refund("1", 2, {80})}),
            "orders=1 days=0..0 repeat=0 refunded=EUR:100");
}

TEST(OrdersTest, ACancelledOrderIsNone) {
  EXPECT_EQ(After({Order("1", 0, 100), Order("2", 5, 7), Cancellation("1", 6)}),
            "orders=1 days=5..5 repeat=0 spent=EUR:7 refunded=EUR:100");
}

TEST(OrdersTest, ARefundWaitsForItsOrder) {
  EXPECT_EQ(After({Refund("1", 1, {40})}), "orders=0");
  EXPECT_EQ(After({Refund("1", 1, {40}), Order("1", 0, 100)}),
            "orders=1 days=0..0 repeat=0 spent=EUR:60 refunded=EUR:40");
}

TEST(OrdersTest, ARefundInAnotherCurrencyHasNoEffect) {
  const char* expected = "orders=1 days=0..0 repeat=0 spent=EUR:100";
  EXPECT_EQ(After({Order("1", 0, 100), Refund("1", 1, {40}, "CHF")}), expected);
  EXPECT_EQ(After({Refund("1", 1, {40}, "CHF"), Order("1", 0, 100)}), expected);
}

TEST(OrdersTest, AnOrderToldTwiceIsTheEarlierOne) {
  const char* expected = "orders=1 days=0..0 repeat=0 spent=EUR:60 refunded=EUR:40";
  EXPECT_EQ(After({Order("1", 0, 100), Refund("1", 3, {40}), Order("1", 2, 500)}), expected);
  EXPECT_EQ(After({Order("1", 2, 500), Refund("1", 3, {40}), Order("1", 0, 100)}), expected);
}

TEST(OrdersTest, AnOrderWithoutIdStandsForItself) {
  EXPECT_EQ(After({Order("", 0, 100), Order("", 0, 100), Cancellation("", 1)}),
            "orders=2 days=0..0 repeat=0 spent=EUR:200");
}

TEST(OrdersTest, AnyOrderOfArrivalGivesTheSame) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<v1::Purchase> purchases;
    const int orders = 1 + static_cast<int>(random() % 8);
    for (int i = 0; i < 3 * orders; ++i) {
      const std::string id = Text("o", random() % orders);
      const double day = random() % 170;
      const char* currency = random() % 8 == 0 ? "CHF" : "EUR";
      // One order has one currency, as it has one id.
      const char* order_currency = id.back() % 4 == 0 ? "CHF" : "EUR";
      switch (random() % 5) {
        case 0: purchases.push_back(Refund(id, day, {static_cast<int64_t>(random() % 80)}, currency)); break;
        case 1: purchases.push_back(random() % 3 ? Refund(id, day, {5, 6}, "") : Refund(id, day, {}, currency)); break;
        case 2: if (random() % 3 == 0) purchases.push_back(Cancellation(id, day)); break;
        default: purchases.push_back(Order(id, day, static_cast<int64_t>(random() % 200), order_currency)); break;
      }
    }
    const std::string expected = After(purchases);
    for (int shuffle = 0; shuffle < 10; ++shuffle) {
      std::shuffle(purchases.begin(), purchases.end(), random);
      ASSERT_EQ(After(purchases), expected) << "round " << round;
    }
  }
}

TEST(OrdersTest, SettledOrdersCountLikeOpenOnes) {
  std::vector<v1::Purchase> purchases;
  for (int i = 0; i < 50; ++i) {
    purchases.push_back(Order(Text("o", i), i * 1.3, 100 + i, i % 5 ? "EUR" : "CHF"));
    if (i % 7 == 0) purchases.push_back(Refund(Text("o", i), i * 1.3 + 0.1, {30}, ""));
    if (i % 11 == 0) purchases.push_back(Cancellation(Text("o", i), i * 1.3 + 0.2));
  }
  Ledger open;
  Ledger settled({3 * kMillisPerDay, 512, 64, 4096});
  Ledger crowded({180 * kMillisPerDay, 3, 64, 4096});
  int early = 0;
  for (const auto& purchase : purchases) {
    open.Apply(purchase);
    settled.Apply(purchase);
    early += crowded.Apply(purchase).settled_early;
  }
  EXPECT_EQ(settled.Shown(), open.Shown());
  EXPECT_LE(settled.profile.open_orders().id_size(), 4);
  EXPECT_EQ(crowded.Shown(), open.Shown());
  EXPECT_EQ(crowded.profile.open_orders().id_size(), 3);
  EXPECT_EQ(early, 47);
}

TEST(OrdersTest, AnOrderThatComesAfterTheWindowStillCounts) {
  EXPECT_EQ(After({Order("2", 400, 10), Order("3", 200, 3), Order("1", 0, 100)}),
            "orders=3 days=0..400 repeat=2 spent=EUR:113");
}

TEST(OrdersTest, ARefundAfterTheWindowFindsNothingAndIsCounted) {
  Ledger ledger;
  ledger.Apply(Order("1", 0, 100));
  EXPECT_EQ(ledger.Apply(Refund("1", 181, {40})).refunds_unmatched, 0);
  EXPECT_EQ(ledger.Apply(Order("2", 362, 5)).refunds_unmatched, 1);
  EXPECT_EQ(ledger.Shown(), "orders=2 days=0..362 repeat=1 spent=EUR:105");
  EXPECT_EQ(ledger.profile.open_orders().waiting_id_size(), 0);
}

TEST(OrdersTest, TheOldestWaitingRefundGoesWhenThereAreTooMany) {
  Ledger ledger({180 * kMillisPerDay, 512, 2, 4096});
  EXPECT_EQ(ledger.Apply(Refund("1", 1, {1})).refunds_unmatched, 0);
  EXPECT_EQ(ledger.Apply(Refund("2", 0, {1})).refunds_unmatched, 0);
  EXPECT_EQ(ledger.Apply(Refund("3", 2, {1})).refunds_unmatched, 1);
  ledger.Apply(Order("1", 0, 10));
  ledger.Apply(Order("2", 0, 10));
  EXPECT_EQ(ledger.Shown(), "orders=2 days=0..0 repeat=0 spent=EUR:19 refunded=EUR:1");
}

TEST(OrdersTest, ADayThatIsTooLateToCountIsCountedAsSuch) {
  Ledger ledger({kMillisPerDay, 512, 64, 2});
  for (int day : {0, 10, 20, 30, 40}) ledger.Apply(Order(Text("o", day), day, 1));
  EXPECT_EQ(ledger.Apply(Order("late", 5, 1)).days_left_out, 1);
  EXPECT_EQ(ledger.Shown(), "orders=6 days=0..40 repeat=4 spent=EUR:6");
}

}  // namespace
}  // namespace ebb
