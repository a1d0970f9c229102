#include "engine/runtime/worker.h"

#include <algorithm>

#include "state/step.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr absl::Duration kPoll = absl::Milliseconds(1);  // How soon a pending answer is asked for again.

}  // namespace

Worker::Worker(std::shared_ptr<const PipelineSpec> spec, WorkerOptions options, WorkerPorts ports)
    : spec_(std::move(spec)), options_(std::move(options)), ports_(ports) {
  feed_ = std::make_unique<ControlFeed>(spec_->config.control().topic(), ports_.input, ports_.cluster);
  figures_.redo_rate = kAssumedRedoRate;
  idle_since_ = watch_at_ = ports_.clock->Elapsed();
  backoff_until_ = idle_since_;
  ports_.output->Recover();
}

Worker::~Worker() = default;

void Worker::Assign(const std::set<int32_t>& partitions, int32_t partition_count,
                    std::shared_ptr<const GroupToken> token) {
  if (std::erase_if(slots_, [&](const auto& slot) { return !partitions.contains(slot.first); }) > 0) {
    failure_.Update(AtStep(Step::kTasksDropped));
  }
  token_ = std::move(token);
  stop_ = Stop::kNone;
  undone_in_drain_ = 0;
  for (int32_t partition : partitions) {
    Slot& slot = slots_[partition];
    const bool was_live = slot.task != nullptr && slot.recovery == nullptr && slot.task->epoch() > 0;
    if (slot.task == nullptr) {
      TaskOptions task = options_.task;
      task.partition = partition;
      task.partitions = partition_count;
      if (const auto history = options_.history.find(partition); history != options_.history.end()) {
        task.history = history->second;
      }
      auto store = ports_.stores->Open(partition);
      auto created = store.ok() ? Task::Create(spec_, std::move(task), *std::move(store))
                                : absl::StatusOr<std::unique_ptr<Task>>(store.status());
      if (!created.ok()) {
        // Reported by the next step, as every final error is.
        failure_ = created.status();
        slots_.erase(partition);
        return;
      }
      slot.task = *std::move(created);
      if (options_.until) slot.task->set_until(*options_.until);
    }
    BeginRecovery(partition, &slot, was_live);
  }
}

void Worker::Park() {
  if (stop_ == Stop::kNone) stop_ = Stop::kPark;
}

void Worker::Drain() {
  stop_ = Stop::kDrain;
  failure_.Update(AtStep(Step::kDrainBegins));
}

bool Worker::parked() const { return stop_ != Stop::kNone && token_ == nullptr; }

void Worker::Lose() {
  token_ = nullptr;
  stop_ = Stop::kPark;
  slots_.clear();
  opened_at_.reset();
  if (begun_ && phase_ != Phase::kCommitting) {
    ports_.output->Abort();
    phase_ = Phase::kAborting;
  }
}

bool Worker::Ready() const {
  return std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) { return slot.second.recovery == nullptr; });
}

bool Worker::Exhausted() {
  return std::all_of(slots_.begin(), slots_.end(), [](const auto& slot) {
    return slot.second.recovery == nullptr && slot.second.task->Exhausted();
  });
}

bool Worker::Finished() {
  if (phase_ != Phase::kReady || begun_) return false;
  const bool open = std::any_of(slots_.begin(), slots_.end(),
                                [](const auto& slot) { return slot.second.task->epoch_open(); });
  return !open && Exhausted();
}

absl::StatusOr<absl::Duration> Worker::Step() {
  if (!failure_.ok()) return failure_;
  const TransactionState state = ports_.output->State();
  if (state == TransactionState::kFenced) {
    failure_.Update(RecoverFenced());
    if (!failure_.ok()) return failure_;
    return kPoll;
  }
  absl::StatusOr<absl::Duration> wait = kPoll;
  switch (phase_) {
    case Phase::kSettling:
    case Phase::kAborting:
      if (state == TransactionState::kPending) return kPoll;
      if (state == TransactionState::kUnknown) {
        ports_.output->Recover();
        return kPoll;
      }
      begun_ = false;
      phase_ = Phase::kReady;
      return absl::ZeroDuration();
    case Phase::kReady: wait = StepReady(state); break;
    case Phase::kFlushing: wait = StepFlushing(); break;
    case Phase::kCommitting: wait = StepCommitting(state); break;
  }
  if (!wait.ok()) failure_ = wait.status();
  return wait;
}

