#ifndef EBB_TESTS_UNIT_ENGINE_RUNTIME_COUNTING_OPERATOR_H_
#define EBB_TESTS_UNIT_ENGINE_RUNTIME_COUNTING_OPERATOR_H_

#include "ebb/v1/customer_features.pb.h"
#include "ebb/v1/pipeline.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/browse.pb.h"
#include "engine/pipeline/operator.h"

namespace ebb::testing {

// Counts a customer's purchases and views, tells each count, and after ten minutes of silence tells the count once
// more with its sign changed. Order-sensitive on purpose: a lost, doubled or swapped event shows.
class CountingOperator final
    : public Operator<Takes<v1::Purchase, v1::Browse>, Emits<v1::CustomerFeatures>, v1::OperatorConfig> {
 public:
  void On(const v1::Purchase& purchase, Context& ctx) override { Count(purchase.header(), 2, ctx); }
  void On(const v1::Browse& browse, Context& ctx) override { Count(browse.header(), 1, ctx); }
  void OnTimer(const Timer&, Context& ctx) override {
    const v1::CustomerFeatures& counted = counted_.Get(ctx);
    v1::CustomerFeatures told = counted;
    told.set_orders(-counted.orders());
    told.set_as_of_ms(absl::ToUnixMillis(ctx.now()));
    ctx.Emit(told);
    if (counted.orders() % 3 == 0) counted_.Clear(ctx);
  }

 private:
  void Count(const v1::EventHeader& header, int weight, Context& ctx) {
    v1::CustomerFeatures& counted = counted_.Mutable(ctx);
    counted.set_customer_id(header.customer_id());
    counted.set_orders(counted.orders() + 1);
    counted.set_repeat_days((counted.repeat_days() * 31 + header.event_time_ms() * weight) % 1'000'003);
    counted.set_as_of_ms(header.event_time_ms());
    silence_.Arm(ctx, ctx.now() + absl::Minutes(10));
    ctx.Emit(counted);
  }

  ValueState<v1::CustomerFeatures> counted_{this, "counted"};
  Timer silence_{this, "silence"};
};

}  // namespace ebb::testing

#endif  // EBB_TESTS_UNIT_ENGINE_RUNTIME_COUNTING_OPERATOR_H_
