#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "ebb/v1/control.pb.h"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/training.h"
#include "engine/codec/event_decoder.h"
#include "engine/log/file_log.h"
#include "engine/observe/control_page.h"
#include "engine/runtime/control_feed.h"
#include "engine/runtime/worker.h"
#include "engine/time/clock.h"
#include "state/rocksdb_store.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr int32_t kMaxPartitions = 4096;
constexpr int32_t kMaxWorkers = 64;
constexpr int kStepsBetweenProgress = 50;

struct ReplayOptions {
  std::string pipeline;
  std::vector<std::string> inputs;
  int32_t partitions = 1;
  int32_t workers = 1;
  std::string until;
  std::string control;
  std::string features_at;
  int horizon_days = 0;
  std::string output;
  uint64_t memory_mib = 1024;
};

// No group, no zombies.
class FileToken final : public GroupToken {};

// Where replay keeps state while it runs.
class ScratchDirectory {
 public:
  explicit ScratchDirectory(const std::string& output) : path_(output + "/.state") { Remove(); }
  ~ScratchDirectory() { Remove(); }
  const std::string& path() const { return path_; }

 private:
  void Remove() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string path_;
};

// The same pipeline over files: results readable, and each source in the format of its file.
absl::StatusOr<std::shared_ptr<const PipelineSpec>> ForFiles(const PipelineSpec& spec,
                                                             const std::map<std::string, std::string>& files) {
  auto changed = std::make_shared<PipelineSpec>(spec);
  for (SourceSpec& source : changed->sources) {
    auto file = files.find(source.name);
    if (file == files.end()) continue;
    source.config.set_format(file->second.ends_with(".jsonl") ? "json" : "protobuf");
  }
  for (SinkSpec& sink : changed->sinks) sink.config.set_format("json");
  changed->config.mutable_time()->set_idle("hold");
  return changed;
}

absl::StatusOr<std::map<std::string, std::string>> ParseInputs(const PipelineSpec& spec,
                                                               const std::vector<std::string>& inputs) {
  std::map<std::string, std::string> files;
  for (const std::string& input : inputs) {
    const size_t equals = input.find('=');
    const std::string name = input.substr(0, equals);
    const bool known = std::any_of(spec.sources.begin(), spec.sources.end(),
                                   [&](const SourceSpec& source) { return source.name == name; });
    if (equals == std::string::npos || !known) {
      return absl::InvalidArgumentError(
          Text("--input ", input, ": expected SOURCE=FILE with a source of the pipeline"));
    }
    if (!files.emplace(name, input.substr(equals + 1)).second) {
      return absl::InvalidArgumentError(Text("--input ", input, ": the source has a file already"));
    }
  }
  return files;
}

absl::StatusOr<std::unique_ptr<FileInput>> OpenInput(const PipelineSpec& spec,
                                                     const std::map<std::string, std::string>& files,
                                                     int32_t partitions) {
  std::map<std::string, FileTopic> topics;
  for (const SourceSpec& source : spec.sources) {
    auto file = files.find(source.name);
    if (file == files.end()) continue;
    // What cannot be decoded has no customer: it goes to the first partition, and to dead letters there.
    auto trusting = std::make_shared<SourceSpec>(source);
    trusting->config.set_partitioner("any");
    auto decoder = std::make_shared<EventDecoder>(*trusting, 0, partitions);
    const auto max_bytes = static_cast<size_t>(source.config.max_bytes());
    const auto dead_letter_bytes = static_cast<size_t>(spec.config.dead_letters().max_bytes());
    topics[source.config.topic()] = {file->second,
                                     [trusting, decoder, partitions](std::string_view value) {
                                       RecordBatch::View record;
                                       record.value = value;
                                       if (decoder->Decode(record)) return 0;
                                       return PartitionOf(decoder->customer(), partitions);
                                     },
                                     {std::max(max_bytes, dead_letter_bytes), dead_letter_bytes}};
  }
  return FileInput::Open(std::move(topics), partitions);
}

void ShowProgress(const FileInput& input) {
  const int64_t all = std::max<int64_t>(input.records(), 1);
  const auto percent = static_cast<int>(input.records_read() * 100 / all);
  constexpr int kWidth = 40;
  std::cerr << "\r[" << std::string(static_cast<size_t>(percent * kWidth / 100), '#')
            << std::string(static_cast<size_t>(kWidth - percent * kWidth / 100), ' ') << "] " << percent << "% of "
            << input.records() << " events" << std::flush;
}

// A worker with ports of its own, on a thread of its own.
struct Shift {
  std::unique_ptr<FileInput> input;
  std::unique_ptr<FileOutput> output;
  std::unique_ptr<FileCluster> cluster;
  std::unique_ptr<Worker> worker;
  std::thread thread;
  absl::Status status;
};

