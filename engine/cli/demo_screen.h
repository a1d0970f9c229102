#ifndef EBB_ENGINE_CLI_DEMO_SCREEN_H_
#define EBB_ENGINE_CLI_DEMO_SCREEN_H_

// What the demo shows: a line for each alert and trigger and, on a terminal, colours and a status line below them.

#include <ostream>
#include <string>
#include <string_view>

#include "ebb/v1/churn_alert.pb.h"
#include "ebb/v1/marketing_trigger.pb.h"

namespace ebb {

// One thread at a time.
class DemoScreen {
 public:
  // `terminal`: whether `out`, which must outlive it, understands colours and rewriting a line.
  DemoScreen(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}

  // Lines that stay, above the status line.
  void Print(std::string_view text);
  void Print(const v1::ChurnAlert& alert);
  void Print(const v1::MarketingTrigger& trigger);
  // The line that is rewritten; nowhere but on a terminal. Empty takes it away.
  void ShowStatus(std::string_view text);

 private:
  std::string Paint(std::string_view text, int colour) const;

  std::ostream& out_;
  const bool terminal_;
};

// A moment of the simulated shop, as "2025-03-14 09:26".
std::string DemoTime(int64_t time_ms);
// A number with its thousands apart, as "12,345".
std::string Grouped(uint64_t number);
// A name of an enumeration, as "no-consent".
std::string Spoken(std::string_view enum_name);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_DEMO_SCREEN_H_
