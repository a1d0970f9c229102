#include "engine/cli/shop_customer.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace ebb {
namespace {

constexpr double kSecond = 1, kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr int64_t kHourMs = 3'600'000, kDayMs = 24 * kHourMs;

struct Region {
  const char* time_zone;
  const char* language;
  const char* currency;
  int utc_offset_hours;  // In winter: near enough for when people are awake.
};
constexpr std::array<Region, 6> kRegions = {{
    {"Europe/Berlin", "de-DE", "EUR", 1},
    {"Europe/Zurich", "de-CH", "CHF", 1},
    {"Europe/Lisbon", "pt-PT", "EUR", 0},
    {"Europe/London", "en-GB", "GBP", 0},
    {"Europe/Helsinki", "fi-FI", "EUR", 2},
    {"America/New_York", "en-US", "USD", -5},
}};

// The boxes of the form that customers tick, or not, when they join.
struct Box {
  v1::Purpose purpose;
  v1::Channel channel;
  double share;
};
constexpr std::array<Box, 6> kBoxes = {{
    {v1::PURPOSE_MARKETING, v1::CHANNEL_EMAIL, 0.75},
    {v1::PURPOSE_MARKETING, v1::CHANNEL_APP, 0.5},
    {v1::PURPOSE_MARKETING, v1::CHANNEL_SMS, 0.25},
    {v1::PURPOSE_SERVICE, v1::CHANNEL_EMAIL, 0.95},
    {v1::PURPOSE_SERVICE, v1::CHANNEL_APP, 0.6},
    {v1::PURPOSE_SERVICE, v1::CHANNEL_SMS, 0.6},
}};
constexpr uint8_t kMailBox = 1;  // The bit of the first.

constexpr double kShareThereFromTheStart = 0.5;
constexpr double kShareOfDaysOfFirstOnes = 0.03;
constexpr double kShareOfDaysOfJoining = 0.6;
constexpr double kMailGapDays = 14;

// Measured over many customers: how many events a day a customer causes without visits of no purpose, besides those
// that follow from purchases; how many follow from a purchase; how many a visit of no purpose has.
constexpr double kEventsPerDayOfMail = 0.131;
constexpr double kEventsPerPurchase = 7.6;
constexpr double kEventsPerVisit = 6.1;

double VisitGapDays(const CustomerLife::Habits& habits) {
  constexpr double kLeastVisitsPerDay = 1e-3;
  const double others = kEventsPerDayOfMail + kEventsPerPurchase / habits.purchase_gap_days;
  return 1 / std::max(kLeastVisitsPerDay, (habits.events_per_day - others) / kEventsPerVisit);
}

int64_t ToMs(double seconds) { return static_cast<int64_t>(seconds * 1000); }

void AddLine(const BasketLine& line, v1::Purchase& purchase) {
  v1::Purchase::Line& added = *purchase.add_lines();
  added.set_sku(line.article->sku);
  added.set_category(line.article->category);
  added.set_quantity_milli(line.quantity_milli);
  added.set_price_minor(line.price_minor);
  added.set_discount_minor(line.discount_minor);
}

void SetArticle(const Article& article, const char* currency, v1::Browse& browse) {
  browse.set_sku(article.sku);
  browse.set_category(article.category);
  browse.set_price_minor(article.price_minor);
  browse.set_currency(currency);
}

}  // namespace

CustomerLife::CustomerLife(const Habits& habits) : habits_(habits), visit_gap_days_(VisitGapDays(habits)) {}

void CustomerLife::AppendCustomerId(uint32_t number, std::string* out) {
  absl::StrAppend(out, "customer-", absl::Dec(number, absl::kZeroPad6));
}

Customer CustomerLife::Begin(uint64_t seed) const {
  constexpr int kSpreadOfRates = 3, kMostRegular = 4;
  Customer c;
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
  c.due_ms.fill(Customer::kNever);
  c.due_ms[Customer::kEnrol] =
      habits_.start_ms + static_cast<int64_t>(c.chance.Uniform() * share *
                                              static_cast<double>(habits_.end_ms - habits_.start_ms));
  return c;
}

