#include "tests/unit/docs/welcome.h"

namespace ebb::example {

EBB_OPERATOR("welcome-watch", WelcomeWatch);

void WelcomeWatch::On(const v1::Member& member, Context& ctx) {
  if (!member.has_joined() || waiting_.Exists(ctx)) return;
  waiting_.Mutable(ctx).set_joined_at_ms(absl::ToUnixMillis(ctx.now()));
  patience_.Arm(ctx, ctx.now() + absl::Seconds(config().patience().seconds()));
}

void WelcomeWatch::On(const v1::Purchase& purchase, Context& ctx) {
  if (purchase.kind() == v1::Purchase::ORDER && waiting_.Exists(ctx)) Tell(true, ctx);
}

void WelcomeWatch::Tell(bool ordered, Context& ctx) {
  Welcome welcome;
  welcome.set_customer_id(std::string(ctx.customer()));
  welcome.set_joined_at_ms(waiting_.Get(ctx).joined_at_ms());
  welcome.set_ordered(ordered);
  if (!ordered) silent_.Add(ctx);
  waiting_.Clear(ctx);
  patience_.Cancel(ctx);
  ctx.Emit(welcome);
}

}  // namespace ebb::example
