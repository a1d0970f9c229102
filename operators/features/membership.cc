#include "operators/features/membership.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "operators/features/columns.h"

namespace ebb {
namespace {

using operators::CustomerProfile;
using Consents = CustomerProfile::Consents;
using Basics = CustomerProfile::Basics;

constexpr uint32_t kChannels = 256;

void ApplyConsent(v1::Purpose purpose, v1::Channel channel, bool granted, int64_t time_ms, Consents* consents) {
  const bool is_known = v1::Purpose_IsValid(purpose) && v1::Channel_IsValid(channel);
  if (!is_known || purpose == v1::PURPOSE_UNSPECIFIED || channel == v1::CHANNEL_UNSPECIFIED) return;
  const uint32_t key = ConsentKey(purpose, channel);
  const auto& keys = consents->key();
  const int row = static_cast<int>(std::lower_bound(keys.begin(), keys.end(), key) - keys.begin());
  if (row == keys.size() || keys[row] != key) {
    InsertAt(consents->mutable_key(), row, key);
    InsertAt(consents->mutable_given_ms(), row, 0);
    InsertAt(consents->mutable_withdrawn_ms(), row, 0);
  }
  if (granted) {
    consents->set_given_ms(row, std::max(consents->given_ms(row), time_ms));
  } else {
    consents->set_withdrawn_ms(row, std::max(consents->withdrawn_ms(row), time_ms));
  }
}

// Replaces a text that was said before `time_ms`; `said_ms` is when.
bool Supersedes(int64_t time_ms, const std::string& text, int64_t said_ms, const std::string& known) {
  return !text.empty() && std::tie(time_ms, text) > std::tie(said_ms, known);
}

auto Rank(const v1::Member::Date& date) { return std::tuple(date.year(), date.month(), date.day()); }

void ApplyProfile(const v1::Member::Profile& said, int64_t time_ms, Basics* basics) {
  if (Supersedes(time_ms, said.time_zone(), basics->time_zone_at_ms(), basics->time_zone())) {
    basics->set_time_zone(said.time_zone());
    basics->set_time_zone_at_ms(time_ms);
  }
  if (Supersedes(time_ms, said.language(), basics->language_at_ms(), basics->language())) {
    basics->set_language(said.language());
    basics->set_language_at_ms(time_ms);
  }
  if (said.has_birthday() && std::tuple(time_ms, Rank(said.birthday())) >
                                 std::tuple(basics->birthday_at_ms(), Rank(basics->birthday()))) {
    *basics->mutable_birthday() = said.birthday();
    basics->set_birthday_at_ms(time_ms);
  }
}

}  // namespace

void ApplyMember(const v1::Member& member, CustomerProfile* profile) {
  const int64_t time_ms = member.header().event_time_ms();
  switch (member.change_case()) {
    case v1::Member::kProfile:
      ApplyProfile(member.profile(), time_ms, profile->mutable_basics());
      break;
    case v1::Member::kConsent:
      ApplyConsent(member.consent().purpose(), member.consent().channel(), member.consent().granted(), time_ms,
                   profile->mutable_consents());
      break;
    case v1::Member::kErasureAsked:
      profile->mutable_consents()->set_erasure_ms(std::max(profile->consents().erasure_ms(), time_ms));
      break;
    case v1::Member::kJoined: {
      Basics* const basics = profile->mutable_basics();
      if (!basics->has_joined_ms() || time_ms < basics->joined_ms()) basics->set_joined_ms(time_ms);
      break;
    }
    case v1::Member::kLinked:
    case v1::Member::CHANGE_NOT_SET:
      break;
  }
}

void ApplyEngagement(const v1::Engagement& engagement, CustomerProfile* profile) {
  if (engagement.kind() != v1::Engagement::UNSUBSCRIBED) return;
  ApplyConsent(v1::PURPOSE_MARKETING, engagement.header().channel(), false, engagement.header().event_time_ms(),
               profile->mutable_consents());
}

bool IsInForce(const Consents& consents, int row) {
  return consents.given_ms(row) > std::max(consents.withdrawn_ms(row), consents.erasure_ms());
}

uint32_t ConsentKey(v1::Purpose purpose, v1::Channel channel) {
  return static_cast<uint32_t>(purpose) * kChannels + static_cast<uint32_t>(channel);
}

v1::Purpose PurposeOf(uint32_t consent_key) { return static_cast<v1::Purpose>(consent_key / kChannels); }

v1::Channel ChannelOf(uint32_t consent_key) { return static_cast<v1::Channel>(consent_key % kChannels); }

}  // namespace ebb
