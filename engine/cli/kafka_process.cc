#include "engine/cli/kafka_process.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <future>
#include <random>

#include "engine/cli/await.h"
#include "engine/cli/command.h"
#include "engine/cli/control_topic.h"
#include "engine/kafka/cluster.h"
#include "engine/kafka/input.h"
#include "engine/kafka/membership.h"
#include "engine/kafka/output.h"
#include "engine/kafka/topics.h"
#include "engine/observe/control_page.h"
#include "engine/observe/log.h"
#include "engine/time/duration.h"
#include "state/hash.h"
#include "state/text.h"

namespace ebb {
namespace {

// Larger than any customer's document may become within one epoch.
constexpr int64_t kChangelogMessageBytes = 8 << 20;
constexpr absl::Duration kQuestionPatience = absl::Seconds(4);

// What a worker answers at its next turn. Unavailable: it does not turn in time.
absl::StatusOr<std::string> AskWorker(WorkerControl& control,
                                      std::function<absl::StatusOr<std::string>(Worker&)> question) {
  auto promise = std::make_shared<std::promise<absl::StatusOr<std::string>>>();
  auto answer = promise->get_future();
  control.Ask([promise, question = std::move(question)](Worker& worker) { promise->set_value(question(worker)); });
  if (answer.wait_for(absl::ToChronoMilliseconds(kQuestionPatience)) != std::future_status::ready) {
    return absl::UnavailableError("the worker did not answer in time");
  }
  return answer.get();
}

std::string DefaultInstance(const std::string& state_dir) {
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  std::error_code ignored;
  const std::string directory = std::filesystem::weakly_canonical(state_dir, ignored).string();
  return Text(host, "-", absl::Hex(StableHash64(directory) & 0xffffffff, absl::kZeroPad8));
}

}  // namespace

MemoryPlan PlanMemory(uint64_t memory_bytes, int32_t partitions, size_t sources, int32_t workers) {
  const auto tasks = static_cast<uint64_t>(std::max(partitions, 1));
  const uint64_t readers = tasks * std::max<uint64_t>(sources, 1);
  const auto share = [&](uint64_t percent, uint64_t among) { return memory_bytes / 100 * percent / among; };
  MemoryPlan plan;
  plan.cache_bytes = share(42, tasks);
  plan.pinned_bytes = share(8, tasks);
  plan.outbox_bytes = share(4, tasks);
  plan.source_buffer_bytes = std::clamp<uint64_t>(share(8, readers), 64 << 10, 32 << 20);
  plan.fetch_buffer_bytes = std::clamp<uint64_t>(share(8, readers), 64 << 10, 32 << 20);
  plan.producer_bytes = share(8, static_cast<uint64_t>(workers));
  plan.block_cache_bytes = share(14, 1);
  plan.write_buffer_bytes = share(6, 1);
  return plan;
}

KafkaProcess::KafkaProcess(std::shared_ptr<const PipelineSpec> spec, KafkaProcessOptions options)
    : spec_(std::move(spec)), options_(std::move(options)), connection_(ConnectionOf(*spec_)) {
  const v1::Runtime& runtime = spec_->config.runtime();
  instance_ = runtime.instance().empty() ? DefaultInstance(runtime.state_dir()) : runtime.instance();
  started_ = clock_.Now();
}

absl::StatusOr<std::unique_ptr<KafkaProcess>> KafkaProcess::Start(std::shared_ptr<const PipelineSpec> spec,
                                                                  const KafkaProcessOptions& options) {
  std::unique_ptr<KafkaProcess> process(new KafkaProcess(std::move(spec), options));
  // The cheap refusals come first: what is taken or locked here, then what is missing there.
  absl::Status status = process->OpenAdmin();
  if (status.ok()) status = process->CheckTopics();
  if (status.ok()) status = process->CheckRetention();
  if (status.ok()) status = process->CheckChangelog();
  if (status.ok()) status = process->OpenState();
  if (status.ok()) status = process->OpenShifts();
  if (!status.ok()) return status;
  process->open_ = true;
  return process;
}

KafkaProcess::~KafkaProcess() {
  ending_ = true;
  for (const auto& shift : shifts_) {
    if (shift->thread.joinable()) shift->thread.join();
  }
  admin_.reset();
}

std::string KafkaProcess::ChangelogTopic() const { return spec_->config.application() + ".changelog"; }

absl::Status KafkaProcess::CheckTopics() {
  auto cluster = OpenKafkaCluster(connection_, {spec_->config.application(), kTopicPatience});
  if (!cluster.ok()) return cluster.status();
  cluster_ = *std::move(cluster);
  std::string first;
  for (const SourceSpec& source : spec_->sources) {
    auto count = Await([&] { return cluster_->PartitionCount(source.config.topic()); });
    if (absl::IsNotFound(count.status())) {
      return absl::FailedPreconditionError(Text("topic ", source.config.topic(), " of source ", source.name,
                                                " does not exist; create it, or correct its name"));
    }
    if (absl::IsDeadlineExceeded(count.status())) {
      return absl::DeadlineExceededError(Text(
          "no answer from Kafka at ", connection_.bootstrap_servers, " about topic ", source.config.topic(), " for ",
          absl::FormatDuration(kTopicPatience), ": is it running, and are kafka.bootstrap and the properties right? (",
          count.status().message(), ")"));
    }
    if (absl::IsCancelled(count.status())) return count.status();
    if (!count.ok()) {
      return absl::Status(count.status().code(), Text("cannot ask ", connection_.bootstrap_servers, " about topic ",
                                                      source.config.topic(), ": ", count.status().message()));
    }
    if (partitions_ == 0) {
      partitions_ = *count;
      first = source.config.topic();
    } else if (*count != partitions_) {
      return absl::FailedPreconditionError(Text(
          "topic ", source.config.topic(), " has ", *count, " partitions but topic ", first, " has ", partitions_,
          "; all sources of a pipeline must have the same number, so that a customer's events meet in one task"));
    }
  }
  return absl::OkStatus();
}

absl::Status KafkaProcess::CheckRetention() {
  recovery_budget_ = ToDuration(spec_->config.runtime().recovery_budget());
  compaction_lags_.assign(spec_->sources.size(), absl::InfiniteDuration());
  if (options_.embedded_broker) return absl::OkStatus();
  for (size_t i = 0; i < spec_->sources.size(); ++i) {
    const std::string& topic = spec_->sources[i].config.topic();
    auto settings = Await([&] { return cluster_->TopicSettings(topic); });
    if (absl::IsCancelled(settings.status())) return settings.status();
    if (!settings.ok()) {
      Log(LogLevel::kWarning, Text("how long topic ", topic, " keeps its records is not known: ",
                                   settings.status().message(), "; it must outlive any stop of this application"));
      continue;
    }
    const auto milliseconds = [&](const char* name) {
      const auto found = settings->find(name);
      const int64_t ms = found == settings->end() ? -1 : std::atoll(found->second.c_str());
      return ms < 0 ? absl::InfiniteDuration() : absl::Milliseconds(ms);
    };
    const std::string& policy = (*settings)["cleanup.policy"];
    if (policy.find("compact") != std::string::npos) {
      compaction_lags_[i] = milliseconds("min.compaction.lag.ms");
      Log(LogLevel::kInfo,
          Text("topic ", topic, " is compacted: state is written in time for its min.compaction.lag.ms"),
          {{"lag", absl::FormatDuration(compaction_lags_[i])}});
    }
    const absl::Duration retention = milliseconds("retention.ms");
    if (policy.find("delete") == std::string::npos || retention >= kLeastRetention) continue;
    Log(LogLevel::kWarning,
        Text("topic ", topic, " keeps its records for ", absl::FormatDuration(retention), " only, less than ",
             absl::FormatDuration(kLeastRetention), ": what a crash leaves to be redone might be gone, so all state is "
             "written with every commit, as with recovery_budget: 0s"));
    recovery_budget_ = absl::ZeroDuration();
  }
  return absl::OkStatus();
}

absl::Status KafkaProcess::CheckChangelog() {
  // librdkafka's mock cluster answers none of this.
  if (options_.embedded_broker) return absl::OkStatus();
  std::vector<TopicSpec> topics;
  topics.push_back({ChangelogTopic(), partitions_, -1,
                    {{"cleanup.policy", "compact"}, {"max.message.bytes", Text(kChangelogMessageBytes)}}});
  for (const SinkSpec& sink : spec_->sinks) {
    topics.push_back({sink.config.topic(), partitions_, -1, {{"cleanup.policy", sink.config.cleanup()}}});
  }
  topics.push_back({spec_->config.dead_letters().topic(), partitions_, -1, {}});
  if (const std::string& control = spec_->config.control().topic(); !control.empty()) {
    topics.push_back(ControlTopicSpec(control));
  }
  for (const TopicSpec& topic : topics) {
    // Only the changelog must match partition by partition.
    const bool ours = topic.name == ChangelogTopic();
    auto status = EnsureTopic(connection_, topic, kTopicPatience);
    if (absl::IsFailedPrecondition(status) && !ours) continue;
    if (absl::IsFailedPrecondition(status)) {
      return absl::FailedPreconditionError(Text(
          status.message(), "; the number of partitions of an application's sources cannot change, since customers "
          "would move between tasks. Give the sources the former number, or the application another name to begin "
          "anew"));
    }
    if (!status.ok()) return status;
  }
  auto settings = Await([&] { return cluster_->TopicSettings(ChangelogTopic()); });
  if (!settings.ok()) return settings.status();
  const auto expect = [&](const char* name, const char* value) -> absl::Status {
    auto it = settings->find(name);
    if (it == settings->end() || it->second == value) return absl::OkStatus();
    return absl::FailedPreconditionError(Text("topic ", ChangelogTopic(), " has ", name, "=", it->second, "; expected ",
                                              value, ": state would be lost otherwise. Set it with kafka-configs"));
  };
  absl::Status status = expect("cleanup.policy", "compact");
  status.Update(expect("unclean.leader.election.enable", "false"));
  if (auto it = settings->find("delete.retention.ms"); it != settings->end()) {
    // Some margin for the restore itself.
    max_store_age_ = absl::Milliseconds(std::atoll(it->second.c_str())) * 0.8;
  }
  return status;
}

absl::Status KafkaProcess::OpenState() {
  const v1::Runtime& runtime = spec_->config.runtime();
  plan_ = PlanMemory(static_cast<uint64_t>(runtime.memory()), partitions_, spec_->sources.size(), runtime.workers());
  RocksDbOptions options;
  options.directory = runtime.state_dir();
  options.block_cache_bytes = plan_.block_cache_bytes;
  options.write_buffer_bytes = plan_.write_buffer_bytes;
  auto stores = RocksDbStores::OpenDirectory(options);
  if (!stores.ok()) return stores.status();
  stores_ = *std::move(stores);
  return absl::OkStatus();
}

absl::Status KafkaProcess::OpenShifts() {
  const v1::Runtime& runtime = spec_->config.runtime();
  KafkaMembershipOptions member;
  member.group = spec_->config.application();
  member.instance = runtime.instance();
  member.session_timeout = ToDuration(runtime.session_timeout());
  auto membership = OpenKafkaMembership(connection_, member);
  if (!membership.ok()) return membership.status();
  membership_ = *std::move(membership);
  std::vector<WorkerControl*> controls;
  for (int32_t i = 0; i < runtime.workers(); ++i) {
    auto shift = std::make_unique<Shift>();
    auto input = OpenKafkaInput(connection_, {plan_.fetch_buffer_bytes, absl::Milliseconds(50)});
    if (!input.ok()) return input.status();
    KafkaOutputOptions out;
    out.transactional_id = Text(spec_->config.application(), "/", instance_, "/", i);
    out.transaction_timeout = ToDuration(runtime.transaction_timeout());
    out.queue_bytes = plan_.producer_bytes;
    auto output = OpenKafkaOutput(connection_, out);
    if (!output.ok()) return output.status();
    auto cluster = OpenKafkaCluster(connection_, {spec_->config.application(), absl::Minutes(2)});
    if (!cluster.ok()) return cluster.status();
    shift->input = *std::move(input);
    shift->output = *std::move(output);
    shift->cluster = *std::move(cluster);
    WorkerOptions worker;
    worker.task.changelog_topic = ChangelogTopic();
    worker.task.owner = instance_;
    worker.task.cache_bytes = plan_.cache_bytes;
    worker.task.buffer_bytes = plan_.source_buffer_bytes;
    worker.task.pinned_bytes = plan_.pinned_bytes;
    worker.task.outbox_bytes = plan_.outbox_bytes;
    worker.task.compaction_lags = compaction_lags_;
    worker.task.accept_divergence = options_.accept_divergence;
    worker.accept_loss = options_.accept_loss;
    worker.recovery_budget = recovery_budget_;
    worker.commit_interval = ToDuration(runtime.commit_interval());
    worker.commit_delay = ToDuration(runtime.commit_delay());
    worker.max_store_age = max_store_age_;
    worker.until = options_.until;
    worker.uuid_seed = std::random_device()() ^ static_cast<uint64_t>(absl::ToUnixMicros(clock_.Now()));
    shift->worker = std::make_unique<Worker>(
        spec_, worker,
        WorkerPorts{shift->input.get(), shift->output.get(), shift->cluster.get(), stores_.get(), &clock_});
    controls.push_back(&shift->control);
    shifts_.push_back(std::move(shift));
  }
  engine_ = std::make_unique<Engine>(spec_, partitions_, membership_.get(), controls);
  if (auto status = engine_->Start(); !status.ok()) return status;
  for (const auto& shift : shifts_) {
    shift->last_turn_ms = absl::ToInt64Milliseconds(clock_.Elapsed());
    shift->thread = std::thread([this, raw = shift.get()] { Work(*raw); });
  }
  return absl::OkStatus();
}

absl::Status KafkaProcess::OpenAdmin() {
  AdminCallbacks callbacks;
  callbacks.metrics = [this] { return Metrics(); };
  callbacks.health = [this] { return Health(); };
  callbacks.readiness = [this]() -> absl::Status {
    std::lock_guard lock(standing_mutex_);
    if (!standing_.assigned) return absl::UnavailableError("no partitions are assigned yet");
    if (!standing_.ready) return absl::UnavailableError("state is being recovered");
    return absl::OkStatus();
  };
  callbacks.control = [this] { return RenderControl(Snapshots()); };
  callbacks.taken_in = [this](std::string_view key) { return TakenIn(key); };
  callbacks.history = [this] { return History(); };
  callbacks.state = [this](std::string_view customer) { return DescribeCustomer(customer); };
  auto admin = AdminServer::Listen(spec_->config.admin().listen(), std::move(callbacks));
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  return absl::OkStatus();
}

void KafkaProcess::Work(Shift& shift) {
  absl::Duration next_snapshot;
  while (!ending_) {
    auto wait = shift.control.Turn(*shift.worker);
    const absl::Duration now = clock_.Elapsed();
    shift.last_turn_ms = absl::ToInt64Milliseconds(now);
    for (const WorkerNote& note : shift.worker->TakeNotes()) {
      Log(note.level == WorkerNote::Level::kWarning ? LogLevel::kWarning : LogLevel::kInfo, note.text);
    }
    if (now >= next_snapshot) {
      next_snapshot = now + kSnapshotInterval;
      WorkerSnapshot snapshot = TakeSnapshot(*shift.worker, *spec_, shift.snapshot);
      std::lock_guard lock(shift.mutex);
      shift.snapshot = std::move(snapshot);
    }
    // A failed worker goes on turning, so that the main thread learns of it and questions are answered.
    const absl::Duration pause = wait.ok() ? *wait : absl::Milliseconds(10);
    if (pause > absl::ZeroDuration()) std::this_thread::sleep_for(absl::ToChronoMicroseconds(pause));
  }
}

absl::Status KafkaProcess::Run(const std::atomic<bool>& stop) {
  bool was_ready = false;
  bool stopping = false;  // From then on workers without tasks are nothing to tell.
  Log(LogLevel::kInfo, "started", {{"application", spec_->config.application()}, {"instance", instance_},
                                   {"partitions", partitions_}, {"admin_port", admin_port()}});
  for (;;) {
    if (auto status = engine_->Step(absl::Milliseconds(20)); !status.ok()) {
      // Others, and the next start, need not wait for the session to end.
      membership_->Leave(true);
      return status;
    }
    const Engine::Standing standing = engine_->standing();
    {
      std::lock_guard lock(standing_mutex_);
      standing_ = standing;
    }
    if (standing.ready && !was_ready && !stopping) Log(LogLevel::kInfo, "ready", {{"tasks", standing.tasks}});
    was_ready = standing.ready;
    if (stop) engine_->Stop(spec_->config.runtime().on_stop() == "leave");
    if (options_.until && standing.finished) engine_->Stop(true);
    stopping = stopping || stop || (options_.until && standing.finished);
    if (standing.stopped) break;
  }
  Log(LogLevel::kInfo, "stopped");
  return absl::OkStatus();
}

std::vector<WorkerSnapshot> KafkaProcess::Snapshots() const {
  std::vector<WorkerSnapshot> snapshots;
  if (!open_) return snapshots;
  for (const auto& shift : shifts_) {
    std::lock_guard lock(shift->mutex);
    snapshots.push_back(shift->snapshot);
  }
  return snapshots;
}

std::string KafkaProcess::Metrics() const {
  ProcessFigures process;
  process.version = kVersion;
  process.started = started_;
  ReadProcessUsage(&process);
  {
    std::lock_guard lock(standing_mutex_);
    process.rebalances = {
        {"assigned", standing_.rebalances}, {"revoked", standing_.revocations}, {"lost", standing_.losses}};
  }
  process.limits = {{"memory_bytes", static_cast<double>(spec_->config.runtime().memory())},
                    {"task_cache_bytes", static_cast<double>(plan_.cache_bytes)},
                    {"epoch_pinned_bytes", static_cast<double>(plan_.pinned_bytes)},
                    {"epoch_results_bytes", static_cast<double>(plan_.outbox_bytes)},
                    {"source_buffer_bytes", static_cast<double>(plan_.source_buffer_bytes)},
                    {"fetch_buffer_bytes", static_cast<double>(plan_.fetch_buffer_bytes)},
                    {"producer_queue_bytes", static_cast<double>(plan_.producer_bytes)}};
  if (open_) process.rocksdb = stores_->Figures();
  return RenderMetrics(*spec_, Snapshots(), process);
}

absl::Status KafkaProcess::TakenIn(std::string_view key) const {
  {
    std::lock_guard lock(standing_mutex_);
    if (!standing_.ready) return absl::UnavailableError("state is being recovered");
  }
  return StandingOf(key, Snapshots());
}

absl::Status KafkaProcess::Health() const {
  if (!open_) return absl::OkStatus();
  const absl::Duration now = clock_.Elapsed();
  for (const auto& shift : shifts_) {
    const absl::Duration silent = now - absl::Milliseconds(shift->last_turn_ms.load());
    if (silent > kStall) {
      return absl::InternalError(Text("a worker has not turned for ", absl::FormatDuration(silent)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> KafkaProcess::History() {
  if (!open_) return absl::UnavailableError("the process is starting");
  std::string lines;
  for (const auto& shift : shifts_) {
    auto told = AskWorker(shift->control, [](Worker& worker) { return RenderHistory(worker); });
    if (!told.ok()) return told.status();
    lines += *told;
  }
  return lines;
}

absl::StatusOr<std::string> KafkaProcess::DescribeCustomer(std::string_view customer) {
  absl::Status last = absl::UnavailableError("the process is starting");
  if (!open_) return last;
  for (const auto& shift : shifts_) {
    auto described =
        AskWorker(shift->control, [id = std::string(customer)](Worker& worker) { return worker.Describe(id); });
    if (described.ok() || absl::IsUnavailable(described.status())) return described;
    last = described.status();
    // Another worker may have the customer's task.
  }
  return last;
}

}  // namespace ebb
