#include "engine/runtime/recovery.h"

#include <algorithm>

#include "engine/runtime/epoch_record.h"
#include "state/document.h"
#include "state/layout.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr size_t kWipeRows = 10'000;  // Rows deleted in one batch.

absl::StatusOr<v1::StorePosition> ReadPosition(Store* store) {
  auto row = store->Get(layout::PositionKey());
  if (!row.ok()) return row.status();
  v1::StorePosition position;
  if (*row && !position.ParseFromString(**row)) return absl::DataLossError("the store's position cannot be read");
  return position;
}

}  // namespace

Recovery::Recovery(Task* task, Input* input, Cluster* cluster, const PipelineSpec* spec, RecoveryOptions options)
    : task_(*task), input_(*input), cluster_(*cluster), spec_(*spec), options_(std::move(options)) {
  // An answer to a question from before may be about what another has changed since.
  cluster_.Forget();
}

Recovery::~Recovery() {
  if (reading_) input_.Stop(Changelog());
}

TopicPartition Recovery::Changelog() const { return {task_.options().changelog_topic, task_.partition()}; }

absl::StatusOr<bool> Recovery::Step(absl::Time wall_clock, absl::Duration elapsed) {
  const Phase phase = phase_;
  const uint64_t before = report_.changelog_records + report_.epochs + task_.stats().redone_records;
  auto done = StepOnce(wall_clock, elapsed);
  worked_ = phase != phase_ || before != report_.changelog_records + report_.epochs + task_.stats().redone_records;
  // The answer is on its way: ask again at the next step.
  if (absl::IsUnavailable(done.status())) return false;
  return done;
}

absl::StatusOr<bool> Recovery::StepOnce(absl::Time wall_clock, absl::Duration elapsed) {
  absl::Status status;
  switch (phase_) {
    case Phase::kCommittedOffsets: status = AskCommitted(); break;
    case Phase::kTarget: status = AskTarget(); break;
    case Phase::kCheckMirror: status = CheckMirror(wall_clock); break;
    case Phase::kRestore: {
      auto done = Restore();
      if (!done.ok()) return done.status();
      if (!*done) return false;
      if (options_.keep_if_unchanged && !anything_new_ && !report_.rebuilt) {
        report_.kept = true;
        phase_ = Phase::kDone;
        return true;
      }
      phase_ = Phase::kAdopt;
      break;
    }
    case Phase::kAdopt: status = Adopt(); break;
    case Phase::kBeginnings: status = AskBeginnings(); break;
    case Phase::kStart: {
      status = task_.StartSources(&input_, task_.RedoFrom(beginnings_));
      redo_epoch_ = task_.low_water() + 1;
      redone_before_ = task_.stats().redone_records;
      skipped_before_ = task_.stats().skipped_customers;
      redo_began_ = elapsed;
      phase_ = Phase::kRedo;
      break;
    }
    case Phase::kRedo: {
      if (redo_epoch_ <= task_.epoch()) {
        auto done = task_.Redo(task_.records().at(redo_epoch_), kRedoRecordsPerStep);
        if (absl::IsOutOfRange(done.status())) {
          return absl::DataLossError(Text(
              "partition ", task_.partition(), ": the records of epoch ", redo_epoch_, " to ", task_.epoch(),
              " must be read again, but the topic no longer keeps them (", done.status().message(),
              "); raise its retention, or, to begin anew without them, give the application another name"));
        }
        if (!done.ok()) return done.status();
        if (*done) {
          ++redo_epoch_;
          ++report_.epochs;
        }
        return false;
      }
      task_.FinishRedo();
      report_.records = task_.stats().redone_records - redone_before_;
      report_.skipped = task_.stats().skipped_customers - skipped_before_;
      report_.redo_time = elapsed - *redo_began_;
      phase_ = Phase::kDone;
      return true;
    }
    case Phase::kDone: return true;
  }
  if (!status.ok()) return status;
  return false;
}

absl::Status Recovery::AskCommitted() {
  std::vector<TopicPartition> partitions;
  for (const auto& source : task_.sources()) partitions.push_back(source->partition());
  auto committed = cluster_.CommittedOffsets(partitions);
  if (!committed.ok()) return committed.status();
  committed_ = *std::move(committed);
  phase_ = Phase::kTarget;
  return absl::OkStatus();
}

absl::Status Recovery::AskTarget() {
  auto bounds = cluster_.WrittenBounds(Changelog());
  if (!bounds.ok()) return bounds.status();
  bounds_ = *bounds;
  phase_ = Phase::kCheckMirror;
  return absl::OkStatus();
}

