#include "engine/log/memory_broker.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace ebb {

int64_t MemoryBroker::Partition::LastStable() const {
  int64_t offset = end;
  for (const auto& [transaction, first] : undecided) offset = std::min(offset, first);
  return offset;
}

void MemoryBroker::CreateTopic(const std::string& topic, int32_t partitions,
                               std::map<std::string, std::string> settings) {
  topics_[topic] = Topic{std::vector<Partition>(partitions), std::move(settings)};
}

absl::StatusOr<int64_t> MemoryBroker::Append(const TopicPartition& partition, std::string_view key,
                                             std::optional<std::string_view> value, int64_t timestamp_ms,
                                             std::vector<Header> headers) {
  if (auto found = Find(partition); !found.ok()) return found.status();
  Partition& log = At(partition);
  Record record{log.end, timestamp_ms, std::string(key), std::nullopt, std::move(headers)};
  if (value) record.value.emplace(*value);
  log.entries.push_back({std::move(record), nullptr});
  return log.end++;
}

std::vector<MemoryBroker::Record> MemoryBroker::Committed(const TopicPartition& partition) const {
  std::vector<Record> records;
  const absl::StatusOr<const Partition*> log = Find(partition);
  if (!log.ok()) return records;
  const absl::StatusOr<Readable> readable = Read(partition, (*log)->begin, (*log)->entries.size() + 1);
  for (const Record* record : readable->records) records.push_back(*record);
  return records;
}

void MemoryBroker::Trim(const TopicPartition& partition, int64_t begin) {
  Partition& log = At(partition);
  log.begin = std::clamp(begin, log.begin, log.LastStable());
  while (!log.entries.empty() && log.entries.front().record.offset < log.begin) log.entries.pop_front();
}

MemoryBroker::Compacted MemoryBroker::Compact(const TopicPartition& partition, const Compaction& limits) {
  Partition& log = At(partition);
  const int64_t end = std::min(log.LastStable(), limits.below);
  const auto readable = [](const Entry& entry) {
    return entry.transaction == nullptr || entry.transaction->state == Transaction::State::kCommitted;
  };
  std::map<std::string, int64_t> last;
  for (const Entry& entry : log.entries) {
    if (entry.record.offset < end && readable(entry)) last[entry.record.key] = entry.record.offset;
  }
  Compacted gone;
  std::erase_if(log.entries, [&](const Entry& entry) {
    const Record& record = entry.record;
    if (record.offset >= end || record.timestamp_ms >= limits.records_before_ms) return false;
    const bool outlived = !readable(entry) || last[record.key] != record.offset;
    const bool expired = !outlived && !record.value && record.timestamp_ms < limits.tombstones_before_ms;
    gone.records += outlived ? 1 : 0;
    gone.tombstones += expired ? 1 : 0;
    return outlived || expired;
  });
  return gone;
}

void MemoryBroker::TimeOutTransaction(const std::string& id) {
  Producer& producer = producers_[id];
  ++producer.epoch;
  if (producer.transaction != nullptr) End(producer.transaction, false);
}

void MemoryBroker::WriteMarkers() {
  for (auto& [topic, entry] : topics_) {
    for (size_t p = 0; p < entry.partitions.size(); ++p) {
      Partition& log = entry.partitions[p];
      const std::string where = ToString({topic, static_cast<int32_t>(p)});
      log.end += static_cast<int64_t>(std::erase_if(log.undecided, [&](auto& undecided) {
        Transaction& transaction = *undecided.first;
        if (transaction.state == Transaction::State::kOpen || Ask(Step::kMarker, where) != Fate::kHappens) return false;
        --transaction.unmarked;
        return true;
      }));
    }
  }
  for (auto& [name, group] : groups_) {
    std::erase_if(group.undecided, [&, &group = group, &name = name](auto& undecided) {
      Transaction& transaction = *undecided.first;
      if (transaction.state == Transaction::State::kOpen || Ask(Step::kMarker, name) != Fate::kHappens) return false;
      if (transaction.state == Transaction::State::kCommitted) {
        for (const auto& [partition, offset] : undecided.second) group.offsets[partition] = offset;
      }
      --transaction.unmarked;
      return true;
    });
  }
}