absl::StatusOr<absl::Duration> Worker::StepReady(TransactionState state) {
  if (state == TransactionState::kUnknown) {
    RecoverAll();
    return kPoll;
  }
  if (token_ == nullptr) return kPoll;
  const absl::Duration now = ports_.clock->Elapsed();
  if (now < backoff_until_ && stop_ != Stop::kPark) return kPoll;
  auto recovering = StepRecoveries();
  if (!recovering.ok()) return recovering.status();
  bool handled = false;
  if (stop_ == Stop::kNone) {
    auto stepped = StepTasks();
    if (!stepped.ok()) return stepped.status();
    handled = *stepped;
  }
  auto flushed = Flush();
  if (!flushed.ok()) return flushed.status();
  if (handled || *recovering || !Ready()) idle_since_ = now;
  WatchRetention(now);
  const bool catch_up = WantsCatchUp();
  if (ShouldClose(handled) || catch_up) {
    closing_began_ = ports_.clock->Elapsed();
    if (auto status = CloseAll(catch_up || endangered_); !status.ok()) return status;
    phase_ = Phase::kFlushing;
    return absl::ZeroDuration();
  }
  if (stop_ != Stop::kNone && !opened_at_) {
    // Nothing is open and, when draining, everything is written.
    token_ = nullptr;
    const auto step = stop_ == Stop::kDrain ? Step::kDrained : Step::kParked;
    if (auto status = AtStep(step); !status.ok()) return status;
    return kPoll;
  }
  return handled || *recovering ? absl::ZeroDuration() : kPoll;
}

absl::StatusOr<absl::Duration> Worker::StepFlushing() {
  auto recovering = StepRecoveries();
  if (!recovering.ok()) return recovering.status();
  auto flushed = Flush();
  if (!flushed.ok()) return flushed.status();
  if (!*flushed) return *recovering ? absl::ZeroDuration() : kPoll;
  if (auto status = AtStep(Step::kFlushed); !status.ok()) {
    GiveUpTransaction(status);
    return kPoll;
  }
  std::vector<CommittedOffset> offsets;
  for (auto& [partition, slot] : slots_) {
    if (!slot.in_transaction) continue;
    for (CommittedOffset& offset : slot.task->Offsets()) offsets.push_back(std::move(offset));
  }
  commit_began_ = ports_.clock->Elapsed();
  ports_.output->Commit(std::move(offsets), token_);
  phase_ = Phase::kCommitting;
  return absl::ZeroDuration();
}

absl::StatusOr<bool> Worker::StepTasks() {
  size_t handled = 0;
  const absl::Time wall = ports_.clock->Now();
  const absl::Duration began = ports_.clock->Elapsed();
  const size_t slice = Ready() ? kSliceRecords : kSliceRecordsInRecovery;
  feed_->Step(began);
  // What holds from a moment that is about to be passed has to be known before.
  if (!feed_->heard()) return false;
  for (auto& [partition, slot] : slots_) {
    if (slot.recovery != nullptr || slot.task->epoch_full()) continue;
    slot.task->Consider(*feed_);
    auto processed = slot.task->Process(slice, wall, began);
    if (!processed.ok()) {
      return absl::Status(processed.status().code(),
                          Text("partition ", partition, ": ", processed.status().message()));
    }
    if (slot.task->epoch_open() && !opened_at_) {
      opened_at_ = began;
      if (auto status = AtStep(Step::kEpochOpened); !status.ok()) return status;
    }
    if (*processed == 0) continue;
    handled += *processed;
    if (auto status = AtStep(Step::kProcessed); !status.ok()) return status;
  }
  if (handled == 0) return false;
  const absl::Duration took = ports_.clock->Elapsed() - began;
  figures_.busy += took;
  live_rate_.Add(handled, took);
  return true;
}

