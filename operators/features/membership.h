#ifndef EBB_OPERATORS_FEATURES_MEMBERSHIP_H_
#define EBB_OPERATORS_FEATURES_MEMBERSHIP_H_

// What customers say of themselves, and the consents that they give and withdraw. Pure functions; any thread. Events
// may come in any order: the latest by event time holds; of two at the same moment the withdrawal, and the greater
// text.

#include <cstdint>

#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "operators/features/customer_profile.pb.h"

namespace ebb {

void ApplyMember(const v1::Member& member, operators::CustomerProfile* profile);

// Unsubscribing withdraws the consent for marketing through the event's channel; nothing else changes.
void ApplyEngagement(const v1::Engagement& engagement, operators::CustomerProfile* profile);

// The row of a consent is in force.
bool IsInForce(const operators::CustomerProfile::Consents& consents, int row);

uint32_t ConsentKey(v1::Purpose purpose, v1::Channel channel);
v1::Purpose PurposeOf(uint32_t consent_key);
v1::Channel ChannelOf(uint32_t consent_key);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_MEMBERSHIP_H_
