#include "operators/marketing/reason_text.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "operators/marketing/event_types.h"
#include "operators/reason.h"
#include "state/text.h"

namespace ebb {
namespace {

using Events = std::vector<const operators::WaitingEvent*>;

// Each id once, in order of arrival: the wait may have begun with any of them.
template <class IdOf>
std::string Ids(std::string_view what, const Events& events, IdOf id_of) {
  std::vector<std::string> ids;
  for (const auto* event : events) {
    if (std::find(ids.begin(), ids.end(), id_of(*event)) == ids.end()) ids.push_back(id_of(*event));
  }
  return Text(what, ids.size() == 1 ? " " : "s ", absl::StrJoin(ids, ", "));
}
std::string Tickets(const Events& events) {
  return Ids("ticket", events, [](const auto& event) { return event.ticket_id(); });
}
std::string Orders(const Events& events) {
  return Ids("order", events, [](const auto& event) { return event.order_id(); });
}

std::string Articles(size_t count) { return count == 1 ? "an article" : Text(count, " articles"); }

std::string Times(const Events& events) { return events.size() == 1 ? "once" : Text(events.size(), " times"); }

std::string WhatHappened(const operators::TriggerConfig& config, const Events& events, size_t articles) {
  const operators::WaitingEvent& last = *events.back();
  switch (EventTypeFromName(config.on())) {
    case kBrowseViewed: {
      const std::string what = config.same() == "sku"        ? Text("article ", last.sku())
                               : config.same() == "category" ? Text("category ", last.category())
                                                             : Articles(articles);
      return Text("looked at ", what, " ", Times(events));
    }
    case kSearched: return Text("searched ", Times(events));
    case kCartAdded: return Text("put ", Articles(articles), " into the basket");
    case kCheckoutStarted: return "began to check out";
    case kPurchased: return Text("bought ", Articles(articles), ", ", Orders(events));
    case kRefunded: return Text("gave back, ", Orders(events));
    case kOrderCancelled: return Text("called off ", Orders(events));
    case kTicketOpened: return Text("opened ", Tickets(events));
    case kComplaintOpened: return Text("complained, ", Tickets(events));
    case kTicketAnswered: return Text("was answered, ", Tickets(events));
    case kTicketResolved: return Text("was helped, ", Tickets(events));
    case kSurveyed: return "answered a survey";
    case kJoined: return "became a member";
    case kProfileChanged: return "told something new about themselves";
    case kMessageOpened: return "opened a message";
    case kMessageClicked: return "followed a link in a message";
    case kCouponRedeemed: return "used a coupon";
    case kChurnRaised: return "drifts away";
    case kChurnEscalated: return "drifts further away";
    case kChurnCleared: return "is back";
    case kFeaturesChanged: return "has become what the rule is about";
    default: return Text("the day has come: ", last.day());
  }
}

}  // namespace

std::string ReasonText(const operators::TriggerConfig& config, const Events& events, size_t articles) {
  const absl::Duration wait = absl::Milliseconds(events.back()->wait_ms());
  const std::string since =
      wait == absl::ZeroDuration() ? "" : Text("; nothing called it off for ", SpokenDuration(wait));
  return Text(WhatHappened(config, events, articles), since);
}

}  // namespace ebb
