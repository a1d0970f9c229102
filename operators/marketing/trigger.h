#ifndef EBB_OPERATORS_MARKETING_TRIGGER_H_
#define EBB_OPERATORS_MARKETING_TRIGGER_H_

// One trigger of marketing, as its config says: an event starts it; when the wait is over and nothing called it off,
// it becomes a candidate, which the contact policy releases or withholds.
//
// Events wait in the customer's state; one timer stands at the end of the wait. What calls it off takes away the
// events up to its own time, at once: a basket filled after a purchase still counts, and a purchase that is
// delivered late takes away only what preceded it. Articles taken out of the basket do not count any more.

#include <string>
#include <vector>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/features/features.h"
#include "operators/marketing/candidate.pb.h"
#include "operators/marketing/trigger.pb.h"

namespace ebb {

// Events that wait for one decision; the oldest are given up beyond it.
inline constexpr int kMaxTriggerEvents = 20;

class Trigger final : public Operator<Takes<v1::Browse, v1::Purchase, v1::Support, v1::ChurnAlert>,
                                      Emits<operators::Candidate>, operators::TriggerConfig> {
 public:
  using Event = operators::TriggerState::Event;

  void On(const v1::Browse& browse, Context& ctx) override;
  void On(const v1::Purchase& purchase, Context& ctx) override;
  void On(const v1::Support& support, Context& ctx) override;
  void On(const v1::ChurnAlert& alert, Context& ctx) override;
  void OnTimer(const Timer&, Context& ctx) override { Decide(ctx); }

 protected:
  absl::Status Configure() override;

 private:
  bool CalledOffBy(std::string_view what) const;
  // Takes in an event that may start the trigger.
  void Start(std::string_view what, Event event, Context& ctx);
  // Takes away the events for which `over` holds.
  template <class Predicate>
  void CallOff(Context& ctx, Predicate over);
  void TakeOutOfBasket(const v1::Browse& browse, Context& ctx);
  // Moves the timer to where the events that wait put it.
  void ArmOrCancel(Context& ctx);
  void Decide(Context& ctx);
  // The events that have most in common; none when they are too few.
  std::vector<Event> Choose(const operators::TriggerState& state) const;
  operators::Candidate MakeCandidate(const std::vector<Event>& events, Context& ctx) const;
  std::string Sentence(const std::vector<Event>& events, size_t articles) const;

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::TriggerState> state_{this, "trigger"};
  Timer wait_{this, "wait"};
  Counter candidate_{this, "candidate"};
  Counter called_off_{this, "called_off"};
  Counter too_few_{this, "too_few"};
  Counter cooling_down_{this, "cooling_down"};
  Counter lifetime_cap_{this, "lifetime_cap"};
};

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_TRIGGER_H_
