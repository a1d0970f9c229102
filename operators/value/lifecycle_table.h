#ifndef EBB_OPERATORS_VALUE_LIFECYCLE_TABLE_H_
#define EBB_OPERATORS_VALUE_LIFECYCLE_TABLE_H_

// The stages of customers and what leads from one to another: a table as people write it, checked.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/lifecycle_change.pb.h"
#include "engine/expression/expression.h"
#include "operators/value/lifecycle.pb.h"

namespace ebb {

// A set of stages or of events, one bit each.
using LifecycleBits = uint32_t;

// "at-risk" for AT_RISK; "unknown" for what is no stage.
std::string StageName(v1::LifecycleChange::Stage stage);

// What may move a customer, by its name in the table; kOtherEvent for what has none there.
LifecycleBits LifecycleEvent(std::string_view name);
inline constexpr LifecycleBits kOtherEvent = LifecycleBits{1} << 31;

// Immutable; any thread, each with its own scratch for the conditions.
class LifecycleTable {
 public:
  static constexpr int kMaxTransitions = 64;
  // A moment that never comes.
  static constexpr int64_t kNever = INT64_MAX;

  struct Transition {
    LifecycleBits from = 0;
    v1::LifecycleChange::Stage to = v1::LifecycleChange::STAGE_UNSPECIFIED;
    LifecycleBits on = 0;  // None: any event, and time alone.
    std::optional<expression::Expression> when;
    int64_t after_ms = 0;
    int64_t silent_ms = 0;
    double overdue = 0;

    bool has_time() const { return after_ms > 0 || silent_ms > 0 || overdue > 0; }
  };

  // What the times of a transition count from.
  struct Standing {
    v1::LifecycleChange::Stage stage = v1::LifecycleChange::STAGE_UNSPECIFIED;
    int64_t since_ms = 0;         // When the stage began.
    int64_t silent_since_ms = 0;  // The last purchase or, where there is none, the first event.
    int64_t gap_ms = 0;           // The mean gap between purchases; 0 without any.
  };

  // InvalidArgument: "transitions[2].when: what is wrong", such as too many rows, a condition that does not compile, a
  // row without any condition, a stage that nothing leads to, stages that lead to each other at the same moment.
  static absl::StatusOr<std::shared_ptr<const LifecycleTable>> Make(const operators::LifecycleConfig& config);

  const std::string& version() const { return version_; }
  const std::vector<Transition>& transitions() const { return transitions_; }

  // Whether such an event may move a customer of that stage, other than by what it changes about purchases.
  bool Heeds(v1::LifecycleChange::Stage stage, LifecycleBits event) const {
    return (heeded_[static_cast<size_t>(stage)] & event) != 0;
  }

  // The moment, in milliseconds since 1970, from which on the times of a transition have passed; kNever when they never
  // do. At most a customer's whole silence ahead: conditions beside the times are not asked.
  static int64_t DueAt(const Transition& transition, const Standing& standing);

 private:
  LifecycleTable() = default;

  absl::Status CheckReach(const operators::LifecycleConfig& config) const;
  absl::Status CheckLoops() const;

  std::string version_;
  std::vector<Transition> transitions_;
  std::array<LifecycleBits, v1::LifecycleChange::Stage_ARRAYSIZE> heeded_{};  // Of each stage.
};

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_LIFECYCLE_TABLE_H_
