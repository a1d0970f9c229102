#include "engine/cli/shop.h"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/hash.h"
#include "state/text.h"

namespace ebb {
namespace {

using testing::HasSubstr;

constexpr int64_t kDayMs = 86'400'000;

const v1::EventHeader& HeaderOf(const google::protobuf::Message& message) {
  const auto* field = message.GetDescriptor()->FindFieldByName("header");
  return static_cast<const v1::EventHeader&>(message.GetReflection()->GetMessage(message, field));
}

template <class Message>
const Message* As(const ShopEvent& event) {
  return dynamic_cast<const Message*>(event.message);
}

bool IsOrder(const ShopEvent& event) {
  const auto* purchase = As<v1::Purchase>(event);
  return purchase != nullptr && purchase->kind() == v1::Purchase::ORDER;
}

void ForEach(Shop& shop, const std::function<void(const ShopEvent&)>& visit) {
  while (const auto event = shop.Next()) visit(*event);
}

void ForEach(const ShopOptions& options, const std::function<void(const ShopEvent&)>& visit) {
  Shop shop(options);
  ForEach(shop, visit);
}

uint64_t Digest(const ShopOptions& options) {
  uint64_t digest = 0;
  ForEach(options, [&](const ShopEvent& event) {
    const std::string bytes = event.message->SerializeAsString();
    digest = StableHash64(Text(event.source_name(), event.customer, event.time_ms, event.unparsable, bytes), digest);
  });
  return digest;
}

ShopOptions Small() {
  ShopOptions options;
  options.customers = 30;
  options.days = 60;
  return options;
}

ShopFaults AllFaults() { return {.duplicates = 0.05, .disorder = 0.05, .late = 0.05, .damaged = 0.05}; }

TEST(ShopTest, SameOptionsGiveSameBytes) {
  ShopOptions options = Small();
  options.faults = AllFaults();
  const uint64_t digest = Digest(options);
  EXPECT_EQ(Digest(options), digest);
  options.seed = 2;
  EXPECT_NE(Digest(options), digest);
}

// A generated file may be quoted by its options alone. Changes with the behaviour of the customers, and only then.
TEST(ShopTest, BytesAreTheSameOnEveryMachine) { EXPECT_EQ(Digest(Small()), 341141539086738085u); }

TEST(ShopTest, TimeNeverGoesBack) {
  for (const ShopFaults& faults : {ShopFaults{}, AllFaults()}) {
    ShopOptions options = Small();
    options.faults = faults;
    int64_t last_ms = absl::ToUnixMillis(options.start);
    ForEach(options, [&](const ShopEvent& event) {
      ASSERT_GE(event.time_ms, last_ms);
      last_ms = event.time_ms;
    });
  }
}

TEST(ShopTest, EveryEventIsLabelledAndNamedOnce) {
  ShopOptions options = Small();
  std::set<std::string> ids;
  ForEach(options, [&](const ShopEvent& event) {
    const v1::EventHeader& header = HeaderOf(*event.message);
    ASSERT_TRUE(header.generated());
    ASSERT_THAT(header.source(), testing::StartsWith("generated-"));
    ASSERT_EQ(header.customer_id(), event.customer);
    ASSERT_EQ(header.event_time_ms(), event.time_ms);
    ASSERT_NE(header.channel(), v1::CHANNEL_UNSPECIFIED);
    ASSERT_TRUE(ids.insert(header.event_id()).second) << header.event_id();
    ASSERT_LT(event.time_ms, absl::ToUnixMillis(options.start + absl::Hours(24 * options.days)));
  });
  EXPECT_GT(ids.size(), 1000u);
}

TEST(ShopTest, CustomersJoinBeforeAnythingElse) {
  std::set<std::string> joined, bought;
  ForEach(Small(), [&](const ShopEvent& event) {
    const auto* member = As<v1::Member>(event);
    if (member != nullptr && member->has_joined()) {
      ASSERT_TRUE(joined.insert(std::string(event.customer)).second);
    }
    ASSERT_EQ(joined.count(std::string(event.customer)), 1u) << event.message->ShortDebugString();
    if (As<v1::Purchase>(event)) bought.insert(std::string(event.customer));
  });
  EXPECT_GT(bought.size(), 20u);
}

TEST(ShopTest, WhoLeftIsOnlyWrittenTo) {
  ShopOptions options;
  Shop shop(options);
  std::map<std::string, int64_t> last_own_ms, last_purchase_ms;
  ForEach(shop, [&](const ShopEvent& event) {
    const auto* mail = As<v1::Engagement>(event);
    const bool of_retailer =
        mail && (mail->kind() == v1::Engagement::SENT || mail->kind() == v1::Engagement::DELIVERED);
    if (!of_retailer) last_own_ms[std::string(event.customer)] = event.time_ms;
    if (IsOrder(event)) last_purchase_ms[std::string(event.customer)] = event.time_ms;
  });
  int left = 0, complained = 0;
  for (int32_t i = 0; i < shop.customers(); ++i) {
    const auto truth = shop.TruthOf(i);
    ASSERT_TRUE(truth);
    const auto purchase = last_purchase_ms.find(truth->customer);
    ASSERT_EQ(truth->last_purchase_ms.has_value(), purchase != last_purchase_ms.end());
    if (truth->last_purchase_ms) {
      EXPECT_EQ(*truth->last_purchase_ms, purchase->second);
    }
    ASSERT_EQ(truth->left_at_ms.has_value(), !truth->why.empty());
    if (!truth->left_at_ms) continue;
    ++left;
    complained += truth->why == "neglected-complaint";
    EXPECT_LE(last_own_ms[truth->customer], *truth->left_at_ms) << truth->customer;
    EXPECT_GT(*truth->left_at_ms, truth->joined_at_ms);
  }
  EXPECT_GT(left, shop.customers() / 4);
  EXPECT_LT(left, shop.customers() * 2 / 3);
  EXPECT_GT(complained, 10);
}

TEST(ShopTest, LeaversFallSilentForLongEnoughToBeNoticed) {
  constexpr size_t kRepeatedly = 3;
  ShopOptions options;
  Shop shop(options);
  std::map<std::string, std::set<int64_t>> days;
  ForEach(shop, [&](const ShopEvent& event) {
    if (IsOrder(event)) days[std::string(event.customer)].insert(event.time_ms / kDayMs);
  });
  const int64_t end = absl::ToUnixMillis(options.start) / kDayMs + options.days;
  int noticed = 0;
  for (int32_t i = 0; i < shop.customers(); ++i) {
    const auto truth = shop.TruthOf(i);
    const std::set<int64_t>& bought = days[truth->customer];
    if (!truth->left_at_ms || bought.size() < kRepeatedly) continue;
    const int64_t gap = (*bought.rbegin() - *bought.begin()) / static_cast<int64_t>(bought.size() - 1);
    noticed += end - *bought.rbegin() > std::max<int64_t>(28, 3 * gap);
  }
  EXPECT_GT(noticed, 30);
}

TEST(ShopTest, NobodyLeavesWhenNobodyShall) {
  ShopOptions options = Small();
  options.leave_share = 0;
  Shop shop(options);
  ForEach(shop, [](const ShopEvent&) {});
  for (int32_t i = 0; i < shop.customers(); ++i) EXPECT_FALSE(shop.TruthOf(i)->left_at_ms);
}

int64_t PaidOf(const v1::Purchase& purchase) {
  int64_t sum = -purchase.discount_minor();
  for (const auto& line : purchase.lines()) sum += line.price_minor();
  return sum;
}

TEST(ShopTest, WhatComesBackWasBoughtBefore) {
  std::map<std::string, v1::Purchase> orders;
  std::map<int, int> kinds;
  int in_part = 0;
  ShopOptions options;
  options.customers = 1000;
  ForEach(options, [&](const ShopEvent& event) {
    const auto* purchase = As<v1::Purchase>(event);
    if (purchase == nullptr) return;
    ++kinds[purchase->kind()];
    if (purchase->kind() == v1::Purchase::ORDER) {
      ASSERT_TRUE(orders.emplace(purchase->order_id(), *purchase).second) << purchase->order_id();
      ASSERT_GT(purchase->lines_size(), 0);
      ASSERT_GT(PaidOf(*purchase), 0);
      return;
    }
    const auto order = orders.find(purchase->order_id());
    ASSERT_NE(order, orders.end()) << purchase->ShortDebugString();
    ASSERT_EQ(order->second.header().customer_id(), event.customer);
    ASSERT_EQ(order->second.currency(), purchase->currency());
    ASSERT_LT(order->second.header().event_time_ms(), event.time_ms);
    ASSERT_LE(PaidOf(*purchase), PaidOf(order->second));
    for (const auto& back : purchase->lines()) {
      ++in_part;
      const auto& lines = order->second.lines();
      const bool bought = std::any_of(lines.begin(), lines.end(), [&](const auto& line) {
        return line.SerializeAsString() == back.SerializeAsString();
      });
      ASSERT_TRUE(bought) << back.ShortDebugString();
    }
    orders.erase(order);  // An order is taken back once.
  });
  EXPECT_GT(kinds[v1::Purchase::ORDER], 15'000);
  EXPECT_GT(kinds[v1::Purchase::REFUND], 500);
  EXPECT_GT(kinds[v1::Purchase::CANCELLATION], 150);
  EXPECT_GT(in_part, 250);
}

TEST(ShopTest, OnlineOrdersAreWhatWasPutIntoTheBasket) {
  std::map<std::string, std::multiset<std::string>> baskets;  // By customer, of the visit under way.
  std::map<std::string, std::string> visits;
  int bought = 0, abandoned = 0;
  ForEach(ShopOptions(), [&](const ShopEvent& event) {
    const std::string customer(event.customer);
    if (const auto* browse = As<v1::Browse>(event)) {
      if (visits[customer] != browse->session_id()) {
        abandoned += !baskets[customer].empty();
        baskets[customer].clear();
        visits[customer] = browse->session_id();
      }
      auto& basket = baskets[customer];
      if (browse->action() == v1::Browse::ADD_TO_CART) basket.insert(browse->sku());
      if (browse->action() == v1::Browse::REMOVE_FROM_CART) {
        ASSERT_NE(basket.find(browse->sku()), basket.end());
        basket.erase(basket.find(browse->sku()));
      }
    } else if (const auto* purchase = As<v1::Purchase>(event)) {
      if (purchase->kind() != v1::Purchase::ORDER || purchase->header().channel() == v1::CHANNEL_STORE) return;
      std::multiset<std::string> ordered;
      for (const auto& line : purchase->lines()) ordered.insert(line.sku());
      ASSERT_EQ(ordered, baskets[customer]) << purchase->ShortDebugString();
      baskets[customer].clear();
      ++bought;
    }
  });
  EXPECT_GT(bought, 1000);
  EXPECT_GT(abandoned, 200);
}

TEST(ShopTest, MailGoesOnlyToWhoConsents) {
  std::set<std::string> allowed;
  std::map<int, int> kinds;
  ShopOptions options;
  options.customers = 1000;
  ForEach(options, [&](const ShopEvent& event) {
    const std::string customer(event.customer);
    if (const auto* member = As<v1::Member>(event)) {
      if (member->has_erasure_asked()) allowed.erase(customer);
      const auto& consent = member->consent();
      if (consent.purpose() != v1::PURPOSE_MARKETING || consent.channel() != v1::CHANNEL_EMAIL) return;
      if (consent.granted()) allowed.insert(customer);
    } else if (const auto* mail = As<v1::Engagement>(event)) {
      ++kinds[mail->kind()];
      ASSERT_EQ(allowed.count(customer), 1u) << mail->ShortDebugString();
      if (mail->kind() == v1::Engagement::UNSUBSCRIBED) allowed.erase(customer);
    }
  });
  for (int kind = v1::Engagement::SENT; kind <= v1::Engagement::REDEEMED; ++kind) EXPECT_GT(kinds[kind], 5) << kind;
}

TEST(ShopTest, TicketsGoTheirWay) {
  using Kind = v1::Support::Kind;
  const std::map<Kind, std::set<int>> after = {
      {v1::Support::OPENED, {-1}},
      {v1::Support::ANSWERED, {v1::Support::OPENED, v1::Support::REOPENED}},
      {v1::Support::RESOLVED, {v1::Support::ANSWERED}},
      {v1::Support::REOPENED, {v1::Support::RESOLVED}},
      {v1::Support::SURVEY_CSAT, {v1::Support::RESOLVED}},
      {v1::Support::SURVEY_NPS, {v1::Support::SURVEY_CSAT}},
  };
  std::map<std::string, int> last;
  std::map<int, int> kinds;
  int complaints = 0;
  ForEach(ShopOptions(), [&](const ShopEvent& event) {
    const auto* support = As<v1::Support>(event);
    if (support == nullptr) return;
    ++kinds[support->kind()];
    complaints += support->kind() == v1::Support::OPENED && support->complaint();
    const bool rates = support->kind() == v1::Support::SURVEY_CSAT;
    ASSERT_TRUE(rates ? support->csat() >= 1 && support->csat() <= 5 : support->csat() == 0);
    ASSERT_TRUE(support->nps() >= 0 && support->nps() <= 10);
    if (support->ticket_id().empty()) {
      ASSERT_EQ(support->kind(), v1::Support::SURVEY_NPS);
      return;
    }
    const auto before = last.emplace(support->ticket_id(), -1).first;
    ASSERT_EQ(after.at(support->kind()).count(before->second), 1u) << support->ShortDebugString();
    before->second = support->kind();
  });
  for (int kind = v1::Support::OPENED; kind <= v1::Support::SURVEY_NPS; ++kind) EXPECT_GT(kinds[kind], 5) << kind;
  EXPECT_GT(complaints, 50);
}

TEST(ShopTest, StopsAfterExactlySoManyEvents) {
  for (const int64_t events : {int64_t{1}, int64_t{777}, int64_t{50'000}}) {  // The last ones beyond the days.
    ShopOptions options = Small();
    options.leave_share = 0;
    options.events = events;
    options.faults = AllFaults();
    int64_t count = 0;
    ForEach(options, [&](const ShopEvent&) { ++count; });
    EXPECT_EQ(count, events);
  }
}

TEST(ShopTest, CustomersAreAsBusyAsTold) {
  for (const double wanted : {2.5, 10.0}) {
    ShopOptions options;
    options.customers = 2000;
    options.events_per_day = wanted;
    Shop shop(options);
    double events = 0, customer_days = 0;
    ForEach(shop, [&](const ShopEvent& event) { events += event.source != ShopSource::kMembers; });
    for (int32_t i = 0; i < shop.customers(); ++i) {
      const auto truth = shop.TruthOf(i);
      const int64_t end_ms = absl::ToUnixMillis(options.start + absl::Hours(24 * options.days));
      if (!truth) continue;
      customer_days += static_cast<double>(truth->left_at_ms.value_or(end_ms) - truth->joined_at_ms) / kDayMs;
    }
    EXPECT_NEAR(events / customer_days / wanted, 1, 0.1) << wanted;
  }
}

TEST(ShopTest, FaultsDoNotChangeWhatHappens) {
  std::map<std::string, std::string> clean, faulty;
  ShopOptions options = Small();
  ForEach(options, [&](const ShopEvent& event) {
    clean[HeaderOf(*event.message).event_id()] = event.message->SerializeAsString();
  });
  options.faults = AllFaults();
  int64_t duplicates = 0, behind = 0, late = 0, newest_ms = 0;
  std::map<std::string, int> damaged;
  ForEach(options, [&](const ShopEvent& event) {
    const v1::EventHeader& header = HeaderOf(*event.message);
    if (event.unparsable || header.customer_id().empty() || header.event_time_ms() > event.time_ms) {
      ++damaged[event.unparsable ? "unparsable" : header.customer_id().empty() ? "nobody's" : "absurd time"];
      ASSERT_FALSE(event.customer.empty());
      return;
    }
    behind += header.event_time_ms() < newest_ms;
    late += header.event_time_ms() < event.time_ms - 60'000;
    newest_ms = std::max(newest_ms, header.event_time_ms());
    const std::string bytes = event.message->SerializeAsString();
    const auto [first, is_new] = faulty.emplace(header.event_id(), bytes);
    duplicates += !is_new;
    ASSERT_EQ(first->second, bytes);
  });
  EXPECT_EQ(faulty, clean);
  const auto share = [&](int64_t count) { return static_cast<double>(count) / static_cast<double>(clean.size()); };
  EXPECT_NEAR(share(duplicates), 0.05, 0.02);
  EXPECT_NEAR(share(late), 0.05, 0.02);
  EXPECT_GT(behind, late / 2);
  EXPECT_EQ(damaged.size(), 3u);
  EXPECT_NEAR(share(damaged["unparsable"] + damaged["nobody's"] + damaged["absurd time"]), 0.05, 0.02);
}

TEST(ShopTest, WhatIsSpoiltIsNeitherProtobufNorJson) {
  ForEach(Small(), [&](const ShopEvent& event) {
    std::unique_ptr<google::protobuf::Message> copy(event.message->New());
    ASSERT_FALSE(copy->ParseFromString(Spoilt(event.message->SerializeAsString())));
  });
  EXPECT_EQ(Spoilt("{}"), "\xff{}");
}

TEST(ShopTest, OptionsOutOfRangeAreNamed) {
  const auto refusal = [](const std::function<void(ShopOptions&)>& change) {
    ShopOptions options;
    change(options);
    return std::string(CheckShopOptions(options).message());
  };
  EXPECT_TRUE(CheckShopOptions(ShopOptions()).ok());
  EXPECT_EQ(refusal([](ShopOptions& o) { o.customers = 0; }), "customers: expected 1 to 100000000, got 0");
  EXPECT_EQ(refusal([](ShopOptions& o) { o.days = -1; }), "days: expected 1 to 36525, got -1");
  EXPECT_EQ(refusal([](ShopOptions& o) { o.leave_share = 1; }), "leave share: expected 0 to 0.99, got 1");
  EXPECT_EQ(refusal([](ShopOptions& o) { o.purchase_gap_days = 0; }),
            "purchase gap in days: expected 0.1 to 3650, got 0");
  EXPECT_THAT(refusal([](ShopOptions& o) { o.events = -5; }), HasSubstr("events: expected 0 to"));
  EXPECT_THAT(refusal([](ShopOptions& o) { o.events_per_day = 1e9; }), HasSubstr("events per day"));
  EXPECT_THAT(refusal([](ShopOptions& o) { o.faults.late = 2; }), HasSubstr("share of late events"));
  EXPECT_EQ(refusal([](ShopOptions& o) { o.start = absl::FromUnixSeconds(0); }),
            "start: expected a day from 1971 to 2200, got 1970-01-01");
}

}  // namespace
}  // namespace ebb
