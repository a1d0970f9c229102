// `ebb demo`: a simulated shop, the retail pipeline and a reader of its results in one process.

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_format.h"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/demo_feed.h"
#include "engine/cli/demo_results.h"
#include "engine/cli/demo_screen.h"
#include "engine/cli/demo_stage.h"
#include "engine/cli/kafka_process.h"
#include "engine/observe/log.h"
#include "engine/time/clock.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr int32_t kDays = 185;
// The shop's first days are sent at once, as the history from which the pipeline learns its customers. Nothing is
// sent for them but for the last few, so that something is to be seen soon: by then the first customers are missed.
constexpr int32_t kHistoryDays = 95;
constexpr int32_t kSilentDays = 75;
// Kept at the end of the demo for reading what is under way, and how long that may take.
constexpr absl::Duration kWrapUp = absl::Milliseconds(1500);
constexpr absl::Duration kPatience = absl::Seconds(5);
// When nothing came for so long after the pipeline's end, there is nothing more.
constexpr absl::Duration kQuiet = absl::Milliseconds(300);
constexpr absl::Duration kTurn = absl::Milliseconds(25);
constexpr absl::Duration kStatusInterval = absl::Milliseconds(500);

struct DemoOptions {
  double seconds = 30;
  std::string bootstrap;
  uint64_t seed = 1;
};

ShopOptions ShopOf(const DemoOptions& options) {
  ShopOptions shop;
  shop.days = kDays;
  shop.seed = options.seed;
  // A pace at which alerts and triggers can be read.
  shop.customers = 120;
  shop.events_per_day = 1.2;
  shop.purchase_gap_days = 6;
  shop.faults = {.duplicates = 0.01, .disorder = 0.02, .late = 0.002, .damaged = 0.001};
  return shop;
}

// One run of the demo: set up, play, sum up, in this order. The pipeline runs on the thread that calls Play(); a
// thread of its own meanwhile plays the shop and shows the results.
class Demo {
 public:
  Demo(const DemoOptions& options, DemoScreen& screen)
      : options_(options), screen_(screen), shop_(ShopOf(options)), began_(clock_.Elapsed()) {}

  absl::Status SetUp();
  absl::Status Play();
  void SumUp();

 private:
  void Introduce();
  absl::Status Watch();
  absl::Status PlayDue();
  absl::Status ReadRest();
  void ShowStatus();
  std::vector<TaskSnapshot> Tasks() const;
  uint64_t Processed() const;
  absl::Duration Since(absl::Duration moment) const { return clock_.Elapsed() - moment; }
  absl::Time Day(int32_t number) const { return shop_.start + absl::Hours(24) * number; }

  const DemoOptions options_;
  DemoScreen& screen_;
  const ShopOptions shop_;
  const SystemClock clock_;
  const absl::Duration began_;
  std::unique_ptr<DemoStage> stage_;
  std::unique_ptr<DemoFeed> feed_;
  std::unique_ptr<KafkaProcess> process_;
  std::unique_ptr<DemoResults> results_;
  std::atomic<bool> ended_ = false;      // The pipeline runs no more.
  absl::Time played_ = shop_.start;      // How far the shop has come.
  std::optional<absl::Duration> live_;   // Since when the pipeline processes.
  absl::Duration shown_;                 // When the status line was, and how much was processed then.
  uint64_t processed_then_ = 0;
};

std::string Date(absl::Time time) { return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone()); }

absl::Status Demo::SetUp() {
  auto stage = DemoStage::Build(options_.bootstrap, Day(kSilentDays));
  if (!stage.ok()) return stage.status();
  stage_ = *std::move(stage);
  Introduce();
  if (auto status = stage_->CreateTopics(); !status.ok()) return status;
  auto feed = DemoFeed::Open(stage_->connection(), *stage_->spec(), shop_);
  if (!feed.ok()) return feed.status();
  feed_ = *std::move(feed);
  played_ = Day(kHistoryDays);
  if (auto status = feed_->PlayUntil(played_); !status.ok()) return status;
  auto process = KafkaProcess::Start(stage_->spec(), {.until = {}, .embedded_broker = stage_->embedded()});
  if (!process.ok()) return process.status();
  process_ = *std::move(process);
  auto results = DemoResults::Open(stage_->connection(), *stage_->spec(), DemoStage::kPartitions);
  if (!results.ok()) return results.status();
  results_ = *std::move(results);
  return absl::OkStatus();
}

