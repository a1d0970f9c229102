#include "engine/runtime/task.h"

#include <algorithm>

#include "engine/runtime/dead_letter.h"
#include "engine/runtime/epoch_record.h"
#include "engine/time/duration.h"
#include "state/hash.h"
#include "state/layout.h"
#include "state/step.h"
#include "state/text.h"

namespace ebb {
namespace {

std::string Rfc3339(absl::Time time) { return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()); }

// Source: CloudEvents 1.0, Kafka protocol binding, binary content mode.
OutputRecord DraftFor(const SinkSpec& sink, const std::string& application) {
  OutputRecord draft;
  draft.topic = sink.config.topic();
  draft.headers = {{"ce_specversion", "1.0"},
                   {"ce_id", ""},
                   {"ce_source", Text("/ebb/", application)},
                   {"ce_type", sink.config.type()},
                   {"ce_time", ""},
                   {"content-type", std::string(ContentType(sink.config.format()))}};
  return draft;
}
constexpr size_t kIdHeader = 1;
constexpr size_t kTimeHeader = 4;

}  // namespace

Task::Task(std::shared_ptr<const PipelineSpec> spec, TaskOptions options, std::unique_ptr<Store> store)
    : file_(std::move(spec)),
      spec_(file_),
      options_(std::move(options)),
      store_(std::move(store)),
      control_(file_, options_.history) {
  cache_ = std::make_unique<CustomerCache>(store_.get(), options_.cache_bytes);
  for (const SourceSpec& source : file_->sources) {
    sources_.push_back(
        std::make_unique<SourceCursor>(source, options_.partition, options_.partitions, options_.buffer_bytes));
  }
  for (const SinkSpec& sink : spec_->sinks) drafts_.push_back(DraftFor(sink, spec_->config.application()));
  readable_ms_.assign(sources_.size(), Debt::kNever);
  for (size_t i = 0; i < options_.compaction_lags.size(); ++i) {
    // Half of the time is for being down.
    readable_ms_[i] = absl::ToInt64Milliseconds(options_.compaction_lags[i] / 2);
  }
  const v1::Time& time = spec_->config.time();
  merge_ = std::make_unique<Merge>(&sources_, ToDuration(time.max_wait()));
  if (time.emit_from() != 0) emit_from_ms_ = time.emit_from();
  idle_wall_clock_ = time.idle() == "wall_clock";
  stats_ = epoch_stats_ = TaskStats(spec_->sources.size(), spec_->sinks.size());
  tally_ = AllowanceTally(options_.partition, options_.partitions);
}

Task::~Task() { StopSources(); }

absl::StatusOr<std::unique_ptr<Task>> Task::Create(std::shared_ptr<const PipelineSpec> spec, TaskOptions options,
                                                   std::unique_ptr<Store> store) {
  auto graph = Graph::Build(*spec);
  if (!graph.ok()) return graph.status();
  std::unique_ptr<Task> task(new Task(spec, std::move(options), std::move(store)));
  task->Install(std::move(spec), *std::move(graph));
  return task;
}

void Task::Install(std::shared_ptr<const PipelineSpec> spec, std::unique_ptr<Graph> graph) {
  auto dispatcher = std::make_unique<Dispatcher>(graph.get(), cache_.get(), this);
  if (dispatcher_ != nullptr) dispatcher->TakeCounts(*dispatcher_);
  dispatcher_ = std::move(dispatcher);
  graph_ = std::move(graph);
  spec_ = std::move(spec);
}

absl::Status Task::StartSources(Input* input, const std::vector<int64_t>& offsets) {
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (auto status = sources_[i]->Start(input, offsets[i]); !status.ok()) return status;
  }
  if (epoch_ == 0) debt_.Reset({0, 0, offsets});
  return absl::OkStatus();
}

void Task::StopSources() {
  for (const auto& source : sources_) source->Stop();
}

bool Task::epoch_full() const {
  size_t pinned = cache_->pinned_bytes();
  for (const auto& source : sources_) pinned += source->kept_bytes();
  return epoch_open_ &&
         (barrier_done_ || epoch_records_ >= options_.epoch_records || outbox_bytes_ >= options_.outbox_bytes ||
          pinned >= options_.pinned_bytes || merge_->rounds().size() >= kMaxRounds);
}