absl::Status Recovery::CheckMirror(absl::Time wall_clock) {
  auto position = ReadPosition(task_.store());
  if (!position.ok()) return position.status();
  next_ = position->next_offset();
  auto row = task_.store()->Get(layout::ManifestKey());
  if (!row.ok()) return row.status();
  v1::Manifest manifest;
  const bool has_manifest = *row && manifest.ParseFromString(**row);
  const absl::Duration age = wall_clock - absl::FromUnixMillis(position->committed_at_ms());
  absl::Status status;
  if (has_manifest && manifest.application() != spec_.config.application()) {
    status = Wipe(Text("it is of the application ", manifest.application()));
  } else if (next_ > bounds_.end) {
    status = Wipe(Text("it is at offset ", next_, " of a changelog that ends at ", bounds_.end));
  } else if (next_ > 0 && age > options_.max_store_age) {
    status = Wipe(Text("its last commit is ", absl::FormatDuration(absl::Trunc(age, absl::Seconds(1))),
                               " old, and deletions since may be gone from the changelog"));
  }
  if (!status.ok()) return status;
  // One record is read twice: it must be the same, or the store is of another life.
  check_first_ = next_ > 0;
  next_ = std::max<int64_t>(next_ - 1, 0);
  if (next_ < bounds_.begin) {
    next_ = bounds_.begin;
    check_first_ = false;
  }
  reading_ = true;
  phase_ = Phase::kRestore;
  return input_.Start(Changelog(), next_);
}

absl::Status Recovery::Wipe(std::string why) {
  report_.rebuilt = true;
  report_.why_rebuilt = std::move(why);
  next_ = 0;
  for (;;) {
    WriteBatch batch;
    auto status = task_.store()->Scan("", "", [&](std::string_view key, std::string_view) {
      batch.Delete(std::string(key));
      return batch.writes().size() < kWipeRows;
    });
    if (!status.ok()) return status;
    if (batch.empty()) return absl::OkStatus();
    if (status = task_.store()->Apply(batch); !status.ok()) return status;
  }
}

absl::StatusOr<bool> Recovery::Restore() {
  RecordBatch batch;
  auto polled = input_.Poll(Changelog(), kRestoreRecordsPerStep, &batch);
  if (!polled.ok()) return polled.status();
  if (check_first_ && !batch.empty()) {
    check_first_ = false;
    const RecordBatch::View first = batch[0];
    if (first.offset == next_ && layout::KindOf(first.key) == layout::RowKind::kEpoch) {
      auto mirrored = task_.store()->Get(first.key);
      if (!mirrored.ok()) return mirrored.status();
      if (!*mirrored || !first.value || **mirrored != *first.value) {
        input_.Stop(Changelog());
        if (auto status = Wipe("its last epoch record is not the changelog's"); !status.ok()) return status;
        next_ = bounds_.begin;
        if (auto status = input_.Start(Changelog(), next_); !status.ok()) return status;
        return false;
      }
    }
    // What was read again is in the store already.
    anything_new_ = batch.size() > 1 || first.offset != next_;
  } else if (!batch.empty()) {
    anything_new_ = true;
  }
  if (!batch.empty()) {
    if (auto status = Apply(batch); !status.ok()) return status;
    report_.changelog_records += batch.size();
    next_ = batch[batch.size() - 1].offset + 1;
  }
  if (polled->at_end) next_ = std::max(next_, polled->end_offset);
  remaining_ = std::max<int64_t>(bounds_.end - next_, 0);
  if (next_ < bounds_.end) return false;
  input_.Stop(Changelog());
  reading_ = false;
  if (auto status = FinishRestore(); !status.ok()) return status;
  return true;
}

