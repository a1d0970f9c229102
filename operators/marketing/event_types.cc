#include "operators/marketing/event_types.h"

namespace ebb {
namespace {

using google::protobuf::Message;
using operators::WaitingEvent;

constexpr int64_t kOnePieceMilli = 1000;

struct Known {
  std::string_view name;
  EventTypes bit;
  const Message& (*prototype)();
};

template <class M>
const Message& Prototype() {
  return M::default_instance();
}

// Those of one message stand together.
constexpr Known kKnown[] = {
    {"browse-viewed", kBrowseViewed, &Prototype<v1::Browse>},
    {"searched", kSearched, &Prototype<v1::Browse>},
    {"cart-added", kCartAdded, &Prototype<v1::Browse>},
    {"checkout-started", kCheckoutStarted, &Prototype<v1::Browse>},
    {"purchased", kPurchased, &Prototype<v1::Purchase>},
    {"refunded", kRefunded, &Prototype<v1::Purchase>},
    {"order-cancelled", kOrderCancelled, &Prototype<v1::Purchase>},
    {"ticket-opened", kTicketOpened, &Prototype<v1::Support>},
    {"complaint-opened", kComplaintOpened, &Prototype<v1::Support>},
    {"ticket-answered", kTicketAnswered, &Prototype<v1::Support>},
    {"ticket-resolved", kTicketResolved, &Prototype<v1::Support>},
    {"surveyed", kSurveyed, &Prototype<v1::Support>},
    {"joined", kJoined, &Prototype<v1::Member>},
    {"profile-changed", kProfileChanged, &Prototype<v1::Member>},
    {"message-opened", kMessageOpened, &Prototype<v1::Engagement>},
    {"message-clicked", kMessageClicked, &Prototype<v1::Engagement>},
    {"coupon-redeemed", kCouponRedeemed, &Prototype<v1::Engagement>},
    {"churn-raised", kChurnRaised, &Prototype<v1::ChurnAlert>},
    {"churn-escalated", kChurnEscalated, &Prototype<v1::ChurnAlert>},
    {"churn-cleared", kChurnCleared, &Prototype<v1::ChurnAlert>},
    {"features-changed", kFeaturesChanged, &Prototype<v1::CustomerFeatures>},
    {"calendar", kCalendarDay, &Prototype<v1::CalendarDay>},
};

void RememberHeader(const v1::EventHeader& header, WaitingEvent* waiting) {
  waiting->set_at_ms(header.event_time_ms());
  waiting->set_generated(header.generated());
}

}  // namespace

EventTypes EventTypeFromName(std::string_view name) {
  for (const Known& known : kKnown) {
    if (known.name == name) return known.bit;
  }
  return 0;
}

const Message& PrototypeOf(EventTypes type) {
  for (const Known& known : kKnown) {
    if (known.bit == type) return known.prototype();
  }
  return v1::EventHeader::default_instance();
}

std::vector<const Message*> MessagesOf(EventTypes types) {
  std::vector<const Message*> messages;
  for (const Known& known : kKnown) {
    const bool is_wanted = (known.bit & types & ~kCalendarDay) != 0;
    if (is_wanted && (messages.empty() || messages.back() != &known.prototype()))
      messages.push_back(&known.prototype());
  }
  return messages;
}

EventTypes EventTypesOf(const v1::Browse& browse) {
  switch (browse.action()) {
    case v1::Browse::VIEW: return kBrowseViewed;
    case v1::Browse::SEARCH: return kSearched;
    case v1::Browse::ADD_TO_CART: return kCartAdded;
    case v1::Browse::CHECKOUT_STARTED: return kCheckoutStarted;
    default: return 0;
  }
}

EventTypes EventTypesOf(const v1::Purchase& purchase) {
  switch (purchase.kind()) {
    case v1::Purchase::REFUND: return kRefunded;
    case v1::Purchase::CANCELLATION: return kOrderCancelled;
    default: return kPurchased;
  }
}

EventTypes EventTypesOf(const v1::Support& support) {
  switch (support.kind()) {
    case v1::Support::OPENED:
    case v1::Support::REOPENED: return kTicketOpened | (support.complaint() ? kComplaintOpened : 0);
    case v1::Support::ANSWERED: return kTicketAnswered;
    case v1::Support::RESOLVED: return kTicketResolved;
    case v1::Support::SURVEY_CSAT:
    case v1::Support::SURVEY_NPS: return kSurveyed;
    default: return 0;
  }
}

EventTypes EventTypesOf(const v1::Member& member) {
  return member.has_joined() ? kJoined : member.has_profile() ? kProfileChanged : 0;
}

EventTypes EventTypesOf(const v1::Engagement& engagement) {
  switch (engagement.kind()) {
    case v1::Engagement::OPENED: return kMessageOpened;
    case v1::Engagement::CLICKED: return kMessageClicked;
    case v1::Engagement::REDEEMED: return kCouponRedeemed;
    default: return 0;
  }
}

EventTypes EventTypesOf(const v1::ChurnAlert& alert) {
  switch (alert.kind()) {
    case v1::ChurnAlert::RAISED: return kChurnRaised;
    case v1::ChurnAlert::ESCALATED: return kChurnEscalated;
    case v1::ChurnAlert::CLEARED: return kChurnCleared;
    default: return 0;
  }
}

EventTypes EventTypesOf(const v1::CustomerFeatures&) { return kFeaturesChanged; }

void Remember(const v1::Browse& browse, WaitingEvent* waiting) {
  RememberHeader(browse.header(), waiting);
  waiting->set_sku(browse.sku());
  waiting->set_category(browse.category());
  waiting->set_quantity_milli(browse.quantity_milli() > 0 ? browse.quantity_milli() : kOnePieceMilli);
  waiting->set_session_id(browse.session_id());
  waiting->set_price_minor(browse.price_minor());
  waiting->set_currency(browse.currency());
}

void Remember(const v1::Purchase& purchase, WaitingEvent* waiting) {
  RememberHeader(purchase.header(), waiting);
  waiting->set_order_id(purchase.order_id());
  for (const v1::Purchase::Line& line : purchase.lines()) {
    if (waiting->sku().empty()) {
      waiting->set_sku(line.sku());
      waiting->set_category(line.category());
    } else if (waiting->more_skus_size() + 1 < kMaxSkusOfEvent) {
      waiting->add_more_skus(line.sku());
    }
  }
}

void Remember(const v1::Support& support, WaitingEvent* waiting) {
  RememberHeader(support.header(), waiting);
  waiting->set_ticket_id(support.ticket_id());
}

void Remember(const v1::Member& member, WaitingEvent* waiting) { RememberHeader(member.header(), waiting); }

void Remember(const v1::Engagement& engagement, WaitingEvent* waiting) { RememberHeader(engagement.header(), waiting); }

void Remember(const v1::ChurnAlert& alert, WaitingEvent* waiting) {
  waiting->set_at_ms(alert.decided_at_ms());
  waiting->set_alert_id(alert.alert_id());
  *waiting->mutable_reasons() = alert.reasons();
  waiting->set_generated(alert.generated());
}

void Remember(const v1::CustomerFeatures& features, WaitingEvent* waiting) {
  waiting->set_at_ms(features.as_of_ms());
  waiting->set_generated(features.generated());
}

}  // namespace ebb
