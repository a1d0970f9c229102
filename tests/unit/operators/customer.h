#ifndef EBB_TESTS_UNIT_OPERATORS_CUSTOMER_H_
#define EBB_TESTS_UNIT_OPERATORS_CUSTOMER_H_

// One customer for unit tests of operators that read the profile: what happens goes through the real profile operator
// and then to the operator under test, with time carried along as the engine does.

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "ebb/v1/browse.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "engine/pipeline/config_value.h"
#include "engine/pipeline/operator.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "state/text.h"
#include "tests/unit/operators/fake_context.h"

namespace ebb {

// A config from text format, with the defaults of its rules for what the text leaves out.
inline void FillDefaults(google::protobuf::Message& config) {
  const auto& fields = *config.GetDescriptor();
  for (int i = 0; i < fields.field_count(); ++i) {
    const auto& field = *fields.field(i);
    const std::string& text = RuleOf(field).default_();
    if (field.is_repeated() || text.empty()) continue;
    const auto value = ParseConfigValue(field, text);
    ASSERT_TRUE(value.ok()) << field.full_name() << ": " << value.status();
    StoreConfigValue(field, *value, config);
  }
}
template <class Config>
Config ConfigOf(std::string_view text) {
  Config config;
  FillDefaults(config);
  EXPECT_TRUE(google::protobuf::TextFormat::MergeFromString(std::string(text), &config)) << text;
  return config;
}

class Customer {
 public:
  // The operator must be configured, and live as long.
  Customer(OperatorBase& op, std::string_view type, std::string id = "ann")
      : ctx(std::move(id)), op_(op), profile_(OperatorRegistry::Get().Create("customer-profile")) {
    auto config = std::unique_ptr<google::protobuf::Message>(profile_->config_prototype().New());
    FillDefaults(*config);
    EXPECT_TRUE(profile_->SetConfig(*config).ok());
    ctx.Bind(*profile_, "customer-profile");
    ctx.Bind(op_, type);
  }

  // Carries time on to `at`.
  void Until(absl::Time at) {
    if (at > ctx.watermark()) ctx.AdvanceTo(at);
  }

  // A message with a header; `at` may lie behind the watermark.
  template <class Event>
  void Do(Event event, absl::Time at) {
    event.mutable_header()->set_event_id(Text("e", ++events_));
    event.mutable_header()->set_customer_id(std::string(ctx.customer()));
    event.mutable_header()->set_event_time_ms(absl::ToUnixMillis(at));
    event.mutable_header()->set_source("test");
    Until(at);
    for (OperatorBase* op : std::initializer_list<OperatorBase*>{profile_.get(), &op_}) {
      for (const auto* taken : op->takes()) {
        if (taken->GetDescriptor() == event.GetDescriptor()) ctx.Send(*op, event);
      }
    }
  }

  void Buy(absl::Time at, std::string order = "") {
    v1::Purchase purchase;
    purchase.set_kind(v1::Purchase::ORDER);
    purchase.set_order_id(order.empty() ? Text("o", events_) : order);
    purchase.set_currency("EUR");
    auto* line = purchase.add_lines();
    line->set_sku("milk");
    line->set_quantity_milli(1000);
    line->set_price_minor(199);
    Do(purchase, at);
  }
  void CallOffOrder(absl::Time at, const std::string& order) {
    v1::Purchase purchase;
    purchase.set_kind(v1::Purchase::CANCELLATION);
    purchase.set_order_id(order);
    purchase.set_currency("EUR");
    Do(purchase, at);
  }
  void Browse(absl::Time at, v1::Browse::Action action, std::string sku = "", std::string category = "",
              int64_t quantity_milli = 0) {
    v1::Browse browse;
    browse.set_action(action);
    browse.set_sku(std::move(sku));
    browse.set_category(std::move(category));
    browse.set_quantity_milli(quantity_milli);
    Do(browse, at);
  }
  void Ticket(absl::Time at, v1::Support::Kind kind, std::string ticket, bool complaint = true) {
    v1::Support support;
    support.set_kind(kind);
    support.set_ticket_id(std::move(ticket));
    support.set_complaint(complaint);
    Do(support, at);
  }
  void Consent(absl::Time at, v1::Purpose purpose, v1::Channel channel, bool granted = true) {
    v1::Member member;
    member.mutable_consent()->set_purpose(purpose);
    member.mutable_consent()->set_channel(channel);
    member.mutable_consent()->set_granted(granted);
    Do(member, at);
  }
  void LiveIn(absl::Time at, std::string zone) {
    v1::Member member;
    member.mutable_profile()->set_time_zone(std::move(zone));
    Do(member, at);
  }

  FakeContext ctx;

 private:
  OperatorBase& op_;
  std::unique_ptr<OperatorBase> profile_;
  int64_t events_ = 0;
};

}  // namespace ebb

#endif  // EBB_TESTS_UNIT_OPERATORS_CUSTOMER_H_