void Task::OpenEpoch() {
  if (epoch_open_) return;
  epoch_open_ = true;
  time_before_ = merge_->time();
  tally_before_ = tally_;
}

absl::StatusOr<size_t> Task::Process(size_t max_records, absl::Time wall_clock, absl::Duration elapsed) {
  if (frozen_) return size_t{0};
  if (at_barrier_) return FireAtBarrier(max_records);
  if (sweep_ && !swept_) {
    OpenEpoch();
    if (auto status = Sweep(options_.swept_customers, ""); !status.ok()) return status;
  }
  const uint64_t before = epoch_records_ + epoch_timers_;
  auto filled = merge_->Fill();
  if (!filled.ok()) return filled.status();
  if (auto status = Prefetch(); !status.ok()) return status;
  if (*filled && merge_->in_round() && merge_->NewcomerWaits()) merge_->EndRound();
  size_t handled = 0;
  while (handled < max_records && !epoch_full()) {
    if (!merge_->in_round() && !BeginRound(wall_clock, elapsed)) {
      if (at_barrier_) break;
      // Without a record at hand, timers have the time to themselves.
      auto fired = FireDue(1);
      if (!fired.ok()) return fired.status();
      if (*fired == 0) break;
      handled += *fired;
      continue;
    }
    const std::optional<size_t> next = merge_->Next();
    if (!next) {
      merge_->EndRound();
      auto more = merge_->Fill();
      if (!more.ok()) return more.status();
      if (auto status = Prefetch(); !status.ok()) return status;
      continue;
    }
    if (control_.barrier_ms() && merge_->WatermarkAfter(*next) >= *control_.barrier_ms()) {
      ReachBarrier();
      break;
    }
    merge_->Follow(*next);
    const size_t most = kTimersPerRecord + records_behind_ / kRecordsPerFurtherTimer;
    auto fired = FireDue(most);
    if (!fired.ok()) return fired.status();
    records_behind_ = *fired < most ? 0 : records_behind_ + 1;
    if (auto status = HandleHead(*next); !status.ok()) return status;
    ++handled;
  }
  // Wake-ups that led to no timer are work, too.
  return std::max(handled, static_cast<size_t>(epoch_records_ + epoch_timers_ - before));
}

bool Task::BeginRound(absl::Time wall_clock, absl::Duration elapsed) {
  const Merge::Time before = merge_->time();
  if (!merge_->BeginRound(elapsed) && !CarryTime(wall_clock, elapsed)) return false;
  if (!epoch_open_) {
    OpenEpoch();
    time_before_ = before;
  }
  return true;
}

bool Task::CarryTime(absl::Time wall_clock, absl::Duration elapsed) {
  if (!merge_->AllIdle()) return false;
  int64_t floor_ms = kNoTime;
  if (until_ms_) {
    floor_ms = *until_ms_;
  } else if (idle_wall_clock_) {
    floor_ms = absl::ToUnixMillis(wall_clock) - merge_->max_lateness_ms();
  }
  if (control_.barrier_ms() && floor_ms >= *control_.barrier_ms()) {
    ReachBarrier();
    return false;
  }
  if (floor_ms <= watermark_ms()) return false;
  // Time that nobody waits for is not worth an epoch.
  auto due = cache_->wakes().FirstDue(floor_ms);
  if (due.ok() && *due == nullptr && !until_ms_) return false;
  return merge_->BeginRound(elapsed, floor_ms);
}

TaskControl::Standing Task::Standing() const {
  return {spec_.get(), &manifest_, watermark_ms(), Settled(), sweep_.has_value()};
}

void Task::Consider(const ControlFeed& feed) {
  if (at_barrier_ || frozen_) return;
  control_.Consider(feed, Standing());
  // Dead letters need an epoch to leave with.
  if (!control_.refusals().empty()) OpenEpoch();
}

void Task::ReachBarrier() {
  OpenEpoch();
  if (merge_->in_round()) merge_->EndRound();
  if (watermark_ms() < *control_.barrier_ms() - 1) merge_->CarryTo(*control_.barrier_ms() - 1);
  at_barrier_ = true;
}

