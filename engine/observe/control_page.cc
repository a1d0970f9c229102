#include "engine/observe/control_page.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "engine/codec/event_decoder.h"
#include "engine/wording/wording.h"
#include "google/protobuf/util/json_util.h"
#include "state/text.h"
#include "state/time_index.h"

namespace ebb {
namespace {

template <class Visit>
void ForEachTask(const std::vector<WorkerSnapshot>& workers, Visit visit) {
  for (const WorkerSnapshot& worker : workers) {
    for (const TaskSnapshot& task : worker.tasks) visit(task);
  }
}

std::string PartitionsOf(const std::vector<int32_t>& partitions) {
  return Text(partitions.size() == 1 ? "partition " : "partitions ", absl::StrJoin(partitions, ", "));
}

// For what a version waits.
std::string WaitOf(const TaskSnapshot& task) {
  const std::optional<int64_t> from_ms = task.control.holds_from_ms;
  if (!from_ms) return "until the task has settled what came before it";
  if (*from_ms == task.watermark_ms.value_or(kNoTime) + 1) return "for time to go on";
  return Text("for ", absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(*from_ms), absl::UTCTimeZone()));
}

}  // namespace

std::string RenderControl(const std::vector<WorkerSnapshot>& workers) {
  std::map<std::string, std::vector<int32_t>> lines;
  ForEachTask(workers, [&](const TaskSnapshot& task) {
    for (const auto& [name, version] : task.control.in_force) {
      lines[Text(name, "@", version, " in force")].push_back(task.partition);
    }
    if (!task.control.waiting.empty()) {
      lines[Text(task.control.waiting, " waits ", WaitOf(task))].push_back(task.partition);
    }
    for (const auto& [key, why] : task.control.refused) {
      lines[Text(key, " refused: ", why)].push_back(task.partition);
    }
  });
  if (lines.empty()) return "nothing: the pipeline is as its file says\n";
  std::string text;
  for (const auto& [line, partitions] : lines) text += Text(line, " (", PartitionsOf(partitions), ")\n");
  return text;
}

absl::Status StandingOf(std::string_view key, const std::vector<WorkerSnapshot>& workers) {
  const size_t at = key.rfind('@');
  int64_t version = 0;
  if (at == std::string_view::npos || !absl::SimpleAtoi(std::string(key.substr(at + 1)), &version)) {
    return absl::InvalidArgumentError(Text("expected NAME@VERSION, got ", key));
  }
  const std::string name(key.substr(0, at));
  std::vector<int32_t> missing;
  absl::Status refused;
  ForEachTask(workers, [&](const TaskSnapshot& task) {
    const auto in_force = task.control.in_force.find(name);
    if (in_force != task.control.in_force.end() && in_force->second >= version) return;
    missing.push_back(task.partition);
    if (const auto why = task.control.refused.find(std::string(key)); why != task.control.refused.end()) {
      refused = absl::FailedPreconditionError(Text("partition ", task.partition, " refused it: ", why->second));
    }
  });
  if (!refused.ok()) return refused;
  if (!missing.empty()) return absl::UnavailableError(Text("not yet in ", PartitionsOf(missing)));
  return absl::OkStatus();
}

std::string RenderHistory(const Worker& worker) {
  std::string lines;
  for (const auto& [partition, slot] : worker.slots()) {
    if (slot.task == nullptr) continue;
    std::vector<const v1::ControlEntry*> taken;
    for (const auto& [key, entry] : slot.task->control().entries()) {
      if (entry.refusal().empty()) taken.push_back(&entry);
    }
    const auto order = [](const v1::ControlEntry* entry) { return std::pair(entry->holds_from_ms(), entry->offset()); };
    std::sort(taken.begin(), taken.end(), [&](const auto* a, const auto* b) { return order(a) < order(b); });
    for (const v1::ControlEntry* entry : taken) {
      v1::TakenIn line;
      line.set_partition(partition);
      *line.mutable_publication() = entry->publication();
      line.set_holds_from_ms(entry->holds_from_ms());
      line.set_offset(entry->offset());
      lines += EncodeMessage(line, "json") + "\n";
    }
  }
  return lines;
}

absl::StatusOr<std::vector<v1::TakenIn>> ParseHistory(std::string_view lines, std::string_view file_name) {
  std::vector<v1::TakenIn> history;
  for (const absl::string_view line :
       absl::StrSplit(absl::string_view(lines.data(), lines.size()), '\n', absl::SkipEmpty())) {
    v1::TakenIn& taken = history.emplace_back();
    const auto parsed =
        google::protobuf::util::JsonStringToMessage(google::protobuf::StringPiece(line.data(), line.size()), &taken);
    if (parsed.ok() && taken.publication().version() >= 1) continue;
    return absl::InvalidArgumentError(
        Text(file_name, ":", history.size(), ":1: expected a line of ebb control history, got ", Quoted(line)));
  }
  return history;
}

std::map<int64_t, const v1::Publication*> InForceIn(const std::vector<v1::TakenIn>& history, int32_t partition) {
  std::map<std::string_view, const v1::TakenIn*> latest;
  for (const v1::TakenIn& taken : history) {
    if (taken.partition() == partition) latest[taken.publication().name()] = &taken;
  }
  std::map<int64_t, const v1::Publication*> by_offset;
  for (const auto& [name, taken] : latest) by_offset[taken->offset()] = &taken->publication();
  return by_offset;
}

}  // namespace ebb