absl::StatusOr<MemoryBroker::Readable> MemoryBroker::Read(const TopicPartition& partition, int64_t offset,
                                                          size_t max_records) const {
  const absl::StatusOr<const Partition*> found = Find(partition);
  if (!found.ok()) return found.status();
  const Partition& log = **found;
  if (offset < log.begin || offset > log.end) {
    return absl::OutOfRangeError(absl::StrCat(ToString(partition), ": expected an offset from ", log.begin, " to ",
                                              log.end, ", got ", offset));
  }
  Readable readable;
  const int64_t stable = log.LastStable();
  auto entry = std::lower_bound(log.entries.begin(), log.entries.end(), offset,
                                [](const Entry& e, int64_t sought) { return e.record.offset < sought; });
  readable.next = offset;
  for (; entry != log.entries.end() && entry->record.offset < stable; ++entry) {
    if (readable.records.size() == max_records) return readable;
    readable.next = entry->record.offset + 1;
    if (entry->transaction != nullptr && entry->transaction->state != Transaction::State::kCommitted) continue;
    readable.records.push_back(&entry->record);
  }
  readable.next = std::max(offset, stable);
  readable.at_end = true;
  return readable;
}

absl::StatusOr<Cluster::Bounds> MemoryBroker::WrittenBounds(const TopicPartition& partition) const {
  const absl::StatusOr<const Partition*> log = Find(partition);
  if (!log.ok()) return log.status();
  return Cluster::Bounds{(*log)->begin, (*log)->end};
}

absl::StatusOr<int64_t> MemoryBroker::OffsetAt(const TopicPartition& partition, int64_t time_ms) const {
  const absl::StatusOr<const Partition*> log = Find(partition);
  if (!log.ok()) return log.status();
  for (const Entry& entry : (*log)->entries) {
    if (entry.record.timestamp_ms >= time_ms) return entry.record.offset;
  }
  return (*log)->end;
}

absl::StatusOr<int32_t> MemoryBroker::PartitionCount(const std::string& topic) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return absl::NotFoundError(absl::StrCat("topic ", topic, " does not exist"));
  return static_cast<int32_t>(found->second.partitions.size());
}

absl::StatusOr<std::map<std::string, std::string>> MemoryBroker::TopicSettings(const std::string& topic) const {
  const auto found = topics_.find(topic);
  if (found == topics_.end()) return absl::NotFoundError(absl::StrCat("topic ", topic, " does not exist"));
  return found->second.settings;
}

absl::StatusOr<std::vector<std::optional<int64_t>>> MemoryBroker::CommittedOffsets(
    const std::string& group, const std::vector<TopicPartition>& partitions) const {
  std::vector<std::optional<int64_t>> offsets(partitions.size());
  const auto found = groups_.find(group);
  if (found == groups_.end()) return offsets;
  for (size_t i = 0; i < partitions.size(); ++i) {
    for (const auto& [transaction, pending] : found->second.undecided) {
      if (pending.contains(partitions[i])) {
        return absl::UnavailableError(absl::StrCat("a transaction holds the offset of ", ToString(partitions[i])));
      }
    }
    const auto offset = found->second.offsets.find(partitions[i]);
    if (offset != found->second.offsets.end()) offsets[i] = offset->second;
  }
  return offsets;
}

absl::StatusOr<int> MemoryBroker::InitProducer(const std::string& id) {
  Producer& producer = producers_[id];
  ++producer.epoch;
  if (producer.transaction != nullptr) {
    End(producer.transaction, false);
    if (producer.transaction->unmarked > 0) return absl::UnavailableError("the transaction before is not settled yet");
  }
  producer.transaction = nullptr;
  return producer.epoch;
}

