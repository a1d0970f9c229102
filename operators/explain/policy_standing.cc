// How a contact policy stands to a customer.

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "engine/time/duration.h"
#include "operators/explain/standing.h"
#include "operators/explain/words.h"
#include "operators/features/customer_view.h"
#include "operators/features/features.h"
#include "operators/marketing/channels.h"
#include "operators/marketing/contact_limits.h"
#include "operators/marketing/holdout.h"
#include "operators/marketing/quiet_hours.h"

namespace ebb {
namespace {

using operators::ContactPolicyConfig;
using operators::ContactState;
using operators::CustomerProfile;

std::string ConsentsText(const CustomerProfile& profile) {
  v1::CustomerFeatures scratch;
  v1::Customer customer;
  ViewCustomer(profile, "", 0, CustomerFields{1} << v1::Customer::kConsentsFieldNumber, &scratch, &customer);
  return customer.consents().empty() ? Line("consents: none, and so nothing can be sent")
                                     : Line(Text("consents: ", absl::StrJoin(customer.consents(), ", ")));
}

std::string PendingText(const ContactPolicyConfig& config, const ContactState& state, const CustomerProfile& profile,
                        absl::Time now) {
  if (state.pending().empty()) return Line("nothing waits to be sent");
  const absl::Time closes = std::max(now, absl::FromUnixMillis(state.closes_at_ms()));
  absl::Time sent = closes;
  if (config.has_quiet_hours()) {
    const auto& hours = config.quiet_hours();
    const auto quiet = QuietHours::Create(hours.start(), hours.end(),
                                          {hours.zones_when_unknown().begin(), hours.zones_when_unknown().end()});
    if (quiet.ok()) sent = quiet->NextAllowed(closes, profile.basics().time_zone());
  }
  std::string text;
  for (const operators::Candidate& candidate : state.pending()) {
    const v1::MarketingTrigger& trigger = candidate.trigger();
    text += Line(Text(trigger.type(), " waits since ", MomentText(trigger.decided_at_ms()), ", priority ",
                      trigger.priority(), "; expires at ", MomentText(trigger.expires_at_ms())));
  }
  text += Line(
      Text("the best of what waits is sent once others could compete with it: at ", MomentText(state.closes_at_ms())));
  if (sent > closes) text += Line(Text("and not in quiet hours, which end at ", TimeText(sent)));
  return text;
}

std::string CapText(const ContactPolicyConfig::Cap& cap, const ContactState& state, absl::Time now) {
  const int64_t now_ms = absl::ToUnixMillis(now);
  const int64_t made = CountContacts(cap, state, now_ms);
  const std::string scope = Text(" in ", SpokenDuration(ToDuration(cap.window())),
                                 cap.channel().empty() ? "" : Text(" through ", cap.channel()));
  if (cap.max() == 0) return Line(Text("cap: none", scope));
  const std::string text = Text("cap: ", made, " of ", cap.max(), scope);
  if (made < cap.max()) return Line(text);
  std::vector<int64_t> moments;
  for (const ContactState::Contact& contact : state.contacts()) {
    if (contact.at_ms() > now_ms - ToMillis(cap.window()) && IsFor(cap, contact.channel())) {
      moments.push_back(contact.at_ms());
    }
  }
  std::sort(moments.begin(), moments.end());
  const int64_t free_ms = moments[moments.size() - static_cast<size_t>(cap.max())] + ToMillis(cap.window());
  return Line(Text(text, ": reached until ", MomentText(free_ms)));
}

std::string BrakesText(const ContactPolicyConfig& config, const std::string& customer) {
  const auto& brakes = config.brakes();
  std::string text;
  if (brakes.pause_all()) text += Line("brakes: everything is paused");
  if (!brakes.pause_all() && !brakes.paused().empty()) {
    text += Line(Text("brakes: paused are ", absl::StrJoin(brakes.paused(), ", ")));
  }
  if (brakes.shadow()) text += Line("brakes: everything is decided for trial only (shadow)");
  if (!brakes.shadow() && IsTrial(brakes, customer)) {
    text += Line("brakes: only test recipients get something, and the customer is none");
  }
  const auto add_limit = [&](int64_t most, std::string_view window) {
    if (most > 0) text += Line(Text("brakes: ", most, " messages a ", window, ", all customers together"));
  };
  add_limit(brakes.max_per_minute(), "minute");
  add_limit(brakes.max_per_day(), "day");
  return text;
}

}  // namespace

std::string PolicyText(const OperatorSpec& policy, const Standing& standing) {
  const auto& config = static_cast<const ContactPolicyConfig&>(*policy.config);
  std::string text = Text("\nwhat ", policy.id, " lets through",
                          policy.published.empty()
                              ? ""
                              : Printable(Text(", with what was published: ", absl::StrJoin(policy.published, ", "))),
                          "\n");
  text += BrakesText(config, standing.customer);
  if (IsInHoldout(config.holdout_share(), config.holdout_salt(), standing.customer)) {
    text += Line("the customer is in the comparison group, which gets nothing promotional");
  }
  if (!standing.remembered) return text;
  const auto state = standing.remembered->StateOf<ContactState>(policy.id, "contacts");
  const auto profile = standing.remembered->StateOf<CustomerProfile>(policy.reads.front(), "profile");
  if (!state || !profile) return text + Line(kDamaged);
  text += ConsentsText(*profile);
  if (const int64_t open = OpenComplaints(*profile); open > 0) {
    text += Line(Text(SpokenCount(static_cast<double>(open), "open complaint"), ": nothing promotional is sent"));
  }
  text += PendingText(config, *state, *profile, standing.now);
  for (const auto& cap : config.caps()) text += CapText(cap, *state, standing.now);
  return text;
}

}  // namespace ebb