absl::Status Recovery::Apply(const RecordBatch& batch) {
  std::vector<std::string> documents;
  for (size_t i = 0; i < batch.size(); ++i) {
    if (layout::KindOf(batch[i].key) == layout::RowKind::kDocument) documents.emplace_back(batch[i].key);
  }
  std::sort(documents.begin(), documents.end());
  documents.erase(std::unique(documents.begin(), documents.end()), documents.end());
  auto stored = task_.store()->MultiGet(documents);
  if (!stored.ok()) return stored.status();
  // Where the time index wakes each customer, as the batch grows.
  std::map<std::string, std::optional<int64_t>, std::less<>> wakes;
  for (size_t i = 0; i < documents.size(); ++i) {
    auto document = (*stored)[i] ? ReadStampedRow(*(*stored)[i]) : std::nullopt;
    wakes[documents[i]] = document ? EarliestDeadline(document->body) : std::nullopt;
  }
  WriteBatch rows;
  for (size_t i = 0; i < batch.size(); ++i) {
    const RecordBatch::View record = batch[i];
    const std::string key(record.key);
    if (record.value) {
      rows.Put(key, std::string(*record.value));
    } else {
      rows.Delete(key);
    }
    if (layout::KindOf(key) != layout::RowKind::kDocument) continue;
    const std::string customer = layout::CustomerOf(key).value_or("");
    auto document = record.value ? ReadStampedRow(*record.value) : std::nullopt;
    const std::optional<int64_t> deadline = document ? EarliestDeadline(document->body) : std::nullopt;
    std::optional<int64_t>& wake = wakes[key];
    if (wake && wake != deadline) rows.Delete(layout::WakeKey(*wake, customer));
    if (deadline && wake != deadline) rows.Put(layout::WakeKey(*deadline, customer), "");
    wake = deadline;
  }
  return task_.store()->Apply(rows);
}

absl::Status Recovery::FinishRestore() {
  auto position = ReadPosition(task_.store());
  if (!position.ok()) return position.status();
  auto records = ReadEpochRecords(task_.store());
  if (!records.ok()) return records.status();
  position->set_next_offset(next_);
  if (!records->empty()) {
    const v1::EpochRecord& last = records->rbegin()->second;
    position->set_committed_at_ms(last.committed_at_ms());
    position->set_changelog_uuid(last.changelog_uuid());
  }
  WriteBatch batch;
  batch.Put(layout::PositionKey(), position->SerializeAsString());
  return task_.store()->Apply(batch);
}

absl::Status Recovery::Adopt() {
  if (auto status = task_.Adopt(options_.new_uuid); !status.ok()) return status;
  if (auto status = CheckOffsets(); !status.ok()) return status;
  phase_ = Phase::kBeginnings;
  return absl::OkStatus();
}

absl::Status Recovery::CheckOffsets() const {
  const auto& records = task_.records();
  for (size_t i = 0; i < committed_.size(); ++i) {
    if (!committed_[i]) continue;
    const auto& source = *task_.sources()[i];
    if (records.empty()) {
      return absl::FailedPreconditionError(Text(
          "group ", spec_.config.application(), " has offset ", *committed_[i], " in ", source.partition().topic, "[",
          task_.partition(), "], but the changelog ", task_.options().changelog_topic,
          " is empty: the state for what was read is gone; restore the changelog, or give the application "
          "another name"));
    }
    const v1::EpochRecord& last = records.rbegin()->second;
    const int at = static_cast<int>(i);
    int64_t to = last.slices(at).from();
    for (const auto& round : last.rounds()) to += static_cast<int64_t>(round.advance(at));
    if (*committed_[i] > to) {
      return absl::FailedPreconditionError(Text(
          "group ", spec_.config.application(), " has offset ", *committed_[i], " in ", source.partition().topic, "[",
          task_.partition(), "], beyond ", to, " of the last epoch: offsets were moved by hand, or part of the changelog "
          "is gone; set them back, or, to begin anew, give the application another name"));
    }
  }
  return absl::OkStatus();
}

absl::Status Recovery::AskBeginnings() {
  while (task_.records().empty() && beginnings_.size() < spec_.sources.size()) {
    const SourceSpec& source = spec_.sources[beginnings_.size()];
    const TopicPartition partition{source.config.topic(), task_.partition()};
    const std::string& start = source.config.start();
    if (start == "earliest" || start == "latest") {
      auto bounds = cluster_.WrittenBounds(partition);
      if (!bounds.ok()) return bounds.status();
      beginnings_.push_back(start == "earliest" ? bounds->begin : bounds->end);
      continue;
    }
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, start, &time, &error)) {
      return absl::InvalidArgumentError(Text("source ", source.name, ": start is ", start,
                                                     "; expected earliest, latest or an RFC 3339 time"));
    }
    auto offset = cluster_.OffsetAt(partition, time);
    if (!offset.ok()) return offset.status();
    beginnings_.push_back(*offset);
  }
  beginnings_.resize(spec_.sources.size());
  phase_ = Phase::kStart;
  return absl::OkStatus();
}

}  // namespace ebb