absl::StatusOr<int64_t> MemoryBroker::AppendTo(const std::string& id, int epoch, const OutputRecord& record) {
  const absl::StatusOr<int32_t> count = PartitionCount(record.topic);
  if (!count.ok()) return count.status();
  const TopicPartition partition{
      record.topic, record.partition == OutputRecord::kByKey ? PartitionOf(record.key, *count) : record.partition};
  if (auto found = Find(partition); !found.ok()) return found.status();
  const absl::StatusOr<TransactionPtr> transaction = OpenTransaction(id, epoch);
  if (!transaction.ok()) return transaction.status();
  Partition& log = At(partition);
  if (log.undecided.emplace(*transaction, log.end).second) ++(*transaction)->unmarked;
  log.entries.push_back({{log.end, now_ms_, record.key, record.value, record.headers}, *transaction});
  return log.end++;
}

absl::Status MemoryBroker::AddOffsets(const std::string& id, int epoch, const std::vector<CommittedOffset>& offsets,
                                      const GroupToken* token) {
  const auto group = std::find_if(groups_.begin(), groups_.end(),
                                  [&](const auto& entry) { return entry.second.members.IsCurrent(token); });
  const absl::StatusOr<TransactionPtr> transaction = OpenTransaction(id, epoch);
  if (!transaction.ok()) return transaction.status();
  if (group == groups_.end()) {
    return absl::AbortedError("expected a token of the group's present generation, got that of an earlier one");
  }
  auto [pending, is_new] = group->second.undecided.try_emplace(*transaction);
  if (is_new) ++(*transaction)->unmarked;
  for (const CommittedOffset& offset : offsets) pending->second[offset.partition] = offset.offset;
  return absl::OkStatus();
}

absl::Status MemoryBroker::EndTransaction(const std::string& id, int epoch, bool commit) {
  if (absl::Status status = CheckEpoch(id, epoch); !status.ok()) return status;
  if (producers_[id].transaction != nullptr) End(producers_[id].transaction, commit);
  return absl::OkStatus();
}

MemoryGroup& MemoryBroker::GroupOf(const std::string& name) {
  const auto count = [this](const std::string& topic) { return PartitionCount(topic).value_or(0); };
  return groups_.try_emplace(name, Group{MemoryGroup(count), {}, {}}).first->second.members;
}

absl::StatusOr<const MemoryBroker::Partition*> MemoryBroker::Find(const TopicPartition& partition) const {
  const absl::StatusOr<int32_t> count = PartitionCount(partition.topic);
  if (!count.ok()) return count.status();
  if (partition.partition < 0 || partition.partition >= *count) {
    return absl::NotFoundError(absl::StrCat("topic ", partition.topic, ": expected a partition from 0 to ", *count - 1,
                                            ", got ", partition.partition));
  }
  return &topics_.at(partition.topic).partitions[partition.partition];
}

absl::Status MemoryBroker::CheckEpoch(const std::string& id, int epoch) const {
  const auto producer = producers_.find(id);
  if (producer != producers_.end() && producer->second.epoch == epoch) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("a newer producer has taken over transactional id ", id));
}

absl::StatusOr<MemoryBroker::TransactionPtr> MemoryBroker::OpenTransaction(const std::string& id, int epoch) {
  if (absl::Status status = CheckEpoch(id, epoch); !status.ok()) return status;
  TransactionPtr& last = producers_[id].transaction;
  if (last != nullptr && last->state == Transaction::State::kOpen) return last;
  if (last != nullptr && last->unmarked > 0) {
    return absl::UnavailableError("the transaction before is not settled yet");
  }
  last = std::make_shared<Transaction>();
  last->number = ++transactions_;
  return last;
}

void MemoryBroker::End(const TransactionPtr& transaction, bool commit) {
  if (transaction->state == Transaction::State::kOpen) {
    transaction->state = commit ? Transaction::State::kCommitted : Transaction::State::kAborted;
  }
  WriteMarkers();
}

}  // namespace ebb