void Work(Shift& shift, bool show, std::atomic<bool>& failed) {
  for (int step = 0; !shift.worker->parked(); ++step) {
    auto stepped = shift.worker->Step();
    if (!stepped.ok()) {
      shift.status = absl::InternalError(stepped.status().message());
      failed = true;
      return;
    }
    if (show && step % kStepsBetweenProgress == 0) ShowProgress(*shift.input);
    // To park commits what is open.
    if (StopRequested() || failed || shift.worker->Exhausted()) shift.worker->Park();
  }
}

void PrintSummary(const std::vector<Shift>& shifts, const PipelineSpec& spec, const std::string& output) {
  TaskStats sum;
  sum.results.resize(spec.sinks.size());
  uint64_t records = 0;
  uint64_t dead_letters = 0;
  for (const Shift& shift : shifts) {
    for (const auto& [partition, slot] : shift.worker->slots()) {
      const TaskStats& stats = slot.task->stats();
      for (uint64_t in : stats.records_in) records += in;
      for (const auto& [reason, count] : stats.dead_letters) dead_letters += count;
      for (size_t i = 0; i < sum.results.size(); ++i) sum.results[i] += stats.results[i];
    }
  }
  std::cerr << records << " events";
  for (size_t i = 0; i < spec.sinks.size(); ++i) std::cerr << ", " << sum.results[i] << " " << spec.sinks[i].name;
  std::cerr << ", " << dead_letters << " dead letters; in " << output << "\n";
}

// What each partition takes in: lines of `ebb control history`. The pipeline must be good after each of them.
absl::StatusOr<std::map<int32_t, std::vector<v1::TakenIn>>> ReadHistory(const PipelineSpec& spec,
                                                                        const std::string& path, int32_t partitions) {
  auto text = ReadText("history", path);
  if (!text.ok()) return text.status();
  auto lines = ParseHistory(*text, path);
  if (!lines.ok()) return lines.status();
  std::map<int32_t, std::vector<v1::TakenIn>> history;
  int number = 0;
  for (v1::TakenIn& taken : *lines) {
    const std::string place = Text(path, ":", ++number, ":1: ");
    const int32_t partition = taken.partition();
    if (partition < 0 || partition >= partitions) {
      return absl::InvalidArgumentError(Text(place, "is of partition ", partition, ", but there are ", partitions,
                                             "; give --partitions as the topics have them"));
    }
    std::vector<v1::TakenIn>& before = history[partition];
    if (!before.empty() && taken.holds_from_ms() < before.back().holds_from_ms()) {
      return absl::InvalidArgumentError(
          Text(place, "holds from an earlier moment than the line before of its partition"));
    }
    before.push_back(std::move(taken));
    if (auto status = AmendedBy(spec, InForceIn(before, partition)).status(); !status.ok()) return status;
  }
  return history;
}

// The pipeline as it runs over these files.
absl::StatusOr<std::shared_ptr<const PipelineSpec>> Prepare(const PipelineSpec& spec, const ReplayOptions& options,
                                                            const std::map<std::string, std::string>& files) {
  auto changed = ForFiles(spec, files);
  if (!changed.ok() || options.features_at.empty()) return changed;
  auto cutoffs = ParseCutoffs(options.features_at);
  if (!cutoffs.ok()) return cutoffs.status();
  return ForTraining(**changed, *cutoffs, absl::Hours(24) * options.horizon_days);
}

