#include "operators/value/clusters.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/operators/customer.h"

namespace ebb {
namespace {

using operators::ClustersConfig;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const absl::Time kStart = absl::FromUnixSeconds(1'500'000'000);
constexpr absl::Duration kDay = absl::Hours(24);

v1::ClusterModel Model() {
  v1::ClusterModel model;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    format: 1 id: "clusters" version: "v1"
    features { name: "orders" mean: 1 scale: 0.5 }
    features { name: "silence_days" mean: 2 scale: 1 }
    clusters { name: "often" centre: [1, -2] }
    clusters { name: "new" centre: [-0.6, -2] }
    clusters { name: "away" centre: [0, 2] })",
                                                            &model));
  return model;
}
std::string Refused(const v1::ClusterModel& model) {
  const auto space = ClusterSpace::Make(model);
  return space.ok() ? "taken" : std::string(space.status().message());
}

constexpr std::string_view kModel =
    R"(fitted: '{"format": 1, "id": "clusters", "version": "v1", "features": ['
       '{"name": "orders", "mean": 1, "scale": 0.5}, {"name": "silence_days", "mean": 2, "scale": 1}],'
       ' "clusters": [{"name": "often", "centre": [1, -2]},'
       ' {"name": "new", "centre": [-0.6, -2]}, {"name": "away", "centre": [0, 2]}]}'
       look_again { seconds: 604800 })";

class ClustersTest : public ::testing::Test {
 protected:
  void Configure(std::string_view config = kModel) {
    const absl::Status status = clusters_.SetConfig(ConfigOf<ClustersConfig>(config));
    ASSERT_TRUE(status.ok()) << status;
  }
  std::vector<v1::ClusterChange> Changes() { return ann_.ctx.Take<v1::ClusterChange>(); }
  std::vector<std::string> Ways() {
    std::vector<std::string> ways;
    for (const auto& change : Changes()) ways.push_back(Text(change.from(), ">", change.to()));
    return ways;
  }

  Clusters clusters_;
  Customer ann_{clusters_, "clusters"};
};

TEST(ClusterSpaceTest, PlacesByTheStandardisedLogarithm) {
  const auto space = *ClusterSpace::Make(Model());
  v1::RiskFeatures features;
  features.set_orders(3);
  features.set_silence_days(0);
  std::vector<double> point;
  space->Place(features, &point);
  EXPECT_THAT(point, ElementsAre((std::log(4) - 1) / .5, -2));
  const auto [nearest, distance] = space->Nearest(point);
  EXPECT_EQ(nearest, 0u);
  EXPECT_DOUBLE_EQ(distance, 1 - (std::log(4) - 1) / .5);
}

TEST(ClusterSpaceTest, TheFirstOfTwoThatAreEquallyNear) {
  EXPECT_EQ((*ClusterSpace::Make(Model()))->Nearest({.2, -2}).first, 0u);
}

