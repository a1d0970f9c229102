#include "engine/runtime/recovery.h"

#include <algorithm>

#include "engine/runtime/epoch_record.h"
#include "state/document.h"
#include "state/layout.h"
#include "state/step.h"
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

// Whether there is any row of an epoch or a customer.
absl::StatusOr<bool> HasState(Store* store) {
  bool any = false;
  auto status = store->Scan(std::string(1, layout::kEpoch), "", [&](std::string_view, std::string_view) {
    any = true;
    return false;
  });
  if (!status.ok()) return status;
  return any;
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
        if (status = AtStep(Step::kKept); !status.ok()) return status;
        return true;
      }
      phase_ = Phase::kAdopt;
      break;
    }
    case Phase::kAdopt: status = Adopt(); break;
    case Phase::kBeginnings: status = AskBeginnings(); break;
    case Phase::kStart: status = StartSources(elapsed); break;
    case Phase::kRedo: return Redo(elapsed);
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
  return AtStep(Step::kOffsetsKnown);
}

absl::Status Recovery::AskTarget() {
  auto bounds = cluster_.WrittenBounds(Changelog());
  if (!bounds.ok()) return bounds.status();
  bounds_ = *bounds;
  phase_ = Phase::kCheckMirror;
  return AtStep(Step::kTargetKnown);
}

absl::Status Recovery::CheckMirror(absl::Time wall_clock) {
  auto position = ReadPosition(task_.store());
  if (!position.ok()) return position.status();
  next_ = mirrored_ = position->next_offset();
  store_uuid_ = position->changelog_uuid();
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
  } else if (auto rows = HasState(task_.store()); next_ == 0 && (!rows.ok() || *rows)) {
    // Nothing tells how old these rows are: deletions since may be gone from the changelog.
    status = rows.ok() ? Wipe("a restore of it was not finished") : rows.status();
  } else if (next_ > 0 && age > options_.max_store_age) {
    status = Wipe(Text("its last commit is ", absl::FormatDuration(absl::Trunc(age, absl::Seconds(1))),
                               " old, and deletions since may be gone from the changelog"));
  }
  if (!status.ok()) return status;
  // The store's last epoch record is read once more: it must be the same, or the store is of another life.
  check_first_ = next_ > 0;
  next_ = std::max<int64_t>(next_ - 1, 0);
  if (next_ < bounds_.begin) {
    next_ = bounds_.begin;
    check_first_ = false;
  }
  if (status = AtStep(Step::kReadingBegins); !status.ok()) return status;
  reading_ = true;
  phase_ = Phase::kRestore;
  return input_.Start(Changelog(), next_);
}

absl::Status Recovery::Wipe(std::string why) {
  if (auto status = AtStep(Step::kWiping); !status.ok()) return status;
  report_.rebuilt = true;
  report_.why_rebuilt = std::move(why);
  next_ = mirrored_ = 0;
  store_uuid_.clear();
  for (;;) {
    WriteBatch batch;
    auto status = task_.store()->Scan("", "", [&](std::string_view key, std::string_view) {
      batch.Delete(key);
      return batch.size() < kWipeRows;
    });
    if (!status.ok()) return status;
    if (batch.empty()) return AtStep(Step::kWiped);
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
        if (auto status = StartOver("its last epoch record is not the changelog's"); !status.ok()) return status;
        return false;
      }
    }
    // What was read again is in the store already.
    anything_new_ = batch.size() > 1 || first.offset != next_;
  } else if (!batch.empty()) {
    anything_new_ = true;
  }
  if (!batch.empty()) {
    if (IsForeign(batch)) {
      if (auto status = StartOver("it mirrors another changelog of that name"); !status.ok()) return status;
      return false;
    }
    if (auto status = Apply(batch); !status.ok()) return status;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (layout::KindOf(batch[i].key) != layout::RowKind::kEpoch) continue;
      mirrored_ = batch[i].offset + 1;
      proven_ = true;
    }
    report_.changelog_records += batch.size();
    next_ = batch[batch.size() - 1].offset + 1;
    if (auto status = AtStep(Step::kBatchApplied); !status.ok()) return status;
  }
  if (polled->at_end) next_ = std::max(next_, polled->end_offset);
  remaining_ = std::max<int64_t>(bounds_.end - next_, 0);
  if (next_ < bounds_.end) return false;
  // The place of its last epoch record is empty, and no later one has taken it over.
  if (mirrored_ > 0 && !proven_) {
    if (auto status = StartOver("the changelog does not hold its last epoch record"); !status.ok()) return status;
    return false;
  }
  input_.Stop(Changelog());
  reading_ = false;
  if (auto status = FinishRestore(); !status.ok()) return status;
  if (auto status = AtStep(Step::kRestored); !status.ok()) return status;
  return true;
}

