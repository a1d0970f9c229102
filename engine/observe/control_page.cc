#include "engine/observe/control_page.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "ebb/v1/control.pb.h"
#include "engine/codec/event_decoder.h"
#include "state/text.h"

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

}  // namespace

std::string RenderControl(const std::vector<WorkerSnapshot>& workers) {
  std::map<std::string, std::vector<int32_t>> lines;
  ForEachTask(workers, [&](const TaskSnapshot& task) {
    for (const auto& [name, version] : task.control.in_force) {
      lines[Text(name, "@", version, " in force")].push_back(task.partition);
    }
    if (!task.control.waiting.empty()) lines[Text(task.control.waiting, " waits")].push_back(task.partition);
    for (const auto& [key, why] : task.control.refused) {
      lines[Text(key, " refused: ", why)].push_back(task.partition);
    }
  });
  if (lines.empty()) return "nothing: the pipeline is as its file says\n";
  std::string text;
  for (const auto& [line, partitions] : lines) text += Text(line, " (", PartitionsOf(partitions), ")\n");
  return text;
}

std::map<std::string, int64_t> InForceIn(std::string_view page, int32_t partition) {
  constexpr std::string_view kInForce = " in force (";
  std::map<std::string, int64_t> versions;
  for (std::string_view rest = page; !rest.empty();) {
    const std::string_view line = FirstLine(rest);
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const size_t key_end = line.rfind(kInForce);
    if (key_end == std::string_view::npos || !line.ends_with(")")) continue;
    const size_t at = line.substr(0, key_end).rfind('@');
    if (at == std::string_view::npos) continue;
    std::string_view listed = line.substr(key_end + kInForce.size());
    listed.remove_suffix(1);
    listed.remove_prefix(std::min(listed.find(' ') + 1, listed.size()));
    const std::vector<std::string> partitions = absl::StrSplit(std::string(listed), ", ");
    int64_t version = 0;
    if (std::find(partitions.begin(), partitions.end(), Text(partition)) != partitions.end() &&
        absl::SimpleAtoi(std::string(line.substr(at + 1, key_end - at - 1)), &version)) {
      versions[std::string(line.substr(0, at))] = version;
    }
  }
  return versions;
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

}  // namespace ebb
