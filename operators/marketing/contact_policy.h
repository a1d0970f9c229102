#ifndef EBB_OPERATORS_MARKETING_CONTACT_POLICY_H_
#define EBB_OPERATORS_MARKETING_CONTACT_POLICY_H_

// Has the last word on every message to a customer: releases a candidate as a MarketingTrigger, which may be sent, or
// withholds it as a WithheldTrigger, with the cause. Every candidate ends as exactly one of the two.
//
// When a candidate comes, it is withheld at once if it has expired, if the customer consents to its purpose through
// none of its channels, or if it is promotional and a complaint is open. Otherwise:
//
//   The brakes come first: what is paused is withheld, also while it waits.
//
//   Service messages are released at once. Quiet hours, caps, competition and holdout are not for them, nor do they
//   count towards caps.
//
//   Promotional ones wait. The first opens a window, others join it, and when `winner_window` has passed and no quiet
//   hours hold it, the window closes: all that wait are looked at in order of rank (the higher priority, then the
//   later decision) and each meets the first of these that applies:
//     EXPIRED            its time is over
//     PAUSED             the brakes are on
//     CONSENT_WITHDRAWN  no consent is left
//     OPEN_COMPLAINT     a complaint is open
//     OUTRANKED          a better one has just won
//     FREQUENCY_CAP      every channel with consent has reached a cap
//     HOLDOUT            the customer is in the comparison group, of all or of its campaign; counts as a contact, so
//                        that both groups fare alike
//     SHADOW             the brakes let it be decided only; counts as a contact
//     OVERALL_CAP        the brakes allow no more for now, all customers together; counts as a contact
//     released           through the first of its channels that has consent and is below its caps; the trigger tells
//                        which ones were passed over, and why
//   So at most one leaves a window, and windows do not overlap. A waiting candidate is withheld as soon as it expires,
//   loses its consent, or its trigger or a purchase calls it off; beyond kMaxPending the lowest in rank is OUTRANKED.
//
// A cap counts contacts in the rolling window that ends at the release. The holdout group is drawn by a stable hash of
// salt and customer. All moments are of event time: a message decided long ago, as when the process was down, bears
// the moment at which it was due, and its `expires_at_ms` forbids the sender to send it late.

#include <array>
#include <string>
#include <vector>

#include "ebb/v1/marketing_trigger.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/withheld_trigger.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/features/features.h"
#include "operators/marketing/candidate.pb.h"
#include "operators/marketing/contact_policy.pb.h"
#include "operators/marketing/quiet_hours.h"

namespace ebb {

// Candidates of one customer that wait at the same time.
inline constexpr int kMaxPending = 16;

class ContactPolicy final
    : public Operator<Takes<operators::Candidate, v1::Purchase, v1::Member>,
                      Emits<v1::MarketingTrigger, v1::WithheldTrigger>, operators::ContactPolicyConfig> {
 public:
  using Candidate = operators::Candidate;
  using Withheld = v1::WithheldTrigger;

  void On(const Candidate& candidate, Context& ctx) override;
  void On(const v1::Purchase& purchase, Context& ctx) override;
  // A consent or the time zone may have changed.
  void On(const v1::Member&, Context& ctx) override;
  void OnTimer(const Timer&, Context& ctx) override { Settle(ctx); }

 protected:
  absl::Status Configure() override;

 private:
  // Closes the window if it is time, else withholds what has expired and arms the timer.
  void Settle(Context& ctx);
  void Close(Context& ctx);
  // Withholds those that wait for which `is_over` holds.
  template <class Predicate>
  void WithholdIf(Predicate is_over, Withheld::Cause cause, Context& ctx);
  void Wait(const Candidate& candidate, Context& ctx);

  // Whether the customer consents to its purpose through any of its channels.
  bool HasAnyConsent(const Candidate& candidate, Context& ctx) const;
  // Sets the channel of its trigger to the first that may be used, and notes those that are passed over. False when
  // there is none.
  bool ChooseChannel(Candidate* candidate, Context& ctx) const;
  bool IsCapped(v1::Channel channel, Context& ctx) const;
  bool IsHeldOut(std::string_view customer) const;
  void RememberContact(v1::Channel channel, Context& ctx);

  bool IsPaused(const Candidate& candidate) const;
  // Releases it, unless it is for trial only.
  void Send(const Candidate& candidate, Context& ctx);
  void Release(const Candidate& candidate, Context& ctx);
  void Withhold(const Candidate& candidate, Withheld::Cause cause, Context& ctx);
  Withheld MakeWithheld(const Candidate& candidate, Withheld::Cause cause, Context& ctx) const;

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::ContactState> state_{this, "contacts"};
  Timer release_{this, "release"};
  Counter released_{this, "released"};
  // By cause.
  std::array<Counter, 12> withheld_{{{this, "withheld"},
                                     {this, "no_consent"},
                                     {this, "frequency_cap"},
                                     {this, "outranked"},
                                     {this, "holdout"},
                                     {this, "expired"},
                                     {this, "cancelled"},
                                     {this, "open_complaint"},
                                     {this, "consent_withdrawn"},
                                     {this, "paused"},
                                     {this, "shadow"},
                                     {this, "overall_cap"}}};
  Allowance overall_{"overall", &released_, &withheld_[Withheld::OVERALL_CAP]};

  QuietHours quiet_hours_;
  int64_t longest_cap_ms_ = 0;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_CONTACT_POLICY_H_
