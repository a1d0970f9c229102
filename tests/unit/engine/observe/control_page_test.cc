#include "engine/observe/control_page.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

TEST(ControlPageTest, WhatIsInForceInAPartitionIsReadFromThePage) {
  std::vector<WorkerSnapshot> workers(2);
  workers[0].tasks.resize(2);
  workers[1].tasks.resize(1);
  TaskSnapshot& first = workers[0].tasks[0];
  first.partition = 1;
  first.control.in_force = {{"carts", 2}, {"at@home", 1}};
  first.control.waiting = "carts@3";
  TaskSnapshot& second = workers[0].tasks[1];
  second.partition = 12;
  second.control.in_force = {{"carts", 2}};
  second.control.refused = {{"carts@3", "it has no mercy"}};
  workers[1].tasks[0].partition = 2;
  const std::string page = RenderControl(workers);
  EXPECT_THAT(InForceIn(page, 1), UnorderedElementsAre(Pair("carts", 2), Pair("at@home", 1)));
  EXPECT_THAT(InForceIn(page, 12), UnorderedElementsAre(Pair("carts", 2)));
  EXPECT_THAT(InForceIn(page, 2), IsEmpty());
}

TEST(ControlPageTest, NothingIsReadFromWhatIsNoSuchPage) {
  for (const char* page : {"", "\n", "nothing: the pipeline is as its file says\n", " in force (", "@ in force ()",
                           "x@y in force (partition 1)", "x@1 in force (partition 1", "x1 in force (partition 1)"}) {
    EXPECT_THAT(InForceIn(page, 1), IsEmpty()) << page;
  }
}

}  // namespace
}  // namespace ebb
