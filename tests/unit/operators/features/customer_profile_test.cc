#include "operators/features/customer_profile.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "operators/features/event_history.h"
#include "state/text.h"
#include "tests/unit/operators/fake_context.h"

namespace ebb {
namespace {

using operators::CustomerProfile;
using testing::ElementsAre;
using testing::SizeIs;

constexpr int64_t kStartMs = 20'000 * kMillisPerDay;

operators::CustomerProfileConfig Config(std::string_view changes = "") {
  operators::CustomerProfileConfig config;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(
      "half_life { seconds: 2592000 } emit_interval { seconds: 60 } top_categories: 8 max_categories: 256"
      " refund_window { seconds: 15552000 } max_open_orders: 512 max_waiting_refunds: 64 max_purchase_days: 4096"
      " max_tickets: 32",
      &config));
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(std::string(changes), &config)) << changes;
  return config;
}

// An event in text format, `second` after the start.
template <class Event>
Event At(double second, std::string_view text) {
  Event event;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(std::string(text), &event)) << text;
  event.mutable_header()->set_event_time_ms(kStartMs + static_cast<int64_t>(second * 1000));
  return event;
}

// The profile operator of one customer.
class Profiled {
 public:
  explicit Profiled(std::string_view changes = "") : config_(Config(changes)) { Restart(); }

  void Restart() {
    op_ = std::make_unique<CustomerProfileOperator>();
    EXPECT_TRUE(op_->SetConfig(config_).ok());
    ctx.Bind(*op_, "customer-profile");
  }
  void Send(const google::protobuf::Message& event) { ctx.Send(*op_, event); }
  void View(double second) { Send(At<v1::Browse>(second, "action: VIEW")); }
  void AdvanceTo(double second) { ctx.AdvanceTo(absl::FromUnixMillis(kStartMs + static_cast<int64_t>(second * 1000))); }
  // What was told since, as "second:browse events".
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    for (const auto& features : ctx.Take<v1::CustomerFeatures>()) {
      told.push_back(Text((features.as_of_ms() - kStartMs) / 1000, ":", features.kinds(0).total()));
    }
    return told;
  }
  int64_t Counted(std::string_view counter) { return ctx.Counted(*op_, counter); }
  const CustomerProfile& profile() { return ctx.State<CustomerProfile>("customer-profile", "profile"); }

  FakeContext ctx{"ann"};

 private:
  operators::CustomerProfileConfig config_;
  std::unique_ptr<CustomerProfileOperator> op_;
};

TEST(CustomerProfileTest, IsRegistered) { EXPECT_NE(OperatorRegistry::Get().Create("customer-profile"), nullptr); }

TEST(CustomerProfileTest, TheFirstEventIsToldAtOnce) {
  Profiled customer;
  customer.View(0);
  EXPECT_THAT(customer.Told(), ElementsAre("0:1"));
}

TEST(CustomerProfileTest, FurtherEventsAreToldTogetherWhenTheIntervalEnds) {
  Profiled customer;
  for (double second : {0, 10, 20, 50}) customer.View(second);
  EXPECT_THAT(customer.Told(), ElementsAre("0:1"));
  customer.AdvanceTo(59);
  EXPECT_THAT(customer.Told(), SizeIs(0));
  customer.AdvanceTo(60);
  EXPECT_THAT(customer.Told(), ElementsAre("60:4"));
}

TEST(CustomerProfileTest, WithoutChangeNothingIsTold) {
  Profiled customer;
  customer.View(0);
  customer.View(10);
  customer.AdvanceTo(1'000'000);
  EXPECT_THAT(customer.Told(), ElementsAre("0:1", "60:2"));
  EXPECT_EQ(customer.ctx.DeadlineOf("customer-profile", "emit-interval"), std::nullopt);
}

TEST(CustomerProfileTest, AnEventAfterTheIntervalTellsAtOnceWhatWaited) {
  Profiled customer;
  for (double second : {0, 10, 65, 66}) customer.View(second);
  EXPECT_THAT(customer.Told(), ElementsAre("0:1", "65:3"));
  customer.AdvanceTo(124);
  EXPECT_THAT(customer.Told(), SizeIs(0));
  customer.AdvanceTo(125);
  EXPECT_THAT(customer.Told(), ElementsAre("125:4"));
}

TEST(CustomerProfileTest, WithoutIntervalEveryEventIsTold) {
  Profiled customer("emit_interval { seconds: 0 }");
  for (double second : {0, 0, 1}) customer.View(second);
  EXPECT_THAT(customer.Told(), ElementsAre("0:1", "0:2", "1:3"));
}

TEST(CustomerProfileTest, FeaturesNeverGoBackInTime) {
  Profiled customer;
  customer.View(1000);
  customer.View(5);
  customer.AdvanceTo(2000);
  customer.View(7);
  EXPECT_THAT(customer.Told(), ElementsAre("1000:1", "1060:2", "1120:3"));
}

