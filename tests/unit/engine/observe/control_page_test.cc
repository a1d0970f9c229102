#include "engine/observe/control_page.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/text.h"

namespace ebb {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::StartsWith;

// By offset, as "name@version".
std::map<int64_t, std::string> InForce(const std::vector<v1::TakenIn>& history, int32_t partition) {
  std::map<int64_t, std::string> keys;
  for (const auto& [offset, publication] : InForceIn(history, partition)) keys[offset] = PublicationKey(*publication);
  return keys;
}

TEST(ControlPageTest, WhatIsInForceInAPartitionIsReadFromTheHistory) {
  const auto history = ParseHistory(R"({"partition":1,"publication":{"name":"carts","version":"1"},"offset":"3"}
{"partition":1,"publication":{"name":"at@home","version":"1"},"offset":"7"}
{"partition":1,"publication":{"name":"carts","version":"2"},"offset":"5"}

{"partition":12,"publication":{"name":"carts","version":"2"},"offset":"5"}
)",
                                    "history");
  ASSERT_TRUE(history.ok()) << history.status();
  EXPECT_THAT(InForce(*history, 1), ElementsAre(Pair(5, "carts@2"), Pair(7, "at@home@1")));
  EXPECT_THAT(InForce(*history, 12), ElementsAre(Pair(5, "carts@2")));
  EXPECT_THAT(InForce(*history, 2), IsEmpty());
}

TEST(ControlPageTest, ItIsSaidForWhatAVersionWaits) {
  WorkerSnapshot worker;
  const auto add = [&](int32_t partition, std::optional<int64_t> watermark_ms, std::optional<int64_t> holds_from_ms) {
    TaskSnapshot& task = worker.tasks.emplace_back();
    task.partition = partition;
    task.watermark_ms = watermark_ms;
    task.control.waiting = "carts@2";
    task.control.holds_from_ms = holds_from_ms;
  };
  EXPECT_EQ(RenderControl({worker}), "nothing: the pipeline is as its file says\n");
  add(0, 1'000, std::nullopt);
  add(1, 1'000, 1'001);
  add(2, 5'000, 5'001);
  add(3, 5'000, 1'777'777'777'000);
  worker.tasks.front().control.in_force["carts"] = 1;
  EXPECT_EQ(RenderControl({worker}), R"(carts@1 in force (partition 0)
carts@2 waits for 2026-05-03T03:09:37+00:00 (partition 3)
carts@2 waits for time to go on (partitions 1, 2)
carts@2 waits until the task has settled what came before it (partition 0)
)");
}

TEST(ControlPageTest, WithoutLinesNothingIsInForce) {
  for (const char* lines : {"", "\n"}) {
    const auto history = ParseHistory(lines, "history");
    ASSERT_TRUE(history.ok()) << history.status();
    EXPECT_THAT(InForce(*history, 1), IsEmpty());
  }
}

TEST(ControlPageTest, NothingIsReadFromWhatIsNoHistory) {
  for (const char* line : {"nothing: the pipeline is as its file says", " in force (", "{}", "[]",
                           R"({"publication":{"name":"x"}})", R"({"publication":{"name":"x","version":"1"})"}) {
    const std::string good = R"({"publication":{"name":"x","version":"1"}})";
    const auto history = ParseHistory(Text(good, "\n", line, "\n"), "taken.jsonl");
    EXPECT_THAT(std::string(history.status().message()),
                StartsWith("taken.jsonl:2:1: expected a line of ebb control history, got \""))
        << line;
  }
}

}  // namespace
}  // namespace ebb
