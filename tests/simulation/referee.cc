#include "tests/simulation/referee.h"

#include <algorithm>
#include <set>

#include "state/text.h"

namespace ebb::simulation {

Referee::Referee(const MemoryBroker* broker, Topics topics, const GhostRules* rules, const Upstream* upstream,
                 Publisher* publisher, Situations* situations, Trace* trace)
    : broker_(*broker),
      topics_(std::move(topics)),
      upstream_(*upstream),
      publisher_(*publisher),
      rules_(*rules),
      situations_(*situations),
      trace_(*trace) {
  for (int32_t p = 0; p < topics_.partitions; ++p) {
    View& view = views_.emplace_back();
    view.ghost = std::make_unique<GhostTask>(p, rules, &upstream_.input(p), &situations_);
    view.allowance = std::make_unique<GhostAllowance>(p, topics_.partitions);
    view.offsets.resize(rules->topics.size());
  }
}

void Referee::Violated(std::string claim) {
  if (!violation_.empty()) return;
  violation_ = std::move(claim);
  trace_.Line("VIOLATED: ", violation_);
}

std::string Referee::Where(const View& view) const {
  return Text("partition ", &view - views_.data(), ", epoch ", view.ghost->epoch(), ": ");
}

int64_t Referee::Unneeded(int32_t partition, size_t source) const {
  const View& view = views_[static_cast<size_t>(partition)];
  return view.ghost->EndOf(view.low_water)[source];
}

void Referee::Observe() {
  settled_ = true;
  for (int32_t p = 0; p < topics_.partitions; ++p) {
    ReadChangelog(p);
    ReadResults(p);
    CheckPending(&views_[static_cast<size_t>(p)]);
  }
  CheckOffsets();
  if (!settled_) return;
  if (auto difference = results_.Difference(); !difference.empty()) {
    Violated(Text("what has left is not what should have: ", difference));
  }
}

void Referee::ReadChangelog(int32_t partition) {
  View& view = views_[static_cast<size_t>(partition)];
  const TopicPartition from{topics_.changelog, partition};
  auto read = broker_.Read(from, view.next, SIZE_MAX);
  if (!read.ok()) return Violated(std::string(read.status().message()));
  for (const MemoryBroker::Record* record : read->records) {
    if (!IsEpoch(record->key)) {
      view.entries.emplace_back(record->key, record->value);
      continue;
    }
    v1::EpochRecord epoch;
    if (!record->value || !epoch.ParseFromString(*record->value)) return Violated("an epoch record cannot be read");
    TakeEpoch(&view, epoch);
    view.rows[record->key] = *record->value;
  }
  view.next = read->next;
  // What a zombie has left open may stand between the entries of one transaction.
  const bool whole = view.next == broker_.WrittenBounds(from)->end;
  if (whole && !view.entries.empty()) Violated(Where(view) + "the changelog goes on behind its last epoch record");
  settled_ &= whole;
}

void Referee::TakeEpoch(View* view, const v1::EpochRecord& record) {
  trace_.Line("partition ", view - views_.data(), " epoch ", record.epoch(), " L ", record.low_water(), " by ",
              record.owner(), ", ", record.entries(), " entries, ", record.outputs(), " results, ",
              record.rounds_size(), " rounds");
  if (record.entries() != view->entries.size()) {
    Violated(Text(Where(*view), "epoch ", record.epoch(), " claims ", record.entries(), " entries, there are ",
                  view->entries.size()));
  }
  if (!view->uuid.empty() && view->uuid != record.changelog_uuid()) {
    Violated(Where(*view) + "another changelog's record");
  }
  view->uuid = record.changelog_uuid();
  if (!view->owner.empty() && view->owner != record.owner()) {
    situations_.Met("task moved");
    if (view->owners.contains(record.owner())) situations_.Met("task returned");
  }
  view->owner = record.owner();
  view->owners.insert(record.owner());
  if (auto wrong = view->ghost->Do(record); !wrong.empty()) return Violated(Where(*view) + wrong);
  results_.Expect(view->ghost->results());
  if (record.low_water() < view->low_water || record.low_water() > record.epoch()) {
    Violated(Text(Where(*view), "the low-water mark went from ", view->low_water, " to ", record.low_water()));
  }
  if (record.epoch() - record.low_water() > 1023) Violated(Where(*view) + "the record of the low-water mark is gone");
  if (record.epoch() - record.low_water() == 1023) situations_.Met("ring of epoch records full");
  if (record.rounds_size() >= 512) situations_.Met("epoch closed by rounds");
  if (record.rounds_size() > 512) Violated(Where(*view) + "an epoch has more rounds than it may");
  view->low_water = record.low_water();
  TakeEntries(view, record.epoch());
}

void Referee::TakeEntries(View* view, uint64_t epoch) {
  std::set<std::string> written;
  for (auto& [key, value] : view->entries) {
    const auto customer = CustomerOfKey(key);
    if (customer) written.insert(*customer);
    if (customer && IsDocument(key)) {
      if (!value) {
        view->buried.insert(*customer);
        situations_.Met("tombstone written");
        if (const auto& state = view->ghost->At(*customer, epoch); !state.empty()) {
          Violated(Text(Where(*view), *customer, " is deleted and has state: ", state));
        }
      } else if (view->buried.erase(*customer) > 0) {
        situations_.Met("customer revived after a tombstone");
      }
    }
    if (!customer && !IsControl(key) && (!value || !view->manifest.ParseFromString(*value))) {
      Violated(Where(*view) + "an unknown entry");
    }
    if (value) {
      view->rows[key] = *std::move(value);
    } else {
      view->rows.erase(key);
    }
  }
  view->entries.clear();
  CheckWritten(view, epoch, written);
}

// What is written is what the customer was as of its stamp; and what is not written lies after the low-water mark.
void Referee::CheckWritten(View* view, uint64_t epoch, const std::set<std::string>& written) {
  for (const auto& [customer, known] : view->ghost->customers()) {
    const Found found = Find(view->manifest, view->rows, customer);
    const std::string who = Where(*view) + customer;
    if (!found.wrong.empty()) return Violated(who + " has " + found.wrong);
    if (!found.has_document) {
      if (found.has_rows) return Violated(who + " has rows without a document");
      if (const auto& right = view->ghost->At(customer, view->low_water); !right.empty()) {
        return Violated(Text(who, " is not written, but was, as of the low-water mark ", view->low_water, ": ", right));
      }
      continue;
    }
    if (found.stamp > epoch || (written.contains(customer) && found.stamp != epoch)) {
      return Violated(Text(who, " is written with the stamp ", found.stamp));
    }
    const std::string& right = view->ghost->At(customer, found.stamp);
    if (found.line != right) {
      return Violated(
          Text(who, " is written with stamp ", found.stamp, " as\n  ", found.line, "\nbut was then\n  ", right));
    }
    if (found.stamp < view->low_water && right != view->ghost->At(customer, view->low_water)) {
      return Violated(Text(who, " has changed since its stamp ", found.stamp, ", before the low-water mark ",
                           view->low_water));
    }
    if (found.line.empty()) situations_.Met("empty document written");
    if (found.has_rows && !known.now.has_document()) situations_.Met("rows without a value");
  }
}

void Referee::ReadResults(int32_t partition) {
  View& view = views_[static_cast<size_t>(partition)];
  for (bool dead : {false, true}) {
    const TopicPartition from{dead ? topics_.dead_letters : topics_.results, partition};
    int64_t& next = dead ? view.next_dead : view.next_result;
    auto read = broker_.Read(from, next, SIZE_MAX);
    if (!read.ok()) return Violated(std::string(read.status().message()));
    for (const MemoryBroker::Record* record : read->records) {
      if (dead && Results::HeaderOf(*record, "__streams.errors.topic") == publisher_.topic()) {
        TakeBadPublication(*record);
        continue;
      }
      if (auto wrong = results_.Find(*record, dead); !wrong.empty()) Violated(Where(view) + wrong);
      if (!dead) TakeShout(&view, *record);
    }
    next = read->next;
    settled_ &= next == broker_.WrittenBounds(from)->end;
  }
}

void Referee::TakeShout(View* view, const MemoryBroker::Record& record) {
  Told told;
  if (!record.value || !told.ParseFromString(*record.value) || told.ordinal() != kLimitedOrdinal) return;
  situations_.Met(told.held_back() ? "result held back by an allowance" : "result within an allowance");
  if (auto wrong = view->allowance->See(told); !wrong.empty()) Violated(Where(*view) + wrong);
}

void Referee::TakeBadPublication(const MemoryBroker::Record& record) {
  const int64_t offset = std::atoll(Results::HeaderOf(record, "__streams.errors.offset").c_str());
  const auto bad = publisher_.bad().find(offset);
  if (bad == publisher_.bad().end()) return Violated(Text("the good publication at ", offset, " is a dead letter"));
  if (++bad->second.seen > 1) return Violated(Text("the publication at ", offset, " is a dead letter twice"));
  situations_.Met("bad publication sent to dead letters");
}

void Referee::OnApply(int32_t partition, const WriteBatch& batch) {
  View& view = views_[static_cast<size_t>(partition)];
  for (const auto& [key, value] : batch.writes()) {
    if (!IsDocument(key) || !value) continue;
    PendingRow row{*CustomerOfKey(key), 0, {}};
    if (!row.document.ParseFromArray(value->data(), static_cast<int>(value->size()))) {
      return Violated(Where(view) + "a document in a store cannot be read");
    }
    row.stamp = row.document.stamp();
    view.pending.push_back(std::move(row));
  }
}

void Referee::CheckPending(View* view) {
  if (view->pending.empty()) return;
  const bool all =
      view->next == broker_.WrittenBounds({topics_.changelog, static_cast<int32_t>(view - views_.data())})->end;
  std::erase_if(view->pending, [&](const PendingRow& row) {
    if (row.stamp > view->ghost->epoch()) {
      if (all) {
        Violated(Text(Where(*view), row.customer, " is in a store as of epoch ", row.stamp, ", never committed"));
      }
      return false;
    }
    // The rows of maps and lists are looked at in CheckMirror: here is the document alone.
    Rows one;
    std::string key = Text("\3", row.customer);
    key.append("\0\1", 2);
    one[key] = row.document.SerializeAsString();
    const std::string& right = view->ghost->At(row.customer, row.stamp);
    const std::string line = Find(view->manifest, one, row.customer).line;
    if (!right.starts_with(line)) {
      Violated(
          Text(Where(*view), row.customer, " is in a store with stamp ", row.stamp, " as ", line, " but was ", right));
    }
    return true;
  });
}

void Referee::CheckOffsets() {
  for (View& view : views_) {
    const auto partition = static_cast<int32_t>(&view - views_.data());
    std::vector<TopicPartition> partitions;
    for (const std::string& topic : view.ghost->topics()) partitions.push_back({topic, partition});
    auto offsets = broker_.CommittedOffsets(topics_.application, partitions);
    if (!offsets.ok()) {
      settled_ = false;
      continue;
    }
    const bool changelog_settled = view.next == broker_.WrittenBounds({topics_.changelog, partition})->end;
    for (size_t i = 0; i < offsets->size(); ++i) {
      const auto& now = (*offsets)[i];
      if (view.offsets[i] && (!now || *now < *view.offsets[i])) Violated(Where(view) + "a committed offset went back");
      if (changelog_settled && now.value_or(0) != view.ghost->EndOf(view.ghost->epoch())[i]) {
        Violated(Text(Where(view), "the group is at ", now.value_or(-1), " of ", partitions[i].topic,
                      ", the epoch ended at ", view.ghost->EndOf(view.ghost->epoch())[i]));
      }
    }
    view.offsets = *std::move(offsets);
  }
}

}  // namespace ebb::simulation
