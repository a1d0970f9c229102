#include "engine/cli/shop_customer.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "engine/cli/shop_habits.h"

namespace ebb {
namespace {

constexpr double kShareThereFromTheStart = 0.5;
constexpr double kShareOfDaysOfFirstOnes = 0.03;
constexpr double kShareOfDaysOfJoining = 0.6;

// Measured over many customers: how many events a day a customer causes without visits of no purpose, besides those
// that follow from purchases; how many follow from a purchase; how many a visit of no purpose has.
constexpr double kEventsPerDayOfMail = 0.131;
constexpr double kEventsPerPurchase = 5.5;
constexpr double kEventsPerVisit = 6.1;

double VisitGapDays(const CustomerLife::Habits& habits) {
  constexpr double kLeastVisitsPerDay = 1e-3;
  const double others = kEventsPerDayOfMail + kEventsPerPurchase / habits.purchase_gap_days;
  return 1 / std::max(kLeastVisitsPerDay, (habits.events_per_day - others) / kEventsPerVisit);
}

void AddLine(const BasketLine& line, v1::Purchase& purchase) {
  v1::Purchase::Line& added = *purchase.add_lines();
  added.set_sku(line.article->sku);
  added.set_category(line.article->category);
  added.set_quantity_milli(line.quantity_milli);
  added.set_price_minor(line.price_minor);
  added.set_discount_minor(line.discount_minor);
}

}  // namespace

CustomerLife::CustomerLife(const Habits& habits) : habits_(habits), visit_gap_days_(VisitGapDays(habits)) {}

void CustomerLife::AppendCustomerId(uint32_t number, std::string* out) {
  absl::StrAppend(out, "customer-", absl::Dec(number, absl::kZeroPad6));
}

Shopper CustomerLife::Begin(uint64_t seed) const {
  constexpr int kSpreadOfRates = 3, kMostRegular = 4;
  Shopper c;
  c.taste = Chance::Mix(seed, 1);
  c.chance = Chance(Chance::Mix(seed, 2));
  c.gap_days = static_cast<float>(habits_.purchase_gap_days / std::clamp(c.chance.Gamma(kSpreadOfRates, 1), 0.2, 4.0));
  c.online_share = static_cast<float>(std::pow(c.chance.Uniform(), 1.5));
  c.rhythm = static_cast<uint8_t>(1 + c.chance.Below(kMostRegular));
  c.region = static_cast<uint8_t>(c.chance.Below(kRegions.size()));
  c.uses_app = c.chance.Happens(0.4);
  for (size_t i = 0; i < kBoxes.size(); ++i) {
    if (c.chance.Happens(kBoxes[i].share)) c.consents |= static_cast<uint8_t>(1u << i);
  }
  const bool first = c.chance.Happens(kShareThereFromTheStart);
  const double share = first ? kShareOfDaysOfFirstOnes : kShareOfDaysOfJoining;
  c.due_ms.fill(Shopper::kNever);
  c.due_ms[Shopper::kEnrol] =
      habits_.start_ms + static_cast<int64_t>(c.chance.Uniform() * share *
                                              static_cast<double>(habits_.end_ms - habits_.start_ms));
  return c;
}

CustomerLife::Event CustomerLife::Step(Shopper& c, uint32_t number) {
  const auto due = std::min_element(c.due_ms.begin(), c.due_ms.end());
  number_ = number;
  now_ms_ = *due;
  switch (static_cast<Shopper::Activity>(due - c.due_ms.begin())) {
    case Shopper::kEnrol: return Enrol(c);
    case Shopper::kLeave: return Leave(c);
    case Shopper::kTrip: return Trip(c);
    case Shopper::kVisit: return Visit(c);
    case Shopper::kTakeBack: return TakeBack(c);
    case Shopper::kTicket: return Ticket(c);
    default: return Mail(c);
  }
}

int64_t CustomerLife::AtHour(Shopper& c, int64_t time_ms, double from, double to) const {
  const int64_t offset_ms = kRegions[c.region].utc_offset_hours * kHourMs;
  const int64_t local_ms = time_ms + offset_ms;
  return local_ms - local_ms % kDayMs - offset_ms + ToMs(c.chance.Between(from, to) * kHour);
}

int64_t CustomerLife::In(Shopper& c, double least_seconds, double most_seconds) const {
  return now_ms_ + ToMs(c.chance.Between(least_seconds, most_seconds));
}

int64_t CustomerLife::AfterAbout(Shopper& c, double mean_seconds) const {
  return now_ms_ + 1 + ToMs(c.chance.Exponential(mean_seconds));
}

CustomerLife::Event CustomerLife::Enrol(Shopper& c) {
  constexpr std::array<const char*, 3> kCampaigns = {"flyer", "friend", "search"};
  v1::Member& member = New(c, member_, "generated-crm", v1::CHANNEL_STORE);
  const int step = c.enrolled++;
  c.due_ms[Shopper::kEnrol] = In(c, kSecond, 20 * kSecond);
  if (step == 0) {
    c.joined_at_ms = now_ms_;
    member.mutable_joined()->set_campaign(kCampaigns[c.chance.Below(kCampaigns.size())]);
  } else if (step == 1) {
    v1::Member::Profile& profile = *member.mutable_profile();
    profile.set_language(kRegions[c.region].language);
    if (c.chance.Happens(0.9)) profile.set_time_zone(kRegions[c.region].time_zone);
    if (c.chance.Happens(0.6)) {
      v1::Member::Date& birthday = *profile.mutable_birthday();
      if (c.chance.Happens(0.8)) birthday.set_year(1940 + static_cast<int>(c.chance.Below(65)));
      birthday.set_month(1 + static_cast<int>(c.chance.Below(12)));
      birthday.set_day(1 + static_cast<int>(c.chance.Below(28)));
    }
  } else if (step == 2) {
    v1::AnonymousId& id = *member.mutable_linked()->add_ids();
    id.set_kind(v1::ID_KIND_CARD);
    absl::StrAppend(id.mutable_value(), "card-", number_);
  } else {
    const auto box = static_cast<size_t>(step - 3);
    v1::Member::Consent& consent = *member.mutable_consent();
    consent.set_purpose(kBoxes[box].purpose);
    consent.set_channel(kBoxes[box].channel);
    consent.set_granted((c.consents >> box & 1) != 0);
    if (box + 1 == kBoxes.size()) AfterEnrolment(c);
  }
  return {ShopSource::kMembers, &member};
}

void CustomerLife::AfterEnrolment(Shopper& c) {
  const double days = static_cast<double>(habits_.end_ms - habits_.start_ms) / static_cast<double>(kDayMs);
  c.due_ms[Shopper::kEnrol] = Shopper::kNever;
  c.due_ms[Shopper::kTrip] = In(c, 2 * kMinute, 30 * kMinute);
  if (habits_.leave_share > 0) {
    c.due_ms[Shopper::kLeave] = AfterAbout(c, -days * kDay / std::log1p(-habits_.leave_share));
  }
  EndVisit(c);
  AwaitMail(c);
}

CustomerLife::Event CustomerLife::Leave(Shopper& c) {
  constexpr double kShareAskingForErasure = 0.04;
  const int64_t mail_ms = c.due_ms[Shopper::kMail];
  c.left_at_ms = now_ms_;
  c.due_ms.fill(Shopper::kNever);
  if (c.chance.Happens(kShareAskingForErasure)) {
    v1::Member& member = New(c, member_, "generated-crm", v1::CHANNEL_WEB);
    member.mutable_erasure_asked();
    return {ShopSource::kMembers, &member};
  }
  c.due_ms[Shopper::kMail] = mail_ms;  // The retailer does not know and goes on writing.
  if (c.mail != Shopper::Mail::kDeliver) AwaitMail(c);
  return {};
}

CustomerLife::Event CustomerLife::Trip(Shopper& c) {
  if (!c.chance.Happens(c.online_share)) return Buy(c, ++c.baskets, v1::CHANNEL_STORE);
  if (c.visit != Shopper::Visit::kNone) {
    c.due_ms[Shopper::kTrip] = In(c, 30 * kMinute, kHour);
    return {};
  }
  c.due_ms[Shopper::kTrip] = Shopper::kNever;  // The purchase at the end of the visit decides on the next one.
  BeginVisit(c, Shopper::Visit::kBuy);
  return Visit(c);
}

v1::Purchase& CustomerLife::NewPurchase(Shopper& c, uint32_t basket, v1::Channel channel) {
  const bool in_store = channel == v1::CHANNEL_STORE;
  v1::Purchase& purchase =
      New(c, purchase_, in_store ? "generated-till" : c.uses_app ? "generated-app" : "generated-web", channel);
  absl::StrAppend(purchase.mutable_order_id(), "order-", number_, "-", basket);
  purchase.set_currency(kRegions[c.region].currency);
  if (in_store) {
    absl::StrAppend(purchase.mutable_store(), "store-", c.region + 1);
  } else {
    purchase.set_store("shop.example");
  }
  return purchase;
}

CustomerLife::Event CustomerLife::Buy(Shopper& c, uint32_t basket, v1::Channel channel) {
  constexpr double kShareWithCoupon = 0.08;
  constexpr int64_t kCouponPercent = 10;
  v1::Purchase& purchase = NewPurchase(c, basket, channel);
  purchase.set_kind(v1::Purchase::ORDER);
  const int lines = BasketLines(c.taste, basket);
  for (int line = 0; line < lines; ++line) AddLine(BasketLineAt(c.taste, basket, line), purchase);
  if ((c.consents & kMailBox) != 0 && c.campaign > 0 && c.mail == Shopper::Mail::kSend &&
      c.chance.Happens(kShareWithCoupon)) {
    purchase.set_coupon("ten-percent");
    purchase.set_discount_minor(BasketPriceMinor(c.taste, basket) * kCouponPercent / 100);
    c.mail = Shopper::Mail::kRedeem;
    c.due_ms[Shopper::kMail] = In(c, kSecond, 3 * kSecond);
  }
  AfterOrder(c, basket, channel);
  return {ShopSource::kPurchases, &purchase};
}

void CustomerLife::AfterOrder(Shopper& c, uint32_t basket, v1::Channel channel) {
  c.last_purchase_ms = now_ms_;
  ScheduleTrip(c);
  if (c.due_ms[Shopper::kTakeBack] == Shopper::kNever) {
    c.cancels = channel != v1::CHANNEL_STORE && c.chance.Happens(0.03);
    if (c.cancels) {
      c.due_ms[Shopper::kTakeBack] = In(c, 10 * kMinute, 6 * kHour);
    } else if (c.chance.Happens(0.05)) {
      c.due_ms[Shopper::kTakeBack] = AtHour(c, In(c, 2 * kDay, 20 * kDay), 9, 19);
    }
    c.take_back_basket = basket;
  }
  if (c.ticket == Shopper::Ticket::kNone) {
    if (c.chance.Happens(0.05)) {
      c.ticket = Shopper::Ticket::kOpen;
      c.due_ms[Shopper::kTicket] = AfterAbout(c, 1.5 * kDay);
    } else if (c.chance.Happens(0.02)) {
      c.ticket = Shopper::Ticket::kRecommend;
      c.complains = false;
      c.due_ms[Shopper::kTicket] = AfterAbout(c, kDay);
    }
  }
}

void CustomerLife::ScheduleTrip(Shopper& c) {
  constexpr double kShareOfHolidays = 0.015;
  double days = c.chance.Gamma(c.rhythm, c.gap_days);
  if (c.chance.Happens(kShareOfHolidays)) days += c.gap_days * c.chance.Between(3, 6);
  int64_t next_ms = AtHour(c, now_ms_ + ToMs(days * kDay), 8, 20.5);
  while (next_ms < now_ms_ + kHourMs) next_ms += kDayMs;
  c.due_ms[Shopper::kTrip] = next_ms;
}

v1::Channel CustomerLife::OnlineChannel(const Shopper& c) const {
  return c.uses_app ? v1::CHANNEL_APP : v1::CHANNEL_WEB;
}

CustomerLife::Event CustomerLife::TakeBack(Shopper& c) {
  c.due_ms[Shopper::kTakeBack] = Shopper::kNever;
  const v1::Channel channel = c.cancels ? OnlineChannel(c) : v1::CHANNEL_STORE;
  v1::Purchase& purchase = NewPurchase(c, c.take_back_basket, channel);
  purchase.set_kind(c.cancels ? v1::Purchase::CANCELLATION : v1::Purchase::REFUND);
  const int lines = BasketLines(c.taste, c.take_back_basket);
  if (c.cancels || lines == 1 || c.chance.Happens(0.3)) return {ShopSource::kPurchases, &purchase};  // The whole order.
  // At most half of the order, so that no more comes back than was paid after a coupon.
  const BasketLine one = BasketLineAt(c.taste, c.take_back_basket, static_cast<int>(c.chance.Below(lines)));
  const int64_t whole_minor = BasketPriceMinor(c.taste, c.take_back_basket);
  if (2 * one.price_minor <= whole_minor) AddLine(one, purchase);
  return {ShopSource::kPurchases, &purchase};
}

}  // namespace ebb