absl::StatusOr<size_t> Task::FireAtBarrier(size_t most) {
  OpenEpoch();
  if (barrier_done_ || epoch_full()) return size_t{0};
  // By a history, the next may come before everybody has been visited for the one before.
  if (sweep_ && !control_.visitors().empty()) {
    if (auto status = Sweep(SIZE_MAX, ""); !status.ok()) return status;
  }
  auto fired = FireDue(most);
  if (fired.ok()) barrier_done_ = *fired == 0;
  return fired;
}

bool Task::Exhausted() {
  if (!merge_->AllIdle() || sweep_ || (until_ms_ && watermark_ms() < *until_ms_)) return false;
  auto due = cache_->wakes().FirstDue(watermark_ms());
  return due.ok() && *due == nullptr;
}

absl::StatusOr<size_t> Task::FireDue(size_t most, const TimeIndex::Wake* end) {
  std::optional<TimeIndex::Wake> last;
  for (size_t taken = 0;; ++taken) {
    auto first = cache_->wakes().FirstDue(watermark_ms());
    if (!first.ok()) return first.status();
    if (*first == nullptr || (end != nullptr && **first >= *end)) {
      streak_ = {};
      return taken;
    }
    // Timers of one customer at one moment stay together, so that a place between two moments tells them apart.
    if (taken >= most && last != **first) return taken;
    OpenEpoch();
    auto wake = cache_->wakes().PopDue(watermark_ms());
    if (!wake.ok()) return wake.status();
    last = **wake;
    auto loaded = cache_->Load((*wake)->customer);
    if (!loaded.ok()) return loaded.status();
    Customer* customer = *loaded;
    if (auto status = CheckStamp(*customer); !status.ok()) return status;
    cache_->WakeTaken(customer, (*wake)->time_ms);
    cache_->Open(customer);
    const auto is_due = [&] {
      const auto& timers = customer->open->timers;
      return !timers.empty() && timers.front().deadline_ms <= (*wake)->time_ms;
    };
    // Only who has a timer due is visited: the others have their wake-ups at other times in redo. What the visit arms
    // before that timer fires with it, so that a place in the order of timers tells who was visited.
    const bool visited = is_due() && VisitInTime(customer);
    // The wake-up may be early: the deadline in the document is the truth.
    if (!is_due()) cache_->KeepWake(customer);
    for (bool more = is_due(); more; more = visited && is_due()) {
      // As in FireOwn.
      if (visited) cache_->WakeTaken(customer, customer->wake_ms);
      if (auto status = FireFirst(customer, &streak_); !status.ok()) return status;
    }
  }
}

bool Task::VisitInTime(Customer* customer) {
  if (!sweep_ || customer->body.empty() || CustomerCache::ChangedSince(*customer, sweep_->since_epoch())) return false;
  source_at_hand_.reset();
  customer_at_hand_ = customer->id();
  now_ = absl::FromUnixMillis(sweep_->at_ms());
  dispatcher_->Visit(visitors_, sweep_->publication(), now_, customer);
  return true;
}

absl::Status Task::Sweep(size_t most, const std::string& last) {
  if (!swept_) sweep_before_ = sweep_;
  swept_ = true;
  const std::string from = sweep_->done().empty() ? std::string(1, layout::kCustomer)
                                                  : layout::PrefixEnd(layout::DocumentKey(sweep_->done()));
  const std::string to = last.empty() ? std::string(1, layout::kWake) : layout::PrefixEnd(layout::DocumentKey(last));
  std::vector<std::string> customers;
  bool all = true;
  auto status = store_->Scan(from, to, [&](std::string_view key, std::string_view) {
    if (layout::KindOf(key) != layout::RowKind::kDocument) return true;
    if (customers.size() == most) return all = false;
    customers.push_back(*layout::CustomerOf(key));
    return true;
  });
  if (!status.ok()) return status;
  for (const std::string& id : customers) {
    auto loaded = cache_->Load(id);
    if (!loaded.ok()) return loaded.status();
    if (redoing_ != 0 && CustomerCache::IsAhead(**loaded, redoing_)) {
      ++stats_.skipped_customers;
      continue;
    }
    VisitInTime(*loaded);
    if (!cache_->status().ok()) return cache_->status();
  }
  if (all && last.empty()) {
    sweep_.reset();
  } else {
    sweep_->set_done(last.empty() ? customers.back() : last);
  }
  return absl::OkStatus();
}

