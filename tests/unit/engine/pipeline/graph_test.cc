#include "engine/pipeline/graph.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "ebb/v1/customer_features.pb.h"
#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;

constexpr char kPipeline[] = R"(application: shop
sources:
  purchases: {topic: shop.purchases, type: ebb.v1.Purchase}
  browses: {topic: shop.browses, type: ebb.v1.Browse}
operators:
  - {id: mail, type: test-mail, inputs: [browses, churn]}
  - {id: churn, type: test-churn, inputs: [profile]}
  - {id: profile, type: test-profile, inputs: [purchases, browses]}
sinks:
  alerts: {topic: shop.alerts, type: ebb.v1.ChurnAlert, inputs: [churn]}
  copies: {topic: shop.copies, type: ebb.v1.ChurnAlert, inputs: [churn]}
  triggers: {topic: shop.triggers, type: ebb.v1.MarketingTrigger, inputs: [mail]}
dead_letters: {topic: shop.dead}
)";

class GraphTest : public testing::Test {
 protected:
  void Load(const std::string& yaml) {
    auto spec = LoadPipeline(yaml, "shop.yaml", Surroundings::OfProcess());
    ASSERT_TRUE(spec.ok()) << spec.status();
    spec_ = *spec;
    auto graph = Graph::Build(*spec_);
    ASSERT_TRUE(graph.ok()) << graph.status();
    graph_ = *std::move(graph);
  }

  std::string Name(int node) { return graph_->nodes()[static_cast<size_t>(node)].spec->id; }

  std::string Render(const std::vector<Graph::Target>& targets) {
    std::string text;
    for (const Graph::Target& target : targets) absl::StrAppend(&text, " ", Name(target.node), "#", target.take);
    return text;
  }

  // What goes where, a line a way.
  std::string Render() {
    std::string text;
    for (size_t i = 0; i < spec_->sources.size(); ++i) {
      absl::StrAppend(&text, spec_->sources[i].name, ":", Render(graph_->targets(i)), "\n");
    }
    for (const Graph::Node& node : graph_->nodes()) {
      for (const Graph::Outlet& outlet : node.outlets) {
        absl::StrAppend(&text, node.spec->id, " ", outlet.type->name(), ":", Render(outlet.targets));
        for (int sink : outlet.sinks) absl::StrAppend(&text, " ", spec_->sinks[static_cast<size_t>(sink)].name);
        text += "\n";
      }
    }
    return text;
  }

  std::shared_ptr<const PipelineSpec> spec_;
  std::unique_ptr<Graph> graph_;
};

v1::Manifest Stored() {
  v1::Manifest manifest;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    application: "shop" changelog_uuid: "u" sources: "browses" sources: "purchases" partitions: 4
    states { id: 1 name: "profile/profile" type: "ebb.v1.CustomerFeatures" shape: "value" }
    states { id: 7 name: "profile/baskets" type: "ebb.v1.Purchase" shape: "map" }
    states { id: 3 name: "churn/last" type: "ebb.v1.ChurnAlert" shape: "value" }
    timers { id: 4 name: "churn/crossing" }
    timers { id: 1 name: "profile/publish" })",
                                                           &manifest));
  return manifest;
}

TEST_F(GraphTest, MessagesGoToWhoTakesThemInOrderOfThePipeline) {
  Load(kPipeline);
  EXPECT_EQ(Render(),
            "browses: profile#1 mail#0\n"
            "purchases: profile#0\n"
            "profile CustomerFeatures: churn#0\n"
            "churn ChurnAlert: mail#1 alerts copies\n"
            "mail MarketingTrigger: triggers\n");
}

TEST_F(GraphTest, ANewApplicationCountsItsStatesAndTimersFromOne) {
  Load(kPipeline);
  const auto manifest = graph_->Bind(v1::Manifest(), 4);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->ShortDebugString(),
            "application: \"shop\" sources: \"browses\" sources: \"purchases\" partitions: 4 "
            "states { id: 1 name: \"profile/profile\" type: \"ebb.v1.CustomerFeatures\" shape: \"value\" } "
            "states { id: 2 name: \"profile/baskets\" type: \"ebb.v1.Purchase\" shape: \"map\" } "
            "states { id: 3 name: \"churn/last\" type: \"ebb.v1.ChurnAlert\" shape: \"value\" } "
            "states { id: 4 name: \"mail/sent\" type: \"ebb.v1.MarketingTrigger\" shape: \"list\" } "
            "timers { id: 1 name: \"profile/publish\" } timers { id: 2 name: \"churn/crossing\" }");
}

