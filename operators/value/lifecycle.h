#ifndef EBB_OPERATORS_VALUE_LIFECYCLE_H_
#define EBB_OPERATORS_VALUE_LIFECYCLE_H_

// The operator `lifecycle`: where each customer stands in the relationship, and an event at each change.
//
// One timer stands at the earliest moment at which time alone may move the customer. Where a condition does not hold
// then, it is asked again a day later. At one moment an event moves a customer by one transition at most, and further
// ones that need no event may follow: the table is refused when they could go round.

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/lifecycle_change.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/risk_features.pb.h"
#include "ebb/v1/support.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/value/lifecycle.pb.h"
#include "operators/value/lifecycle_table.h"

namespace ebb {

class Lifecycle final
    : public Operator<Takes<v1::Purchase, v1::Browse, v1::Support, v1::Member, v1::Engagement, v1::ChurnAlert>,
                      Emits<v1::LifecycleChange>, operators::LifecycleConfig> {
 public:
  void On(const v1::Purchase& purchase, Context& ctx) override;
  void On(const v1::Browse& browse, Context& ctx) override;
  void On(const v1::Support& support, Context& ctx) override;
  void On(const v1::Member& member, Context& ctx) override;
  void On(const v1::Engagement& engagement, Context& ctx) override;
  void On(const v1::ChurnAlert& alert, Context& ctx) override;
  void OnTimer(const Timer&, Context& ctx) override { Move("", ctx); }
  // Under another table time alone moves a customer at another moment.
  bool visits() const override { return true; }
  void OnPublished(Context& ctx) override {
    if (state_.Exists(ctx)) Move("", ctx);
  }

 protected:
  absl::Status Configure() override;

 private:
  using Transition = LifecycleTable::Transition;
  using Standing = LifecycleTable::Standing;

  // The customer's first event leads to acquired; then as Move, if the event may move the customer.
  void Meet(std::string_view event, int64_t event_ms, bool changes_purchases, Context& ctx);
  // Takes all transitions that hold, and arms the timer. `event` is what has happened, empty when it is time alone or
  // an event without a name.
  void Move(std::string_view event, Context& ctx);
  // The first transition that holds; null without any.
  const Transition* Next(std::string_view event, const Standing& standing, Context& ctx);
  void Take(const Transition& transition, std::string_view event, const Standing& standing, Context& ctx);
  void ArmNext(const Standing& standing, Context& ctx);
  Standing StandingOf(Context& ctx) const;
  bool Holds(const expression::Expression& condition, Context& ctx);
  std::vector<v1::Reason> Reasons(const Transition& transition, std::string_view event, const Standing& standing,
                                  int64_t now_ms);
  void Tell(v1::LifecycleChange change, Context& ctx);

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::LifecycleState> state_{this, "lifecycle"};
  Timer due_{this, "due"};
  Counter moved_{this, "moved"};
  Counter failed_{this, "condition_failed"};

  // Replaced as a whole, between two events.
  std::shared_ptr<const LifecycleTable> table_;
  // Scratch. The features hold as of the moment at hand once they were asked for.
  bool has_features_ = false;
  v1::RiskFeatures features_;
  expression::Scratch scratch_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_LIFECYCLE_H_
