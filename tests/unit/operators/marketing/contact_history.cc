#include "tests/unit/operators/marketing/contact_history.h"

#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "state/text.h"
#include "tests/harness/scenario_message.h"

namespace ebb::testing {
namespace {

constexpr absl::Duration kDay = absl::Hours(24);

std::string Pipeline() {
  std::string text = R"(pipeline:
  sources:
    purchases: {type: ebb.v1.Purchase, lateness: 0s}
    browses: {type: ebb.v1.Browse, lateness: 0s}
    supports: {type: ebb.v1.Support, lateness: 0s}
    members: {type: ebb.v1.Member, lateness: 0s}
    engagements: {type: ebb.v1.Engagement, lateness: 0s}
  operators:
    - {id: intake, type: intake, inputs: [purchases, browses, supports, members, engagements]}
    - {id: profile, type: customer-profile, inputs: [intake]}
)";
  std::vector<std::string> names;
  for (const Rule& rule : Rules()) {
    names.push_back(rule.name);
    const bool waits = rule.wait > absl::ZeroDuration();
    absl::StrAppend(&text, "    - id: ", rule.name, "\n      type: trigger\n      inputs: [intake]\n      config:\n");
    absl::StrAppend(&text, "        name: ", rule.name, "\n        on: ", waits ? "cart-added" : "browse-viewed", "\n");
    if (!waits) absl::StrAppend(&text, "        when: event.category == \"", rule.name, "\"\n");
    absl::StrAppend(&text, "        wait: ", absl::ToInt64Minutes(rule.wait), "m\n");
    if (rule.called_off_by_purchase) absl::StrAppend(&text, "        unless: [{on: purchased}]\n");
    absl::StrAppend(&text, "        expires_after: ", absl::ToInt64Hours(rule.expires_after), "h\n");
    absl::StrAppend(&text, "        channels: [",
                    absl::StrJoin(rule.channels, ", ",
                                  [](std::string* out, auto channel) { absl::StrAppend(out, Small(channel)); }),
                    "]\n        priority: ", rule.priority, "\n");
    absl::StrAppend(&text, "        purpose: ", rule.is_service ? "service" : "marketing", "\n");
    absl::StrAppend(&text, "        holdout_share: ", rule.holdout_share, "\n");
  }
  absl::StrAppend(&text, "    - id: policy\n      type: contact-policy\n      inputs: [intake, ",
                  absl::StrJoin(names, ", "), "]\n      config:\n        quiet_hours: {start: \"", kQuietFrom,
                  ":00\", end: \"0", kQuietUntil, ":00\", zones_when_unknown: [",
                  absl::StrJoin(kZonesWhenUnknown, ", "), "]}\n        caps:\n");
  for (const Cap& cap : kCaps) {
    absl::StrAppend(&text, "          - {max: ", cap.max, ", window: ", absl::ToInt64Hours(cap.window), "h");
    absl::StrAppend(&text, cap.channel ? Text(", channel: ", Small(*cap.channel)) : "", "}\n");
  }
  return Text(text, "        winner_window: ", absl::ToInt64Minutes(kWinnerWindow),
              "m\n        holdout_share: ", kHoldoutShare, "\n        holdout_salt: ", kHoldoutSalt, "\n",
              "  sinks:\n    triggers: {type: ebb.v1.MarketingTrigger, inputs: [policy]}\n"
              "    withheld: {type: ebb.v1.WithheldTrigger, inputs: [policy]}\n");
}

class Storyteller {
 public:
  explicit Storyteller(int seed) : random_(static_cast<unsigned>(seed)) {
    now_ = *ParseMoment(seed % 2 == 0 ? "2026-03-23 08:00" : "2026-10-19 08:00");
    for (int i = 0; i < kCustomers; ++i) customers_.push_back(Text("c", seed, "-", i));
    for (const std::string& customer : customers_) {
      for (const v1::Channel channel : {v1::CHANNEL_APP, v1::CHANNEL_EMAIL}) {
        Consent(customer, Pick(4) == 0 ? v1::PURPOSE_SERVICE : v1::PURPOSE_MARKETING, channel, true);
      }
    }
    for (int step = 0; step < kSteps; ++step) Happen();
  }

  History Tell() && {
    return {std::move(truths_),
            Text("what: Whatever happens, the rules of contact are kept.\n", Pipeline(), "events: |\n", lines_,
                 "until: ", FormatMoment(now_ + 10 * kDay), "\nshow: {triggers: type, withheld: cause}\n")};
  }

 private:
  static constexpr int kCustomers = 5;
  static constexpr int kSteps = 300;