CustomerLife::Event CustomerLife::Step(Customer& c, uint32_t number) {
  const auto due = std::min_element(c.due_ms.begin(), c.due_ms.end());
  number_ = number;
  now_ms_ = *due;
  switch (static_cast<Customer::Activity>(due - c.due_ms.begin())) {
    case Customer::kEnrol: return Enrol(c);
    case Customer::kLeave: return Leave(c);
    case Customer::kTrip: return Trip(c);
    case Customer::kVisit: return Visit(c);
    case Customer::kTakeBack: return TakeBack(c);
    case Customer::kTicket: return Ticket(c);
    default: return Mail(c);
  }
}

template <class Message>
Message& CustomerLife::New(Customer& c, Message& message, std::string_view source, v1::Channel channel) {
  message.Clear();
  v1::EventHeader& header = *message.mutable_header();
  absl::StrAppend(header.mutable_event_id(), number_, "-", ++c.events);
  AppendCustomerId(number_, header.mutable_customer_id());
  header.set_event_time_ms(now_ms_);
  header.set_source(source.data(), source.size());
  header.set_channel(channel);
  header.set_generated(true);
  return message;
}

int64_t CustomerLife::AtHour(Customer& c, int64_t time_ms, double from, double to) const {
  const int64_t offset_ms = kRegions[c.region].utc_offset_hours * kHourMs;
  const int64_t local_ms = time_ms + offset_ms;
  return local_ms - local_ms % kDayMs - offset_ms + ToMs(c.chance.Between(from, to) * kHour);
}

int64_t CustomerLife::In(Customer& c, double least_seconds, double most_seconds) const {
  return now_ms_ + ToMs(c.chance.Between(least_seconds, most_seconds));
}

int64_t CustomerLife::AfterAbout(Customer& c, double mean_seconds) const {
  return now_ms_ + 1 + ToMs(c.chance.Exponential(mean_seconds));
}

