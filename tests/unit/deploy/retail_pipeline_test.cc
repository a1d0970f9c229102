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
  EXPECT_THAT(order, ElementsAre("intake", "profile", "churn", "abandoned-cart", "abandoned-browse",
                                 "service-recovery", "win-back", "policy"));
}

}  // namespace
}  // namespace ebb
