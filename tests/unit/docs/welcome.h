#ifndef EBB_TESTS_UNIT_DOCS_WELCOME_H_
#define EBB_TESTS_UNIT_DOCS_WELCOME_H_

// The example of docs/operators.md: does a new member buy something soon?

#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "engine/pipeline/operator.h"
#include "tests/unit/docs/welcome.pb.h"

namespace ebb::example {

// Waits for the first order of each new member and tells once how it went: at the order, or when patience is over.
class WelcomeWatch final : public Operator<Takes<v1::Member, v1::Purchase>, Emits<Welcome>, WelcomeConfig> {
 public:
  void On(const v1::Member& member, Context& ctx) override;
  void On(const v1::Purchase& purchase, Context& ctx) override;
  void OnTimer(const Timer&, Context& ctx) override { Tell(false, ctx); }

 private:
  void Tell(bool ordered, Context& ctx);

  ValueState<WelcomeState> waiting_{this, "waiting"};
  Timer patience_{this, "patience"};
  Counter silent_{this, "silent"};
};

}  // namespace ebb::example

#endif  // EBB_TESTS_UNIT_DOCS_WELCOME_H_