bool Worker::ShouldClose(bool handled_any) const {
  bool open = false;
  bool results = false;
  bool unwritten = false;
  for (const auto& [partition, slot] : slots_) {
    if (slot.recovery != nullptr) continue;
    open |= slot.task->epoch_open();
    results |= slot.task->results_waiting();
    unwritten |= slot.task->low_water() < slot.task->epoch();
    if (slot.task->epoch_full()) return true;
  }
  if (stop_ == Stop::kDrain) return open || unwritten;
  if (!open) return false;
  if (stop_ == Stop::kPark) return true;
  const absl::Duration age = ports_.clock->Elapsed() - *opened_at_;
  // Closing and committing are part of the time that a result may take, but never most of it.
  if (age + std::min(last_closing_, options_.commit_interval / 2) >= options_.commit_interval) return true;
  return results && !handled_any && age >= options_.commit_delay;
}

bool Worker::WantsCatchUp() const {
  if (stop_ != Stop::kNone || opened_at_) return false;
  if (ports_.clock->Elapsed() - idle_since_ < kIdleBeforeCatchUp) return false;
  return std::any_of(slots_.begin(), slots_.end(), [](const auto& slot) {
    return slot.second.recovery == nullptr && slot.second.task->low_water() < slot.second.task->epoch();
  });
}

void Worker::WatchRetention(absl::Duration now) {
  if (now < watch_at_ || !Ready()) return;
  for (;;) {
    auto slot = slots_.lower_bound(watched_.first);
    if (slot == slots_.end()) break;
    if (slot->first != watched_.first) watched_ = {slot->first, 0};
    Task& task = *slot->second.task;
    if (watched_.second == task.sources().size()) {
      watched_ = {slot->first + 1, 0};
      continue;
    }
    const auto bounds = ports_.cluster->WrittenBounds(task.sources()[watched_.second]->partition());
    if (absl::IsUnavailable(bounds.status())) return;
    // Where there is no answer the next look may bring one.
    if (bounds.ok()) task.LogBegins(watched_.second, bounds->begin);
    ++watched_.second;
  }
  watched_ = {0, 0};
  watch_at_ = now + kRetentionWatch;
  const int64_t wall_ms = absl::ToUnixMillis(ports_.clock->Now());
  endangered_ = std::any_of(slots_.begin(), slots_.end(),
                            [&](const auto& slot) { return slot.second.task->debt().Endangered(wall_ms); });
}

uint64_t Worker::BudgetWork() const {
  if (slots_.empty()) return 0;
  return static_cast<uint64_t>(absl::ToDoubleSeconds(options_.recovery_budget) * figures_.redo_rate /
                               static_cast<double>(slots_.size()));
}

