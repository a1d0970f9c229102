#ifndef EBB_ENGINE_OBSERVE_CONTROL_PAGE_H_
#define EBB_ENGINE_OBSERVE_CONTROL_PAGE_H_

// What of the control topic is in force, for people and for those who wait for it. Stateless; any thread where not said
// otherwise.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ebb/v1/control.pb.h"
#include "engine/observe/worker_snapshot.h"

namespace ebb {

// A line for each version that is in force somewhere, waits or was refused, with the partitions.
std::string RenderControl(const std::vector<WorkerSnapshot>& workers);

// OK when "name@version" or a later version of the name is in force in every task. FailedPrecondition: a task has
// refused it, with the reason. Unavailable: not yet; the message says where.
absl::Status StandingOf(std::string_view key, const std::vector<WorkerSnapshot>& workers);

// What the worker's tasks have taken in, as far as they remember: a TakenIn as JSON a line, by partition and in the
// order in which it was taken in. On the worker's thread.
std::string RenderHistory(const Worker& worker);
// Reads such lines, blank ones left out. InvalidArgument: "file_name:line:1: ", and what was expected.
absl::StatusOr<std::vector<v1::TakenIn>> ParseHistory(std::string_view lines, std::string_view file_name);
// What is in force in a partition after all of a history, by where it stands on the control topic. Refers to `history`.
std::map<int64_t, const v1::Publication*> InForceIn(const std::vector<v1::TakenIn>& history, int32_t partition);

}  // namespace ebb

#endif  // EBB_ENGINE_OBSERVE_CONTROL_PAGE_H_