  int Pick(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  template <class Container>
  const auto& OneOf(const Container& container) {
    return container[static_cast<size_t>(Pick(static_cast<int>(container.size())))];
  }

  // Moments at which something happens differ in their milliseconds from those of all other events, and so from all
  // that these make due; quiet hours end at none.
  absl::Time Now() const { return now_ + absl::Milliseconds(1 + 3 * events_); }

  void Note(absl::Time at, const std::string& source, const std::string& customer, const std::string& fields) {
    const std::string line = Text("  ", FormatMoment(at), " ", source, " {customer: ", customer, ", event: e",
                                  events_++, ", ", fields, "}\n");
    lines_ += line;
    noted_.emplace_back(at, line);
  }

  void Consent(const std::string& customer, v1::Purpose purpose, v1::Channel channel, bool granted) {
    truths_[customer].consents.push_back({Now(), purpose, channel, granted});
    Note(Now(), "members", customer,
         Text("consent: {purpose: ", purpose == v1::PURPOSE_SERVICE ? "service" : "marketing",
              ", channel: ", Small(channel), ", granted: ", granted ? "true" : "false", "}"));
  }

  void Offer(const std::string& customer, const Rule& rule) {
    const std::string sku = Text("s", events_);
    truths_[customer].offers.push_back({Now(), &rule, sku});
    const bool waits = rule.wait > absl::ZeroDuration();
    Note(Now(), "browses", customer,
         Text("action: ", waits ? "add-to-cart" : "view", ", sku: ", sku, ", category: ", rule.name));
  }

  void Purchase(const std::string& customer) {
    const absl::Time at = Pick(3) == 0 ? Now() - absl::Minutes(1 + Pick(24 * 60)) : Now();
    truths_[customer].purchases.push_back({at, Now()});
    Note(at, "purchases", customer,
         Text("order: o", events_, ", kind: order, currency: EUR, lines: [{sku: milk, price_minor: 199}]"));
  }

  void Complain(const std::string& customer) {
    const std::string ticket = Text(customer, "-t", Pick(2));
    const bool opens = Pick(5) < 2;
    truths_[customer].complaints.push_back({Now(), ticket, opens});
    Note(Now(), "supports", customer,
         Text("kind: ", opens ? "opened" : "resolved", ", ticket: ", ticket, ", complaint: true"));
  }

  void Move(const std::string& customer) {
    static const std::vector<std::string> kZones = {"Europe/Berlin", "America/New_York", "Asia/Tokyo",
                                                    "Australia/Lord_Howe"};
    const std::string& zone = OneOf(kZones);
    truths_[customer].zones.push_back({Now(), zone});
    Note(Now(), "members", customer, Text("profile: {time_zone: ", zone, "}"));
  }

  // Delivered again, at a moment at which nothing else happens.
  void Redeliver() {
    const auto& [at, line] = OneOf(noted_);
    if (Now() - at < 6 * kDay) lines_ += line;
  }

  void Happen() {
    // Mostly within the hour, often within the same window, and now and then days later.
    const int pace = Pick(40);
    now_ += pace == 0 ? absl::Minutes(1 + Pick(4 * 24 * 60)) : absl::Minutes(Pick(pace < 15 ? 8 : 90));
    static const std::vector<v1::Channel> kChannels = {v1::CHANNEL_EMAIL, v1::CHANNEL_SMS, v1::CHANNEL_APP,
                                                       v1::CHANNEL_PHONE};
    const std::string customer = OneOf(customers_);
    const int what = Pick(100);
    if (what < 20) {
      Consent(customer, Pick(3) == 0 ? v1::PURPOSE_SERVICE : v1::PURPOSE_MARKETING, OneOf(kChannels), Pick(10) < 7);
    } else if (what < 23) {
      const v1::Channel channel = OneOf(kChannels);
      truths_[customer].consents.push_back({Now(), v1::PURPOSE_MARKETING, channel, false});
      Note(Now(), "engagements", customer, Text("channel: ", Small(channel), ", kind: unsubscribed"));
    } else if (what < 24) {
      truths_[customer].consents.push_back({Now(), std::nullopt, v1::CHANNEL_UNSPECIFIED, false});
      Note(Now(), "members", customer, "erasure_asked: {}");
    } else if (what < 29) {
      Move(customer);
    } else if (what < 36) {
      Purchase(customer);
    } else if (what < 44) {
      Complain(customer);
    } else if (what < 49) {
      Redeliver();
    } else {
      Offer(customer, OneOf(Rules()));
    }
  }

  std::mt19937 random_;
  absl::Time now_;
  int events_ = 0;
  std::vector<std::string> customers_;
  std::map<std::string, Truth> truths_;
  std::string lines_;
  std::vector<std::pair<absl::Time, std::string>> noted_;
};

}  // namespace

const std::vector<Rule>& Rules() {
  using enum v1::Channel;
  static const std::vector<Rule> rules = {
      {.name = "win",
       .channels = {CHANNEL_EMAIL, CHANNEL_SMS, CHANNEL_APP},
       .priority = 50,
       .expires_after = 3 * kDay,
       .called_off_by_purchase = true},
      {.name = "offer",
       .channels = {CHANNEL_APP, CHANNEL_EMAIL},
       .priority = 30,
       .expires_after = kDay,
       .called_off_by_purchase = true},
      {.name = "news",
       .channels = {CHANNEL_EMAIL, CHANNEL_SMS},
       .priority = 10,
       .expires_after = kDay / 2,
       .holdout_share = 0.3},
      {.name = "push", .channels = {CHANNEL_APP}, .priority = 30, .expires_after = absl::Hours(6)},
      {.name = "care",
       .channels = {CHANNEL_PHONE, CHANNEL_EMAIL},
       .priority = 90,
       .expires_after = 2 * kDay,
       .is_service = true},
      {.name = "basket",
       .channels = {CHANNEL_APP, CHANNEL_SMS},
       .priority = 20,
       .expires_after = kDay,
       .called_off_by_purchase = true,
       .wait = absl::Minutes(45)},
  };
  return rules;
}

std::string Small(v1::Channel channel) {
  return absl::AsciiStrToLower(v1::Channel_Name(channel).substr(std::string("CHANNEL_").size()));
}

History MakeHistory(int seed) { return Storyteller(seed).Tell(); }

}  // namespace ebb::testing
