#include "operators/features/customer_view.h"

#include "gmock/gmock.h"
#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"
#include "operators/features/affinities.h"
#include "operators/features/event_history.h"
#include "operators/features/membership.h"
#include "operators/features/orders.h"

namespace ebb {
namespace {

using operators::CustomerProfile;
using ::testing::ElementsAre;

constexpr int64_t kDay = kMillisPerDay;
constexpr int64_t kStart = 20'000 * kDay;

v1::Purchase Order(int64_t time_ms, std::string id, std::string category) {
  v1::Purchase purchase;
  purchase.mutable_header()->set_event_time_ms(time_ms);
  purchase.set_kind(v1::Purchase::ORDER);
  purchase.set_order_id(std::move(id));
  purchase.set_currency("EUR");
  auto* line = purchase.add_lines();
  line->set_category(std::move(category));
  line->set_price_minor(1500);
  return purchase;
}

void Buy(const v1::Purchase& purchase, CustomerProfile* profile) {
  const int64_t time_ms = purchase.header().event_time_ms();
  AddEvent(time_ms, 1e9, profile->mutable_purchase());
  ApplyPurchase(purchase, time_ms, {180 * kDay, 512, 64, 4096}, profile);
  AddCategories(purchase, 1e9, 256, profile->mutable_affinities());
}

v1::Member At(int64_t time_ms) {
  v1::Member member;
  member.mutable_header()->set_event_time_ms(time_ms);
  return member;
}

v1::Customer View(const CustomerProfile& profile, int64_t as_of_ms) {
  v1::CustomerFeatures features;
  v1::Customer customer;
  ViewCustomer(profile, "ann", as_of_ms, kAllCustomerFields, &features, &customer);
  return customer;
}

TEST(CustomerViewTest, SomebodyUnknownHasNothing) {
  const v1::Customer customer = View(CustomerProfile(), kStart);
  EXPECT_EQ(customer.ShortDebugString(), R"(id: "ann")");
}

TEST(CustomerViewTest, TellsPurchasesAndTheirRhythm) {
  CustomerProfile profile;
  Buy(Order(kStart, "o1", "wine"), &profile);
  EXPECT_FALSE(View(profile, kStart + kDay).has_purchase_gap());
  Buy(Order(kStart + 10 * kDay, "o2", "tea"), &profile);
  Buy(Order(kStart + 20 * kDay, "o3", "tea"), &profile);
  const v1::Customer customer = View(profile, kStart + 45 * kDay);
  EXPECT_EQ(customer.orders(), 3);
  EXPECT_EQ(customer.repeat_days(), 2);
  EXPECT_EQ(customer.first_purchase().seconds(), kStart / 1000);
  EXPECT_EQ(customer.last_purchase().seconds(), (kStart + 20 * kDay) / 1000);
  EXPECT_EQ(customer.days_since_purchase(), 25);
  EXPECT_EQ(customer.purchase_gap_days(), 10);
  EXPECT_EQ(customer.purchase_gap().seconds(), 10 * 86'400);
  EXPECT_EQ(customer.overdue(), 2.5);
  EXPECT_EQ(customer.spent(0).minor(), 4500);
  EXPECT_THAT(customer.categories(), ElementsAre("tea", "wine"));
  EXPECT_EQ(customer.purchases().total(), 3);
  EXPECT_EQ(customer.purchases().last_30_days(), 1);
}

TEST(CustomerViewTest, TellsConsentsAndWhatTheCustomerSaid) {
  CustomerProfile profile;
  v1::Member consent = At(kStart);
  consent.mutable_consent()->set_purpose(v1::PURPOSE_SERVICE);
  consent.mutable_consent()->set_channel(v1::CHANNEL_PHONE);
  consent.mutable_consent()->set_granted(true);
  ApplyMember(consent, &profile);
  consent.mutable_consent()->set_purpose(v1::PURPOSE_MARKETING);
  consent.mutable_consent()->set_channel(v1::CHANNEL_EMAIL);
  ApplyMember(consent, &profile);
  v1::Member told = At(kStart);
  told.mutable_profile()->set_time_zone("Europe/Berlin");
  told.mutable_profile()->mutable_birthday()->set_month(2);
  told.mutable_profile()->mutable_birthday()->set_day(29);
  ApplyMember(told, &profile);
  const v1::Customer customer = View(profile, kStart);
  EXPECT_THAT(customer.consents(), ElementsAre("marketing/email", "service/phone"));
  EXPECT_EQ(customer.time_zone(), "Europe/Berlin");
  EXPECT_EQ(customer.birthday().day(), 29);
  EXPECT_FALSE(customer.member());
  EXPECT_FALSE(customer.has_joined());
}

TEST(CustomerViewTest, TheCustomerJoinedWhenItWasFirstSaidInAnyOrder) {
  CustomerProfile profile;
  for (const int64_t time_ms : {kStart + kDay, kStart, kStart + 2 * kDay}) {
    v1::Member joined = At(time_ms);
    joined.mutable_joined();
    ApplyMember(joined, &profile);
  }
  EXPECT_TRUE(View(profile, kStart).member());
  EXPECT_EQ(View(profile, kStart).joined().seconds(), kStart / 1000);
}

// Whoever asks for some fields gets what whoever asks for all of them gets.
TEST(CustomerViewTest, FillsTheFieldsThatAreAskedFor) {
  CustomerProfile profile;
  Buy(Order(kStart, "o1", "wine"), &profile);
  Buy(Order(kStart + 3 * kDay, "o2", "tea"), &profile);
  const v1::Customer whole = View(profile, kStart + 5 * kDay);
  const auto& reflection = *v1::Customer::GetReflection();
  std::vector<const google::protobuf::FieldDescriptor*> there;
  reflection.ListFields(whole, &there);
  EXPECT_GE(there.size(), 10u);
  for (const auto* field : there) {
    v1::CustomerFeatures features;
    v1::Customer customer;
    ViewCustomer(profile, "ann", kStart + 5 * kDay, CustomerFields{1} << field->number(), &features, &customer);
    v1::Customer expected = whole;
    std::vector<const google::protobuf::FieldDescriptor*> filled;
    reflection.ListFields(customer, &filled);
    EXPECT_NE(std::find(filled.begin(), filled.end(), field), filled.end()) << field->name();
    for (const auto* other : there) {
      if (std::find(filled.begin(), filled.end(), other) == filled.end()) reflection.ClearField(&expected, other);
    }
    EXPECT_EQ(customer.DebugString(), expected.DebugString()) << field->name();
  }
}

TEST(CustomerViewTest, ReckonsNothingThatIsNotAskedFor) {
  CustomerProfile profile;
  Buy(Order(kStart, "o1", "wine"), &profile);
  v1::CustomerFeatures features;
  v1::Customer customer;
  ViewCustomer(profile, "ann", kStart, CustomerFields{1} << v1::Customer::kOrdersFieldNumber, &features, &customer);
  EXPECT_EQ(customer.orders(), 1);
  EXPECT_EQ(customer.spent_size() + customer.categories_size(), 0);
  EXPECT_FALSE(customer.has_purchases());
}

}  // namespace
}  // namespace ebb