bool Recovery::IsForeign(const RecordBatch& batch) const {
  if (store_uuid_.empty()) return false;
  for (size_t i = 0; i < batch.size(); ++i) {
    const RecordBatch::View record = batch[i];
    if (layout::KindOf(record.key) != layout::RowKind::kEpoch || !record.value) continue;
    v1::EpochRecord epoch;
    if (!epoch.ParseFromArray(record.value->data(), static_cast<int>(record.value->size()))) continue;
    if (epoch.changelog_uuid() != store_uuid_) return true;
  }
  return false;
}

absl::Status Recovery::StartOver(std::string why) {
  input_.Stop(Changelog());
  if (auto status = Wipe(std::move(why)); !status.ok()) return status;
  next_ = bounds_.begin;
  return input_.Start(Changelog(), next_);
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
      rows.Put(key, *record.value);
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
  auto last = ReadLastEpochRecord(task_.store());
  if (!last.ok()) return last.status();
  // Behind the last epoch record, not behind the control records that follow it: the next recovery looks at it again.
  position->set_next_offset(mirrored_);
  if (*last) {
    position->set_committed_at_ms((*last)->committed_at_ms());
    position->set_changelog_uuid((*last)->changelog_uuid());
  }
  WriteBatch batch;
  batch.Put(layout::PositionKey(), position->SerializeAsString());
  return task_.store()->Apply(batch);
}

absl::Status Recovery::AcceptLoss(absl::Status refusal) {
  if (!options_.accept_loss) {
    return absl::Status(refusal.code(), Text(refusal.message(), "; or start with --accept-loss to go on without it"));
  }
  report_.losses.emplace_back(refusal.message());
  return absl::OkStatus();
}

absl::Status Recovery::Adopt() {
  auto status = task_.Adopt(options_.new_uuid);
  if (absl::IsDataLoss(status) && !report_.rebuilt) {
    phase_ = Phase::kRestore;
    reading_ = true;
    return StartOver(std::string(status.message()));
  }
  if (absl::IsDataLoss(status)) {
    if (status = AcceptLoss(std::move(status)); !status.ok()) return status;
    status = task_.Adopt(options_.new_uuid, true);
    task_.WriteAll();
  }
  if (!status.ok()) return status;
  phase_ = Phase::kBeginnings;
  return AtStep(Step::kAdopted);
}

absl::Status Recovery::AskBeginnings() {
  source_bounds_.resize(spec_.sources.size());
  absl::Status waiting;
  for (size_t i = 0; i < source_bounds_.size(); ++i) {
    if (source_bounds_[i]) continue;
    auto bounds = cluster_.WrittenBounds(task_.sources()[i]->partition());
    if (absl::IsUnavailable(bounds.status())) {
      waiting = bounds.status();  // The others can be asked meanwhile.
      continue;
    }
    if (!bounds.ok()) return bounds.status();
    source_bounds_[i] = *bounds;
    task_.LogBegins(i, bounds->begin);
  }
  if (!waiting.ok()) return waiting;
  while (task_.records().empty() && beginnings_.size() < spec_.sources.size()) {
    const size_t i = beginnings_.size();
    const std::string& start = spec_.sources[i].config.start();
    if (start == "earliest" || start == "latest") {
      beginnings_.push_back(start == "earliest" ? source_bounds_[i]->begin : source_bounds_[i]->end);
      continue;
    }
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, start, &time, &error)) {
      return absl::InvalidArgumentError(Text("source ", spec_.sources[i].name, ": start is ", start,
                                             "; expected earliest, latest or an RFC 3339 time"));
    }
    auto offset = cluster_.OffsetAt(task_.sources()[i]->partition(), time);
    if (!offset.ok()) return offset.status();
    beginnings_.push_back(*offset);
  }
  live_from_ = task_.LiveFrom(beginnings_);
  if (auto status = CheckOffsets(); !status.ok()) return status;
  phase_ = Phase::kStart;
  return absl::OkStatus();
}

