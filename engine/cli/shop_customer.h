#ifndef EBB_ENGINE_CLI_SHOP_CUSTOMER_H_
#define EBB_ENGINE_CLI_SHOP_CUSTOMER_H_

// A simulated customer, and how such a customer lives: joins, buys in an own rhythm, looks around, complains, gives
// things back, reads mail, and perhaps leaves for good.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "ebb/v1/browse.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "engine/cli/shop_basket.h"
#include "state/chance.h"

namespace ebb {

// All that is remembered of a customer, kept small: a shop may have millions.
struct Shopper {
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // What goes on at the same time, each with one next moment. Of two at one moment the first comes first.
  enum Activity : uint8_t { kEnrol, kLeave, kTrip, kVisit, kTakeBack, kTicket, kMail, kActivities };
  enum class Why : uint8_t { kOwnAccord, kComplaint };
  enum class Visit : uint8_t { kNone, kLook, kAbandon, kBuy };
  enum class Ticket : uint8_t { kNone, kOpen, kAnswer, kResolve, kReopen, kRate, kRecommend };
  enum class Mail : uint8_t { kSend, kDeliver, kOpen, kClick, kUnsubscribe, kRedeem };

  // Of the next activity; kNever when there is none.
  int64_t DueMs() const { return *std::min_element(due_ms.begin(), due_ms.end()); }
  bool joined() const { return joined_at_ms != kNever; }
  bool left() const { return left_at_ms != kNever; }

  std::array<int64_t, kActivities> due_ms;  // In milliseconds since 1970, as all times here.
  int64_t joined_at_ms = kNever;
  int64_t left_at_ms = kNever;
  int64_t last_purchase_ms = kNever;
  Taste taste = 0;
  Chance chance;
  float gap_days = 0;      // The mean time between two purchases.
  float online_share = 0;  // Of the purchases.
  uint32_t events = 0;     // How many there were, to name them.
  uint32_t baskets = 0;
  uint32_t visit_basket = 0;
  uint32_t take_back_basket = 0;
  uint32_t visits = 0;
  uint16_t tickets = 0;
  uint16_t campaign = 0;   // Of the last newsletter; 0 before the first.
  uint8_t rhythm = 1;    // The shape of the time between two purchases: the higher, the more regular.
  uint8_t region = 0;
  uint8_t consents = 0;  // A bit for each box of the form.
  uint8_t enrolled = 0;  // Steps of joining that are done.
  uint8_t step = 0;      // Of the visit.
  uint8_t steps = 0;     // Of the visit.
  Visit visit = Visit::kNone;
  Ticket ticket = Ticket::kNone;
  Mail mail = Mail::kSend;
  Why why = Why::kOwnAccord;
  bool uses_app = false;
  bool second_thoughts = false;  // Something goes back out of the basket during this visit.
  bool complains = false;
  bool cancels = false;
};

// Where events come from; the index of kShopSources.
enum class ShopSource : uint8_t { kPurchases, kBrowses, kSupports, kMembers, kEngagements };

// The behaviour of all customers of one shop. Not thread-safe.
class CustomerLife {
 public:
  struct Habits {
    int64_t start_ms = 0;
    int64_t end_ms = 0;
    double purchase_gap_days = 1;
    double leave_share = 0;
    double events_per_day = 0;
  };
  struct Event {
    ShopSource source = ShopSource::kMembers;
    google::protobuf::Message* message = nullptr;  // Absent: nothing that anybody records.
  };

  explicit CustomerLife(const Habits& habits);

  // A customer who has not joined yet.
  Shopper Begin(uint64_t seed) const;
  // Does what is due next, which must not be kNever; `number` names the customer. The message is valid, and may be
  // changed, until the next call.
  Event Step(Shopper& customer, uint32_t number);

  // "customer-000017".
  static void AppendCustomerId(uint32_t number, std::string* out);

 private:
  Event Enrol(Shopper& c);
  void AfterEnrolment(Shopper& c);
  Event Leave(Shopper& c);
  Event Trip(Shopper& c);
  Event Buy(Shopper& c, uint32_t basket, v1::Channel channel);
  void AfterOrder(Shopper& c, uint32_t basket, v1::Channel channel);
  void ScheduleTrip(Shopper& c);
  Event Visit(Shopper& c);
  void BeginVisit(Shopper& c, Shopper::Visit visit);
  void EndVisit(Shopper& c);
  void LookAround(Shopper& c, v1::Browse& browse);
  void FillBasket(Shopper& c, v1::Browse& browse);
  Event TakeBack(Shopper& c);
  Event Ticket(Shopper& c);
  void Neglect(Shopper& c);
  Event Mail(Shopper& c);
  void AwaitMail(Shopper& c);

  // Empties the message that is reused and fills in its header.
  template <class Message>
  Message& New(Shopper& c, Message& message, std::string_view source, v1::Channel channel);
  v1::Purchase& NewPurchase(Shopper& c, uint32_t basket, v1::Channel channel);
  v1::Channel OnlineChannel(const Shopper& c) const;
  // The moment of a day, between two hours by the customer's clock, on the day of `time_ms`.
  int64_t AtHour(Shopper& c, int64_t time_ms, double from, double to) const;
  int64_t In(Shopper& c, double least_seconds, double most_seconds) const;
  int64_t AfterAbout(Shopper& c, double mean_seconds) const;

  const Habits habits_;
  const double visit_gap_days_;
  uint32_t number_ = 0;
  int64_t now_ms_ = 0;
  v1::Purchase purchase_;
  v1::Browse browse_;
  v1::Support support_;
  v1::Member member_;
  v1::Engagement engagement_;
};

template <class Message>
Message& CustomerLife::New(Shopper& c, Message& message, std::string_view source, v1::Channel channel) {
  message.Clear();
  v1::EventHeader& header = *message.mutable_header();
  absl::StrAppend(header.mutable_event_id(), number_, "-", ++c.events);
  AppendCustomerId(number_, header.mutable_customer_id());
  header.set_event_time_ms(now_ms_);
  header.set_source(source.data(), source.size());
  header.set_channel(channel);
  header.set_generated(true);
  return message;
}

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_SHOP_CUSTOMER_H_
