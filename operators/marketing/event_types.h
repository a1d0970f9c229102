#ifndef EBB_OPERATORS_MARKETING_EVENT_TYPES_H_
#define EBB_OPERATORS_MARKETING_EVENT_TYPES_H_

// The types of events that rules know, by name. One message may be of several, such as a ticket that is a complaint.
// Stateless; any thread.

#include <cstdint>
#include <string_view>
#include <vector>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/customer.pb.h"
#include "ebb/v1/customer_features.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "google/protobuf/message.h"
#include "operators/marketing/trigger.pb.h"

namespace ebb {

// A set of types, a bit each.
using EventTypes = uint32_t;
inline constexpr EventTypes kBrowseViewed = 1u << 0;
inline constexpr EventTypes kSearched = 1u << 1;
inline constexpr EventTypes kCartAdded = 1u << 2;
inline constexpr EventTypes kCheckoutStarted = 1u << 3;
inline constexpr EventTypes kPurchased = 1u << 4;
inline constexpr EventTypes kRefunded = 1u << 5;
inline constexpr EventTypes kOrderCancelled = 1u << 6;
inline constexpr EventTypes kTicketOpened = 1u << 7;
inline constexpr EventTypes kComplaintOpened = 1u << 8;
inline constexpr EventTypes kTicketAnswered = 1u << 9;
inline constexpr EventTypes kTicketResolved = 1u << 10;
inline constexpr EventTypes kSurveyed = 1u << 11;
inline constexpr EventTypes kJoined = 1u << 12;
inline constexpr EventTypes kProfileChanged = 1u << 13;
inline constexpr EventTypes kMessageOpened = 1u << 14;
inline constexpr EventTypes kMessageClicked = 1u << 15;
inline constexpr EventTypes kCouponRedeemed = 1u << 16;
inline constexpr EventTypes kChurnRaised = 1u << 17;
inline constexpr EventTypes kChurnEscalated = 1u << 18;
inline constexpr EventTypes kChurnCleared = 1u << 19;
inline constexpr EventTypes kFeaturesChanged = 1u << 20;
inline constexpr EventTypes kCalendarDay = 1u << 21;

// 0 for a name that is not one.
EventTypes EventTypeFromName(std::string_view name);
// What expressions see as `event` of that one type.
const google::protobuf::Message& PrototypeOf(EventTypes type);
// The messages that events of those types come as, each once; days of the calendar come as none.
std::vector<const google::protobuf::Message*> MessagesOf(EventTypes types);

EventTypes EventTypesOf(const v1::Browse& browse);
EventTypes EventTypesOf(const v1::Purchase& purchase);
EventTypes EventTypesOf(const v1::Support& support);
EventTypes EventTypesOf(const v1::Member& member);
EventTypes EventTypesOf(const v1::Engagement& engagement);
EventTypes EventTypesOf(const v1::ChurnAlert& alert);
EventTypes EventTypesOf(const v1::CustomerFeatures& features);

// When it happened, in milliseconds since 1970.
template <class Event>
int64_t TimeOf(const Event& event) {
  return event.header().event_time_ms();
}
inline int64_t TimeOf(const v1::ChurnAlert& alert) { return alert.decided_at_ms(); }
inline int64_t TimeOf(const v1::CustomerFeatures& features) { return features.as_of_ms(); }

// Articles that are remembered of one event.
inline constexpr int kMaxSkusOfEvent = 20;

// What is remembered of an event that waits; `waiting` must be empty.
void Remember(const v1::Browse& browse, operators::WaitingEvent* waiting);
void Remember(const v1::Purchase& purchase, operators::WaitingEvent* waiting);
void Remember(const v1::Support& support, operators::WaitingEvent* waiting);
void Remember(const v1::Member& member, operators::WaitingEvent* waiting);
void Remember(const v1::Engagement& engagement, operators::WaitingEvent* waiting);
void Remember(const v1::ChurnAlert& alert, operators::WaitingEvent* waiting);
void Remember(const v1::CustomerFeatures& features, operators::WaitingEvent* waiting);

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_EVENT_TYPES_H_