TEST_F(GraphTest, StoredIdsAreKeptAndNewOnesNeverReused) {
  Load(kPipeline);
  const auto manifest = graph_->Bind(Stored(), 4);
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->changelog_uuid(), "u");
  EXPECT_EQ(manifest->states(3).name(), "mail/sent");
  EXPECT_EQ(manifest->states(3).id(), 8u);
  ASSERT_NE(graph_->timer(4), nullptr);
  EXPECT_EQ(Name(graph_->timer(4)->node), "churn");
  EXPECT_EQ(graph_->timer(4)->timer->name(), "crossing");
  EXPECT_EQ(graph_->timer(0), nullptr);
  EXPECT_EQ(graph_->timer(2), nullptr);
  EXPECT_EQ(graph_->timer(99), nullptr);
  EXPECT_EQ(graph_->Bind(*manifest, 4)->SerializeAsString(), manifest->SerializeAsString());
}

// Records which state is asked for.
class AskedFor final : public StateAccess {
 public:
  AskedFor& state() { return *this; }
  StateId asked = 0;

  const google::protobuf::Message* Find(StateId state, const google::protobuf::Message&) override {
    asked = state;
    return nullptr;
  }
  google::protobuf::Message* Mutable(StateId, const google::protobuf::Message&) override { return nullptr; }
  void Clear(StateId) override {}
  std::optional<std::string> FindRow(StateId, std::string_view) override { return std::nullopt; }
  void PutRow(StateId, std::string_view, std::string) override {}
  void EraseRow(StateId, std::string_view) override {}
  void ScanRows(StateId, std::string_view, const RowVisitor&) override {}
  std::optional<int64_t> Deadline(TimerId) override { return std::nullopt; }
  void Arm(TimerId, int64_t) override {}
  void Disarm(TimerId) override {}
};

TEST_F(GraphTest, AStateThatIsReadIsThatOfItsOwner) {
  Load(kPipeline);
  v1::Manifest stored = Stored();
  stored.mutable_states(0)->set_id(5);
  ASSERT_TRUE(graph_->Bind(stored, 4).ok());
  for (Graph::Node& node : graph_->nodes()) {
    for (StateHandle* handle : node.op->states()) {
      if (handle->foreign_operator().empty()) continue;
      AskedFor asked;
      static_cast<ReadState<v1::CustomerFeatures>*>(handle)->Get(asked);
      EXPECT_EQ(asked.asked, 5u) << node.spec->id;
    }
  }
}

TEST_F(GraphTest, WhatNoLongerFitsIsRefusedWithEveryDifference) {
  Load(absl::StrReplaceAll(kPipeline, {{"application: shop", "application: store"}, {"  browses:", "  views:"},
                                       {"browses]", "views]"}, {"[browses,", "[views,"}}));
  v1::Manifest stored = Stored();
  stored.mutable_states(1)->set_shape("list");
  stored.mutable_states(2)->set_type("ebb.v1.Churn");
  stored.mutable_states(0)->set_name("gone/profile");
  stored.mutable_timers(1)->set_name("gone/publish");
  const absl::Status status = graph_->Bind(stored, 8).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_EQ(status.message(),
            R"(the pipeline does not fit the state that is stored for the application "shop":
  application: stored shop, in the pipeline store
  number of partitions: stored 4, in the pipeline 8
  sources: stored browses, purchases, in the pipeline purchases, views
  state profile/baskets: stored list of ebb.v1.Purchase, in the pipeline map of ebb.v1.Purchase
  state churn/last: stored value of ebb.v1.Churn, in the pipeline value of ebb.v1.ChurnAlert
  the state gone/profile is gone
  the timer gone/publish is gone
Undo these changes, or give the application another name to begin anew with empty state.)");
}

TEST_F(GraphTest, StoredNumbersThatCannotBeAreDamage) {
  for (const uint32_t number : {0u, Stored().states(1).id(), 1u << 17}) {
    v1::Manifest stored = Stored();
    stored.mutable_states(0)->set_id(number);
    EXPECT_TRUE(absl::IsDataLoss(graph_->Bind(stored, 4).status())) << number;
  }
}

TEST_F(GraphTest, ARefusedConfigIsReported) {
  Load(kPipeline);
  PipelineSpec changed = *spec_;
  std::shared_ptr<google::protobuf::Message> config(changed.operators[1].config->New());
  changed.operators[1].config = config;
  EXPECT_THAT(std::string(Graph::Build(changed).status().message()),
              HasSubstr("operator \"churn\": threshold: must be above 0"));
}

}  // namespace
}  // namespace ebb
