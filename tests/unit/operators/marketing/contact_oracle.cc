#include "tests/unit/operators/marketing/contact_oracle.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/time/civil_time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/text.h"
#include "tests/harness/scenario_message.h"

namespace ebb::testing {
namespace {

using ::testing::IsEmpty;
using ::testing::Not;
using Withheld = v1::WithheldTrigger;

bool IsNight(absl::Time time, const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  const int hour = absl::ToCivilHour(time, zone).hour();
  return hour >= kQuietFrom || hour < kQuietUntil;
}

bool IsDrawn(double share, const std::string& salt, const std::string& customer) {
  const std::string text = Text(salt, "\n", customer);
  return static_cast<double>(XXH64(text.data(), text.size(), 0) % 10'000) < std::round(share * 10'000);
}

class Oracle {
 public:
  Oracle(std::string customer, const Truth& truth, std::vector<Verdict> verdicts)
      : customer_(std::move(customer)), truth_(truth), verdicts_(std::move(verdicts)) {
    std::stable_sort(verdicts_.begin(), verdicts_.end(),
                     [](const Verdict& a, const Verdict& b) { return a.at < b.at; });
  }

  void Judge() const {
    for (const Verdict& verdict : verdicts_) {
      SCOPED_TRACE(Text(customer_, " at ", FormatMoment(verdict.at), " ", verdict.trigger.ShortDebugString(), " ",
                        Withheld::Cause_Name(verdict.cause)));
      const absl::Time expires = absl::FromUnixMillis(verdict.trigger.expires_at_ms());
      EXPECT_EQ(expires, verdict.Decided() + verdict.rule->expires_after);
      EXPECT_LE(verdict.at, expires);
      JudgeMoment(verdict);
      verdict.sent ? JudgeSent(verdict) : JudgeWithheld(verdict);
      if (verdict.IsContact()) JudgeContact(verdict);
    }
    JudgeOffers();
  }

 private:
  bool HasConsent(v1::Purpose purpose, v1::Channel channel, absl::Time time) const {
    bool granted = false;
    for (const Truth::Consent& consent : truth_.consents) {
      const bool concerns = !consent.purpose || (*consent.purpose == purpose && consent.channel == channel);
      if (consent.at <= time && concerns) granted = consent.granted;
    }
    return granted;
  }
  bool HasConsent(const Verdict& verdict, v1::Channel channel) const {
    return HasConsent(verdict.rule->is_service ? v1::PURPOSE_SERVICE : v1::PURPOSE_MARKETING, channel, verdict.at);
  }
  bool HasAnyConsent(const Verdict& verdict) const {
    return std::any_of(verdict.rule->channels.begin(), verdict.rule->channels.end(),
                       [&](v1::Channel channel) { return HasConsent(verdict, channel); });
  }
  bool HasOpenComplaint(absl::Time time) const {
    std::set<std::string> open;
    for (const Truth::Complaint& complaint : truth_.complaints) {
      if (complaint.at > time) continue;
      complaint.open ? (void)open.insert(complaint.ticket) : (void)open.erase(complaint.ticket);
    }
    return !open.empty();
  }
  bool IsQuiet(absl::Time time) const {
    std::string zone;
    for (const Truth::Zone& moved : truth_.zones) {
      if (moved.at <= time) zone = moved.name;
    }
    if (!zone.empty()) return IsNight(time, zone);
    return std::any_of(kZonesWhenUnknown.begin(), kZonesWhenUnknown.end(),
                       [&](const char* any) { return IsNight(time, any); });
  }
  // Contacts in the window of the cap that ends at `time`, those at that very moment left out.
  int64_t Contacts(const Cap& cap, absl::Time time) const {
    return std::count_if(verdicts_.begin(), verdicts_.end(), [&](const Verdict& other) {
      return other.IsContact() && other.at < time && other.at > time - cap.window &&
             (!cap.channel || other.trigger.channel() == *cap.channel);
    });
  }
  bool IsCapped(v1::Channel channel, absl::Time time) const {
    return std::any_of(kCaps.begin(), kCaps.end(), [&](const Cap& cap) {
      return (!cap.channel || *cap.channel == channel) && Contacts(cap, time) >= cap.max;
    });
  }
  bool IsHeldOutOfAll() const { return IsDrawn(kHoldoutShare, kHoldoutSalt, customer_); }
  bool IsHeldOutOf(const Rule& rule) const {
    return IsDrawn(rule.holdout_share, Text("campaign ", rule.name), customer_);
  }
  static std::pair<int, int64_t> Rank(const Verdict& verdict) {
    return {verdict.rule->priority, verdict.trigger.decided_at_ms()};
  }
  // A purchase after all that it is about, which is known by then.
  bool IsPointless(const Verdict& verdict, absl::Time time) const {
    return verdict.rule->called_off_by_purchase &&
           std::any_of(truth_.purchases.begin(), truth_.purchases.end(), [&](const Truth::Purchase& purchase) {
             return purchase.at >= verdict.offered.back() && purchase.known <= time;
           });
  }

  // Nothing waits but for others and for the night, minute by minute.
  void JudgeMoment(const Verdict& verdict) const {
    if (!verdict.IsPromotional()) {
      EXPECT_EQ(verdict.at, verdict.Decided()) << "service does not wait";
      return;
    }
    for (absl::Time time = verdict.Decided() + kWinnerWindow; time < verdict.at; time += absl::Minutes(1)) {
      ASSERT_TRUE(IsQuiet(time)) << "it might have been sent at " << FormatMoment(time);
    }
  }

