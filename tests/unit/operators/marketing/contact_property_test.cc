// Random histories of customers go through the real pipeline, from intake to contact policy, on the production runtime
// and with crashes on the way. What leaves is judged by an oracle that knows the history and nothing of the operators.
//
// A history is a scenario file. That of a seed which fails is kept, and can be looked into as any other scenario. The
// seed is the last part of the test's name:
//
//   build/dev/tests/unit/contact_property_test --gtest_filter='*KeepsEveryRule/17'

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/text.h"
#include "tests/harness/scenario.h"
#include "tests/harness/scenario_run.h"
#include "tests/unit/operators/marketing/contact_history.h"
#include "tests/unit/operators/marketing/contact_oracle.h"

namespace ebb::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Withheld = v1::WithheldTrigger;

constexpr absl::Duration kFewRecords = absl::Microseconds(100);

// Another one with each seed.
const std::vector<Way>& Ways() {
  using Crash = Way::Crash;
  static const std::vector<Way> ways = {
      {.name = "live"},
      {.name = "live, crashes at random moments and the local state lost",
       .crash = Crash::kAtRandomMoments,
       .recovery_budget = kFewRecords,
       .lose_stores = true,
       .compact = true},
      {.name = "live, a crash after every epoch, and nothing to redo",
       .crash = Crash::kAfterEveryCommit,
       .recovery_budget = absl::ZeroDuration()},
      {.name = "all events there, a crash after every epoch of three records",
       .at_once = true,
       .crash = Crash::kAfterEveryCommit,
       .recovery_budget = kFewRecords,
       .epoch_records = 3,
       .compact = true},
      {.name = "all events there, crashes at random moments in epochs of one result",
       .at_once = true,
       .crash = Crash::kAtRandomMoments,
       .one_result = true,
       .lose_stores = true},
  };
  return ways;
}

class ContactHistoryTest : public ::testing::Test {
 protected:
  // Runs the history of a seed, and returns what came of it by customer.
  void Run(int seed, const History& history, std::map<std::string, std::vector<Verdict>>* verdicts) {
    const auto directory = std::filesystem::temp_directory_path();
    kept_ = directory / Text("ebb-contact-", seed, ".yaml");
    text_ = history.scenario;
    const auto path = directory / Text("ebb-contact-", seed, "-", getpid(), ".yaml");
    std::ofstream(path) << text_;
    const auto scenario = LoadScenario(path, "");
    std::filesystem::remove(path);
    ASSERT_TRUE(scenario.ok()) << scenario.status();
    Way way = Ways()[static_cast<size_t>(seed) % Ways().size()];
    way.seed = static_cast<uint64_t>(seed);
    SCOPED_TRACE(Text("seed ", seed, ", run: ", way.name, ", history: ", kept_.string()));
    const auto outcome = RunScenario(*scenario, way);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_THAT(outcome->repeated, IsEmpty());
    for (const auto& [customer, state] : outcome->states) EXPECT_THAT(state, Not(HasSubstr("pending")));
    EXPECT_EQ(outcome->crashes > 0, way.crash != Way::Crash::kNever);
    for (const auto& [sink, values] : outcome->values) {
      for (const std::string& value : values) Collect(sink, value, history, verdicts);
    }
  }

  void Collect(const std::string& sink, const std::string& value, const History& history,
               std::map<std::string, std::vector<Verdict>>* verdicts) {
    Verdict verdict;
    Withheld withheld;
    verdict.sent = sink == "triggers";
    ASSERT_TRUE(verdict.sent ? verdict.trigger.ParseFromString(value) : withheld.ParseFromString(value));
    if (!verdict.sent) {
      verdict.trigger = withheld.trigger();
      verdict.cause = withheld.cause();
      verdict.groups.insert(withheld.groups().begin(), withheld.groups().end());
    }
    verdict.at = absl::FromUnixMillis(verdict.sent ? verdict.trigger.released_at_ms() : withheld.withheld_at_ms());
    const auto rule = std::find_if(Rules().begin(), Rules().end(),
                                   [&](const Rule& candidate) { return candidate.name == verdict.trigger.type(); });
    ASSERT_NE(rule, Rules().end()) << verdict.trigger.type();
    verdict.rule = &*rule;
    EXPECT_TRUE(ids_.insert(verdict.trigger.trigger_id()).second) << "an id twice: " << verdict.trigger.trigger_id();
    const auto truth = history.truths.find(verdict.trigger.customer_id());
    ASSERT_NE(truth, history.truths.end()) << verdict.trigger.customer_id();
    const auto& skus = verdict.trigger.skus();
    for (const Truth::Offer& offer : truth->second.offers) {
      if (std::find(skus.begin(), skus.end(), offer.sku) != skus.end()) verdict.offered.push_back(offer.at);
    }
    ASSERT_EQ(verdict.offered.size(), static_cast<size_t>(skus.size()));
    ASSERT_FALSE(verdict.offered.empty());
    (*verdicts)[truth->first].push_back(std::move(verdict));
  }

  void TearDown() override {
    if (HasFailure()) std::ofstream(kept_) << text_;
  }

  std::filesystem::path kept_;  // Where the last history is found when the test has failed.
  std::string text_;
  std::set<std::string> ids_;
};

class ContactPropertyTest : public ContactHistoryTest, public ::testing::WithParamInterface<int> {};

TEST_P(ContactPropertyTest, KeepsEveryRule) {
  const History history = MakeHistory(GetParam());
  std::map<std::string, std::vector<Verdict>> verdicts;
  Run(GetParam(), history, &verdicts);
  if (HasFatalFailure()) return;
  SCOPED_TRACE(Text("seed ", GetParam(), ", history: ", kept_.string()));
  for (const auto& [customer, truth] : history.truths) Judge(customer, truth, verdicts[customer]);
}

INSTANTIATE_TEST_SUITE_P(Seeds, ContactPropertyTest, ::testing::Range(1, 31), ::testing::PrintToStringParamName());

// Or the oracle would have nothing to judge.
TEST_F(ContactHistoryTest, EveryOutcomeOccurs) {
  std::set<std::string> outcomes;
  for (int seed = 101; seed <= 106; ++seed) {
    const History history = MakeHistory(seed);
    std::map<std::string, std::vector<Verdict>> verdicts;
    Run(seed, history, &verdicts);
    if (HasFatalFailure()) return;
    for (const auto& [customer, of_customer] : verdicts) {
      for (const Verdict& verdict : of_customer) {
        outcomes.insert(verdict.sent ? (verdict.IsPromotional() ? "promotion" : "service")
                                     : Withheld::Cause_Name(verdict.cause));
        for (const auto& passed : verdict.trigger.passed_over()) {
          outcomes.insert(Text("passed over: ", v1::MarketingTrigger::PassedOver::Cause_Name(passed.cause())));
        }
      }
    }
  }
  for (const char* outcome :
       {"promotion", "service", "NO_CONSENT", "CONSENT_WITHDRAWN", "FREQUENCY_CAP", "OUTRANKED", "HOLDOUT", "EXPIRED",
        "CANCELLED", "OPEN_COMPLAINT", "passed over: NO_CONSENT", "passed over: FREQUENCY_CAP"}) {
    EXPECT_THAT(outcomes, Contains(outcome));
  }
}

}  // namespace
}  // namespace ebb::testing
