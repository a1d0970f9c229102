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

TEST_F(EngineTest, TaskOfSomeSourcesOnlyIsRefused) {
  auto process = Start();
  StepUntil(*process, [&] { return process->standing().ready; });
  // Another pipeline under the name of this one: the group shares out one source between the two.
  MemoryMembership other(&broker_, "shop", "b");
  ASSERT_TRUE(other.Join({"browses"}).ok());
  absl::Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) {
    status = process->Step();
    clock_.Advance(absl::Milliseconds(1));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(std::string(status.message()).find("is assigned for 1 of 2 sources"), std::string::npos) << status;
}

}  // namespace
}  // namespace ebb::testing
