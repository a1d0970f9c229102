#include "engine/cli/shop_basket.h"

#include <array>
#include <vector>

#include "absl/strings/str_cat.h"

namespace ebb {
namespace {

constexpr uint32_t kArticlesPerCategory = 40;
constexpr uint32_t kFavourites = 3;
constexpr uint64_t kCatalogueSeed = 0x5ca1ab1e;

struct Category {
  const char* name;
  int64_t least_minor;
  int64_t most_minor;
  bool weighed;
};

constexpr std::array<Category, 12> kCategories = {{
    {"bakery", 90, 690, false},
    {"books", 790, 3490, false},
    {"cheese", 1190, 3890, true},
    {"cosmetics", 390, 4990, false},
    {"dairy", 80, 590, false},
    {"drinks", 70, 1990, false},
    {"fruit", 190, 890, true},
    {"garden", 490, 7990, false},
    {"household", 190, 2990, false},
    {"sweets", 100, 990, false},
    {"toys", 690, 6990, false},
    {"wine", 490, 4490, false},
}};

std::vector<Article> MakeCatalogue() {
  std::vector<Article> articles;
  Chance chance(kCatalogueSeed);
  for (const Category& category : kCategories) {
    for (uint32_t i = 0; i < kArticlesPerCategory; ++i) {
      const auto range = static_cast<uint32_t>(category.most_minor - category.least_minor + 1);
      articles.push_back({absl::StrCat(category.name, "-", absl::Dec(i + 1, absl::kZeroPad2)), category.name,
                          category.least_minor + chance.Below(range), category.weighed});
    }
  }
  return articles;
}

const std::vector<Article>& Catalogue() {
  static const auto* const catalogue = new std::vector<Article>(MakeCatalogue());
  return *catalogue;
}

}  // namespace

const Article& PickArticle(Taste taste, Chance& chance) {
  constexpr double kLoyaltyToFavourites = 0.7;
  constexpr auto kCount = static_cast<uint32_t>(kCategories.size());
  uint32_t category = chance.Below(kCount);
  if (chance.Happens(kLoyaltyToFavourites)) {
    category = static_cast<uint32_t>(Chance::Mix(taste, chance.Below(kFavourites)) % kCount);
  }
  return Catalogue()[category * kArticlesPerCategory + chance.Below(kArticlesPerCategory)];
}

int BasketLines(Taste taste, uint32_t basket) {
  constexpr uint32_t kHalf = (kMaxBasketLines + 1) / 2;
  Chance chance(Chance::Mix(taste, basket));
  return 1 + static_cast<int>(chance.Below(kHalf) + chance.Below(kHalf));
}

BasketLine BasketLineAt(Taste taste, uint32_t basket, int line) {
  constexpr double kShareOnOffer = 0.15, kShareOfSeveral = 0.25;
  constexpr int64_t kPieceMilli = 1000, kLeastWeightMilli = 150;
  constexpr uint32_t kWeightRangeMilli = 1850;
  Chance chance(Chance::Mix(Chance::Mix(taste, basket), static_cast<uint64_t>(line)));
  BasketLine result;
  result.article = &PickArticle(taste, chance);
  if (result.article->weighed) {
    result.quantity_milli = kLeastWeightMilli + chance.Below(kWeightRangeMilli);
  } else {
    result.quantity_milli = kPieceMilli * (chance.Happens(kShareOfSeveral) ? 2 + chance.Below(3) : 1);
  }
  const int64_t full_minor = (result.article->price_minor * result.quantity_milli + kPieceMilli / 2) / kPieceMilli;
  if (chance.Happens(kShareOnOffer)) result.discount_minor = full_minor * (10 + 5 * chance.Below(4)) / 100;
  result.price_minor = full_minor - result.discount_minor;
  return result;
}

int64_t BasketPriceMinor(Taste taste, uint32_t basket) {
  int64_t sum = 0;
  for (int line = 0; line < BasketLines(taste, basket); ++line) sum += BasketLineAt(taste, basket, line).price_minor;
  return sum;
}

}  // namespace ebb
