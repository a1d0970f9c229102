#ifndef EBB_OPERATORS_MARKETING_RULE_H_
#define EBB_OPERATORS_MARKETING_RULE_H_

// The expressions of a trigger's config, compiled, and what they ask. Used by one task on one thread at a time: what it
// evaluates with is scratch, which each event overwrites.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "ebb/v1/customer.pb.h"
#include "ebb/v1/customer_features.pb.h"
#include "engine/expression/expression.h"
#include "engine/pipeline/refusals.h"
#include "google/protobuf/message.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/features/customer_view.h"
#include "operators/marketing/event_types.h"
#include "operators/marketing/trigger.pb.h"

namespace ebb {

// Bounds on a rule and on what it adds to a decision.
inline constexpr int kMaxPayload = 16;
inline constexpr size_t kMaxPayloadBytes = 1024;  // Of one value; a longer one is left out.
inline constexpr size_t kMaxClauseReasons = 8;
inline constexpr size_t kMaxClauseBytes = 256;  // Of one; a longer one is cut.
// Of a wait.
inline constexpr absl::Duration kMaxWait = absl::Hours(24 * 365);

class Rule {
 public:
  enum class Verdict { kHolds, kDoesNotHold, kFails };

  // Adds what is wrong with the expressions and with what they go with.
  void Configure(const operators::TriggerConfig& config, Refusals* refusals);

  EventTypes on() const { return on_; }
  EventTypes called_off_by() const { return called_off_by_; }
  // What calls off whatever waits.
  EventTypes called_off_always_by() const { return called_off_always_by_; }
  // All that starts it or calls it off.
  EventTypes of_interest() const { return on_ | called_off_by_; }
  // A purchase calls it off whatever it is like.
  bool called_off_by_any_purchase() const { return (called_off_always_by_ & kPurchased) != 0; }
  // So does something else, or a purchase under a condition.
  bool called_off_by_others() const { return called_off_by_others_; }
  // The condition asks something of the customer's profile.
  bool asks_customer() const { return when_ && when_->asks != 0; }

  // The event, and whom it happened to, that all below is asked about. What is referred to must live until the next
  // call of it.
  void Begin(const google::protobuf::Message& event, const operators::CustomerProfile& profile,
             std::string_view customer, absl::Time now);
  // Whether it starts the trigger; only for an event of on(). Does not allocate once the scratch has grown.
  Verdict Holds();
  // Each clause of the condition with its verdict and what it had read, those behind a false one too; none without a
  // condition. For the same events. Allocates.
  std::vector<expression::ClauseOutcome> Clauses();
  // How long it waits, 0 to kMaxWait; none when the expression fails.
  std::optional<absl::Duration> Wait();
  // Notes the clauses that were true, with what they had read, and the payload. Returns how much of the payload failed.
  int Describe(operators::WaitingEvent* waiting);
  // Whether one of the conditions under which such events call off holds for what waits. Failures are added up.
  bool CallsOff(EventTypes types, const operators::WaitingEvent& waiting, int* failed);

 private:
  struct Compiled {
    expression::Expression expression;
    CustomerFields asks;  // What it reads of the customer.
  };
  struct Unless {
    EventTypes on;
    std::optional<Compiled> when;
  };

  std::optional<Compiled> Compile(std::string_view path, std::string_view text,
                                  const expression::Environment& environment, expression::Kind kind,
                                  Refusals* refusals) const;
  void ConfigureUnless(const operators::TriggerConfig& config, Refusals* refusals);
  void ConfigurePayload(const operators::TriggerConfig& config, const expression::Environment& environment,
                        Refusals* refusals);
  // With the fields that the expression asks for; null, for nobody in particular, when it asks for none.
  const v1::Customer* CustomerFor(const Compiled& compiled);
  expression::Outcome Evaluate(const Compiled& compiled);

  EventTypes on_ = 0;
  EventTypes called_off_by_ = 0;
  EventTypes called_off_always_by_ = 0;
  bool called_off_by_others_ = false;
  absl::Duration wait_;
  std::optional<Compiled> when_;
  std::optional<Compiled> wait_for_;
  std::vector<Unless> unless_;
  std::vector<std::pair<std::string, Compiled>> payload_;  // In order of names.

  // Scratch.
  const google::protobuf::Message* event_ = nullptr;
  const operators::CustomerProfile* profile_ = nullptr;
  std::string_view id_;
  absl::Time now_;
  CustomerFields viewed_ = 0;
  v1::CustomerFeatures features_;
  v1::Customer customer_;
  expression::Scratch scratch_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_RULE_H_
