// The part of a worker that brings its tasks back to life, and goes on where an outcome is not known.

#include <algorithm>

#include "engine/runtime/worker.h"
#include "state/hash.h"
#include "state/step.h"
#include "state/text.h"

namespace ebb {

void Worker::BeginRecovery(int32_t partition, Slot* slot, bool keep) {
  // The time since one that was given up is nobody's redo.
  if (Ready()) redoing_ = false;
  RecoveryOptions recovery;
  const uint64_t seed = options_.uuid_seed + ++uuids_;
  recovery.new_uuid = Text(absl::Hex(StableHash64(Text(partition), seed), absl::kZeroPad16),
                           absl::Hex(StableHash64(options_.task.owner, seed), absl::kZeroPad16));
  recovery.max_store_age = options_.max_store_age;
  recovery.keep_if_unchanged = keep;
  recovery.accept_loss = options_.accept_loss;
  slot->recovery =
      std::make_unique<Recovery>(slot->task.get(), ports_.input, ports_.cluster, spec_.get(), std::move(recovery));
}

absl::StatusOr<bool> Worker::StepRecoveries() {
  if (Ready()) return false;
  const absl::Duration began = ports_.clock->Elapsed();
  const bool was_redoing = redoing_;
  if (was_redoing) measured_redo_time_ += began - redo_looked_at_ - (figures_.busy - busy_at_look_);
  auto worked = TurnRecoveries(began);
  redoing_ = std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) {
    return slot.second.recovery != nullptr && slot.second.recovery->redoing();
  });
  redo_looked_at_ = ports_.clock->Elapsed();
  busy_at_look_ = figures_.busy;
  if (was_redoing || redoing_) measured_redo_time_ += redo_looked_at_ - began;
  return worked;
}

absl::StatusOr<bool> Worker::TurnRecoveries(absl::Duration began) {
  bool worked = false;
  for (auto& [partition, slot] : slots_) {
    // One after the other: each is bounded by the same disk and thread, and the first is live the sooner. One that
    // waits for an answer lets the next have its turn, so that all wait together.
    for (int slices = 0; slot.recovery != nullptr; ++slices) {
      // Tasks that are live have their turn, too.
      if (slices == kRecoverySlices) return worked;
      if (worked && ports_.clock->Elapsed() - began >= kRecoveryTurn) return true;
      auto done = slot.recovery->Step(ports_.clock->Now(), ports_.clock->Elapsed());
      if (!done.ok()) {
        return absl::Status(done.status().code(), Text("partition ", partition, ": ", done.status().message()));
      }
      const bool waits = !slot.recovery->worked();
      if (*done) {
        NoteRecovery(partition, slot);
        slot.recovery = nullptr;
      }
      worked |= !waits;
      if (waits) break;
    }
  }
  return worked;
}

void Worker::NoteRecovery(int32_t partition, const Slot& slot) {
  const RecoveryReport& report = slot.recovery->report();
  if (report.rebuilt) {
    Note(WorkerNote::Level::kWarning,
         Text("partition ", partition, ": local state rebuilt from the changelog: ", report.why_rebuilt));
  }
  for (const std::string& loss : report.losses) {
    Note(WorkerNote::Level::kWarning, Text("partition ", partition, ": loss accepted: ", loss));
    ++figures_.accepted_losses;
  }
  if (!report.note.empty()) Note(WorkerNote::Level::kInfo, Text("partition ", partition, ": ", report.note));
  measured_redo_work_ += report.records + report.timers;
  Note(WorkerNote::Level::kInfo,
       report.kept ? Text("partition ", partition, ": kept, epoch ", slot.task->epoch())
                   : Text("partition ", partition, ": live at epoch ", slot.task->epoch(), "; ",
                          report.changelog_records, " changelog records restored, ", report.epochs, " epochs and ",
                          report.records, " records redone in ", absl::ToInt64Milliseconds(report.redo_time), " ms, ",
                          report.skipped, " skipped for customers ahead"));
}

void Worker::UpdateRedoRate() {
  const std::optional<double> live = live_rate_.PerSecond();
  if (measured_redo_work_ >= kLeastRedoMeasured) {
    figures_.redo_rate =
        static_cast<double>(measured_redo_work_) / std::max(absl::ToDoubleSeconds(measured_redo_time_), 1e-3);
    // Nothing is redone faster than it was processed.
    if (live) figures_.redo_rate = std::min(figures_.redo_rate, *live);
  } else {
    figures_.redo_rate = live ? *live * kRedoShare : kAssumedRedoRate;
  }
}

absl::Status Worker::RecoverFenced() {
  const absl::Duration now = ports_.clock->Elapsed();
  const absl::Status reason = ports_.output->LastError();
  fenced_at_.push_back(now);
  while (now - fenced_at_.front() > kFencedWindow) fenced_at_.pop_front();
  if (fenced_at_.size() > kMostFenced) {
    return absl::AbortedError(Text("another process has taken over the transactional id of this instance (",
                                   reason.message(), "); give every process an instance name of its own"));
  }
  if (auto status = AtStep(Step::kFenced); !status.ok()) return status;
  if (begun_) ++figures_.unknown_outcomes;
  Note(WorkerNote::Level::kWarning,
       Text("fenced: a transaction has outlived its time-out, or another process has the name of this instance (",
            reason.message(), "); recovering"));
  RecoverAll();
  return absl::OkStatus();
}

void Worker::RecoverAll() {
  ports_.output->Recover();
  begun_ = false;
  opened_at_.reset();
  phase_ = Phase::kSettling;
  if (stop_ != Stop::kNone) token_ = nullptr;
  for (auto& [partition, slot] : slots_) {
    slot.in_transaction = false;
    slot.task->Aborted();
    slot.task->StopSources();
    BeginRecovery(partition, &slot, false);
  }
  failure_.Update(AtStep(Step::kWorkForgotten));
}

}  // namespace ebb
