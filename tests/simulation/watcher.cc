#include "tests/simulation/watcher.h"

#include <algorithm>
#include <cstdio>

#include "state/text.h"

namespace ebb::simulation {
namespace {

bool Has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// The number before `unit` in a note.
uint64_t NumberBefore(const std::string& note, const std::string& unit) {
  const size_t end = note.find(unit);
  if (end == std::string::npos) return 0;
  size_t begin = end;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(note[begin - 1])) != 0) --begin;
  return begin == end ? 0 : std::stoull(note.substr(begin, end - begin));
}

}  // namespace

Watcher::Watcher(const Profile* profile, Node* node, Referee* referee, Situations* situations, Chance* chance,
                 bool empty)
    : profile_(*profile), node_(*node), referee_(*referee), situations_(*situations), chance_(*chance), empty_(empty) {}

bool Watcher::recovering() const {
  for (size_t w = 0; w < node_.workers(); ++w) {
    for (const auto& [partition, slot] : node_.worker(w).slots()) {
      if (slot.recovery != nullptr) return true;
    }
  }
  return false;
}

bool Watcher::committing() const {
  for (size_t w = 0; w < node_.workers(); ++w) {
    for (const auto& [partition, slot] : node_.worker(w).slots()) {
      if (slot.in_transaction) return true;
    }
  }
  return false;
}

void Watcher::BeforeGroup() {
  was_committing_ = committing();
  was_recovering_ = recovering();
}

void Watcher::AfterGroup() {
  const Engine::Standing now = node_.engine().standing();
  if (now.revocations > revocations_ && was_committing_) situations_.Met("rebalance while committing");
  if (now.revocations > revocations_ && was_recovering_) situations_.Met("rebalance during recovery");
  if (now.losses > losses_) situations_.Met(was_committing_ ? "assignment lost while committing" : "assignment lost");
  if (now.rebalances > rebalances_) situations_.Met("assignment");
  revocations_ = now.revocations;
  losses_ = now.losses;
  rebalances_ = now.rebalances;
}

void Watcher::BeforeWorker(size_t index) {
  was_recovering_ = false;
  for (const auto& [partition, slot] : node_.worker(index).slots()) was_recovering_ |= slot.recovery != nullptr;
}

void Watcher::AfterWorker(size_t index, int64_t wall_ms) {
  for (const WorkerNote& note : node_.notes()) LookAtNote(note.text, was_recovering_);
  int in_transaction = 0;
  bool anew = false;
  for (const auto& [partition, slot] : node_.worker(index).slots()) {
    in_transaction += slot.in_transaction ? 1 : 0;
    anew |= slot.in_transaction && !seen_[{index, partition}].closed;
    Look(index, partition, slot, wall_ms);
  }
  if (anew && in_transaction > 1) situations_.Met("several tasks in one transaction");
}

void Watcher::LookAtNote(const std::string& note, bool was_recovering) {
  if (Has(note, "expected a token of the group's present generation")) situations_.Met("zombie's commit refused");
  if (note.starts_with("fenced: ")) situations_.Met("fenced");
  if ((note.starts_with("fenced: ") || Has(note, "; recovering")) && was_recovering) {
    situations_.Met("recovery during recovery");
  }
  if (Has(note, ": kept, epoch ")) situations_.Met("cache kept over a rebalance");
  if (Has(note, "local state rebuilt")) {
    if (Has(note, "mirrors another") || Has(note, "is not the changelog's")) situations_.Met("foreign store rebuilt");
    if (Has(note, "of a changelog that ends at")) situations_.Met("store beyond the changelog rebuilt");
    if (Has(note, " old, and deletions since")) situations_.Met("store rebuilt for its age");
    if (Has(note, "was not finished")) situations_.Met("unfinished restore begun anew");
  }
  if (Has(note, ": live at epoch ")) {
    const uint64_t restored = NumberBefore(note, " changelog records restored");
    const uint64_t epochs = NumberBefore(note, " epochs and ");
    if (empty_ && restored > 0) situations_.Met("restore from the changelog alone");
    if (!empty_ && restored > 1) situations_.Met("stale mirror");
    if (epochs > 0) situations_.Met("epochs redone");
    if (NumberBefore(note, " skipped for customers ahead") > 0) situations_.Met("redo with customers ahead");
  }
}

