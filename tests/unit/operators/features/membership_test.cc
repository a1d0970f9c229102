#include "operators/features/membership.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "operators/features/features.h"

namespace ebb {
namespace {

using operators::CustomerProfile;

v1::Member At(int64_t time_ms) {
  v1::Member member;
  member.mutable_header()->set_event_time_ms(time_ms);
  return member;
}
v1::Member Consent(int64_t time_ms, bool granted, v1::Purpose purpose = v1::PURPOSE_MARKETING,
                   v1::Channel channel = v1::CHANNEL_EMAIL) {
  v1::Member member = At(time_ms);
  member.mutable_consent()->set_purpose(purpose);
  member.mutable_consent()->set_channel(channel);
  member.mutable_consent()->set_granted(granted);
  return member;
}
v1::Member Erasure(int64_t time_ms) {
  v1::Member member = At(time_ms);
  member.mutable_erasure_asked();
  return member;
}
v1::Member Profile(int64_t time_ms, std::string zone, std::string language, int birthday_day = 0) {
  v1::Member member = At(time_ms);
  member.mutable_profile()->set_time_zone(std::move(zone));
  member.mutable_profile()->set_language(std::move(language));
  if (birthday_day > 0) {
    member.mutable_profile()->mutable_birthday()->set_month(5);
    member.mutable_profile()->mutable_birthday()->set_day(birthday_day);
  }
  return member;
}
v1::Engagement Unsubscribed(int64_t time_ms, v1::Channel channel) {
  v1::Engagement engagement;
  engagement.mutable_header()->set_event_time_ms(time_ms);
  engagement.mutable_header()->set_channel(channel);
  engagement.set_kind(v1::Engagement::UNSUBSCRIBED);
  return engagement;
}

bool MayMail(const CustomerProfile& profile) {
  return HasConsent(profile, v1::PURPOSE_MARKETING, v1::CHANNEL_EMAIL);
}

bool MayMailAfter(std::vector<v1::Member> events) {
  CustomerProfile profile;
  for (const auto& event : events) ApplyMember(event, &profile);
  const bool allowed = MayMail(profile);
  // It never depends on the order of arrival.
  std::reverse(events.begin(), events.end());
  CustomerProfile reversed;
  for (const auto& event : events) ApplyMember(event, &reversed);
  EXPECT_EQ(MayMail(reversed), allowed);
  return allowed;
}

TEST(ConsentTest, IsDeniedUntilGiven) {
  EXPECT_FALSE(MayMail(CustomerProfile()));
  EXPECT_TRUE(MayMailAfter({Consent(5, true)}));
}

TEST(ConsentTest, TheLatestByEventTimeHolds) {
  EXPECT_FALSE(MayMailAfter({Consent(5, true), Consent(6, false)}));
  EXPECT_TRUE(MayMailAfter({Consent(5, true), Consent(6, false), Consent(7, true)}));
}

TEST(ConsentTest, AtTheSameMomentTheWithdrawalHolds) {
  EXPECT_FALSE(MayMailAfter({Consent(5, true), Consent(5, false)}));
}

TEST(ConsentTest, BelongsToItsPurposeAndChannel) {
  CustomerProfile profile;
  ApplyMember(Consent(5, true, v1::PURPOSE_SERVICE, v1::CHANNEL_SMS), &profile);
  EXPECT_TRUE(HasConsent(profile, v1::PURPOSE_SERVICE, v1::CHANNEL_SMS));
  EXPECT_FALSE(HasConsent(profile, v1::PURPOSE_SERVICE, v1::CHANNEL_EMAIL));
  EXPECT_FALSE(HasConsent(profile, v1::PURPOSE_MARKETING, v1::CHANNEL_SMS));
}

TEST(ConsentTest, WhatIsUnspecifiedIsNeverGiven) {
  CustomerProfile profile;
  ApplyMember(Consent(5, true, v1::PURPOSE_UNSPECIFIED), &profile);
  ApplyMember(Consent(5, true, v1::PURPOSE_MARKETING, v1::CHANNEL_UNSPECIFIED), &profile);
  EXPECT_FALSE(HasConsent(profile, v1::PURPOSE_UNSPECIFIED, v1::CHANNEL_EMAIL));
  EXPECT_FALSE(HasConsent(profile, v1::PURPOSE_MARKETING, v1::CHANNEL_UNSPECIFIED));
}

TEST(ConsentTest, ErasureWithdrawsAllThatWasGivenUntilThen) {
  EXPECT_FALSE(MayMailAfter({Consent(5, true), Erasure(6)}));
  EXPECT_FALSE(MayMailAfter({Consent(5, true), Erasure(5)}));
  EXPECT_TRUE(MayMailAfter({Consent(5, true), Erasure(6), Consent(7, true)}));
}

TEST(ConsentTest, UnsubscribingWithdrawsMarketingThroughThatChannel) {
  CustomerProfile profile;
  ApplyMember(Consent(5, true), &profile);
  ApplyMember(Consent(5, true, v1::PURPOSE_MARKETING, v1::CHANNEL_SMS), &profile);
  ApplyMember(Consent(5, true, v1::PURPOSE_SERVICE), &profile);
  ApplyEngagement(Unsubscribed(6, v1::CHANNEL_EMAIL), &profile);
  EXPECT_FALSE(MayMail(profile));
  EXPECT_TRUE(HasConsent(profile, v1::PURPOSE_MARKETING, v1::CHANNEL_SMS));
  EXPECT_TRUE(HasConsent(profile, v1::PURPOSE_SERVICE, v1::CHANNEL_EMAIL));
  v1::Engagement opened = Unsubscribed(7, v1::CHANNEL_SMS);
  opened.set_kind(v1::Engagement::OPENED);
  ApplyEngagement(opened, &profile);
  EXPECT_TRUE(HasConsent(profile, v1::PURPOSE_MARKETING, v1::CHANNEL_SMS));
}

TEST(BasicsTest, TheLatestThatWasSaidHoldsFieldByField) {
  std::vector<v1::Member> events = {Profile(1, "Europe/Berlin", "de", 7), Profile(3, "", "fr"),
                                    Profile(2, "UTC", "en")};
  std::vector<int> order = {0, 1, 2};
  do {
    CustomerProfile profile;
    for (int i : order) ApplyMember(events[i], &profile);
    ASSERT_EQ(profile.basics().time_zone(), "UTC");
    ASSERT_EQ(profile.basics().language(), "fr");
    ASSERT_EQ(profile.basics().birthday().day(), 7);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(BasicsTest, AtTheSameMomentTheGreaterTextHolds) {
  CustomerProfile one;
  ApplyMember(Profile(1, "", "de"), &one);
  ApplyMember(Profile(1, "", "fr"), &one);
  CustomerProfile other;
  ApplyMember(Profile(1, "", "fr"), &other);
  ApplyMember(Profile(1, "", "de"), &other);
  EXPECT_EQ(one.basics().language(), "fr");
  EXPECT_EQ(other.basics().language(), "fr");
}

}  // namespace
}  // namespace ebb