int64_t Task::TimersBehindMs() {
  // Trouble of the store shows when they are to fire.
  auto first = cache_->wakes().FirstDue(watermark_ms());
  return first.ok() && *first != nullptr ? watermark_ms() - (*first)->time_ms : 0;
}

absl::Status Task::FireOwn(Customer* customer) {
  if (!CustomerCache::MayBeDue(*customer, watermark_ms())) return absl::OkStatus();
  cache_->Open(customer);
  const auto& timers = customer->open->timers;
  Streak streak;
  while (!timers.empty() && timers.front().deadline_ms <= watermark_ms()) {
    // Left behind, it would stand before timers of others that have fired, and be taken for the place of the first that
    // has not.
    cache_->WakeTaken(customer, customer->wake_ms);
    if (auto status = FireFirst(customer, &streak); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Task::FireFirst(Customer* customer, Streak* streak) {
  const DocumentTimer timer = customer->open->timers.front();
  const bool again = customer->id() == streak->last.customer && timer.deadline_ms <= streak->last.time_ms + 1;
  streak->times = again ? streak->times + 1 : 0;
  // What was committed came to an end, be it in another order.
  if (streak->times > kMaxTimersInARow && redoing_ == 0) {
    return absl::InternalError(Text("timer ", timer.timer, " of customer ", customer->id(), " has fired ",
                                    streak->times,
                                    " times, a millisecond apart: an operator arms it in the past again and again"));
  }
  streak->last = {timer.deadline_ms, std::string(customer->id())};
  source_at_hand_.reset();
  customer_at_hand_ = customer->id();
  now_ = absl::FromUnixMillis(timer.deadline_ms);
  dispatcher_->Fire(timer.timer, now_, customer);
  ++epoch_timers_;
  ++epoch_stats_.timers_fired;
  return cache_->status();
}

absl::Status Task::Prefetch() {
  std::vector<SourceCursor::Batch*> batches;
  std::vector<std::string_view> keys;
  for (const auto& source : sources_) {
    source->VisitNext([&](SourceCursor::Batch* batch) {
      batches.push_back(batch);
      for (size_t i = 0; i < batch->records.size(); ++i) keys.push_back(batch->records[i].key);
    });
  }
  if (batches.empty()) return absl::OkStatus();
  std::vector<Customer*> found;
  if (auto status = cache_->Prefetch(keys, &found); !status.ok()) return status;
  auto next = found.begin();
  for (SourceCursor::Batch* batch : batches) {
    const auto end = next + static_cast<ptrdiff_t>(batch->records.size());
    batch->customers.assign(next, end);
    batch->generation = cache_->generation();
    next = end;
  }
  return absl::OkStatus();
}

absl::Status Task::HandleHead(size_t source) {
  SourceCursor& cursor = *sources_[source];
  const RecordBatch::View& record = cursor.record();
  ++epoch_records_;
  ++epoch_stats_.records_in[source];
  epoch_stats_.bytes_in[source] += record.value ? record.value->size() : 0;
  if (record.timestamp_ms < Debt::kNever - readable_ms_[source]) {
    epoch_expires_ms_ = std::min(epoch_expires_ms_, record.timestamp_ms + readable_ms_[source]);
  }
  if (cursor.rejection()) {
    DeadLetter(source, cursor.rejection()->reason, cursor.rejection()->text);
    cursor.Take();
    return absl::OkStatus();
  }
  const EventDecoder& event = cursor.event();
  if (event.time_ms() < watermark_ms()) {
    ++epoch_stats_.late[source];
    const std::string& policy = cursor.spec().config.late();
    if (policy != "process") {
      if (policy == "dead_letter") {
        DeadLetter(source, "late",
                   Text("the event is behind the watermark ", Rfc3339(absl::FromUnixMillis(watermark_ms()))));
      }
      cursor.Take();
      return absl::OkStatus();
    }
  }
  Customer* const known = cursor.KnownCustomer(cache_->generation());
  auto loaded = cache_->Load(event.customer(), record.key == event.customer() ? known : nullptr);
  if (!loaded.ok()) return loaded.status();
  Customer* customer = *loaded;
  if (auto status = CheckStamp(*customer); !status.ok()) return status;
  if (redoing_ != 0 && CustomerCache::IsAhead(*customer, redoing_)) {
    ++stats_.skipped_customers;
  } else if (customer->bytes > kMaxDocumentBytes && customer->body.size() > kMaxDocumentBytes) {
    // In this order: the body's size stands with the body, which nobody else may need.
    DeadLetter(source, "state-too-large",
               Text("the customer's state has ", customer->body.size(), " bytes; at most ", kMaxDocumentBytes,
                    " may be kept"));
  } else {
    VisitInTime(customer);
    if (auto status = FireOwn(customer); !status.ok()) return status;
    source_at_hand_ = source;
    customer_at_hand_ = event.customer();
    now_ = absl::FromUnixMillis(event.time_ms());
    rejected_ = false;
    Cause cause;
    cause.source = cursor.spec().name;
    cause.partition = options_.partition;
    cause.offset = record.offset;
    cause.event_id = event.header().event_id();
    cause.event_source = event.header().source();
    cause.generated = event.header().generated();
    dispatcher_->Deliver(source, event.message(), cause, now_, absl::FromUnixMillis(watermark_ms()), customer);
    // What was armed at a moment that has passed already.
    if (auto status = FireOwn(customer); !status.ok()) return status;
  }
  cursor.Take();
  return cache_->status();
}

bool Task::Take(std::string_view op, const Allowance& allowance, absl::Time at) {
  if (redoing_ != 0 || absl::ToUnixMillis(now_) < emit_from_ms_) return true;
  return tally_.Take(op, allowance, absl::ToUnixMillis(at));
}

void Task::OnResult(int sink, const google::protobuf::Message& message, const std::string& id, Fate fate) {
  const SinkSpec& spec = file_->sinks[sink];
  if (absl::ToUnixMillis(now_) < emit_from_ms_) {
    ++epoch_stats_.suppressed;
    return;
  }
  OutputRecord& record = drafts_[sink];
  record.key.assign(customer_at_hand_);
  record.value = EncodeMessage(message, spec.config.format());
  if (record.value->size() > kMaxResultBytes) return RefuseResult(record, fate);
  if (fate == Fate::kHeldBack) return Send(record, fate);
  if (redoing_ == 0 && source_at_hand_) answered_ms_.push_back(sources_[*source_at_hand_]->record().timestamp_ms);
  record.headers[kIdHeader].second = id;
  record.headers[kTimeHeader].second = Rfc3339(now_);
  ++epoch_stats_.results[sink];
  Send(record, fate);
}

void Task::RefuseResult(const OutputRecord& result, Fate fate) {
  constexpr char kReason[] = "result-too-large";
  ++epoch_stats_.dead_letters[{source_at_hand_.value_or(0), kReason}];
  // One that is held back is too large to leave in redo as well.
  const Fate of_letter = fate == Fate::kInstead ? fate : Fate::kLeaves;
  Send(MakeDeadLetterOfResult(spec_->config.dead_letters(), result, kReason, kMaxResultBytes), of_letter);
}

absl::Status Task::CheckStamp(const Customer& customer) const {
  if (customer.stamp <= epoch_) return absl::OkStatus();
  return absl::DataLossError(Text("the stored state of customer ", customer.id(), " is of epoch ", customer.stamp,
                                  ", but the last one is ", epoch_, ": the local state is of another life; delete the ",
                                  "directory ", options_.partition,
                                  " of state_dir, and it is rebuilt from the changelog"));
}

void Task::OnReject(std::string_view reason, std::string_view text) {
  if (!source_at_hand_ || rejected_) return;
  rejected_ = true;
  DeadLetter(*source_at_hand_, reason, text);
}

void Task::DeadLetter(size_t source, std::string_view reason, std::string_view text) {
  const SourceCursor& cursor = *sources_[source];
  ++epoch_stats_.dead_letters[{source, std::string(reason)}];
  Send(MakeDeadLetter(spec_->config.dead_letters(), cursor.partition(), cursor.record(), reason, text));
}

void Task::Send(const OutputRecord& record, Fate fate) {
  if (fate != Fate::kInstead) {
    ++results_;
    // Of their order only that of one customer counts, which shows in what they say.
    const uint64_t whither = StableHash64(record.key, StableHash64(record.topic));
    result_digest_ += record.value ? StableHash64(*record.value, whither) : whither;
  }
  if (redoing_ != 0 || fate == Fate::kHeldBack) return;
  outbox_bytes_ += record.bytes();
  outbox_.Add(record);
}

}  // namespace ebb
