#include "operators/value/lifecycle_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "ebb/v1/risk_features.pb.h"
#include "engine/time/duration.h"
#include "engine/wording/wording.h"
#include "operators/features/event_history.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::LifecycleConfig;
using Stage = v1::LifecycleChange::Stage;

constexpr int kStages = v1::LifecycleChange::Stage_ARRAYSIZE;

constexpr std::string_view kEvents[] = {"purchased",         "refunded",         "order-cancelled", "browsed",
                                        "support-contacted", "message-answered", "joined",          "churn-raised",
                                        "churn-escalated",   "churn-cleared"};

LifecycleBits BitOf(int stage) { return LifecycleBits{1} << stage; }

Stage StageOf(std::string_view name) {
  Stage stage = v1::LifecycleChange::STAGE_UNSPECIFIED;
  v1::LifecycleChange::Stage_Parse(absl::AsciiStrToUpper(absl::StrReplaceAll(std::string(name), {{"-", "_"}})), &stage);
  return stage;
}

absl::Status Refuse(int row, std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(Text("transitions[", row, "]", field.empty() ? "" : ".", field, ": ", what));
}

absl::StatusOr<expression::Expression> CompileCondition(const std::string& text) {
  expression::Environment environment;
  environment.AddMessage("customer", v1::RiskFeatures::default_instance());
  return expression::Compile(text, environment);
}

absl::StatusOr<LifecycleTable::Transition> Parse(const LifecycleConfig::Transition& config, int row) {
  LifecycleTable::Transition parsed;
  for (const std::string& name : config.from()) parsed.from |= BitOf(StageOf(name));
  parsed.to = StageOf(config.to());
  for (const std::string& name : config.on()) parsed.on |= LifecycleEvent(name);
  parsed.after_ms = ToMillis(config.after());
  parsed.silent_ms = ToMillis(config.silent());
  parsed.overdue = config.overdue();
  if ((parsed.from & BitOf(parsed.to)) != 0) {
    return Refuse(row, "to", Text("expected another stage than it leads away from, got ", Quoted(config.to())));
  }
  if (!config.when().empty()) {
    auto compiled = CompileCondition(config.when());
    if (!compiled.ok()) return Refuse(row, "when", Text(compiled.status().message()));
    parsed.when = *std::move(compiled);
  }
  if (parsed.on == 0 && !parsed.when && !parsed.has_time()) {
    return Refuse(row, "", "expected one of on, when, after, silent and overdue, which say when it is taken");
  }
  return parsed;
}

}  // namespace

std::string StageName(Stage stage) {
  if (stage == v1::LifecycleChange::STAGE_UNSPECIFIED || !v1::LifecycleChange::Stage_IsValid(stage)) return "unknown";
  return absl::StrReplaceAll(absl::AsciiStrToLower(v1::LifecycleChange::Stage_Name(stage)), {{"_", "-"}});
}

LifecycleBits LifecycleEvent(std::string_view name) {
  const auto* const found = std::find(std::begin(kEvents), std::end(kEvents), name);
  return found == std::end(kEvents) ? kOtherEvent : LifecycleBits{1} << (found - std::begin(kEvents));
}

absl::StatusOr<std::shared_ptr<const LifecycleTable>> LifecycleTable::Make(const LifecycleConfig& config) {
  if (config.transitions_size() > kMaxTransitions) {
    return absl::InvalidArgumentError(
        Text("transitions: expected at most ", kMaxTransitions, " of them, got ", config.transitions_size()));
  }
  std::shared_ptr<LifecycleTable> table(new LifecycleTable);
  table->version_ = config.version();
  for (int row = 0; row < config.transitions_size(); ++row) {
    auto parsed = Parse(config.transitions(row), row);
    if (!parsed.ok()) return parsed.status();
    for (int stage = 0; stage < kStages; ++stage) {
      if ((parsed->from & BitOf(stage)) == 0) continue;
      // Time alone is the timer's; a condition may hold after any event.
      table->heeded_[static_cast<size_t>(stage)] |= parsed->on == 0 && parsed->when ? ~LifecycleBits{0} : parsed->on;
    }
    table->transitions_.push_back(*std::move(parsed));
  }
  if (auto status = table->CheckReach(config); !status.ok()) return status;
  if (auto status = table->CheckLoops(); !status.ok()) return status;
  return table;
}

absl::Status LifecycleTable::CheckReach(const LifecycleConfig& config) const {
  LifecycleBits reached = BitOf(v1::LifecycleChange::ACQUIRED);
  for (LifecycleBits before = 0; before != reached;) {
    before = reached;
    for (const Transition& transition : transitions_) {
      if ((transition.from & reached) != 0) reached |= BitOf(transition.to);
    }
  }
  for (int row = 0; row < config.transitions_size(); ++row) {
    for (int i = 0; i < config.transitions(row).from_size(); ++i) {
      const std::string& name = config.transitions(row).from(i);
      if ((reached & BitOf(StageOf(name))) != 0) continue;
      return Refuse(row, Text("from[", i, "]"),
                    Text("no customer comes to the stage ", Quoted(name),
                         ": no transition leads there from acquired, where all begin"));
    }
  }
  return absl::OkStatus();
}

// Follows what can be taken at one and the same moment. An event moves a customer once, and whoever has just come to a
// stage has been there for no time: so transitions with `on` or `after` end such a way. One that comes back would never
// end.
absl::Status LifecycleTable::CheckLoops() const {
  std::array<LifecycleBits, kStages> reach{};  // Of each stage, those that follow at the same moment.
  for (const Transition& transition : transitions_) {
    if (transition.on != 0 || transition.after_ms > 0) continue;
    for (int from = 0; from < kStages; ++from) {
      if ((transition.from & BitOf(from)) != 0) reach[static_cast<size_t>(from)] |= BitOf(transition.to);
    }
  }
  for (int round = 0; round < kStages; ++round) {
    for (LifecycleBits& stages : reach) {
      for (int next = 0; next < kStages; ++next) {
        if ((stages & BitOf(next)) != 0) stages |= reach[static_cast<size_t>(next)];
      }
    }
  }
  for (size_t row = 0; row < transitions_.size(); ++row) {
    const Transition& transition = transitions_[row];
    if (transition.on != 0 || transition.after_ms > 0) continue;
    const LifecycleBits back = reach[static_cast<size_t>(transition.to)] & transition.from;
    for (int stage = 0; stage < kStages; ++stage) {
      if ((back & BitOf(stage)) == 0) continue;
      return Refuse(
          static_cast<int>(row), "to",
          Text(Quoted(StageName(transition.to)), " leads back to ", Quoted(StageName(static_cast<Stage>(stage))),
               " at the same moment, round and round; give one of the transitions on the way `on` or `after`"));
    }
  }
  return absl::OkStatus();
}

int64_t LifecycleTable::DueAt(const Transition& transition, const Standing& standing) {
  int64_t due_ms = standing.since_ms + transition.after_ms;
  if (transition.silent_ms > 0) due_ms = std::max(due_ms, standing.silent_since_ms + transition.silent_ms);
  if (transition.overdue > 0) {
    if (standing.gap_ms <= 0) return kNever;
    const double gap_ms = static_cast<double>(std::max(standing.gap_ms, kMillisPerDay));
    due_ms = std::max(due_ms, standing.silent_since_ms + static_cast<int64_t>(std::ceil(transition.overdue * gap_ms)));
  }
  return due_ms;
}

}  // namespace ebb