TEST(CustomerProfileTest, FeaturesHoldAsOfTheLatestEvent) {
  Profiled customer;
  customer.View(0);
  customer.View(59);
  customer.View(1);
  customer.AdvanceTo(60);
  EXPECT_THAT(customer.Told(), ElementsAre("0:1", "60:3"));
}

TEST(CustomerProfileTest, ARestartChangesNothing) {
  Profiled whole;
  Profiled restarted;
  for (double second : {0, 10, 70, 75, 300}) {
    whole.View(second);
    restarted.Restart();
    restarted.View(second);
  }
  whole.AdvanceTo(1000);
  restarted.Restart();
  restarted.AdvanceTo(1000);
  EXPECT_EQ(whole.Told(), restarted.Told());
  EXPECT_EQ(whole.profile().SerializeAsString(), restarted.profile().SerializeAsString());
}

TEST(CustomerProfileTest, GeneratedStays) {
  Profiled customer("emit_interval { seconds: 0 }");
  customer.Send(At<v1::Browse>(0, "action: VIEW"));
  customer.Send(At<v1::Browse>(1, "action: VIEW header { generated: true }"));
  customer.Send(At<v1::Browse>(2, "action: VIEW"));
  std::vector<bool> generated;
  for (const auto& features : customer.ctx.Take<v1::CustomerFeatures>()) generated.push_back(features.generated());
  EXPECT_THAT(generated, ElementsAre(false, true, true));
}

TEST(CustomerProfileTest, LimitsAreCounted) {
  Profiled customer("max_open_orders: 1 max_categories: 1 max_tickets: 1 max_waiting_refunds: 1");
  customer.Send(At<v1::Purchase>(0, "order_id: 'a' currency: 'EUR' lines { category: 'x' } lines { category: 'x' }"));
  customer.Send(At<v1::Purchase>(1, "order_id: 'b' currency: 'EUR' lines { category: 'y' } lines { category: 'z' }"));
  customer.Send(At<v1::Purchase>(2, "kind: REFUND order_id: 'c'"));
  customer.Send(At<v1::Purchase>(3, "kind: REFUND order_id: 'd'"));
  customer.Send(At<v1::Support>(4, "kind: OPENED ticket_id: 'a'"));
  customer.Send(At<v1::Support>(5, "kind: OPENED ticket_id: 'b'"));
  EXPECT_EQ(customer.Counted("order-settled-early"), 1);
  EXPECT_EQ(customer.Counted("category-dropped"), 2);
  EXPECT_EQ(customer.Counted("refund-unmatched"), 1);
  EXPECT_EQ(customer.Counted("ticket-dropped"), 1);
  EXPECT_EQ(customer.Counted("purchase-day-left-out"), 0);
}

TEST(CustomerProfileTest, FeaturesTellEverything) {
  Profiled customer;
  constexpr double kDay = 86'400;
  customer.Send(At<v1::Member>(0, "consent { purpose: PURPOSE_MARKETING channel: CHANNEL_EMAIL granted: true }"));
  customer.Send(At<v1::Member>(1, "consent { purpose: PURPOSE_SERVICE channel: CHANNEL_SMS granted: true }"));
  customer.Send(At<v1::Purchase>(10 * kDay, "kind: ORDER order_id: '1' currency: 'EUR'"
                                            " header { channel: CHANNEL_STORE }"
                                            " lines { category: 'milk' price_minor: 250 } lines { price_minor: 50 }"));
  customer.Send(At<v1::Purchase>(14 * kDay, "kind: ORDER order_id: '2' currency: 'EUR' lines { price_minor: 7 }"));
  customer.Send(At<v1::Purchase>(20 * kDay, "kind: ORDER order_id: '3' currency: 'CHF' lines { price_minor: 9 }"));
  customer.Send(At<v1::Purchase>(21 * kDay, "kind: REFUND order_id: '1' currency: 'EUR' lines { price_minor: 100 }"));
  customer.Send(At<v1::Browse>(30 * kDay, "action: VIEW header { channel: CHANNEL_WEB }"));
  customer.Send(At<v1::Support>(32 * kDay, "kind: OPENED ticket_id: 't' complaint: true"));
  customer.Send(At<v1::Support>(33 * kDay, "kind: OPENED ticket_id: 'u'"));
  customer.Send(At<v1::Engagement>(40 * kDay, "kind: UNSUBSCRIBED header { channel: CHANNEL_EMAIL }"));
  const auto told = customer.ctx.Take<v1::CustomerFeatures>();
  v1::CustomerFeatures features = told.back();
  for (auto& kind : *features.mutable_kinds()) kind.clear_decayed();  // Said to more digits elsewhere.
  for (auto& category : *features.mutable_categories()) EXPECT_DOUBLE_EQ(category.weight(), 0.5);
  features.clear_categories();
  v1::CustomerFeatures expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
      customer_id: "ann" as_of_ms: 1731456000000
      first_purchase_ms: 1728864000000 last_purchase_ms: 1729728000000 orders: 3
      spent { minor: 9 currency: "CHF" } spent { minor: 207 currency: "EUR" }
      refunded { minor: 100 currency: "EUR" }
      repeat_days: 2 purchase_gap_mean_days: 5 purchase_gap_sd_days: 1
      kinds { kind: "browse" total: 1 last_30_days: 1 last_90_days: 1 last_ms: 1730592000000 }
      kinds { kind: "engagement" total: 1 last_7_days: 1 last_30_days: 1 last_90_days: 1 last_ms: 1731456000000 }
      kinds { kind: "member" total: 2 last_90_days: 2 last_ms: 1728000001000 }
      kinds { kind: "purchase" total: 4 last_30_days: 3 last_90_days: 4 last_ms: 1729814400000 }
      kinds { kind: "support" total: 2 last_30_days: 2 last_90_days: 2 last_ms: 1730851200000 }
      channels { channel: CHANNEL_UNSPECIFIED events: 7 } channels { channel: CHANNEL_STORE events: 1 }
      channels { channel: CHANNEL_WEB events: 1 } channels { channel: CHANNEL_EMAIL events: 1 }
      open_tickets: 2 open_complaints: 1
      consents { purpose: "PURPOSE_SERVICE" channel: CHANNEL_SMS })",
                                                            &expected));
  EXPECT_EQ(features.DebugString(), expected.DebugString());
}

