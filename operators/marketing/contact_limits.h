#ifndef EBB_OPERATORS_MARKETING_CONTACT_LIMITS_H_
#define EBB_OPERATORS_MARKETING_CONTACT_LIMITS_H_

// What limits contacts beside consent: caps and brakes. Stateless; any thread.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "engine/time/duration.h"
#include "operators/marketing/channels.h"
#include "operators/marketing/contact_policy.pb.h"

namespace ebb {

// Whether the cap is for messages through that channel.
inline bool IsFor(const operators::ContactPolicyConfig::Cap& cap, v1::Channel channel) {
  return cap.channel().empty() || ChannelFromName(cap.channel()) == channel;
}

// How many contacts count towards the cap at a moment, in milliseconds since 1970. It is reached with cap.max() of
// them.
inline int64_t CountContacts(const operators::ContactPolicyConfig::Cap& cap, const operators::ContactState& state,
                             int64_t now_ms) {
  const int64_t after_ms = now_ms - ToMillis(cap.window());
  return std::count_if(state.contacts().begin(), state.contacts().end(), [&](const auto& contact) {
    return contact.at_ms() > after_ms && IsFor(cap, contact.channel());
  });
}

// Whether triggers of that type are paused.
inline bool Pauses(const operators::ContactPolicyConfig::Brakes& brakes, const std::string& type) {
  return brakes.pause_all() || std::find(brakes.paused().begin(), brakes.paused().end(), type) != brakes.paused().end();
}

// Whether what is for the customer is decided for trial only.
inline bool IsTrial(const operators::ContactPolicyConfig::Brakes& brakes, std::string_view customer) {
  const auto& testers = brakes.test_recipients();
  const bool is_tester = std::find(testers.begin(), testers.end(), customer) != testers.end();
  return brakes.shadow() || (!testers.empty() && !is_tester);
}

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_CONTACT_LIMITS_H_
