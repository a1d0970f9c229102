#ifndef EBB_OPERATORS_MARKETING_TRIGGER_H_
#define EBB_OPERATORS_MARKETING_TRIGGER_H_

// One trigger of marketing, as its config says: something happens to a customer, or a day of the calendar comes; when
// the wait is over and nothing called it off, it becomes a candidate, which the contact policy releases or withholds.
//
// Events wait in the customer's state, and one timer stands at the end of the wait for as long as there are any: where
// none is armed nothing can be called off, which is known without a look at the state. What calls it off takes away the
// events up to its own time, at once: a basket filled after a purchase still counts, and a purchase that is delivered
// late takes away only what preceded it. It also reaches a candidate that the policy still holds. Articles taken out of
// the basket do not count any more. Where events count for longer than the wait, they stay until they are enough or too
// old. An event goes behind those that wait without their being read.
//
// The next day of the calendar has a timer of its own, which an event of the customer arms when it is not, or when the
// calendar is another one than before, and which moves with the customer's time zone and birthday. Those who are silent
// are visited when another calendar is published.

#include <string>
#include <vector>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/customer_features.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/event_time.h"
#include "operators/features/features.h"
#include "operators/marketing/calendar.h"
#include "operators/marketing/candidate.pb.h"
#include "operators/marketing/rule.h"
#include "operators/marketing/trigger.pb.h"

namespace ebb {

// Events that wait for one decision, as the bound of a rule's `keep`.
inline constexpr int kMaxTriggerEvents = 20;

// The campaign that a rule belongs to: one of its own name unless it says which.
inline const std::string& CampaignOf(const operators::TriggerConfig& config) {
  return config.campaign().empty() ? config.name() : config.campaign();
}

class Trigger final : public Operator<Takes<v1::Browse, v1::Purchase, v1::Support, v1::Member, v1::Engagement,
                                            v1::ChurnAlert, v1::CustomerFeatures>,
                                      Emits<operators::Candidate>, operators::TriggerConfig> {
 public:
  using Event = operators::WaitingEvent;

  void On(const v1::Browse& browse, Context& ctx) override;
  void On(const v1::Purchase& purchase, Context& ctx) override { Take(purchase, ctx); }
  void On(const v1::Support& support, Context& ctx) override { Take(support, ctx); }
  void On(const v1::Member& member, Context& ctx) override;
  void On(const v1::Engagement& engagement, Context& ctx) override { Take(engagement, ctx); }
  void On(const v1::ChurnAlert& alert, Context& ctx) override { Take(alert, ctx); }
  void On(const v1::CustomerFeatures& features, Context& ctx) override { Take(features, ctx); }
  void OnTimer(const Timer& timer, Context& ctx) override;
  // Another calendar has other days.
  bool visits() const override { return rule_.on() == kCalendarDay; }
  void OnPublished(Context& ctx) override { ArmCalendar(DecisionTime(ctx), ctx); }
  Prototypes needs() const override { return MessagesOf(rule_.of_interest()); }

 protected:
  absl::Status Configure() override;

 private:
  // Where they stand in the state.
  using Chosen = std::vector<const Event*>;

  // What any message may do: call off what waits, and start the trigger.
  template <class Message>
  void Take(const Message& message, Context& ctx);
  // Whether the event that the rule was begun with fulfils the condition; counted when it does not.
  bool MayStart(Context& ctx);
  // An empty event, which Start takes up.
  Event& NewEvent();
  void Start(Event* event, Context& ctx);
  // Whether an event of that time is one of those that are kept.
  bool IsKept(int64_t at_ms, Context& ctx) const;
  // Lets the new event wait, and moves the timer if it depends on that one.
  void Add(Context& ctx);
  void GiveUpBeyondKeep(Context& ctx);
  // Whether features that changed now fulfil the condition and did not before.
  bool ComesToHold(Rule::Verdict verdict, Context& ctx);
  // What the event that the rule was begun with, of these types and this time, calls off.
  void CallOff(EventTypes types, int64_t at_ms, Context& ctx);
  void CallOffAll(Context& ctx);
  // Takes away the events that wait for which `over` holds.
  template <class Predicate>
  void CallOffWaiting(Context& ctx, Predicate over);
  // The same with those of the last candidate; tells the policy when too few are left.
  template <class Predicate>
  void CallOffCandidate(Context& ctx, Predicate over);
  // Remembers what the candidate was decided on for as long as the policy may hold it.
  void Hold(const operators::Candidate& candidate, const Chosen& events, Context& ctx);
  void ForgetCandidate(Context& ctx);
  void TakeOutOfBasket(const v1::Browse& browse, Context& ctx);
  // Moves the timer to where the events that wait put it, all of which it looks at.
  void ArmOrCancel(Context& ctx);
  // Lets no event wait any more.
  void Forget(Context& ctx);
  // Gives up events that are too few, all of them or those that count no longer.
  void GiveUp(Context& ctx);
  // Moves the calendar's timer to the next day after `after`.
  void ArmCalendar(absl::Time after, Context& ctx);
  void StartDay(Context& ctx);
  void Decide(const Chosen& events, Context& ctx);
  void ForgetIfEmpty(Context& ctx);
  // From when on a purchase makes pointless what started it then: one that started it itself does not.
  int64_t CancelledFrom(int64_t at_ms) const;
  // Those that have most in common of the events that wait; none when they are too few.
  Chosen Choose(Context& ctx) const;
  operators::Candidate MakeCandidate(const Chosen& events, Context& ctx) const;
  void AddReasons(const Chosen& events, v1::MarketingTrigger* trigger) const;

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::TriggerState> state_{this, "trigger"};
  ValueState<operators::WaitingEvents> waiting_{this, "waiting"};
  ValueState<operators::HeldCandidate> held_{this, "candidate"};
  Timer wait_{this, "wait"};
  Timer calendar_timer_{this, "calendar"};
  Timer candidate_timer_{this, "candidate"};  // When the last candidate expires.
  Counter candidate_{this, "candidate"};
  Counter called_off_{this, "called_off"};
  Counter given_up_{this, "given_up"};
  Counter too_few_{this, "too_few"};
  Counter cooling_down_{this, "cooling_down"};
  Counter lifetime_cap_{this, "lifetime_cap"};
  Counter not_met_{this, "not_met"};
  // Expressions that failed.
  Counter when_failed_{this, "when_failed"};
  Counter wait_failed_{this, "wait_failed"};
  Counter unless_failed_{this, "unless_failed"};
  Counter payload_failed_{this, "payload_failed"};

  Rule rule_;
  Calendar calendar_;
  operators::WaitingEvents added_;  // Scratch: the new event.
};

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_TRIGGER_H_
