#include <array>

#include "absl/strings/str_cat.h"
#include "engine/cli/shop_customer.h"
#include "engine/cli/shop_habits.h"

// What passes between customers and retailer beside buying: the support desk and the mail.

namespace ebb {

CustomerLife::Event CustomerLife::Ticket(Shopper& c) {
  using Stage = Shopper::Ticket;
  constexpr std::array<const char*, 4> kTopics = {"delivery", "quality", "bill", "app"};
  const Stage stage = c.ticket;
  const auto next = [&](Stage then, double mean_seconds) {
    c.ticket = then;
    c.due_ms[Shopper::kTicket] = then == Stage::kNone ? Shopper::kNever : AfterAbout(c, mean_seconds);
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
void CustomerLife::Neglect(Shopper& c) {
  constexpr double kShareDrivenAway = 0.45;
  c.ticket = Shopper::Ticket::kNone;
  c.due_ms[Shopper::kTicket] = Shopper::kNever;
  if (habits_.leave_share == 0 || !c.complains || !c.chance.Happens(kShareDrivenAway)) return;
  const int64_t soon_ms = AfterAbout(c, 4 * kDay);
  if (soon_ms >= c.due_ms[Shopper::kLeave]) return;
  c.due_ms[Shopper::kLeave] = soon_ms;
  c.why = Shopper::Why::kComplaint;
}

void CustomerLife::AwaitMail(Shopper& c) {
  c.mail = Shopper::Mail::kSend;
  c.due_ms[Shopper::kMail] = (c.consents & kMailBox) == 0
                                  ? Shopper::kNever
                                  : AtHour(c, In(c, 0.6 * kMailGapDays * kDay, 1.4 * kMailGapDays * kDay), 9, 17);
}

CustomerLife::Event CustomerLife::Mail(Shopper& c) {
  using Stage = Shopper::Mail;
  const Stage stage = c.mail;
  const auto next = [&](Stage then, double mean_seconds) {
    c.mail = then;
    c.due_ms[Shopper::kMail] = AfterAbout(c, mean_seconds);
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
      if (c.visit == Shopper::Visit::kNone) c.due_ms[Shopper::kVisit] = In(c, 5 * kSecond, 30 * kSecond);
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