using Event = std::variant<v1::Purchase, v1::Browse, v1::Support, v1::Member, v1::Engagement>;

// An event of any kind, some of which take back or contradict others.
Event RandomEvent(int number, std::mt19937& random) {
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  const double second = pick(150 * 24) * 3600.0 + number;
  const std::string header =
      Text("header { event_id: 'e", number, "' channel: ", pick(8), " generated: ", pick(2) ? "true" : "false", " } ");
  switch (pick(8)) {
    case 0:
      return At<v1::Browse>(second, header + "action: VIEW");
    case 1:
      return At<v1::Support>(second, header + Text("kind: ", 1 + pick(4), " ticket_id: 't", pick(4), "' complaint: ",
                                                   pick(4) ? "false" : "true"));
    case 2:
      return At<v1::Engagement>(second, header + Text("kind: ", 1 + pick(6)));
    case 3:
      if (pick(8) == 0) return At<v1::Member>(second, header + "erasure_asked {}");
      return At<v1::Member>(second, header + Text("consent { purpose: ", 1 + pick(3), " channel: ", 1 + pick(3),
                                                  " granted: ", pick(3) ? "true" : "false", " }"));
    case 4:
      return At<v1::Purchase>(second, header + Text("kind: ", 2 + pick(2), " order_id: 'o", pick(12),
                                                    "' currency: 'EUR'", pick(3) ? " lines { price_minor: 25 }" : ""));
    default:
      return At<v1::Purchase>(second, header + Text("kind: ", pick(2), " order_id: 'o", pick(12),
                                                    "' currency: 'EUR' lines { category: 'c", pick(6),
                                                    "' price_minor: ", pick(500), " }"));
  }
}

TEST(CustomerProfileTest, AnyOrderOfArrivalGivesTheSameFeatures) {
  google::protobuf::util::DefaultFieldComparator comparator;
  comparator.set_float_comparison(google::protobuf::util::DefaultFieldComparator::APPROXIMATE);
  comparator.SetDefaultFractionAndMargin(1e-9, 1e-12);
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_field_comparator(&comparator);
  std::string difference;
  differencer.ReportDifferencesToString(&difference);
  const auto features_after = [](const std::vector<Event>& events) {
    Profiled customer;
    for (const Event& event : events) std::visit([&](const auto& message) { customer.Send(message); }, event);
    v1::CustomerFeatures features;
    ComputeFeatures(customer.profile(), "ann", kStartMs + 151 * kMillisPerDay, {30.0 * kMillisPerDay, 8}, &features);
    return features;
  };
  std::mt19937 random(5);
  for (int round = 0; round < 40; ++round) {
    std::vector<Event> events;
    for (int i = 0; i < 60; ++i) events.push_back(RandomEvent(i, random));
    const v1::CustomerFeatures expected = features_after(events);
    for (int shuffle = 0; shuffle < 6; ++shuffle) {
      std::shuffle(events.begin(), events.end(), random);
      ASSERT_TRUE(differencer.Compare(expected, features_after(events))) << "round " << round << ": " << difference;
    }
  }
}

}  // namespace
}  // namespace ebb
