#include "benchmarks/job/events.pb.h"
#include "benchmarks/job/features.pb.h"
#include "engine/pipeline/operator.h"

namespace ebb::bench {

// The operator `bench-pass-through`: hands every event on as it came. What is left of the cost when nothing is computed
// and nothing remembered.
class PassThrough final
    : public Operator<Takes<Browse, Purchase, Support>, Emits<Browse, Purchase, Support>, PassThroughConfig> {
 public:
  void On(const Browse& browse, Context& ctx) override { ctx.Emit(browse); }
  void On(const Purchase& purchase, Context& ctx) override { ctx.Emit(purchase); }
  void On(const Support& support, Context& ctx) override { ctx.Emit(support); }
};

EBB_OPERATOR("bench-pass-through", PassThrough);

}  // namespace ebb::bench
