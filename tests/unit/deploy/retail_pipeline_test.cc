// deploy/pipelines/retail.yaml fits the operators of this build.

#include <fstream>
#include <sstream>

#include "engine/pipeline/graph.h"
#include "engine/pipeline/spec.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;

std::string RetailYaml() {
  std::ifstream file(EBB_RETAIL_PIPELINE);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(RetailPipelineTest, LoadsAndBuildsWithoutAnyVariableSet) {
  Surroundings bare;
  bare.variable = [](std::string_view) { return std::nullopt; };
  bare.file = [](std::string_view) { return absl::NotFoundError("no files here"); };
  const auto spec = LoadPipeline(RetailYaml(), "retail.yaml", bare);
  ASSERT_TRUE(spec.ok()) << spec.status().message();
  EXPECT_EQ((*spec)->config.kafka().bootstrap(), "localhost:9092");

  const auto graph = Graph::Build(**spec);
  ASSERT_TRUE(graph.ok()) << graph.status();
  std::vector<std::string> order;
  for (const Graph::Node& node : (*graph)->nodes()) order.push_back(node.spec->id);
  EXPECT_THAT(order, ElementsAre("intake", "profile", "churn", "abandoned-cart", "abandoned-browse", "service-recovery",
                                 "first-purchase", "post-purchase", "replenishment", "price-drop", "birthday",
                                 "membership-day", "festivals", "tags", "win-back", "lifecycle", "policy"));
}

// The retail pipeline with `from` replaced: what is said of it.
std::string MistakesAfter(const std::string& from, const std::string& to) {
  std::string yaml = RetailYaml();
  const size_t at = yaml.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at == std::string::npos) return "";
  yaml.replace(at, from.size(), to);
  Surroundings bare;
  bare.variable = [](std::string_view) { return std::nullopt; };
  bare.file = [](std::string_view) { return absl::NotFoundError("no files here"); };
  return std::string(LoadPipeline(yaml, "retail.yaml", bare).status().message());
}

TEST(RetailPipelineTest, MistakesInRulesAreShownWhereTheyStand) {
  EXPECT_THAT(MistakesAfter("when: customer.member", "when: customer.membr"),
              MatchesRegex("retail.yaml:[0-9]+:22: when: expected a field of ebb.v1.Customer, got \"membr\"; did you "
                           "mean \"member\"\\?.*"));
  EXPECT_THAT(MistakesAfter("customer.repeat_days >= 2", "customer.repeat_day >= 2"),
              MatchesRegex("retail.yaml:[0-9]+:18: wait_for: expected a field of ebb.v1.Customer, got "
                           "\"repeat_day\"; did you mean \"repeat_days\"\\?.*"));
  EXPECT_THAT(MistakesAfter("from: 2026-11-23, to: 2026-11-30", "from: 2026-11-11, to: 2026-11-30"),
              MatchesRegex("retail.yaml:[0-9]+:38: calendar.periods\\[1\\].from: expected days that no other period "
                           "has, got 2026-11-11, which \"singles-day\" has from 2026-11-11 to 2026-11-11"));
  EXPECT_THAT(MistakesAfter("from: 2026-11-23, to: 2026-11-30", "from: 2026-11-23"),
              MatchesRegex("retail.yaml:[0-9]+:13: .*to.*"));
}

TEST(RetailPipelineTest, ATriggerIsStartedByEventsNotByAnotherTrigger) {
  EXPECT_THAT(
      MistakesAfter("inputs: [intake, churn]", "inputs: [intake, churn, abandoned-cart]"),
      MatchesRegex("retail.yaml:[0-9]+:29: an operator of type \"trigger\" takes .*, but \"abandoned-cart\" emits "
                   "ebb.operators.Candidate"));
  EXPECT_THAT(
      MistakesAfter("inputs: [intake, churn]", "inputs: [intake]"),
      MatchesRegex("retail.yaml:[0-9]+:13: with its config it needs ebb.v1.ChurnAlert, which none of its inputs "
                   "sends; add churn"));
}

}  // namespace
}  // namespace ebb