void Watcher::Look(size_t index, int32_t partition, const Worker::Slot& slot, int64_t wall_ms) {
  Task& task = *slot.task;
  Seen& seen = seen_[{index, partition}];
  const bool live = slot.recovery == nullptr;
  const bool redoing = !live && slot.recovery->redoing();
  if (redoing && !seen.redoing) {
    const auto& records = task.records();
    if (std::any_of(records.upper_bound(task.low_water()), records.end(),
                    [](const auto& record) { return record.second.has_left_over(); })) {
      situations_.Met("redo of an epoch that left timers over");
    }
  }
  if (slot.in_transaction && !seen.closed) LookAtClosed(task);
  if (task.stats().aborts > seen.aborts) situations_.Met("epoch aborted");
  if (live && seen.live && task.stats().epochs > seen.epochs && seen.aborts > 0) {
    situations_.Met("aborted epoch replayed from memory");
  }
  if (live && seen.live && task.cache().customers() < seen.customers) situations_.Met("eviction");
  if (live && task.debt().Endangered(wall_ms) && !seen.watched) {
    situations_.Met("input after the low-water mark in danger");
  }
  const bool endangered = live && task.debt().Endangered(wall_ms);
  if (seen.watched && live && !endangered && task.low_water() > seen.low_water) {
    situations_.Met("write-back forced by retention");
  }
  seen.watched = endangered;
  CheckBounds(task);
  const Worker& worker = node_.worker(index);
  const double budget = static_cast<double>(profile_.budget_records) * worker.figures().redo_rate /
                        Worker::kAssumedRedoRate / static_cast<double>(worker.slots().size());
  const double owed = static_cast<double>(task.debt().work());
  // What was chosen when the epoch closed counts: speed and share may have changed while it was committed.
  if (live && seen.closed && task.epoch() == seen.epoch + 1 && owed > std::max(budget, seen.budget)) {
    referee_.Violated("a task owes more than its recovery budget");
  }
  const bool anew = live && !seen.live;
  if (anew) referee_.LookAtRestored(partition);
  if (live && (anew || task.epoch() != seen.epoch)) {
    // The cost of a look grows with the ring.
    if (anew || task.epoch() < 100 || chance_.PerMille(50)) {
      referee_.CheckLive(&task, (anew && chance_.PerMille(profile_.probe)) || chance_.PerMille(profile_.probe / 10));
    }
  }
  const double chosen = slot.in_transaction && seen.closed ? seen.budget : budget;
  seen = {live, slot.in_transaction, redoing, task.epoch(), task.low_water(), task.stats().aborts,
          task.cache().customers(), task.stats().epochs, seen.watched, chosen};
}

void Watcher::LookAtClosed(const Task& task) {
  size_t pinned = task.cache().pinned_bytes();
  for (const auto& source : task.sources()) pinned += source->kept_bytes();
  if (pinned >= profile_.pinned_bytes) situations_.Met("epoch closed by pinned bytes");
  uint64_t records = 0;
  for (const auto& source : task.sources()) records += source->records();
  if (records >= profile_.epoch_records) situations_.Met("epoch closed by records");
  size_t outbox = 0;
  for (const OutputRecord& record : task.outbox()) {
    if (record.partition == OutputRecord::kByKey) {
      outbox += sizeof(OutputRecord) + record.key.size() + record.value->size();
    }
  }
  if (outbox * 3 >= profile_.outbox_bytes * 2) situations_.Met("epoch closed by its outbox");
}

void Watcher::CheckBounds(const Task& task) {
  // One record may open a customer and change some rows; one customer may tell three times.
  constexpr size_t kOneItem = 8000;
  const size_t ballast = 3 * static_cast<size_t>(profile_.ballast) + kOneItem;
  if (task.cache().pinned_bytes() > profile_.pinned_bytes + ballast) {
    referee_.Violated("an epoch pins more than it may");
  }
  uint64_t records = 0;
  for (const auto& source : task.sources()) {
    records += source->records();
    // A poll brings a whole batch.
    if (source->bytes() - source->kept_bytes() > profile_.buffer_bytes + 1000 * (300 + ballast)) {
      referee_.Violated("a source buffers more than it may");
    }
  }
  if (records > profile_.epoch_records && task.epoch_open()) {
    referee_.Violated("an epoch takes more records than it may");
  }
}

}  // namespace ebb::simulation
