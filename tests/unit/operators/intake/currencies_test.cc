#include "operators/intake/currencies.h"

#include "gtest/gtest.h"

namespace ebb {
namespace {

TEST(CurrenciesTest, KnowsWhatShopsArePaidIn) {
  for (const char* code : {"AED", "CHF", "EUR", "USD", "XCG", "XOF", "ZAR", "ZWG"}) {
    EXPECT_TRUE(IsCurrency(code)) << code;
  }
}

TEST(CurrenciesTest, KnowsWhatWasWithdrawnLately) { EXPECT_TRUE(IsCurrency("HRK") && IsCurrency("BGN")); }

TEST(CurrenciesTest, RefusesWhatNamesNoMoney) {
  for (const char* code : {"", "EU", "EURO", "eur", "EUR ", "QQQ", "XXX", "XTS", "XAU", "DEM"}) {
    EXPECT_FALSE(IsCurrency(code)) << code;
  }
}

}  // namespace
}  // namespace ebb