void Demo::Introduce() {
  screen_.Print(Text("Ebb demo. A simulated shop of ", shop_.customers, " customers (seed ", options_.seed,
                     "): every event is generated, nobody in it is real.\n"));
  screen_.Print(Text("  broker    ", stage_->bootstrap(),
                     stage_->embedded() ? ", librdkafka's mock cluster inside this process" : ""));
  for (const SinkSpec& sink : stage_->spec()->sinks) {
    if (sink.config.type() != v1::ChurnAlert::descriptor()->full_name()) continue;
    screen_.Print(Text("  look in   kcat -b ", stage_->bootstrap(), " -C -t ", sink.config.topic()));
  }
  screen_.Print("  pipeline  deploy/pipelines/retail.yaml, built in");
  screen_.Print(Text("  time      ", Date(shop_.start), " to ", Date(Day(kDays)), " in ", options_.seconds,
                     " seconds; all before ", Date(Day(kHistoryDays)), " at once, as history\n"));
  if (stage_->embedded()) {
    screen_.Print(
        "What the mock cannot do is left out: it has no settings of topics, speaks older versions of the protocol,\n"
        "and its transactions promise nothing, so that this is not exactly once. With --bootstrap HOST:PORT the same\n"
        "runs on a real Kafka, exactly once.\n");
  }
}

absl::Status Demo::Play() {
  std::atomic<bool> end = false;
  absl::Status watched;
  std::thread watcher([&] {
    watched = Watch();
    end = true;
  });
  absl::Status status = process_->Run(end);
  ended_ = true;
  watcher.join();
  status.Update(watched);
  if (status.ok()) status = ReadRest();
  screen_.ShowStatus("");
  return status;
}

// Until the shop is at its end and all results are read, the time is over, somebody asks for the end, or the pipeline
// has ended by itself.
absl::Status Demo::Watch() {
  while (!StopRequested() && !ended_) {
    if (auto status = PlayDue(); !status.ok()) return status;
    auto read_all = results_->Read(screen_);
    if (!read_all.ok()) return read_all.status();
    ShowStatus();
    if (feed_->over() && *read_all && Processed() >= feed_->sent()) break;
    if (Since(began_) > absl::Seconds(options_.seconds) + kPatience) break;
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kTurn));
  }
  return absl::OkStatus();
}

// Lets the shop go on to where it should be by now. Its time stands still until the pipeline takes part.
absl::Status Demo::PlayDue() {
  const absl::Duration now = clock_.Elapsed();
  if (!live_) {
    const std::vector<TaskSnapshot> tasks = Tasks();
    const auto live = std::count_if(tasks.begin(), tasks.end(), [](const TaskSnapshot& task) { return task.live; });
    if (live < DemoStage::kPartitions) return absl::OkStatus();
    live_ = now;
  }
  if (feed_->over()) return absl::OkStatus();
  const absl::Duration span = std::max(began_ + absl::Seconds(options_.seconds) - kWrapUp - *live_, absl::Seconds(1));
  const double share = std::min(1.0, absl::FDivDuration(now - *live_, span));
  played_ = Day(kHistoryDays) + share * (Day(kDays) - Day(kHistoryDays));
  return feed_->PlayUntil(played_);
}

absl::Status Demo::ReadRest() {
  absl::Duration last_news = clock_.Elapsed();
  const absl::Duration give_up = last_news + kPatience;
  while (Since(last_news) < kQuiet && clock_.Elapsed() < give_up) {
    const uint64_t before = results_->tally().records;
    auto read_all = results_->Read(screen_);
    if (!read_all.ok()) return read_all.status();
    if (!*read_all || results_->tally().records > before) last_news = clock_.Elapsed();
    std::this_thread::sleep_for(absl::ToChronoMilliseconds(kTurn));
  }
  return absl::OkStatus();
}

std::vector<TaskSnapshot> Demo::Tasks() const {
  std::vector<TaskSnapshot> tasks;
  for (WorkerSnapshot& worker : process_->Snapshots()) {
    std::move(worker.tasks.begin(), worker.tasks.end(), std::back_inserter(tasks));
  }
  return tasks;
}

uint64_t Demo::Processed() const {
  uint64_t processed = 0;
  for (const TaskSnapshot& task : Tasks()) {
    for (const TaskSnapshot::Source& source : task.sources) processed += static_cast<uint64_t>(source.position);
  }
  return processed;
}

