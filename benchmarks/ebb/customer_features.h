#ifndef EBB_BENCHMARKS_EBB_CUSTOMER_FEATURES_H_
#define EBB_BENCHMARKS_EBB_CUSTOMER_FEATURES_H_

// The operator `bench-customer-features`: the benchmark's job as anybody would write it for Ebb, by docs/operators.md.

#include "benchmarks/job/features.h"
#include "engine/pipeline/operator.h"

namespace ebb::bench {

class CustomerFeatures final : public Operator<Takes<Browse, Purchase, Support>, Emits<Alert>, CustomerFeaturesConfig> {
 public:
  void On(const Browse& browse, Context& ctx) override { Take(browse, ctx); }
  void On(const Purchase& purchase, Context& ctx) override { Take(purchase, ctx); }
  void On(const Support& support, Context& ctx) override { Take(support, ctx); }

 private:
  template <class Event>
  void Take(const Event& event, Context& ctx) {
    if (Apply(event, &features_.Mutable(ctx), &alert_)) ctx.Emit(alert_);
  }

  ValueState<Features> features_{this, "features"};
  // Scratch, so that its memory is used again.
  Alert alert_;
};

}  // namespace ebb::bench

#endif  // EBB_BENCHMARKS_EBB_CUSTOMER_FEATURES_H_
