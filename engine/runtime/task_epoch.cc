// The part of a task that ends an epoch: closes it, lets its records leave, and commits or undoes it.

#include <algorithm>

#include "engine/runtime/dead_letter.h"
#include "engine/runtime/epoch_record.h"
#include "engine/runtime/task.h"
#include "state/layout.h"
#include "state/step.h"

namespace ebb {

Debt::Epoch Task::DebtOf(uint64_t epoch, uint64_t work_total) const {
  Debt::Epoch open;
  open.epoch = epoch;
  open.work_total = work_total;
  for (const auto& source : sources_) open.ends.push_back(source->position());
  open.expires_ms = epoch_expires_ms_;
  return open;
}

void Task::Freeze() {
  if (!epoch_open_ || frozen_) return;
  frozen_ = true;
  cache_->Freeze();
}

absl::Status Task::Close(const Budget& budget, absl::Time wall_clock) {
  if (auto status = AtStep(Step::kEpochCloses); !status.ok()) return status;
  OpenEpoch();
  if (merge_->in_round()) merge_->EndRound();
  Freeze();
  auto left_over = cache_->wakes().FirstDue(watermark_ms());
  if (!left_over.ok()) return left_over.status();
  const uint64_t epoch = epoch_ + 1;
  const uint64_t ring_low = epoch >= kEpochRing ? epoch - kEpochRing + 1 : 0;
  const Debt::Epoch open = DebtOf(epoch, OpenWork());
  const bool write_all = write_all_ || budget.work == 0;
  const bool catch_up = budget.catch_up || control_.WantsDrain(watermark_ms());
  const uint64_t least_low =
      write_all ? epoch : std::max(ring_low, debt_.LeastLow(open, budget.work, absl::ToUnixMillis(wall_clock)));
  write_back_ = cache_->SelectWriteBack(epoch, catch_up ? epoch : least_low, least_low, catch_up ? kCatchUpBytes : 0);
  if (auto status = AtStep(Step::kSelected); !status.ok()) return status;
  takes_version_ = barrier_done_ && write_back_.low_water == epoch;
  control_.AddRows(takes_version_, &write_back_.rows);
  record_ = MakeRecord(write_back_, wall_clock);
  if (*left_over != nullptr) {
    record_.mutable_left_over()->set_time_ms((*left_over)->time_ms);
    record_.mutable_left_over()->set_customer((*left_over)->customer);
  }
  if (!manifest_written_) {
    OutputRecord manifest = ForChangelog();
    manifest.key = layout::ManifestKey();
    manifest.value = manifest_.SerializeAsString();
    outbox_.Add(manifest);
  }
  AddRefusals();
  const Step step = write_back_.rows.deletes() ? Step::kTombstones : Step::kSerialised;
  if (auto status = AtStep(step); !status.ok()) return status;
  closing_ = ForChangelog();
  closing_->key = layout::EpochKey(EpochSlot(epoch));
  closing_->value = record_.SerializeAsString();
  if (!cache_->status().ok()) return cache_->status();
  return AtStep(Step::kEpochClosed);
}

OutputRecord Task::ForChangelog() const {
  OutputRecord record;
  record.topic = options_.changelog_topic;
  record.partition = options_.partition;
  return record;
}

const OutputRecord* Task::NextToLeave() {
  if (!outbox_.empty()) return &outbox_.front();
  if (rows_gone_ < write_back_.rows.size()) {
    const auto [key, value] = write_back_.rows[rows_gone_];
    if (row_.topic.empty()) row_ = ForChangelog();
    row_.key.assign(key);
    row_.value = value;
    return &row_;
  }
  return closing_ ? &*closing_ : nullptr;
}

void Task::Left() {
  if (!outbox_.empty()) {
    outbox_.PopFront();
  } else if (rows_gone_ < write_back_.rows.size()) {
    ++rows_gone_;
  } else {
    closing_.reset();
  }
}

v1::EpochRecord Task::MakeRecord(const WriteBack& written, absl::Time wall_clock) const {
  v1::EpochRecord record;
  record.set_format(kEpochRecordFormat);
  record.set_changelog_uuid(manifest_.changelog_uuid());
  record.set_epoch(epoch_ + 1);
  record.set_low_water(written.low_water);
  record.set_entries(written.rows.size() + (manifest_written_ ? 0 : 1));
  record.set_owner(options_.owner);
  record.set_program(spec_->fingerprint);
  for (size_t i = 0; i < sources_.size(); ++i) {
    v1::EpochRecord::Slice* slice = record.add_slices();
    slice->set_from(sources_[i]->from());
    slice->set_records(sources_[i]->records());
    slice->set_digest(sources_[i]->digest());
    slice->set_max_event_time_ms(merge_->time().max_event_time_ms[i]);
  }
  for (const v1::EpochRecord::Round& round : merge_->rounds()) *record.add_rounds() = round;
  record.set_watermark_ms(watermark_ms());
  record.set_outputs(results_);
  record.set_output_digest(result_digest_);
  record.set_work_total(OpenWork());
  record.set_committed_at_ms(absl::ToUnixMillis(wall_clock));
  record.set_timers(epoch_timers_);
  if (takes_version_ || !control_.in_force().empty()) *record.mutable_control() = control_.Position(takes_version_);
  if (sweep_) *record.mutable_sweep() = *sweep_;
  tally_.AddTo(&record);
  // Whatever comes next, and be it from a source that had nothing to say before, comes under the new version.
  if (takes_version_) record.set_watermark_ms(*control_.barrier_ms());
  if (takes_version_ && !control_.visitors().empty()) {
    v1::EpochRecord::Sweep& sweep = *record.mutable_sweep();
    sweep.set_publication(PublicationKey(*control_.next()));
    sweep.set_since_epoch(record.epoch());
    sweep.set_at_ms(*control_.barrier_ms());
    for (const std::string& visitor : control_.visitors()) sweep.add_operators(visitor);
  }
  return record;
}

std::vector<CommittedOffset> Task::Offsets() const {
  std::vector<CommittedOffset> offsets;
  for (const auto& source : sources_) offsets.push_back({source->partition(), source->position()});
  return offsets;
}

absl::Status Task::Committed(int64_t changelog_end, absl::Time wall_clock) {
  if (auto status = AtStep(Step::kCommitTaken); !status.ok()) return status;
  WriteBatch batch;
  stats_.customers_written += write_back_.customers.size();
  low_water_ = write_back_.low_water;
  debt_.Add(DebtOf(record_.epoch(), record_.work_total()));
  debt_.Written(low_water_);
  epoch_ = record_.epoch();
  work_total_ = record_.work_total();
  write_all_ = false;
  cache_->Commit(epoch_, std::move(write_back_), &batch);
  if (auto status = AtStep(Step::kCacheCommitted); !status.ok()) return status;
  if (!manifest_written_) batch.Put(layout::ManifestKey(), manifest_.SerializeAsString());
  manifest_written_ = true;
  batch.Put(layout::EpochKey(EpochSlot(epoch_)), record_.SerializeAsString());
  if (changelog_end >= 0) {
    v1::StorePosition position;
    position.set_next_offset(changelog_end + 1);
    position.set_changelog_uuid(uuid());
    position.set_committed_at_ms(absl::ToUnixMillis(wall_clock));
    batch.Put(layout::PositionKey(), position.SerializeAsString());
  }
  stats_ += epoch_stats_;
  dispatcher_->KeepCounts();
  for (int64_t ms : answered_ms_) stats_.latencies.Add(wall_clock - absl::FromUnixMillis(ms));
  for (const auto& source : sources_) source->Release();
  merge_->rounds().clear();
  control_.RefusalsWritten();
  const bool takes_version = takes_version_;
  ClearEpoch();
  ++stats_.epochs;
  if (!cache_->status().ok()) return cache_->status();
  if (takes_version) TakeVersion();
  control_.EpochEnded(Standing());
  return store_->Apply(batch);
}

void Task::TakeVersion() {
  TaskControl::Next next = control_.Take();
  manifest_written_ = next.manifest.SerializeAsString() == manifest_.SerializeAsString();
  manifest_ = std::move(next.manifest);
  Install(std::move(next.spec), std::move(next.graph));
  Merge::Time time = merge_->time();
  time.watermark_ms = record_.watermark_ms();
  merge_->SetTime(std::move(time));
  SetSweep(record_);
}

void Task::SetSweep(const v1::EpochRecord& record) {
  sweep_.reset();
  visitors_.clear();
  if (!record.has_sweep()) return;
  sweep_ = record.sweep();
  for (size_t node = 0; node < graph_->nodes().size(); ++node) {
    const auto& ids = sweep_->operators();
    const bool visits = std::find(ids.begin(), ids.end(), graph_->nodes()[node].spec->id) != ids.end();
    if (visits) visitors_.push_back(static_cast<int>(node));
  }
}

void Task::AddRefusals() {
  // One task tells for all, though each decides for itself.
  if (options_.partition != 0) return;
  const TopicPartition from{file_->config.control().topic(), 0};
  for (const auto& [published, entry] : control_.refusals()) {
    RecordBatch batch;
    batch.Add(published.offset, published.timestamp_ms, published.key, published.value);
    outbox_.Add(MakeDeadLetter(file_->config.dead_letters(), from, batch[0], "control", entry.refusal()));
  }
}

void Task::ClearEpoch() {
  outbox_.Clear();
  write_back_ = WriteBack();
  rows_gone_ = 0;
  closing_.reset();
  epoch_open_ = frozen_ = at_barrier_ = barrier_done_ = takes_version_ = swept_ = false;
  epoch_expires_ms_ = Debt::kNever;
  answered_ms_.clear();
  epoch_stats_ = TaskStats(spec_->sources.size(), spec_->sinks.size());
  dispatcher_->DropCounts();
  epoch_records_ = epoch_timers_ = results_ = result_digest_ = outbox_bytes_ = 0;
}

void Task::Aborted() {
  if (!epoch_open_) return;
  streak_ = {};
  if (swept_) sweep_ = sweep_before_;
  tally_ = tally_before_;
  merge_->SetTime(time_before_);
  if (merge_->in_round()) merge_->EndRound();
  merge_->rounds().clear();
  for (const auto& source : sources_) source->Rewind();
  cache_->Abort();
  ClearEpoch();
  ++stats_.aborts;
}

}  // namespace ebb
