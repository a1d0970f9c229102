// Every scenario file keeps its claim, whatever happens on the way.

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "state/text.h"
#include "tests/harness/scenario.h"
#include "tests/harness/scenario_run.h"

namespace ebb::testing {
namespace {

// Under tests/scenario, as "churn/silence_raises_an_alert.yaml".
std::vector<std::string> ScenarioFiles() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(EBB_SCENARIOS)) {
    if (entry.path().extension() != ".yaml") continue;
    files.push_back(std::filesystem::relative(entry.path(), EBB_SCENARIOS).string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// A budget that lets a few records wait, so that some customers are written and others are redone.
constexpr absl::Duration kFewRecords = absl::Microseconds(100);

const Way kLive{.name = "live"};
const Way kReplay{.name = "all events there from the start", .at_once = true};

std::vector<Way> LiveWithTrouble() {
  using Crash = Way::Crash;
  return {
      {.name = "a crash after every epoch, and everything redone", .crash = Crash::kAfterEveryCommit},
      {.name = "a crash after every epoch, and nothing to redo", .crash = Crash::kAfterEveryCommit,
       .recovery_budget = absl::ZeroDuration()},
      {.name = "a crash after every epoch, and the local state lost", .crash = Crash::kAfterEveryCommit,
       .recovery_budget = kFewRecords, .lose_stores = true},
      {.name = "a crash after every epoch, and the changelog compacted at random", .crash = Crash::kAfterEveryCommit,
       .recovery_budget = kFewRecords, .compact = true},
      {.name = "a crash after every epoch of one result, and everything redone", .crash = Crash::kAfterEveryCommit,
       .one_result = true},
      {.name = "crashes at random moments", .crash = Crash::kAtRandomMoments, .recovery_budget = kFewRecords,
       .seed = 2},
  };
}

std::vector<Way> ReplayWithTrouble() {
  using Crash = Way::Crash;
  return {
      {.name = "all events there, a crash after every epoch of one record, and everything redone", .at_once = true,
       .crash = Crash::kAfterEveryCommit, .epoch_records = 1},
      {.name = "all events there, a crash after every epoch of two records, and nothing to redo", .at_once = true,
       .crash = Crash::kAfterEveryCommit, .recovery_budget = absl::ZeroDuration(), .epoch_records = 2},
      {.name = "all events there, a crash after every epoch of three records, and the local state lost",
       .at_once = true, .crash = Crash::kAfterEveryCommit, .recovery_budget = kFewRecords, .epoch_records = 3,
       .lose_stores = true},
      {.name = "all events there, a crash after every epoch of two records, and the changelog compacted at random",
       .at_once = true, .crash = Crash::kAfterEveryCommit, .recovery_budget = kFewRecords, .epoch_records = 2,
       .compact = true},
      {.name = "all events there, epochs of three records", .at_once = true, .epoch_records = 3},
      {.name = "all events there, a crash after every epoch of one result, and everything redone", .at_once = true,
       .crash = Crash::kAfterEveryCommit, .one_result = true},
      {.name = "all events there, a crash after every epoch of one result, and the local state lost", .at_once = true,
       .crash = Crash::kAfterEveryCommit, .recovery_budget = kFewRecords, .one_result = true, .lose_stores = true},
      {.name = "all events there, crashes at random moments and the local state lost", .at_once = true,
       .crash = Crash::kAtRandomMoments, .recovery_budget = kFewRecords, .epoch_records = 2, .lose_stores = true,
       .compact = true, .seed = 3},
  };
}

// Everything that must not depend on the way.
std::string Everything(const Outcome& outcome) {
  std::string text;
  for (const auto& [what, lines] : outcome.results) text += Text(what, ":\n", lines);
  for (const auto& [customer, state] : outcome.states) text += Text("state of ", customer, ":", state, "\n");
  return text;
}

class ScenarioTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto scenario = LoadScenario(Text(EBB_SCENARIOS, "/", GetParam()), EBB_PIPELINES);
    ASSERT_TRUE(scenario.ok()) << scenario.status().message();
    scenario_ = *std::move(scenario);
  }

  void Run(const Way& way, Outcome* outcome) {
    auto ran = RunScenario(scenario_, way);
    ASSERT_TRUE(ran.ok()) << About(way) << ran.status();
    EXPECT_TRUE(ran->repeated.empty()) << About(way) << "left twice: " << ::testing::PrintToString(ran->repeated);
    *outcome = *std::move(ran);
  }

  // Runs the others and compares all that left and all that is remembered.
  void ExpectSame(const Way& reference_way, const Outcome& reference, const std::vector<Way>& ways) {
    for (const Way& way : ways) {
      Outcome outcome;
      Run(way, &outcome);
      if (HasFatalFailure()) return;
      const std::string diff = LineDiff(Everything(reference), Everything(outcome));
      if (!diff.empty()) ADD_FAILURE() << About(way) << "differs (+) from: " << reference_way.name << " (-)\n" << diff;
      if (way.crash != Way::Crash::kAfterEveryCommit) continue;
      EXPECT_GT(outcome.crashes, 0) << About(way);
      if (way.recovery_budget == absl::ZeroDuration()) {
        EXPECT_EQ(outcome.redone_records, 0u) << About(way);
      } else if (way.recovery_budget == Way().recovery_budget && !way.one_result && outcome.crashes > 1) {
        EXPECT_GT(outcome.redone_records, 0u) << About(way);
      }
    }
  }

  std::string About(const Way& way) const {
    return Text("\n", scenario_.path, "\nclaims: ", scenario_.what, "\nrun: ", way.name, "\n");
  }

  Scenario scenario_;
};

TEST_P(ScenarioTest, KeepsItsClaim) {
  Outcome live;
  Run(kLive, &live);
  if (HasFatalFailure()) return;
  if (std::getenv("EBB_UPDATE_SCENARIOS") != nullptr) {
    ASSERT_TRUE(UpdateScenario(scenario_.path, live.shown).ok());
    return;
  }
  const std::string diff = LineDiff(PrintExpectation(scenario_.expected), PrintExpectation(live.shown));
  if (diff.empty()) return;
  ADD_FAILURE() << About(kLive) << "expected (-), came (+); EBB_UPDATE_SCENARIOS=1 writes what came into the file\n"
                << diff;
}

TEST_P(ScenarioTest, SurvivesCrashesWhileLive) {
  Outcome live;
  Run(kLive, &live);
  if (HasFatalFailure()) return;
  ExpectSame(kLive, live, LiveWithTrouble());
}

TEST_P(ScenarioTest, GivesTheSameInReplay) {
  Outcome replay;
  Run(kReplay, &replay);
  if (HasFatalFailure()) return;
  ExpectSame(kReplay, replay, ReplayWithTrouble());
  if (!scenario_.in_order) return;  // What is late when events come one by one need not be when all of them are there.
  Outcome live;
  Run(kLive, &live);
  if (HasFatalFailure()) return;
  ExpectSame(kLive, live, {kReplay});
}

std::string NameOf(const ::testing::TestParamInfo<std::string>& file) {
  std::string name = file.param.substr(0, file.param.find(".yaml"));
  std::replace_if(name.begin(), name.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Files, ScenarioTest, ::testing::ValuesIn(ScenarioFiles()), NameOf);

}  // namespace
}  // namespace ebb::testing
