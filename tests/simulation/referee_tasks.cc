// The part of the referee that looks into tasks and their stores.

#include <algorithm>

#include "engine/log/record.h"
#include "state/text.h"
#include "tests/simulation/referee.h"

namespace ebb::simulation {

void Referee::CheckLive(Task* task, bool all) {
  View& view = views_[static_cast<size_t>(task->partition())];
  // The markers of its last commit may be on their way, and a zombie may not know that it is one.
  if (task->epoch() != view.ghost->epoch()) return;
  if (task->low_water() != view.low_water) {
    Violated(
        Text(Where(view), "a task takes ", task->low_water(), " for the low-water mark, which is ", view.low_water));
  }
  if (!task->epoch_open() && task->watermark_ms() != view.ghost->watermark_ms()) {
    Violated(Text(Where(view), "a task is at the watermark ", task->watermark_ms(), ", which is ",
                  view.ghost->watermark_ms()));
  }
  CheckMirror(&view, task);
  if (!all) return;
  for (const std::string& customer : upstream_.customers()) {
    if (PartitionOf(customer, topics_.partitions) != task->partition()) continue;
    auto described = task->Describe(customer);
    if (!described.ok() && described.status().message().find("injected") != std::string::npos) return;
    const std::string line = described.ok() ? LineOfJson(*described) : "";
    const std::string& right = view.ghost->At(customer, view.ghost->epoch());
    if (!described.ok() && !absl::IsNotFound(described.status())) return Violated(described.status().ToString());
    if (line != right) return Violated(Text(Where(view), customer, " is\n  ", line, "\nand must be\n  ", right));
  }
}

void Referee::LookAtRestored(int32_t partition) {
  const TopicPartition changelog{topics_.changelog, partition};
  const int64_t end = broker_.WrittenBounds(changelog)->end;
  if (end == 0) return;
  auto last = broker_.Read(changelog, end - 1, 1);
  if (last.ok() && last->records.empty()) situations_.Met("control records at the end of a restore");
}

void Referee::CheckMirror(View* view, Task* task) {
  Rows rows;
  auto status = task->store()->Scan("", "", [&](std::string_view key, std::string_view value) {
    rows.emplace(key, value);
    return true;
  });
  if (!status.ok()) return;  // A disk that fails.
  const std::map<std::string, std::string> wakes = WakesOf(view->manifest, view->rows);
  for (const auto& [key, value] : rows) {
    if (IsWake(key)) {
      if (!wakes.contains(key)) return Violated(Where(*view) + "the time index of a store wakes without a deadline");
      continue;
    }
    if (!CustomerOfKey(key)) continue;
    auto right = view->rows.find(key);
    if (right == view->rows.end()) {
      return Violated(Where(*view) + *CustomerOfKey(key) + " has a row in a store that the changelog has not");
    }
    if (right->second != value) {
      return Violated(Where(*view) + *CustomerOfKey(key) + " differs in a store from the changelog");
    }
  }
  for (const auto& [key, value] : wakes) {
    if (!rows.contains(key)) return Violated(Where(*view) + "the time index of a store lacks a deadline");
  }
  for (const auto& [key, value] : view->rows) {
    auto mirrored = rows.find(key);
    if (IsEpoch(key)) {
      v1::EpochRecord record;
      (void)record.ParseFromString(value);
      if (record.epoch() < view->low_water) continue;
    }
    if (mirrored == rows.end()) return Violated(Where(*view) + "a store lacks a row of the changelog");
    if (mirrored->second != value) return Violated(Where(*view) + "a store differs from the changelog");
  }
}

std::string Referee::Outstanding(int64_t now_ms) const {
  // Where no clock carries time on, the next record may have to be waited for.
  const int64_t lateness_ms = *std::max_element(rules_.lateness_ms.begin(), rules_.lateness_ms.end());
  const auto its_time_has_come = [&](const View& view, int64_t valid_from_ms) {
    const bool in_motion = rules_.idle_wall_clock && now_ms - lateness_ms > view.ghost->watermark_ms();
    return in_motion && valid_from_ms <= view.ghost->watermark_ms();
  };
  for (const View& view : views_) {
    for (const auto& [number, edition] : publisher_.editions()) {
      if (number <= view.ghost->edition() || !its_time_has_come(view, edition.valid_from_ms)) continue;
      return Text(Where(view), "edition ", number, " was not taken in");
    }
  }
  for (const auto& [offset, bad] : publisher_.bad()) {
    if (bad.seen == 0 && (bad.unreadable || its_time_has_come(views_[0], bad.valid_from_ms))) {
      return Text("the bad publication at ", offset, " is no dead letter");
    }
  }
  return "";
}

void Referee::CheckEnd(bool drained, int64_t now_ms) {
  if (!settled_) return Violated("a transaction was left undecided");
  for (View& view : views_) {
    const auto partition = static_cast<int32_t>(&view - views_.data());
    const TrueInput& input = upstream_.input(partition);
    for (size_t i = 0; i < input.size(); ++i) {
      if (input[i].empty() || input[i].rbegin()->first < view.ghost->EndOf(view.ghost->epoch())[i]) continue;
      Violated(Text(Where(view), "the input of source ", i, " was read up to ",
                    view.ghost->EndOf(view.ghost->epoch())[i], ", its last record is at ", input[i].rbegin()->first));
    }
    if (view.ghost->AnyDue()) Violated(Where(view) + "timers that are due have not fired");
    if (drained && view.low_water != view.ghost->epoch()) Violated(Where(view) + "a clean stop has left debt");
    if (!view.pending.empty()) Violated(Where(view) + "a store holds what was not committed");
  }
  if (std::string outstanding = Outstanding(now_ms); !outstanding.empty()) Violated(std::move(outstanding));
}

}  // namespace ebb::simulation
