#ifndef EBB_ENGINE_CLI_SHOP_BASKET_H_
#define EBB_ENGINE_CLI_SHOP_BASKET_H_

// What the simulated shop sells, and what lies in a customer's basket. A basket is never kept: it follows from the
// customer's taste and its number, so that a visit, the order and the refund weeks later show the same articles.
// Pure functions; any thread.

#include <cstdint>
#include <string>

#include "state/chance.h"

namespace ebb {

struct Article {
  std::string sku;
  std::string category;
  int64_t price_minor = 0;  // Of a piece, or of a kilogram of what is weighed.
  bool weighed = false;
};

// What a customer likes; any number is a taste.
using Taste = uint64_t;

// An article that suits the taste. Lives forever.
const Article& PickArticle(Taste taste, Chance& chance);

struct BasketLine {
  const Article* article = nullptr;
  int64_t quantity_milli = 0;
  int64_t price_minor = 0;  // What the customer pays for the line.
  int64_t discount_minor = 0;
};

inline constexpr int kMaxBasketLines = 9;

// How many lines a basket has, 1 to kMaxBasketLines.
int BasketLines(Taste taste, uint32_t basket);
// One of them.
BasketLine BasketLineAt(Taste taste, uint32_t basket, int line);
// What the customer pays for all of them.
int64_t BasketPriceMinor(Taste taste, uint32_t basket);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_SHOP_BASKET_H_
