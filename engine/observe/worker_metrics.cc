#include "engine/observe/worker_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "engine/observe/metrics.h"
#include "state/text.h"

namespace ebb {
namespace {

using Kind = MetricFamily::Kind;

double Seconds(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

// Builds the page part by part.
class Page {
 public:
  Page(const PipelineSpec& spec, const std::vector<WorkerSnapshot>& workers) : spec_(spec), workers_(workers) {
    // A task that changes workers may be in two snapshots for a moment; a page with a series twice would be refused.
    for (const WorkerSnapshot& worker : workers) {
      for (const TaskSnapshot& task : worker.tasks) tasks_[task.partition] = &task;
    }
  }

  void AddProcess(const ProcessFigures& process);
  void AddTotals();
  void AddWorkers();
  void AddTasks();
  void AddSources();
  std::string Render() const { return RenderText(families_); }

 private:
  // The reference holds until the next family is begun.
  MetricFamily& Begin(Kind kind, std::string name, std::string help) {
    return families_.emplace_back(MetricFamily{kind, std::move(name), std::move(help), {}});
  }
  MetricFamily& Counter(std::string name, std::string help) {
    return Begin(Kind::kCounter, std::move(name), std::move(help));
  }
  MetricFamily& Gauge(std::string name, std::string help) {
    return Begin(Kind::kGauge, std::move(name), std::move(help));
  }
  void Histogram(std::string name, std::string help, const DurationHistogram& histogram) {
    Begin(Kind::kHistogram, std::move(name), std::move(help)).samples.push_back({{}, 0, histogram});
  }

  void PerSource(std::string name, std::string help, const std::vector<uint64_t>& counts) {
    MetricFamily& family = Counter(std::move(name), std::move(help));
    for (size_t i = 0; i < spec_.sources.size(); ++i) {
      family.Add({{"source", spec_.sources[i].name}}, static_cast<double>(counts[i]));
    }
  }
  // `figure(worker)` is a number, or nothing where it is not known.
  template <class Figure>
  void PerWorker(Kind kind, std::string name, std::string help, Figure figure) {
    MetricFamily& family = Begin(kind, std::move(name), std::move(help));
    for (size_t i = 0; i < workers_.size(); ++i) {
      const std::optional<double> value = figure(workers_[i]);
      if (value) family.Add({{"worker", Text(i)}}, *value);
    }
  }
  // `figure(task)` is a number, or nothing where it is not known.
  template <class Figure>
  void PerTask(std::string name, std::string help, Figure figure) {
    MetricFamily& family = Gauge(std::move(name), std::move(help));
    for (const auto& [partition, task] : tasks_) {
      const std::optional<double> value = figure(*task);
      if (value) family.Add({{"partition", Text(partition)}}, *value);
    }
  }
  // `figure(task, i)` is a number for the i-th source, or nothing where it is not known.
  template <class Figure>
  void PerTaskAndSource(std::string name, std::string help, Figure figure) {
    MetricFamily& family = Gauge(std::move(name), std::move(help));
    for (const auto& [partition, task] : tasks_) {
      for (size_t i = 0; i < spec_.sources.size(); ++i) {
        const std::optional<double> value = figure(*task, i);
        if (value) family.Add({{"partition", Text(partition)}, {"source", spec_.sources[i].name}}, *value);
      }
    }
  }

  const PipelineSpec& spec_;
  const std::vector<WorkerSnapshot>& workers_;
  std::map<int32_t, const TaskSnapshot*> tasks_;
  std::vector<MetricFamily> families_;
};

void Page::AddProcess(const ProcessFigures& process) {
  Gauge("ebb_build_info", "The version that runs; always 1.").Add({{"version", process.version}}, 1);
  Gauge("ebb_process_start_timestamp_seconds", "When the process was started.").Add(Seconds(process.started));
  Gauge("ebb_process_resident_memory_bytes", "Memory of the process that is resident.")
      .Add(static_cast<double>(process.resident_bytes));
  Counter("ebb_process_cpu_seconds_total", "Processor time used, user and system.").Add(process.cpu_seconds);
  MetricFamily& rebalances = Counter("ebb_rebalances_total", "Changes of what the group has this process own.");
  for (const char* kind : {"assigned", "revoked", "lost"}) {
    const auto known = process.rebalances.find(kind);
    rebalances.Add({{"kind", kind}}, known == process.rebalances.end() ? 0 : static_cast<double>(known->second));
  }
  MetricFamily& limits = Gauge("ebb_limit", "Limits in force, by name; the unit ends the name.");
  for (const auto& [name, value] : process.limits) limits.Add({{"name", name}}, value);
  for (const auto& [name, value] : process.rocksdb) {
    std::string words = name;
    std::replace(words.begin(), words.end(), '_', ' ');
    const Kind kind = words.ends_with(" total") ? Kind::kCounter : Kind::kGauge;
    Begin(kind, Text("ebb_rocksdb_", name), Text("RocksDB, all tasks: ", words, ".")).Add(value);
  }
}

void Page::AddTotals() {
  TaskCounters total = ZeroCounters(spec_);
  for (const WorkerSnapshot& worker : workers_) {
    total += worker.departed;
    for (const TaskSnapshot& task : worker.tasks) total += task.counters;
  }
  const TaskStats& stats = total.stats;
  PerSource("ebb_records_in_total", "Records processed, refused ones included.", stats.records_in);
  PerSource("ebb_bytes_in_total", "Bytes of the values of records processed.", stats.bytes_in);
  PerSource("ebb_late_records_total", "Records behind the watermark, whatever became of them.", stats.late);
  MetricFamily& refused = Counter("ebb_dead_letters_total", "Records sent to dead letters.");
  for (const auto& [key, count] : stats.dead_letters) {
    refused.Add({{"source", spec_.sources[key.first].name}, {"reason", key.second}}, static_cast<double>(count));
  }
  MetricFamily& results = Counter("ebb_results_total", "Results sent.");
  for (size_t i = 0; i < spec_.sinks.size(); ++i) {
    results.Add({{"sink", spec_.sinks[i].name}}, static_cast<double>(stats.results[i]));
  }
  MetricFamily& events = Counter("ebb_operator_events_total", "What operators count of their work.");
  for (const auto& [key, count] : total.operator_events) {
    events.Add({{"operator", key.first}, {"event", key.second}}, static_cast<double>(count));
  }
  const auto plain = [this](const char* name, const char* help, uint64_t count) {
    Counter(name, help).Add(static_cast<double>(count));
  };
  plain("ebb_results_suppressed_total", "Results not sent because they concern a time before emit_from.",
        stats.suppressed);
  plain("ebb_timers_fired_total", "Timers fired.", stats.timers_fired);
  plain("ebb_epochs_total", "Epochs committed.", stats.epochs);
  plain("ebb_epochs_aborted_total", "Epochs undone and processed again.", stats.aborts);
  plain("ebb_customers_written_total", "Customers whose state was written back.", stats.customers_written);
  plain("ebb_redone_epochs_total", "Epochs done again in recovery.", stats.redone_epochs);
  plain("ebb_redone_records_total", "Records done again in recovery.", stats.redone_records);
  plain("ebb_redo_skipped_total", "Records passed over in redo: their customers had their effect already.",
        stats.skipped_customers);
  plain("ebb_redo_foreign_epochs_total", "Epochs redone that another version of the pipeline had committed.",
        stats.foreign_redo);
  plain("ebb_redo_divergent_epochs_total",
        "Epochs whose redo gave other results than were committed, accepted by --accept-divergence.",
        stats.divergent_epochs);
  plain("ebb_cache_hits_total", "Customers found in the cache.", total.cache_hits);
  plain("ebb_cache_misses_total", "Customers read from the store.", total.cache_misses);
  Histogram("ebb_event_to_commit_seconds",
            "From the broker's time of a record to the commit of a result that it led to.", stats.latencies);
}

void Page::AddWorkers() {
  uint64_t committed = 0;
  uint64_t aborted = 0;
  uint64_t unknown = 0;
  uint64_t losses = 0;
  absl::Duration longest;
  DurationHistogram durations;
  for (const WorkerSnapshot& worker : workers_) {
    committed += worker.figures.commits;
    aborted += worker.figures.aborts;
    unknown += worker.figures.unknown_outcomes;
    losses += worker.figures.accepted_losses;
    longest = std::max(longest, worker.figures.longest_commit);
    durations += worker.figures.commit_durations;
  }
  Counter("ebb_transactions_total", "Transactions by result; of an unknown one recovery finds out.")
      .Add({{"result", "committed"}}, static_cast<double>(committed))
      .Add({{"result", "aborted"}}, static_cast<double>(aborted))
      .Add({{"result", "unknown"}}, static_cast<double>(unknown));
  Counter("ebb_accepted_losses_total", "What recovery went on without because of --accept-loss; the log has each.")
      .Add(static_cast<double>(losses));
  Histogram("ebb_commit_duration_seconds", "How long commits took, from the last result handed over.", durations);
  Gauge("ebb_commit_longest_seconds", "The longest commit so far.").Add(absl::ToDoubleSeconds(longest));
  PerWorker(Kind::kGauge, "ebb_last_commit_timestamp_seconds", "When the worker's last commit succeeded.",
            [](const WorkerSnapshot& worker) -> std::optional<double> {
              if (!worker.figures.last_commit) return std::nullopt;
              return Seconds(*worker.figures.last_commit);
            });
  PerWorker(Kind::kCounter, "ebb_worker_busy_seconds_total", "Time the worker spent processing.",
            [](const WorkerSnapshot& worker) { return absl::ToDoubleSeconds(worker.figures.busy); });
  PerWorker(Kind::kGauge, "ebb_redo_rate_records_per_second",
            "How fast redo is believed to go through records and timers; never faster than processing.",
            [](const WorkerSnapshot& worker) { return worker.figures.redo_rate; });
  PerWorker(Kind::kGauge, "ebb_debt_seconds", "How long redo would take if the worker crashed now.",
            [](const WorkerSnapshot& worker) -> std::optional<double> {
              if (worker.figures.redo_rate <= 0) return std::nullopt;
              uint64_t debt = 0;
              for (const TaskSnapshot& task : worker.tasks) debt += task.debt_records;
              return static_cast<double>(debt) / worker.figures.redo_rate;
            });
}

void Page::AddTasks() {
  MetricFamily& states = Gauge("ebb_task_state", "1 for the state that the task is in.");
  for (const auto& [partition, task] : tasks_) {
    states.Add({{"partition", Text(partition)}, {"state", "recovering"}}, task->live ? 0 : 1);
    states.Add({{"partition", Text(partition)}, {"state", "live"}}, task->live ? 1 : 0);
  }
  using T = TaskSnapshot;
  PerTask("ebb_restore_remaining_records", "Changelog records that recovery still has to read.",
          [](const T& task) { return static_cast<double>(task.restore_remaining); });
  PerTask("ebb_epoch", "The last epoch committed.", [](const T& task) { return static_cast<double>(task.epoch); });
  PerTask("ebb_low_water_lag_epochs", "Committed epochs of which some effect is not in written state.",
          [](const T& task) { return static_cast<double>(task.epoch - task.low_water); });
  PerTask("ebb_debt_records", "Records and timers that a crash would have to redo.",
          [](const T& task) { return static_cast<double>(task.debt_records); });
  PerTask("ebb_watermark_timestamp_seconds", "Up to where event time is complete.",
          [](const T& task) -> std::optional<double> {
            if (!task.watermark_ms) return std::nullopt;
            return static_cast<double>(*task.watermark_ms) / 1000;
          });
  PerTask("ebb_timers_behind_seconds", "Of event time: how far timers that are due are behind the watermark.",
          [](const T& task) { return static_cast<double>(task.timers_behind_ms) / 1000; });
  MetricFamily& versions = Gauge("ebb_control_version", "The version in force of what was published, by name.");
  MetricFamily& refused = Gauge("ebb_control_refused", "Publications that the task remembers having refused.");
  MetricFamily& waiting = Gauge("ebb_control_waiting", "1 while a publication waits for its moment.");
  for (const auto& [partition, task] : tasks_) {
    for (const auto& [name, version] : task->control.in_force) {
      versions.Add({{"partition", Text(partition)}, {"name", name}}, static_cast<double>(version));
    }
    refused.Add({{"partition", Text(partition)}}, static_cast<double>(task->control.refused.size()));
    waiting.Add({{"partition", Text(partition)}}, task->control.waiting.empty() ? 0 : 1);
  }
  PerTask("ebb_cache_bytes", "Memory of the customers in the cache.",
          [](const T& task) { return static_cast<double>(task.cache_bytes); });
  PerTask("ebb_cache_customers", "Customers in the cache.",
          [](const T& task) { return static_cast<double>(task.customers); });
  PerTask("ebb_cache_dirty_customers", "Customers in the cache whose last change is not in written state.",
          [](const T& task) { return static_cast<double>(task.dirty_customers); });
  PerTask("ebb_state_bytes", "Size of the local state.",
          [](const T& task) { return static_cast<double>(task.state_bytes); });
}

void Page::AddSources() {
  using T = TaskSnapshot;
  PerTaskAndSource("ebb_time_holder", "1 for a source that keeps time back while others could go on.",
                   [](const T& task, size_t i) { return task.holder == i ? 1 : 0; });
  PerTaskAndSource("ebb_source_caught_up", "1 when the end of the source's partition is reached and all is processed.",
                   [](const T& task, size_t i) { return task.sources[i].caught_up ? 1 : 0; });
  PerTaskAndSource("ebb_source_position", "The next offset to be processed.",
                   [](const T& task, size_t i) { return task.sources[i].position; });
  PerTaskAndSource("ebb_source_lag_records",
                   "Offsets between what is processed and the end of the source's partition, as last heard of.",
                   [](const T& task, size_t i) { return task.sources[i].lag_records; });
  PerTaskAndSource("ebb_redo_margin_records",
                   "Offsets between the beginning of the topic and where a crash would have redo read.",
                   [](const T& task, size_t i) { return task.sources[i].redo_margin_records; });
  PerTaskAndSource("ebb_source_buffered_records", "Records that have arrived and are not processed.",
                   [](const T& task, size_t i) { return task.sources[i].buffered_records; });
  PerTaskAndSource("ebb_source_buffered_bytes", "Memory of records held, those of the open epoch included.",
                   [](const T& task, size_t i) { return task.sources[i].buffered_bytes; });
}

}  // namespace

void ReadProcessUsage(ProcessFigures* figures) {
  uint64_t pages = 0;
  uint64_t resident = 0;
  // Source: proc(5), /proc/[pid]/statm.
  if (std::ifstream("/proc/self/statm") >> pages >> resident) {
    figures->resident_bytes = resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  figures->cpu_seconds =
      absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime));
}

std::string RenderMetrics(const PipelineSpec& spec, const std::vector<WorkerSnapshot>& workers,
                          const ProcessFigures& process) {
  Page page(spec, workers);
  page.AddProcess(process);
  page.AddTotals();
  page.AddWorkers();
  page.AddTasks();
  page.AddSources();
  return page.Render();
}

}  // namespace ebb