CustomerLife::Event CustomerLife::Enrol(Customer& c) {
  constexpr std::array<const char*, 3> kCampaigns = {"flyer", "friend", "search"};
  v1::Member& member = New(c, member_, "generated-crm", v1::CHANNEL_STORE);
  const int step = c.enrolled++;
  c.due_ms[Customer::kEnrol] = In(c, kSecond, 20 * kSecond);
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

void CustomerLife::AfterEnrolment(Customer& c) {
  const double days = static_cast<double>(habits_.end_ms - habits_.start_ms) / static_cast<double>(kDayMs);
  c.due_ms[Customer::kEnrol] = Customer::kNever;
  c.due_ms[Customer::kTrip] = In(c, 2 * kMinute, 30 * kMinute);
  if (habits_.leave_share > 0) {
    c.due_ms[Customer::kLeave] = AfterAbout(c, -days * kDay / std::log1p(-habits_.leave_share));
  }
  EndVisit(c);
  AwaitMail(c);
}

CustomerLife::Event CustomerLife::Leave(Customer& c) {
  constexpr double kShareAskingForErasure = 0.04;
  const int64_t mail_ms = c.due_ms[Customer::kMail];
  c.left_at_ms = now_ms_;
  c.due_ms.fill(Customer::kNever);
  if (c.chance.Happens(kShareAskingForErasure)) {
    v1::Member& member = New(c, member_, "generated-crm", v1::CHANNEL_WEB);
    member.mutable_erasure_asked();
    return {ShopSource::kMembers, &member};
  }
  c.due_ms[Customer::kMail] = mail_ms;  // The retailer does not know and goes on writing.
  if (c.mail != Customer::Mail::kDeliver) AwaitMail(c);
  return {};
}

CustomerLife::Event CustomerLife::Trip(Customer& c) {
  if (!c.chance.Happens(c.online_share)) return Buy(c, ++c.baskets, v1::CHANNEL_STORE);
  if (c.visit != Customer::Visit::kNone) {
    c.due_ms[Customer::kTrip] = In(c, 30 * kMinute, kHour);
    return {};
  }
  c.due_ms[Customer::kTrip] = Customer::kNever;  // The purchase at the end of the visit decides on the next one.
  BeginVisit(c, Customer::Visit::kBuy);
  return Visit(c);
}

v1::Purchase& CustomerLife::NewPurchase(Customer& c, uint32_t basket, v1::Channel channel) {
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

CustomerLife::Event CustomerLife::Buy(Customer& c, uint32_t basket, v1::Channel channel) {
  constexpr double kShareWithCoupon = 0.08;
  constexpr int64_t kCouponPercent = 10;
  v1::Purchase& purchase = NewPurchase(c, basket, channel);
  purchase.set_kind(v1::Purchase::ORDER);
  const int lines = BasketLines(c.taste, basket);
  for (int line = 0; line < lines; ++line) AddLine(BasketLineAt(c.taste, basket, line), purchase);
  if ((c.consents & kMailBox) != 0 && c.campaign > 0 && c.mail == Customer::Mail::kSend && c.chance.Happens(kShareWithCoupon)) {
    purchase.set_coupon("ten-percent");
    purchase.set_discount_minor(BasketPriceMinor(c.taste, basket) * kCouponPercent / 100);
    c.mail = Customer::Mail::kRedeem;
    c.due_ms[Customer::kMail] = In(c, kSecond, 3 * kSecond);
  }
  AfterOrder(c, basket, channel);
  return {ShopSource::kPurchases, &purchase};
}

void CustomerLife::AfterOrder(Customer& c, uint32_t basket, v1::Channel channel) {
  c.last_purchase_ms = now_ms_;
  ScheduleTrip(c);
  if (c.due_ms[Customer::kTakeBack] == Customer::kNever) {
    c.cancels = channel != v1::CHANNEL_STORE && c.chance.Happens(0.03);
    if (c.cancels) {
      c.due_ms[Customer::kTakeBack] = In(c, 10 * kMinute, 6 * kHour);
    } else if (c.chance.Happens(0.05)) {
      c.due_ms[Customer::kTakeBack] = AtHour(c, In(c, 2 * kDay, 20 * kDay), 9, 19);
    }
    c.take_back_basket = basket;
  }
  if (c.ticket == Customer::Ticket::kNone) {
    if (c.chance.Happens(0.05)) {
      c.ticket = Customer::Ticket::kOpen;
      c.due_ms[Customer::kTicket] = AfterAbout(c, 1.5 * kDay);
    } else if (c.chance.Happens(0.02)) {
      c.ticket = Customer::Ticket::kRecommend;
      c.complains = false;
      c.due_ms[Customer::kTicket] = AfterAbout(c, kDay);
    }
  }
}

void CustomerLife::ScheduleTrip(Customer& c) {
  constexpr double kShareOfHolidays = 0.015;
  double days = c.chance.Gamma(c.rhythm, c.gap_days);
  if (c.chance.Happens(kShareOfHolidays)) days += c.gap_days * c.chance.Between(3, 6);
  int64_t next_ms = AtHour(c, now_ms_ + ToMs(days * kDay), 8, 20.5);
  while (next_ms < now_ms_ + kHourMs) next_ms += kDayMs;
  c.due_ms[Customer::kTrip] = next_ms;
}

v1::Channel CustomerLife::OnlineChannel(const Customer& c) const {
  return c.uses_app ? v1::CHANNEL_APP : v1::CHANNEL_WEB;
}

void CustomerLife::BeginVisit(Customer& c, Customer::Visit visit) {
  constexpr double kShareOfSecondThoughts = 0.15;
  c.visit = visit;
  c.step = 0;
  ++c.visits;
  if (visit == Customer::Visit::kLook) {
    c.steps = static_cast<uint8_t>(2 + c.chance.Below(7));
    return;
  }
  c.visit_basket = ++c.baskets;
  c.second_thoughts = c.chance.Happens(kShareOfSecondThoughts);
  const int lines = BasketLines(c.taste, c.visit_basket);
  const bool checks_out = visit == Customer::Visit::kBuy || c.chance.Happens(0.3);
  c.steps = static_cast<uint8_t>(2 * lines + (c.second_thoughts ? 2 : 0) + (checks_out ? 1 : 0));
}

void CustomerLife::EndVisit(Customer& c) {
  constexpr double kShareOfEvenings = 0.6;
  c.visit = Customer::Visit::kNone;
  const int64_t after_ms = AfterAbout(c, visit_gap_days_ * kDay);
  const int64_t evening_ms = AtHour(c, after_ms, 17.5, 23);
  const bool in_the_evening = evening_ms > now_ms_ && c.chance.Happens(kShareOfEvenings);
  c.due_ms[Customer::kVisit] = in_the_evening ? evening_ms : after_ms;
}

CustomerLife::Event CustomerLife::Visit(Customer& c) {
  constexpr double kShareOfAbandonedBaskets = 0.25;
  if (c.visit == Customer::Visit::kNone) {
    BeginVisit(c, c.chance.Happens(kShareOfAbandonedBaskets) ? Customer::Visit::kAbandon : Customer::Visit::kLook);
  }
  if (c.step == c.steps) {  // All is in the basket, and the way to the till is behind.
    EndVisit(c);
    return Buy(c, c.visit_basket, OnlineChannel(c));
  }
  v1::Browse& browse = New(c, browse_, c.uses_app ? "generated-app" : "generated-web", OnlineChannel(c));
  absl::StrAppend(browse.mutable_session_id(), "visit-", number_, "-", c.visits);
  absl::StrAppend(browse.mutable_device_id(), "device-", number_);
  if (c.visit == Customer::Visit::kLook) {
    LookAround(c, browse);
  } else {
    FillBasket(c, browse);
  }
  c.due_ms[Customer::kVisit] = In(c, 8 * kSecond, 90 * kSecond);
  if (++c.step == c.steps && c.visit != Customer::Visit::kBuy) EndVisit(c);
  return {ShopSource::kBrowses, &browse};
}

void CustomerLife::LookAround(Customer& c, v1::Browse& browse) {
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

void CustomerLife::FillBasket(Customer& c, v1::Browse& browse) {
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

CustomerLife::Event CustomerLife::TakeBack(Customer& c) {
  c.due_ms[Customer::kTakeBack] = Customer::kNever;
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

CustomerLife::Event CustomerLife::Ticket(Customer& c) {
  using Stage = Customer::Ticket;
  constexpr std::array<const char*, 4> kTopics = {"delivery", "quality", "bill", "app"};
  const Stage stage = c.ticket;
  const auto next = [&](Stage then, double mean_seconds) {
    c.ticket = then;
    c.due_ms[Customer::kTicket] = then == Stage::kNone ? Customer::kNever : AfterAbout(c, mean_seconds);
  };
  v1::Support& support = New(c, support_, "generated-desk", v1::CHANNEL_PHONE);
  if (stage == Stage::kOpen) {
    ++c.tickets;
    c.complains = c.chance.Happens(0.5);
  }
  const bool of_ticket = stage != Stage::kRecommend || c.complains;
  if (of_ticket) {
    absl::StrAppend(support.mutable_ticket_id(), "ticket-", number_, "-", c.tickets);
    support.set_topic(kTopics[Chance::Mix(c.taste, c.tickets) % kTopics.size()]);
    support.set_complaint(c.complains && stage != Stage::kRate && stage != Stage::kRecommend);
  }
  switch (stage) {
    case Stage::kOpen:
    case Stage::kReopen:
      support.set_kind(stage == Stage::kOpen ? v1::Support::OPENED : v1::Support::REOPENED);
      next(Stage::kAnswer, 8 * kHour);
      if (c.chance.Happens(0.1)) Neglect(c);
      break;
    case Stage::kAnswer:
      support.set_kind(v1::Support::ANSWERED);
      next(Stage::kResolve, kDay);
      if (c.chance.Happens(c.complains ? 0.35 : 0.15)) Neglect(c);
      break;
    case Stage::kResolve:
      support.set_kind(v1::Support::RESOLVED);
      next(c.chance.Happens(0.12) ? Stage::kReopen : c.chance.Happens(0.5) ? Stage::kRate : Stage::kNone, kDay);
      break;
    case Stage::kRate:
      support.set_kind(v1::Support::SURVEY_CSAT);
      support.set_csat((c.complains ? 1 : 3) + static_cast<int>(c.chance.Below(3)));
      next(c.complains && c.chance.Happens(0.5) ? Stage::kRecommend : Stage::kNone, kDay);
      break;
    default:
      support.set_kind(v1::Support::SURVEY_NPS);
      support.set_nps(c.complains ? static_cast<int>(c.chance.Below(8)) : 4 + static_cast<int>(c.chance.Below(7)));
      next(Stage::kNone, 0);
  }
  return {ShopSource::kSupports, &support};
}

// The ticket stays open for ever. Who has complained does not always wait that long.
void CustomerLife::Neglect(Customer& c) {
  constexpr double kShareDrivenAway = 0.6;
  c.ticket = Customer::Ticket::kNone;
  c.due_ms[Customer::kTicket] = Customer::kNever;
  if (habits_.leave_share == 0 || !c.complains || !c.chance.Happens(kShareDrivenAway)) return;
  const int64_t soon_ms = AfterAbout(c, 4 * kDay);
  if (soon_ms >= c.due_ms[Customer::kLeave]) return;
  c.due_ms[Customer::kLeave] = soon_ms;
  c.why = Customer::Why::kComplaint;
}

void CustomerLife::AwaitMail(Customer& c) {
  c.mail = Customer::Mail::kSend;
  c.due_ms[Customer::kMail] = (c.consents & kMailBox) == 0
                                  ? Customer::kNever
                                  : AtHour(c, In(c, 0.6 * kMailGapDays * kDay, 1.4 * kMailGapDays * kDay), 9, 17);
}

CustomerLife::Event CustomerLife::Mail(Customer& c) {
  using Stage = Customer::Mail;
  const Stage stage = c.mail;
  const auto next = [&](Stage then, double mean_seconds) {
    c.mail = then;
    c.due_ms[Customer::kMail] = AfterAbout(c, mean_seconds);
  };
  if (stage == Stage::kSend) {
    c.campaign = static_cast<uint16_t>(1 + static_cast<double>(now_ms_ - habits_.start_ms) / (kMailGapDays * kDayMs));
  }
  v1::Engagement& engagement = New(c, engagement_, "generated-mailer", v1::CHANNEL_EMAIL);
  absl::StrAppend(engagement.mutable_campaign(), "newsletter-", c.campaign);
  AwaitMail(c);
  switch (stage) {
    case Stage::kSend:
      engagement.set_kind(v1::Engagement::SENT);
      next(Stage::kDeliver, 5 * kSecond);
      break;
    case Stage::kDeliver:
      engagement.set_kind(v1::Engagement::DELIVERED);
      if (!c.left() && c.chance.Happens(0.35)) next(Stage::kOpen, 6 * kHour);
      break;
    case Stage::kOpen:
      engagement.set_kind(v1::Engagement::OPENED);
      if (c.chance.Happens(0.25)) next(Stage::kClick, kMinute);
      else if (c.chance.Happens(0.03)) next(Stage::kUnsubscribe, kMinute);
      break;
    case Stage::kClick:
      engagement.set_kind(v1::Engagement::CLICKED);
      if (c.visit == Customer::Visit::kNone) c.due_ms[Customer::kVisit] = In(c, 5 * kSecond, 30 * kSecond);
      break;
    case Stage::kUnsubscribe:
      engagement.set_kind(v1::Engagement::UNSUBSCRIBED);
      c.consents &= static_cast<uint8_t>(~kMailBox);
      AwaitMail(c);
      break;
    case Stage::kRedeem:
      engagement.set_kind(v1::Engagement::REDEEMED);
      engagement.set_coupon("ten-percent");
      break;
  }
  return {ShopSource::kEngagements, &engagement};
}

}  // namespace ebb
