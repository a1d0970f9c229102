#ifndef EBB_OPERATORS_FEATURES_CUSTOMER_PROFILE_H_
#define EBB_OPERATORS_FEATURES_CUSTOMER_PROFILE_H_

// The operator `customer-profile`: keeps what is known of each customer, for others to read, and tells it as features.

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/customer_features.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/features/features.h"
#include "operators/features/orders.h"

namespace ebb {

// Takes events in any order. Tells the first change of a customer at once, and after that the latest features at most
// once an `emit_interval` of event time: at the next event after it, or when it ends. Features hold as of the latest of
// the customer's events or of the interval's end.
class CustomerProfileOperator final
    : public Operator<Takes<v1::Purchase, v1::Browse, v1::Support, v1::Member, v1::Engagement>,
                      Emits<v1::CustomerFeatures>, operators::CustomerProfileConfig> {
 public:
  void On(const v1::Purchase& purchase, Context& ctx) override;
  void On(const v1::Browse& browse, Context& ctx) override;
  void On(const v1::Support& support, Context& ctx) override;
  void On(const v1::Member& member, Context& ctx) override;
  void On(const v1::Engagement& engagement, Context& ctx) override;
  void OnTimer(const Timer& timer, Context& ctx) override;

 protected:
  absl::Status Configure() override;

 private:
  // What every event adds, to its kind's history among others.
  void Count(const v1::EventHeader& header, operators::CustomerProfile::EventHistory* history,
             operators::CustomerProfile* profile) const;
  // Tells the change, now or when the interval ends.
  void Changed(operators::CustomerProfile* profile, Context& ctx);
  void Tell(int64_t as_of_ms, operators::CustomerProfile* profile, Context& ctx);

  ValueState<operators::CustomerProfile> profile_{this, "profile"};
  Timer interval_{this, "emit-interval"};
  Counter settled_early_{this, "order-settled-early"};
  Counter unmatched_{this, "refund-unmatched"};
  Counter days_left_out_{this, "purchase-day-left-out"};
  Counter categories_dropped_{this, "category-dropped"};
  Counter tickets_dropped_{this, "ticket-dropped"};

  // Derived from the config.
  OrderLimits order_limits_;
  FeatureOptions options_;
  int64_t emit_interval_ms_ = 0;
  // Scratch, so that its memory is used again.
  v1::CustomerFeatures features_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_CUSTOMER_PROFILE_H_
