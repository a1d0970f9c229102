#ifndef EBB_TESTS_UNIT_OPERATORS_MARKETING_CONTACT_HISTORY_H_
#define EBB_TESTS_UNIT_OPERATORS_MARKETING_CONTACT_HISTORY_H_

// Random histories of customers for a pipeline from intake to contact policy, with what is true of these customers at
// any moment: what is needed to judge which messages they may get. Stateless; the same seed gives the same history.

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "ebb/v1/header.pb.h"
#include "ebb/v1/member.pb.h"

namespace ebb::testing {

// The settings of the pipeline.

// A rule that asks for a message with each look at an article of the category that bears its name. One that waits does
// so after the last article that was put into the basket.
struct Rule {
  std::string name;
  std::vector<v1::Channel> channels;
  int priority = 0;
  absl::Duration expires_after;
  bool is_service = false;
  bool called_off_by_purchase = false;
  double holdout_share = 0;
  absl::Duration wait = absl::ZeroDuration();
};
const std::vector<Rule>& Rules();

// How many promotional messages in a rolling window, through one channel or through all of them.
struct Cap {
  int max = 0;
  absl::Duration window;
  std::optional<v1::Channel> channel;
};
inline constexpr std::array kCaps = {Cap{2, absl::Hours(24), {}}, Cap{4, absl::Hours(5 * 24), {}},
                                     Cap{1, absl::Hours(2 * 24), v1::CHANNEL_APP}};
// Quiet hours begin at the one and end at the other, by the clock where the customer lives; without its being known, by
// any of these.
inline constexpr int kQuietFrom = 21, kQuietUntil = 8;
inline constexpr std::array kZonesWhenUnknown = {"Europe/Lisbon", "Europe/Berlin", "Europe/Helsinki"};
inline constexpr absl::Duration kWinnerWindow = absl::Minutes(15);
inline constexpr double kHoldoutShare = 0.15;
inline constexpr char kHoldoutSalt[] = "salt";

// As scenarios spell it: "email".
std::string Small(v1::Channel channel);

// What is true of one customer, by the moment from which it is known.
struct Truth {
  struct Consent {
    absl::Time at;
    std::optional<v1::Purpose> purpose;  // Without one, all of them are withdrawn.
    v1::Channel channel;
    bool granted;
  };
  struct Zone {
    absl::Time at;
    std::string name;
  };
  struct Complaint {
    absl::Time at;
    std::string ticket;
    bool open;
  };
  struct Purchase {
    absl::Time at;
    absl::Time known;  // Later, when it is delivered late.
  };
  struct Offer {
    absl::Time at;
    const Rule* rule;
    std::string sku;  // Of nothing else.
  };

  std::vector<Consent> consents;
  std::vector<Zone> zones;
  std::vector<Complaint> complaints;
  std::vector<Purchase> purchases;
  std::vector<Offer> offers;
};

struct History {
  std::map<std::string, Truth> truths;  // By customer.
  std::string scenario;                 // The text of a scenario file.
};

// A few weeks in the life of some customers, around the night in which clocks are changed: in spring with even seeds,
// in autumn with odd ones.
History MakeHistory(int seed);

}  // namespace ebb::testing

#endif  // EBB_TESTS_UNIT_OPERATORS_MARKETING_CONTACT_HISTORY_H_