void Demo::ShowStatus() {
  const absl::Duration now = clock_.Elapsed();
  if (now - shown_ < kStatusInterval) return;
  const uint64_t processed = Processed();
  const double rate = static_cast<double>(processed - processed_then_) / absl::ToDoubleSeconds(now - shown_);
  shown_ = now;
  processed_then_ = processed;
  if (!live_) return screen_.ShowStatus("the pipeline joins its group ...");
  const DemoResults::Tally& tally = results_->tally();
  screen_.ShowStatus(Text(Date(played_), "  ", Grouped(processed), " events  ", Grouped(Total(tally.alerts)),
                          " alerts  ", Grouped(Total(tally.triggers)), " triggers  ",
                          Grouped(static_cast<uint64_t>(rate)), " events/s"));
}

void Demo::SumUp() {
  const DemoResults::Tally tally = results_ ? results_->tally() : DemoResults::Tally();
  const uint64_t sent = feed_ ? feed_->sent() : 0;
  const double seconds = absl::ToDoubleSeconds(Since(began_));
  const auto line = [&](std::string_view name, uint64_t total, const DemoCounts& counts = {}) {
    std::string text = absl::StrFormat("  %-13s %7s", std::string(name), Grouped(total));
    std::string_view before = "   ";
    for (const auto& [what, count] : counts) {
      text += Text(before, what, " ", Grouped(count));
      before = ", ";
    }
    screen_.Print(text);
  };
  screen_.Print(absl::StrFormat("\nIn %.1f seconds, up to %s in the shop, all of it generated:", seconds,
                                Date(played_)));
  line("events", sent);
  line("alerts", Total(tally.alerts), tally.alerts);
  line("triggers", Total(tally.triggers), tally.triggers);
  line("withheld", Total(tally.withheld), tally.withheld);
  line("dead letters", tally.dead_letters);
  line("events/s", static_cast<uint64_t>(static_cast<double>(sent) / seconds));
  if (process_ && !stage_->embedded()) {
    screen_.Print(Text("\nIts topics stay at ", stage_->bootstrap(), "; their names begin with ",
                       stage_->application(), "."));
  }
  screen_.Print(Text(
      "\nWhere to go next, from the source tree; ebb is ", program_invocation_name, "\n"
      "  ebb validate deploy/pipelines/retail.yaml     check the pipeline, after you have changed it\n"
      "  ebb generate --help                           a shop of any size, to files or to Kafka\n"
      "  ebb replay --help                             run a pipeline over files\n"
      "  deploy/kafka/kafka.sh start                   a real Kafka on this machine; then\n"
      "  ebb demo --bootstrap 127.0.0.1:9092           this on it, exactly once, and\n"
      "  ebb run deploy/pipelines/retail.yaml          the pipeline for your own events"));
}

int RunDemo(const DemoOptions& options) {
  SetLog(LogFormat::kText, LogLevel::kWarning);
  CatchStopSignals();
  DemoScreen screen(std::cout, isatty(STDOUT_FILENO) != 0);
  Demo demo(options, screen);
  absl::Status status = demo.SetUp();
  if (status.ok()) {
    status = demo.Play();
  } else if (StopRequested()) {
    status = absl::OkStatus();  // Whoever asks for the end while it waits for a broker gets it.
  }
  if (!status.ok()) {
    Fail(status);
    return kExitFailed;
  }
  demo.SumUp();
  return kExitOk;
}

}  // namespace

void AddDemoCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<DemoOptions>();
  CLI::App* demo = app.add_subcommand("demo", "Watch the retail pipeline at work on a simulated shop");
  demo->add_option("--seconds", options->seconds, "How long it lasts; three months of the shop pass before your eyes")
      ->check(CLI::Range(8.0, 3600.0))
      ->capture_default_str();
  demo->add_option("--bootstrap", options->bootstrap,
                   "A real Kafka, in place of the broker within this process")
      ->type_name("HOST:PORT");
  demo->add_option("--seed", options->seed, "Another seed is another shop; the same seed gives the same events")
      ->capture_default_str();
  demo->footer(
      "Needs nothing but this binary: the broker is librdkafka's mock cluster, inside the process. The shop is\n"
      "simulated and all its events are generated. What the pipeline finds is read back from its topics: a line for\n"
      "each alert and each trigger, with its reasons; at the end a summary. With --bootstrap it makes topics of its\n"
      "own, named ebb-demo-HEX.*, and leaves them there for you to look at.\n\n"
      "Ctrl-C ends it at any moment, with the summary.\n\n"
      "Exit codes: 0 ended, by itself or as asked; 1 failed, the last line says why; 2 the command line is wrong.");
  demo->callback([options, exit_code] { *exit_code = RunDemo(*options); });
}

}  // namespace ebb