TEST(ClusterSpaceTest, RefusesWhatItCannotPlaceBy) {
  EXPECT_EQ(Refused(Model()), "taken");
  v1::ClusterModel model = Model();
  model.set_format(2);
  EXPECT_THAT(Refused(model), HasSubstr("format: expected 1"));
  model = Model();
  model.mutable_features(1)->set_name("silence_day");
  EXPECT_EQ(Refused(model), "features[1].name: unknown feature \"silence_day\"; did you mean \"silence_days\"?");
  model = Model();
  model.mutable_features(0)->set_scale(0);
  EXPECT_THAT(Refused(model), HasSubstr("features[0]: expected a finite mean and a scale above 0"));
  model = Model();
  model.mutable_clusters(2)->set_centre(1, std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(Refused(model), HasSubstr("clusters[2].centre: expected 2 finite numbers"));
  model = Model();
  model.mutable_clusters(1)->add_centre(0);
  EXPECT_THAT(Refused(model), HasSubstr("clusters[1].centre: expected 2 finite numbers, one for each feature, got 3"));
  model = Model();
  model.mutable_clusters(1)->set_name("often");
  EXPECT_THAT(Refused(model), HasSubstr("clusters[1].name: expected a name of its own, got \"often\""));
  model.mutable_clusters()->DeleteSubrange(0, 2);
  EXPECT_THAT(Refused(model), HasSubstr("clusters: expected 2 to 64 of them, got 1"));
}

TEST_F(ClustersTest, PublishedCentresMoveWhoSleeps) {
  Configure();
  ann_.Buy(kStart);
  ASSERT_THAT(Ways(), ElementsAre(">new"));
  ASSERT_TRUE(clusters_.visits());
  ann_.ctx.Visit(clusters_);
  EXPECT_THAT(Ways(), IsEmpty());
  Configure(absl::StrReplaceAll(std::string(kModel),
                                {{"\"v1\"", "\"v2\""}, {"[1, -2]", "[-0.7, -2]"}, {"[-0.6, -2]", "[1, -2]"}}));
  ann_.ctx.Visit(clusters_);
  const auto changes = Changes();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].from(), "new");
  EXPECT_EQ(changes[0].to(), "often");
  EXPECT_EQ(changes[0].model_version(), "v2");
  EXPECT_THAT(changes[0].published(), ElementsAre("change@1"));
}

TEST_F(ClustersTest, TellsTheClusterAndWhatSetsTheCustomerApart) {
  Configure();
  ann_.Buy(kStart);
  const auto changes = Changes();
  ASSERT_THAT(changes, SizeIs(1));
  EXPECT_EQ(changes[0].from(), "");
  EXPECT_EQ(changes[0].to(), "new");
  EXPECT_EQ(changes[0].model(), "clusters");
  EXPECT_EQ(changes[0].model_version(), "v1");
  ASSERT_THAT(changes[0].reasons(), SizeIs(2));
  EXPECT_EQ(changes[0].reasons(0).code(), "silence_days");
  EXPECT_EQ(changes[0].reasons(0).contribution(), -2);
  EXPECT_EQ(changes[0].reasons(1).text(), "orders: 1; usual are 1.72");
}

TEST_F(ClustersTest, PurchasesAndSilenceMoveOn) {
  Configure();
  for (int day = 0; day < 3; ++day) ann_.Buy(kStart + day * kDay);
  EXPECT_THAT(Ways(), ElementsAre(">new", "new>often"));
  ann_.Until(kStart + 2 * kDay + 6 * kDay);
  EXPECT_THAT(Ways(), IsEmpty());
  ann_.Until(kStart + 2 * kDay + 7 * kDay);
  EXPECT_THAT(Ways(), ElementsAre("often>away"));
}

TEST_F(ClustersTest, LooksNoMoreOnceSilentForAYear) {
  Configure();
  ann_.Buy(kStart);
  ann_.Until(kStart + 363 * kDay);
  EXPECT_TRUE(ann_.ctx.DeadlineOf("clusters", "look").has_value());
  ann_.Until(kStart + 364 * kDay);
  EXPECT_EQ(ann_.ctx.DeadlineOf("clusters", "look"), std::nullopt);
}

TEST_F(ClustersTest, WhoseOrdersAreAllTakenBackBelongsToNone) {
  Configure();
  ann_.Buy(kStart, "o1");
  ann_.CallOffOrder(kStart + kDay, "o1");
  EXPECT_THAT(Ways(), ElementsAre(">new", "new>"));
  EXPECT_EQ(ann_.ctx.DeadlineOf("clusters", "look"), std::nullopt);
}

TEST_F(ClustersTest, RefusesAModelThatIsNone) {
  EXPECT_THAT(std::string(clusters_.SetConfig(ConfigOf<ClustersConfig>("fitted: '{'")).message()),
              HasSubstr("fitted: no model of clusters in JSON"));
  EXPECT_THAT(std::string(clusters_.SetConfig(ConfigOf<ClustersConfig>("fitted: '{}'")).message()),
              HasSubstr("fitted: format: expected 1"));
}

}  // namespace
}  // namespace ebb