int Replay(const ReplayOptions& options) {
  auto read = ReadPipeline(options.pipeline);
  if (!read.ok()) return RefusePipeline(read.status());
  auto files = ParseInputs(**read, options.inputs);
  if (!files.ok()) return Fail(files.status());
  auto changed = Prepare(**read, options, *files);
  if (!changed.ok()) return Fail(changed.status());
  const std::shared_ptr<const PipelineSpec> spec = *changed;
  WorkerOptions worker_options;
  if (!options.until.empty()) {
    auto until = ParseMoment(options.until);
    if (!until.ok()) return Fail(until.status());
    worker_options.until = *until;
  }
  if (!options.control.empty()) {
    auto history = ReadHistory(*spec, options.control, options.partitions);
    if (!history.ok()) return RefusePipeline(history.status());
    worker_options.history = *std::move(history);
  }
  CatchStopSignals();

  auto input = OpenInput(*spec, *files, options.partitions);
  if (!input.ok()) return Fail(input.status());
  std::set<std::string> topics = {spec->config.dead_letters().topic()};
  for (const SinkSpec& sink : spec->sinks) topics.insert(sink.config.topic());
  std::map<std::string, FileTable> tables;
  if (!options.features_at.empty()) tables[kTrainingTopic] = TrainingTable();
  auto output = FileOutput::Open(options.output, topics, std::move(tables));
  if (!output.ok()) return Fail(output.status());
  ScratchDirectory scratch(options.output);
  const uint64_t memory = options.memory_mib << 20;
  RocksDbOptions rocksdb;
  rocksdb.directory = scratch.path();
  rocksdb.block_cache_bytes = memory / 8;
  rocksdb.write_buffer_bytes = memory / 8;
  auto stores = RocksDbStores::OpenDirectory(rocksdb);
  if (!stores.ok()) return Fail(stores.status());

  // A clock that stands still: nothing that is decided may depend on how long replay takes.
  const ManualClock clock(absl::UnixEpoch());
  worker_options.task.changelog_topic = spec->config.application() + ".changelog";
  worker_options.task.owner = "replay";
  worker_options.task.cache_bytes = memory / 2 / static_cast<uint64_t>(options.partitions);
  worker_options.task.pinned_bytes = memory / 16 / static_cast<uint64_t>(options.partitions);
  // Nothing is ever redone here, so nothing need be written but what does not fit.
  worker_options.recovery_budget = absl::Hours(10'000);
  std::vector<Shift> shifts(static_cast<size_t>(std::min(options.workers, options.partitions)));
  for (size_t i = 0; i < shifts.size(); ++i) {
    Shift& shift = shifts[i];
    shift.input = (*input)->Another();
    shift.output = (*output)->Another();
    shift.cluster = std::make_unique<FileCluster>(shift.input.get(), options.partitions);
    const WorkerPorts ports{shift.input.get(), shift.output.get(), shift.cluster.get(), stores->get(), &clock};
    shift.worker = std::make_unique<Worker>(spec, worker_options, ports);
    std::set<int32_t> share;
    for (auto p = static_cast<int32_t>(i); p < options.partitions; p += static_cast<int32_t>(shifts.size())) {
      share.insert(p);
    }
    shift.worker->Assign(share, options.partitions, std::make_shared<FileToken>());
  }
  const bool show = isatty(STDERR_FILENO) != 0;
  std::atomic<bool> failed = false;
  for (Shift& shift : shifts) {
    shift.thread =
        std::thread([&shift, &failed, show = show && &shift == shifts.data()] { Work(shift, show, failed); });
  }
  for (Shift& shift : shifts) shift.thread.join();
  if (show) std::cerr << "\r\x1b[K";
  for (const Shift& shift : shifts) {
    if (!shift.status.ok()) return Fail(shift.status);
  }
  PrintSummary(shifts, *spec, options.output);
  return StopRequested() ? kExitFailed : kExitOk;
}

}  // namespace

void AddReplayCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* replay = app.add_subcommand("replay", "Run a pipeline over files, exactly the same each time");
  replay->add_option("pipeline", options->pipeline, "The pipeline file (YAML)")->required()->type_name("FILE");
  replay
      ->add_option("--input", options->inputs,
                   "The file of a source, once for each source that has one: JSON Lines when FILE\n"
                   "ends in .jsonl, else protobuf messages each behind its length as a varint")
      ->required()
      ->type_name("SOURCE=FILE");
  replay->add_option("--output", options->output, "The directory for the results, one file a topic")
      ->required()
      ->type_name("DIR");
  replay->add_option("--partitions", options->partitions, "As many as the topics have, to see the same")
      ->check(CLI::Range(1, kMaxPartitions))
      ->capture_default_str();
  replay->add_option("--workers", options->workers, "Threads that share the partitions; no more than there are")
      ->check(CLI::Range(1, kMaxWorkers))
      ->capture_default_str();
  replay
      ->add_option("--until", options->until,
                   "Carry time to this moment (2026-05-04 or 2026-05-04T10:11:12Z) after the last event")
      ->type_name("TIME");
  replay
      ->add_option("--control", options->control,
                   "What was published meanwhile, and from when on it held, as ebb control history tells\n"
                   "it; without it, the pipeline is as its file says")
      ->type_name("FILE");
  CLI::Option* features_at =
      replay
          ->add_option("--features-at", options->features_at,
                       "Write features.csv instead of results: of each customer who bought before these\n"
                       "dates or moments what a model may know then, and what came after")
          ->type_name("DATE[,DATE...]");
  CLI::Option* horizon = replay
                             ->add_option("--horizon", options->horizon_days,
                                          "How long after the date what comes after counts, in days; rows whose\n"
                                          "horizon does not end with the events, or with --until, are left out")
                             ->check(CLI::Range(1, 3650));
  features_at->needs(horizon);
  horizon->needs(features_at);
  replay->add_option("--memory", options->memory_mib, "Memory for state, in MiB")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  replay->footer(
      "  ebb generate --output shop\n"
      "  ebb replay deploy/pipelines/retail.yaml --input purchases=shop/purchases.jsonl \\\n"
      "    --input members=shop/members.jsonl --output results\n\n"
      "The clock is that of the events. The same files give the same bytes: each line is one result with its key, its\n"
      "headers and its value as JSON. With several workers the lines are the same, but only those of one customer\n"
      "keep their order. Records that cannot be processed are in the file of the dead-letter topic.\n\n"
      "Exit codes: 0 done; 1 failed or interrupted; 2 the pipeline, the files or the command line are wrong.");
  replay->callback([options, exit_code] { *exit_code = Replay(*options); });
}

}  // namespace ebb
