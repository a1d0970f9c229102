#ifndef EBB_OPERATORS_MARKETING_REASON_TEXT_H_
#define EBB_OPERATORS_MARKETING_REASON_TEXT_H_

// What made a trigger start, as a sentence for a person. Stateless; any thread.

#include <string>
#include <vector>

#include "operators/marketing/trigger.pb.h"

namespace ebb {

// "put 2 articles into the basket; nothing called it off for 60 minutes": of the events that were decided together, at
// least one, with so many different articles.
std::string ReasonText(const operators::TriggerConfig& config,
                       const std::vector<const operators::WaitingEvent*>& events, size_t articles);

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_REASON_TEXT_H_
