#ifndef EBB_ENGINE_CLI_SHOP_H_
#define EBB_ENGINE_CLI_SHOP_H_

// A simulated shop: seeded customers who join, buy, browse, complain, give back, read mail and, some of them, leave
// for good. What `ebb generate` writes and `ebb demo` plays. Everything it makes is labelled as generated.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "engine/cli/shop_customer.h"
#include "google/protobuf/message.h"

namespace ebb {

// The sources of a shop, in the order of ShopSource.
inline constexpr std::array<std::string_view, 5> kShopSources = {"purchases", "browses", "supports", "members",
                                                                 "engagements"};

// What can go wrong on the way to a topic, as shares of all events. What happens in the shop does not depend on them.
struct ShopFaults {
  double duplicates = 0;  // The same event again, within half a minute.
  double disorder = 0;    // Delivered up to five seconds late, behind younger events.
  double late = 0;        // Delivered up to six hours late.
  double damaged = 0;     // Followed by a record that cannot be processed.
};

// The defaults suit a demonstration: half of the customers are there from the start, some leave in the first month,
// and by its end have been silent for long enough to be noticed.
struct ShopOptions {
  int32_t customers = 200;
  int32_t days = 180;  // Sets the pace of joining and leaving; the end, unless `events` is given.
  absl::Time start = absl::FromUnixSeconds(1'735'689'600);  // 2025-01-01T00:00:00Z
  uint64_t seed = 1;
  int64_t events = 0;           // Exactly so many, whatever the days; 0 for as many as there are.
  double events_per_day = 2.5;  // On average, of a customer who is there, joining aside: visits make up for what
                                // purchases and mail do not bring by themselves.
  double purchase_gap_days = 3;  // One over the mean rate at which customers buy.
  double leave_share = 0.35;     // Of customers there from the start: who leave within the days of their own accord.
                                 // Neglected complaints drive some more away. 0: nobody leaves.
  ShopFaults faults;
};

// InvalidArgument: names the option, what it may be and what it is.
absl::Status CheckShopOptions(const ShopOptions& options);

// A record of the shop. Views and message are valid until the next call of Next().
struct ShopEvent {
  ShopSource source = ShopSource::kPurchases;
  const google::protobuf::Message* message = nullptr;
  std::string_view customer;  // The key, also where the message lacks it.
  int64_t time_ms = 0;        // When it is delivered, in milliseconds since 1970: never goes back.
  bool unparsable = false;    // The bytes are to be spoilt, as Spoilt() does.

  std::string_view source_name() const { return kShopSources[static_cast<size_t>(source)]; }
};

// The bytes of a message, protobuf or JSON, made into what neither can be.
std::string Spoilt(std::string_view bytes);

// What really became of a customer who joined.
struct ShopTruth {
  std::string customer;
  int64_t joined_at_ms = 0;
  std::optional<int64_t> last_purchase_ms;
  std::optional<int64_t> left_at_ms;  // Absent: has not left so far.
  std::string_view why;               // "own-accord" or "neglected-complaint"; empty for who has not left.
};

// Streams the shop in order of time. Holds about 200 bytes a customer. The same options give the same events on every
// machine. Not thread-safe.
class Shop {
 public:
  // Options that CheckShopOptions() accepts; aborts on others.
  explicit Shop(const ShopOptions& options);

  // The next event; none at the end.
  std::optional<ShopEvent> Next();

  int32_t customers() const { return options_.customers; }
  // As of the last event. None for a customer, 0 to customers - 1, who has not joined yet.
  std::optional<ShopTruth> TruthOf(int32_t customer) const;

 private:
  // When a customer does something next.
  struct Turn {
    int64_t at_ms;
    uint32_t customer;
    bool operator<(const Turn& other) const {
      return at_ms != other.at_ms ? at_ms < other.at_ms : customer < other.customer;
    }
  };
  // A record that is on its way for longer than others.
  struct Delayed {
    int64_t at_ms;
    uint64_t number;  // Of two at one moment the first goes first.
    ShopSource source;
    uint32_t customer;
    bool unparsable;
    std::unique_ptr<google::protobuf::Message> message;
    bool operator<(const Delayed& other) const {  // The least on top of a heap.
      return at_ms != other.at_ms ? at_ms > other.at_ms : number > other.number;
    }
  };
  // On the way at once at most; beyond it, records are in time.
  static constexpr size_t kMaxDelayed = 100'000;

  std::optional<ShopEvent> Live();
  std::optional<ShopEvent> Deliver();
  bool Delay(const ShopEvent& event, uint32_t customer, double most_seconds);
  void Damage(const ShopEvent& event, uint32_t customer);
  ShopEvent Emit(ShopEvent event, uint32_t customer);
  void SettleFirst();

  const ShopOptions options_;
  const int64_t end_ms_;
  CustomerLife life_;
  Chance faults_;
  std::vector<Shopper> customers_;
  std::vector<Turn> turns_;  // A heap with kArity children a node, the earliest first.
  std::vector<Delayed> delayed_;
  uint64_t delayed_total_ = 0;
  int64_t emitted_ = 0;
  std::unique_ptr<google::protobuf::Message> delivered_;
  std::string customer_id_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_SHOP_H_
