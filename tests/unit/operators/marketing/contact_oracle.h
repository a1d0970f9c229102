#ifndef EBB_TESTS_UNIT_OPERATORS_MARKETING_CONTACT_ORACLE_H_
#define EBB_TESTS_UNIT_OPERATORS_MARKETING_CONTACT_ORACLE_H_

// Judges what was sent to a customer and what was withheld, by the truth of the history alone. It shares no code with
// the operators: it has its own table of consents, its own clock on the wall and its own count of contacts.

#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "ebb/v1/marketing_trigger.pb.h"
#include "ebb/v1/withheld_trigger.pb.h"
#include "tests/unit/operators/marketing/contact_history.h"

namespace ebb::testing {

// What was decided of a message in the end.
struct Verdict {
  bool sent = false;
  absl::Time at;
  v1::MarketingTrigger trigger;
  v1::WithheldTrigger::Cause cause = v1::WithheldTrigger::CAUSE_UNSPECIFIED;
  std::set<int> groups;
  const Rule* rule = nullptr;
  std::vector<absl::Time> offered;  // What it is about, the latest last.

  bool IsPromotional() const { return !rule->is_service; }
  absl::Time Decided() const { return absl::FromUnixMillis(trigger.decided_at_ms()); }
  bool IsContact() const { return IsPromotional() && (sent || cause == v1::WithheldTrigger::HOLDOUT); }
};

// Fails the test for each rule that is broken. `verdicts` are all those of the customer.
void Judge(const std::string& customer, const Truth& truth, std::vector<Verdict> verdicts);

}  // namespace ebb::testing

#endif  // EBB_TESTS_UNIT_OPERATORS_MARKETING_CONTACT_ORACLE_H_
