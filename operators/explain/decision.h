#ifndef EBB_OPERATORS_EXPLAIN_DECISION_H_
#define EBB_OPERATORS_EXPLAIN_DECISION_H_

// Decisions in words: alerts, triggers, and triggers that were withheld. Pure functions; any thread. Whatever a message
// holds, what is printed is UTF-8 without control characters but the ends of lines.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/header.pb.h"
#include "ebb/v1/marketing_trigger.pb.h"
#include "ebb/v1/withheld_trigger.pb.h"

namespace ebb {

using Decision = std::variant<v1::MarketingTrigger, v1::WithheldTrigger, v1::ChurnAlert>;

const std::string& IdOf(const Decision& decision);
const std::string& CustomerOf(const Decision& decision);
// The input that tipped it.
const v1::Position& TippingOf(const Decision& decision);
// The trigger that it is about; null for an alert.
const v1::MarketingTrigger* TriggerOf(const Decision& decision);
// The moment of the last word on it, in milliseconds since 1970.
int64_t MomentOf(const Decision& decision);

// Everything that a decision says, in several lines; but for what tipped it.
std::string DecisionPage(const Decision& decision);
// One line of a list: when, what, through which channel or why not, and the id.
std::string DecisionLine(const Decision& decision);
// "event e-17 of source browses: topic shop.browses, partition 2, offset 1234", or that time alone tipped it. The topic
// may be unknown.
std::string TippingText(const v1::Position& tipping, std::string_view topic);

}  // namespace ebb

#endif  // EBB_OPERATORS_EXPLAIN_DECISION_H_
