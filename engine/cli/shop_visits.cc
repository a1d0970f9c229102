#include "absl/strings/str_cat.h"
#include "engine/cli/shop_customer.h"
#include "engine/cli/shop_habits.h"

// Visits to the web shop: looking around, and filling a basket that is bought or left behind.

namespace ebb {
namespace {

void SetArticle(const Article& article, const char* currency, v1::Browse& browse) {
  browse.set_sku(article.sku);
  browse.set_category(article.category);
  browse.set_price_minor(article.price_minor);
  browse.set_currency(currency);
}


}  // namespace

void CustomerLife::BeginVisit(Shopper& c, Shopper::Visit visit) {
  constexpr double kShareOfSecondThoughts = 0.15;
  c.visit = visit;
  c.step = 0;
  ++c.visits;
  if (visit == Shopper::Visit::kLook) {
    c.steps = static_cast<uint8_t>(2 + c.chance.Below(7));
    return;
  }
  c.visit_basket = ++c.baskets;
  c.second_thoughts = c.chance.Happens(kShareOfSecondThoughts);
  const int lines = BasketLines(c.taste, c.visit_basket);
  const bool checks_out = visit == Shopper::Visit::kBuy || c.chance.Happens(0.3);
  c.steps = static_cast<uint8_t>(2 * lines + (c.second_thoughts ? 2 : 0) + (checks_out ? 1 : 0));
}

void CustomerLife::EndVisit(Shopper& c) {
  constexpr double kShareOfEvenings = 0.6, kFromHour = 17.5, kToHour = 23;
  constexpr double kEarlier = ((kFromHour + kToHour) / 2 - 12) * kHour;  // Keeps the mean time between visits.
  c.visit = Shopper::Visit::kNone;
  const int64_t after_ms = AfterAbout(c, visit_gap_days_ * kDay);
  const int64_t evening_ms = AtHour(c, after_ms - ToMs(kEarlier), kFromHour, kToHour);
  const bool in_the_evening = evening_ms > now_ms_ && c.chance.Happens(kShareOfEvenings);
  c.due_ms[Shopper::kVisit] = in_the_evening ? evening_ms : after_ms;
}

CustomerLife::Event CustomerLife::Visit(Shopper& c) {
  constexpr double kShareOfAbandonedBaskets = 0.25;
  if (c.visit == Shopper::Visit::kNone) {
    BeginVisit(c, c.chance.Happens(kShareOfAbandonedBaskets) ? Shopper::Visit::kAbandon : Shopper::Visit::kLook);
  }
  if (c.step == c.steps) {  // All is in the basket, and the way to the till is behind.
    EndVisit(c);
    return Buy(c, c.visit_basket, OnlineChannel(c));
  }
  v1::Browse& browse = New(c, browse_, c.uses_app ? "generated-app" : "generated-web", OnlineChannel(c));
  absl::StrAppend(browse.mutable_session_id(), "visit-", number_, "-", c.visits);
  absl::StrAppend(browse.mutable_device_id(), "device-", number_);
  if (c.visit == Shopper::Visit::kLook) {
    LookAround(c, browse);
  } else {
    FillBasket(c, browse);
  }
  c.due_ms[Shopper::kVisit] = In(c, 8 * kSecond, 90 * kSecond);
  if (++c.step == c.steps && c.visit != Shopper::Visit::kBuy) EndVisit(c);
  return {ShopSource::kBrowses, &browse};
}

void CustomerLife::LookAround(Shopper& c, v1::Browse& browse) {
  constexpr double kShareOfSearches = 0.15;
  constexpr uint32_t kEachWithOneThingInMind = 3;
  const bool one_thing = c.visits % kEachWithOneThingInMind == 0;
  Chance same(Chance::Mix(c.taste, c.visits));
  const Article& article = PickArticle(c.taste, one_thing ? same : c.chance);
  if (c.chance.Happens(kShareOfSearches)) {
    browse.set_action(v1::Browse::SEARCH);
    browse.set_query(article.category);
  } else {
    browse.set_action(v1::Browse::VIEW);
    SetArticle(article, kRegions[c.region].currency, browse);
  }
}

void CustomerLife::FillBasket(Shopper& c, v1::Browse& browse) {
  constexpr int64_t kPieceMilli = 1000;
  const int lines = BasketLines(c.taste, c.visit_basket);
  const char* currency = kRegions[c.region].currency;
  const int beyond = c.step - 2 * lines;
  if (beyond < 0) {
    const BasketLine line = BasketLineAt(c.taste, c.visit_basket, c.step / 2);
    SetArticle(*line.article, currency, browse);
    browse.set_action(c.step % 2 == 0 ? v1::Browse::VIEW : v1::Browse::ADD_TO_CART);
    if (c.step % 2 != 0) browse.set_quantity_milli(line.quantity_milli);
  } else if (c.second_thoughts && beyond < 2) {
    Chance same(Chance::Mix(c.taste, c.visit_basket));
    SetArticle(PickArticle(c.taste, same), currency, browse);
    browse.set_action(beyond == 0 ? v1::Browse::ADD_TO_CART : v1::Browse::REMOVE_FROM_CART);
    browse.set_quantity_milli(kPieceMilli);
  } else {
    browse.set_action(v1::Browse::CHECKOUT_STARTED);
  }
}

}  // namespace ebb
