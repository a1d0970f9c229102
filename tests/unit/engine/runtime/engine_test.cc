// What a process does about its group.

#include "engine/runtime/engine.h"

#include "tests/unit/engine/runtime/runtime_fixture.h"

namespace ebb::testing {
namespace {

using EngineTest = RuntimeTest;

TEST_F(EngineTest, AssignmentsAreCountedByHowTheyComeAndGo) {
  auto first = Start();
  StepUntil(*first, [&] { return first->standing().ready; });
  EXPECT_EQ(first->standing().rebalances, 1u);
  options_.instance = "b";
  auto second = Start();
  StepUntil(*first, [&] { return second->Step().ok() && second->standing().ready; });
  EXPECT_EQ(first->standing().revocations, 1u);
  StepUntil(*first, [&] { return first->standing().rebalances == 2; });
  EXPECT_EQ(first->standing().losses, 0u);
  broker_.ExpireMember("shop", "a");
  StepUntil(*first, [&] { return first->standing().losses == 1; });
  EXPECT_EQ(first->standing().revocations, 1u);
}

}  // namespace
}  // namespace ebb::testing
