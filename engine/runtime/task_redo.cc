// The part of a task that brings it back to where the last commit left it.

#include <algorithm>

#include "engine/runtime/describe.h"
#include "engine/runtime/epoch_record.h"
#include "engine/runtime/task.h"
#include "state/layout.h"
#include "state/step.h"
#include "state/text.h"

namespace ebb {

absl::Status Task::Adopt(const std::string& new_uuid, bool last_record_only) {
  cache_->Reset();
  redoing_ = 0;
  streak_ = {};
  auto stored = store_->Get(layout::ManifestKey());
  if (!stored.ok()) return stored.status();
  v1::Manifest existing;
  if (*stored && !existing.ParseFromString(**stored)) return absl::DataLossError("the manifest cannot be read");
  if (existing.changelog_uuid().empty()) existing.set_changelog_uuid(new_uuid);
  auto spec = control_.Adopt(store_.get());
  if (!spec.ok()) return spec.status();
  if (*spec != spec_) {
    auto graph = Graph::Build(**spec);
    if (!graph.ok()) return graph.status();
    Install(*std::move(spec), *std::move(graph));
  }
  auto bound = graph_->Bind(existing, options_.partitions);
  if (!bound.ok()) return bound.status();
  manifest_ = *std::move(bound);
  manifest_.set_application(spec_->config.application());
  manifest_.set_changelog_uuid(existing.changelog_uuid());
  manifest_written_ = *stored && **stored == manifest_.SerializeAsString();

  if (last_record_only) {
    auto last = ReadLastEpochRecord(store_.get());
    if (!last.ok()) return last.status();
    records_.clear();
    if (*last) {
      (*last)->set_low_water((*last)->epoch());
      records_.emplace((*last)->epoch(), **std::move(last));
    }
  } else {
    auto records = ReadEpochRecords(store_.get());
    if (!records.ok()) return records.status();
    records_ = *std::move(records);
  }
  for (const auto& [epoch, record] : records_) {
    if (auto status = CheckSlices(record, sources_.size()); !status.ok()) return status;
  }
  epoch_ = records_.empty() ? 0 : records_.rbegin()->first;
  low_water_ = records_.empty() ? 0 : records_.rbegin()->second.low_water();
  work_total_ = records_.empty() ? 0 : records_.rbegin()->second.work_total();

  Merge::Time time;
  time.max_event_time_ms.assign(sources_.size(), kNoTime);
  uint64_t total_at_low = 0;
  SetSweep({});
  if (auto low = records_.find(low_water_); low != records_.end()) {
    SetSweep(low->second);
    time = Merge::TimeOf(low->second);
    total_at_low = low->second.work_total();
  }
  const bool began = !records_.empty();
  // What redo does has left before.
  tally_.Adopt(began ? records_.rbegin()->second : v1::EpochRecord());
  debt_.Reset({low_water_, total_at_low, began ? RedoFrom({}) : std::vector<int64_t>(sources_.size(), 0)});
  merge_->SetTime(std::move(time));
  // A recovery before may have been given up within a round.
  if (merge_->in_round()) merge_->EndRound();
  merge_->rounds().clear();
  ClearEpoch();
  return absl::OkStatus();
}

std::vector<int64_t> Task::RedoFrom(const std::vector<int64_t>& beginnings) const {
  // After L is where L+1 began, or, when nothing is to be redone, where L ended.
  const auto next = records_.upper_bound(low_water_);
  if (next == records_.end()) return LiveFrom(beginnings);
  std::vector<int64_t> from;
  for (const auto& slice : next->second.slices()) from.push_back(slice.from());
  return from;
}

std::vector<int64_t> Task::LiveFrom(const std::vector<int64_t>& beginnings) const {
  if (records_.empty()) return beginnings;
  std::vector<int64_t> from;
  for (size_t i = 0; i < sources_.size(); ++i) from.push_back(SliceEnd(records_.rbegin()->second, i));
  return from;
}

absl::StatusOr<bool> Task::Redo(const v1::EpochRecord& record, size_t max_records) {
  if (redoing_ != record.epoch()) {
    if (auto status = AtStep(Step::kEpochRedoBegins); !status.ok()) return status;
    redoing_ = record.epoch();
    redo_round_ = 0;
    OpenEpoch();
    skipped_before_ = stats_.skipped_customers;
    if (record.program() != spec_->fingerprint) ++stats_.foreign_redo;
    // An epoch that closed before it had its turn of the sweep leaves that where it was.
    if (sweep_ && !(record.has_sweep() && record.sweep().done() == sweep_->done())) {
      if (auto status = Sweep(SIZE_MAX, record.sweep().done()); !status.ok()) return status;
    }
  }
  auto filled = merge_->Fill();
  if (!filled.ok()) return filled.status();
  if (auto status = Prefetch(); !status.ok()) return status;
  for (size_t handled = 0; handled < max_records; ++handled) {
    if (!merge_->in_round()) {
      if (redo_round_ == record.rounds_size()) return FinishRedoneEpoch(record, max_records);
      if (auto status = AtStep(Step::kRoundRedoBegins); !status.ok()) return status;
      merge_->RedoRound(record.rounds(redo_round_++));
    }
    const std::optional<size_t> next = merge_->Next();
    if (!next) {
      if (!merge_->RedoneRound()) return false;  // Records are still on their way.
      merge_->EndRound();
      continue;
    }
    merge_->Follow(*next);
    if (auto status = HandleHead(*next); !status.ok()) return status;
    ++stats_.redone_records;
  }
  return false;
}

bool Task::Comparable(const v1::EpochRecord& record) const {
  if (stats_.skipped_customers != skipped_before_) return false;
  if (record.program() != spec_->fingerprint) return false;
  if (epoch_timers_ == record.timers()) return true;
  // A customer that is ahead may have had a timer fire here of which nothing is left to be seen.
  return std::all_of(records_.find(record.epoch()), records_.end(),
                     [](const auto& later) { return later.second.entries() == 0; });
}

absl::StatusOr<bool> Task::FinishRedoneEpoch(const v1::EpochRecord& record, size_t max_timers) {
  // When the others fired is of no effect, as long as it is in this epoch. Time is what it was, whatever lateness the
  // pipeline has now. A customer who is ahead has no deadline before the place: its own epochs have gone beyond it.
  merge_->SetTime(Merge::TimeOf(record));
  const TimeIndex::Wake place{record.left_over().time_ms(), record.left_over().customer()};
  auto fired = FireDue(max_timers, record.has_left_over() ? &place : nullptr);
  if (!fired.ok()) return fired.status();
  if (*fired >= max_timers) return false;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const auto& slice = record.slices(static_cast<int>(i));
    if (slice.records() == sources_[i]->records() && slice.digest() == sources_[i]->digest()) continue;
    return absl::DataLossError(Text("epoch ", record.epoch(), " read ", slice.records(), " records of source ",
                                    sources_[i]->spec().name, " from offset ", slice.from(), ", but redo read ",
                                    sources_[i]->records(),
                                    " or others: the input has changed or lost records since; restore the topic"));
  }
  if (Comparable(record) && (results_ != record.outputs() || result_digest_ != record.output_digest())) {
    if (!options_.accept_divergence) {
      return absl::AbortedError(Text("redo of epoch ", record.epoch(), " gave ", results_, " results where ",
                                     record.outputs(),
                                     " were committed, or others: an operator is not deterministic; "
                                     "mend it, and start with --accept-divergence to go on from what redo gave"));
    }
    ++stats_.divergent_epochs;
  }
  cache_->Freeze();
  WriteBatch nothing;
  cache_->Commit(record.epoch(), WriteBack(), &nothing);
  debt_.Add(DebtOf(record.epoch(), record.work_total()));
  for (const auto& source : sources_) source->Release();
  stats_.redone_timers += epoch_timers_;
  ClearEpoch();
  ++stats_.redone_epochs;
  if (auto status = AtStep(Step::kEpochRedone); !status.ok()) return status;
  return true;
}

void Task::FinishRedo() {
  redoing_ = 0;
  for (const auto& source : sources_) source->SetBound(std::nullopt);
  records_.clear();
}

void Task::AbandonRedo() {
  if (merge_->in_round()) merge_->EndRound();
  cache_->Abort();
  ClearEpoch();
  StopSources();
  Merge::Time time = merge_->time();
  if (const auto last = records_.rbegin(); last != records_.rend()) {
    const int64_t reached_ms = time.watermark_ms;
    time = Merge::TimeOf(last->second);
    time.watermark_ms = std::max(time.watermark_ms, reached_ms);
  }
  merge_->SetTime(std::move(time));
  SetSweep(records_.empty() ? v1::EpochRecord() : records_.rbegin()->second);
  FinishRedo();
  WriteAll();
}

absl::StatusOr<std::string> Task::Describe(std::string_view id) {
  auto loaded = cache_->Load(id);
  if (!loaded.ok()) return loaded.status();
  return DescribeCustomer(manifest_, (*loaded)->id(), (*loaded)->body.view(), epoch_, store_.get(),
                          (*loaded)->rows.get());
}

}  // namespace ebb