// Group offsets are fence and lag figure: the records of epochs say where to go on. An offset that is behind them has
// been set back by hand or has expired, and counts for nothing; one beyond them says that state is missing.
absl::Status Recovery::CheckOffsets() {
  for (size_t i = 0; i < committed_.size(); ++i) {
    if (!committed_[i]) continue;
    const std::string where = Text("group ", spec_.config.application(), " has offset ", *committed_[i], " in ",
                                   ToString(task_.sources()[i]->partition()));
    if (task_.records().empty()) {
      auto status = AcceptLoss(absl::FailedPreconditionError(
          Text(where, ", but the changelog ", task_.options().changelog_topic,
               " is empty: the state for what was read is "
               "gone; restore the changelog, or, to begin anew, give the application another name")));
      if (!status.ok()) return status;
    } else if (*committed_[i] > live_from_[i]) {
      auto status = AcceptLoss(absl::FailedPreconditionError(
          Text(where, ", beyond ", live_from_[i],
               " of the last epoch: offsets were moved by hand, or part of the changelog "
               "is gone; set them back, or, to begin anew, give the application another name")));
      if (!status.ok()) return status;
    } else {
      if (*committed_[i] < live_from_[i]) report_.note = Text(where, ", behind ", live_from_[i], " of the last epoch");
      continue;
    }
    jump_ = true;
    live_from_[i] = *committed_[i];
  }
  return absl::OkStatus();
}

absl::Status Recovery::StartSources(absl::Duration elapsed) {
  if (auto status = AtStep(Step::kSourcesStart); !status.ok()) return status;
  redo_epoch_ = task_.low_water() + 1;
  redone_before_ = task_.stats().redone_records;
  redone_timers_before_ = task_.stats().redone_timers;
  skipped_before_ = task_.stats().skipped_customers;
  redo_began_ = elapsed;
  phase_ = Phase::kRedo;
  const std::vector<int64_t> from = task_.RedoFrom(live_from_);
  const std::string redo =
      redo_epoch_ > task_.epoch() ? "" : Text("epochs ", redo_epoch_, " to ", task_.epoch(), " and ");
  for (size_t i = 0; i < from.size() && !task_.records().empty(); ++i) {
    const auto& [begin, end] = *source_bounds_[i];
    if (from[i] >= begin && live_from_[i] <= end) continue;
    const std::string held =
        Text(ToString(task_.sources()[i]->partition()), " holds the offsets ", begin, " to ", end, " only");
    auto status = AcceptLoss(absl::DataLossError(
        from[i] < begin ? Text(redo, "what follows must be read from offset ", from[i], " on, but ", held,
                               "; raise the retention of the topic")
                        : Text("the last epoch had read up to offset ", live_from_[i], ", but ", held,
                               ": the topic has been made anew, or its broker has lost records")));
    return status.ok() ? GiveUpRedo() : status;
  }
  return task_.StartSources(&input_, from);
}

absl::StatusOr<bool> Recovery::Redo(absl::Duration elapsed) {
  if (redo_epoch_ <= task_.epoch()) {
    auto done = task_.Redo(task_.records().at(redo_epoch_), kRedoRecordsPerStep);
    if (absl::IsOutOfRange(done.status()) || absl::IsDataLoss(done.status())) {
      auto status = AcceptLoss(absl::DataLossError(Text("redo of epochs ", redo_epoch_, " to ", task_.epoch(), ": ",
                                                        done.status().message())));
      if (status.ok()) status = GiveUpRedo();
      if (!status.ok()) return status;
      return false;
    }
    if (!done.ok()) return done.status();
    if (*done) {
      ++redo_epoch_;
      ++report_.epochs;
    }
    return false;
  }
  report_.records = task_.stats().redone_records - redone_before_;
  report_.timers = task_.stats().redone_timers - redone_timers_before_;
  report_.skipped = task_.stats().skipped_customers - skipped_before_;
  report_.redo_time = elapsed - *redo_began_;
  if (jump_) {
    task_.AbandonRedo();
    if (auto status = task_.StartSources(&input_, live_from_); !status.ok()) return status;
  } else {
    task_.FinishRedo();
  }
  phase_ = Phase::kDone;
  if (auto status = AtStep(Step::kRedoFinished); !status.ok()) return status;
  return true;
}

absl::Status Recovery::GiveUpRedo() {
  redo_epoch_ = task_.epoch() + 1;
  jump_ = true;
  for (size_t i = 0; i < live_from_.size(); ++i) {
    const auto& [begin, end] = *source_bounds_[i];
    // A topic made anew is read from its beginning.
    live_from_[i] = live_from_[i] > end ? begin : std::max(live_from_[i], begin);
  }
  return absl::OkStatus();
}

}  // namespace ebb
