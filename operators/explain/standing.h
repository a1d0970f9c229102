#ifndef EBB_OPERATORS_EXPLAIN_STANDING_H_
#define EBB_OPERATORS_EXPLAIN_STANDING_H_

// How the rules of a pipeline stand to one customer now, in words: what waits, what holds back, and what came of the
// customer's events. Pure functions; any thread. What is printed is UTF-8 without control characters but the ends of
// lines.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "ebb/v1/header.pb.h"
#include "engine/pipeline/spec.h"
#include "google/protobuf/message.h"
#include "operators/explain/remembered.h"

namespace ebb {

// Of a rule the latest events that are shown: where it is alone, and where it is one of all.
inline constexpr size_t kMostEventsOfOne = 20;
inline constexpr size_t kMostEventsOfAll = 3;

// An event of the customer, as the pipeline reads it.
struct CustomerEvent {
  v1::Position position;  // The source is empty for what an operator told.
  std::string topic;
  std::shared_ptr<const google::protobuf::Message> message;
  std::string refused;  // Why it does not get past intake; empty when it does.
};

// When it happened, in event time.
absl::Time HappenedAt(const CustomerEvent& event);

struct Standing {
  std::shared_ptr<const PipelineSpec> spec;  // As it is in force.
  std::string customer;
  std::string trigger;                   // Only rules of this name; empty for all.
  std::optional<Remembered> remembered;  // None: it is not known what is remembered.
  absl::Time now;                        // In event time.
  std::vector<CustomerEvent> events;     // In the order in which they happened,
  absl::Time events_since;               // from here on, by the times of their records.
};

// The sections of all rules, of the policies that they go through, and of alerts.
std::string StandingText(const Standing& standing);

// The section of one operator, of type trigger, contact-policy or churn.
std::string RuleText(const OperatorSpec& rule, const Standing& standing);
std::string PolicyText(const OperatorSpec& policy, const Standing& standing);
std::string AlertsText(const OperatorSpec& churn, const Standing& standing);

// The names of the triggers that the pipeline's rules ask for, in the order of the rules.
std::vector<std::string> TriggerNames(const PipelineSpec& spec);

}  // namespace ebb

#endif  // EBB_OPERATORS_EXPLAIN_STANDING_H_