  void JudgeSent(const Verdict& verdict) const {
    EXPECT_TRUE(HasConsent(verdict, verdict.trigger.channel())) << "sent without consent";
    EXPECT_LT(verdict.at, absl::FromUnixMillis(verdict.trigger.expires_at_ms())) << "sent though it had expired";
    EXPECT_FALSE(IsPointless(verdict, verdict.at)) << "sent after a purchase";
    JudgeChannel(verdict);
    if (!verdict.IsPromotional()) return;
    EXPECT_FALSE(IsHeldOutOfAll() || IsHeldOutOf(*verdict.rule)) << "sent to one who is held out";
  }

  // Of what was sent, and of what would have been but for the comparison.
  void JudgeContact(const Verdict& verdict) const {
    EXPECT_FALSE(IsQuiet(verdict.at)) << "in quiet hours";
    EXPECT_FALSE(HasOpenComplaint(verdict.at)) << "while a complaint is open";
    EXPECT_FALSE(IsCapped(verdict.trigger.channel(), verdict.at)) << "beyond a cap";
    const auto other = std::count_if(verdicts_.begin(), verdicts_.end(), [&](const Verdict& contact) {
      return contact.IsContact() && absl::AbsDuration(contact.at - verdict.at) < kWinnerWindow;
    });
    EXPECT_EQ(other, 1) << "another one in the same window";
  }

  // It is the first that could be used, and the record says why those before it could not.
  void JudgeChannel(const Verdict& verdict) const {
    std::vector<std::string> expected, recorded;
    for (const v1::Channel channel : verdict.rule->channels) {
      const bool has_consent = HasConsent(verdict, channel);
      if (has_consent && (verdict.rule->is_service || !IsCapped(channel, verdict.at))) {
        EXPECT_EQ(verdict.trigger.channel(), channel);
        break;
      }
      expected.push_back(Text(Small(channel), has_consent ? " FREQUENCY_CAP" : " NO_CONSENT"));
    }
    for (const auto& passed : verdict.trigger.passed_over()) {
      recorded.push_back(
          Text(Small(passed.channel()), " ", v1::MarketingTrigger::PassedOver::Cause_Name(passed.cause())));
    }
    EXPECT_EQ(expected, recorded);
  }

  void JudgeWithheld(const Verdict& verdict) const {
    const auto& channels = verdict.rule->channels;
    switch (verdict.cause) {
      case Withheld::NO_CONSENT:
      case Withheld::CONSENT_WITHDRAWN: EXPECT_FALSE(HasAnyConsent(verdict)); break;
      case Withheld::FREQUENCY_CAP:
        EXPECT_TRUE(std::all_of(channels.begin(), channels.end(), [&](v1::Channel channel) {
          return !HasConsent(verdict, channel) || IsCapped(channel, verdict.at);
        }));
        break;
      case Withheld::OUTRANKED:
        EXPECT_TRUE(std::any_of(verdicts_.begin(), verdicts_.end(), [&](const Verdict& winner) {
          return winner.IsContact() && winner.at == verdict.at && Rank(winner) >= Rank(verdict);
        }));
        break;
      case Withheld::HOLDOUT: {
        std::set<int> groups;
        if (IsHeldOutOfAll()) groups.insert(Withheld::OF_ALL);
        if (IsHeldOutOf(*verdict.rule)) groups.insert(Withheld::OF_CAMPAIGN);
        EXPECT_THAT(groups, Not(IsEmpty()));
        EXPECT_EQ(verdict.groups, groups);
        JudgeChannel(verdict);
        break;
      }
      case Withheld::EXPIRED: EXPECT_EQ(verdict.at, absl::FromUnixMillis(verdict.trigger.expires_at_ms())); break;
      case Withheld::CANCELLED: EXPECT_TRUE(IsPointless(verdict, absl::InfiniteFuture())); break;
      case Withheld::OPEN_COMPLAINT: EXPECT_TRUE(HasOpenComplaint(verdict.at)); break;
      default: ADD_FAILURE() << "a cause that cannot be";
    }
    EXPECT_TRUE(verdict.IsPromotional() || verdict.cause == Withheld::NO_CONSENT)
        << "service is held back by consent only";
  }

  // Whatever was asked for ends once, as sent or withheld; not at all only if a purchase came while it waited.
  void JudgeOffers() const {
    std::map<std::string, int> ends;
    for (const Verdict& verdict : verdicts_) {
      for (const std::string& sku : verdict.trigger.skus()) ++ends[sku];
    }
    for (const Truth::Offer& offer : truth_.offers) {
      const absl::Time decided = DecisionOf(offer);
      const bool may_be_called_off =
          offer.rule->wait > absl::ZeroDuration() &&
          std::any_of(truth_.purchases.begin(), truth_.purchases.end(),
                      [&](const auto& purchase) { return purchase.at >= offer.at && purchase.at <= decided; });
      EXPECT_LE(ends[offer.sku], 1) << customer_ << " " << offer.rule->name << " " << offer.sku;
      EXPECT_GE(ends[offer.sku], may_be_called_off ? 0 : 1) << customer_ << " " << offer.rule->name << " " << offer.sku;
    }
  }
  // Each further offer of the same rule within the wait puts it off.
  absl::Time DecisionOf(const Truth::Offer& offer) const {
    absl::Time decided = offer.at + offer.rule->wait;
    for (const Truth::Offer& other : truth_.offers) {
      if (other.rule == offer.rule && other.at > offer.at && other.at < decided) decided = other.at + other.rule->wait;
    }
    return decided;
  }

  const std::string customer_;
  const Truth& truth_;
  std::vector<Verdict> verdicts_;
};

}  // namespace

void Judge(const std::string& customer, const Truth& truth, std::vector<Verdict> verdicts) {
  Oracle(customer, truth, std::move(verdicts)).Judge();
}

}  // namespace ebb::testing