absl::Status Worker::CloseAll(bool catch_up) {
  // A clean stop writes by and by, too: everything at once would have to be held twice.
  if (stop_ == Stop::kDrain) catch_up = true;
  const absl::Duration began = ports_.clock->Elapsed();
  for (auto& [partition, slot] : slots_) {
    if (slot.recovery == nullptr) slot.task->Freeze();
  }
  live_rate_.Add(0, ports_.clock->Elapsed() - began);
  UpdateRedoRate();
  const Task::Budget budget{BudgetWork(), catch_up};
  endangered_ = false;
  for (auto& [partition, slot] : slots_) {
    if (slot.recovery != nullptr) continue;
    const bool behind = slot.task->low_water() < slot.task->epoch();
    slot.in_transaction = slot.task->epoch_open() || (behind && catch_up);
    if (!slot.in_transaction) continue;
    if (auto status = slot.task->Close(budget, ports_.clock->Now()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Worker::Flush() {
  for (auto& [partition, slot] : slots_) {
    while (const OutputRecord* const next = slot.task->NextToLeave()) {
      if (!begun_) {
        if (auto status = ports_.output->Begin(); !status.ok()) {
          const TransactionState state = ports_.output->State();
          if (state == TransactionState::kUnknown) RecoverAll();
          if (state == TransactionState::kUnknown || state == TransactionState::kFenced) return false;
          return status;
        }
        begun_ = true;
      }
      auto status = ports_.output->Append(*next);
      if (absl::IsResourceExhausted(status)) return false;
      if (!status.ok()) {
        GiveUpTransaction(status);
        return false;
      }
      slot.task->Left();
    }
  }
  return true;
}

void Worker::GiveUpTransaction(const absl::Status& why) {
  Note(WorkerNote::Level::kWarning, Text("transaction aborted: ", why.message()));
  Undo();
  ports_.output->Abort();
  phase_ = Phase::kAborting;
}

absl::StatusOr<absl::Duration> Worker::StepCommitting(TransactionState state) {
  switch (state) {
    case TransactionState::kPending: {
      auto recovering = StepRecoveries();
      if (!recovering.ok()) return recovering.status();
      return *recovering ? absl::ZeroDuration() : kPoll;
    }
    case TransactionState::kCommitted: {
      const absl::Duration took = ports_.clock->Elapsed() - commit_began_;
      last_closing_ = ports_.clock->Elapsed() - closing_began_;
      ++figures_.commits;
      figures_.commit_time += took;
      figures_.longest_commit = std::max(figures_.longest_commit, took);
      figures_.commit_durations.Add(took);
      figures_.last_commit = ports_.clock->Now();
      backoff_ = kFirstBackoff;
      begun_ = false;
      phase_ = Phase::kReady;
      opened_at_.reset();
      if (auto status = Committed(); !status.ok()) return status;
      if (stop_ == Stop::kDrain) {
        if (auto status = AtStep(Step::kLastCommit); !status.ok()) return status;
      }
      return absl::ZeroDuration();
    }
    case TransactionState::kUnknown:
      ++figures_.unknown_outcomes;
      Note(WorkerNote::Level::kWarning,
           Text("whether a transaction was committed is not known: ", ports_.output->LastError().message(),
                        "; recovering"));
      if (auto status = AtStep(Step::kUnknownFound); !status.ok()) return status;
      RecoverAll();
      return kPoll;
    default:
      Note(WorkerNote::Level::kWarning, Text("transaction aborted: ", ports_.output->LastError().message()));
      Undo();
      begun_ = false;
      phase_ = Phase::kReady;
      return kPoll;
  }
}

absl::Status Worker::Committed() {
  for (auto& [partition, slot] : slots_) {
    if (!slot.in_transaction) continue;
    slot.in_transaction = false;
    const TopicPartition changelog{options_.task.changelog_topic, partition};
    auto status = slot.task->Committed(ports_.output->LastOffset(changelog), ports_.clock->Now());
    if (!status.ok()) {
      return absl::Status(status.code(), Text("partition ", partition, ": ", status.message()));
    }
    NoteControl(partition, *slot.task);
  }
  return absl::OkStatus();
}

void Worker::NoteControl(int32_t partition, Task& task) {
  for (const TaskControl::Note& note : task.TakeControlNotes()) {
    Note(note.refused ? WorkerNote::Level::kWarning : WorkerNote::Level::kInfo,
         Text("partition ", partition, ": ", note.text));
  }
}

void Worker::Undo() {
  ++figures_.aborts;
  for (auto& [partition, slot] : slots_) {
    slot.in_transaction = false;
    if (slot.recovery == nullptr) slot.task->Aborted();
  }
  opened_at_.reset();
  backoff_until_ = ports_.clock->Elapsed() + backoff_;
  backoff_ = std::min(backoff_ * 2, kLongestBackoff);
  // Who parks tries nothing again: another owner does the work anew.
  if (stop_ == Stop::kPark || (stop_ == Stop::kDrain && ++undone_in_drain_ >= kDrainAttempts)) token_ = nullptr;
  failure_.Update(AtStep(Step::kRewound));
}

absl::StatusOr<std::string> Worker::Describe(std::string_view customer) {
  for (auto& [partition, slot] : slots_) {
    if (PartitionOf(customer, slot.task->options().partitions) != partition) continue;
    if (slot.recovery != nullptr) return absl::UnavailableError("the customer's task is recovering; ask again");
    return slot.task->Describe(customer);
  }
  return absl::NotFoundError(Text("customer ", customer, " belongs to a task that is not in this process"));
}

}  // namespace ebb
