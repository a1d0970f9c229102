// `ebb demo`: a simulated shop, the retail pipeline and a reader of its results in one process.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "engine/cli/command.h"
#include "engine/cli/commands.h"
#include "engine/cli/demo_feed.h"
#include "engine/cli/demo_results.h"
#include "engine/cli/demo_screen.h"
#include "engine/cli/kafka_process.h"
#include "engine/cli/retail_pipeline.h"
#include "engine/kafka/mock_cluster.h"
#include "engine/kafka/topics.h"
#include "engine/observe/log.h"
#include "engine/time/clock.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr int32_t kPartitions = 2;
// The shop's first days are sent at once, as the history from which the pipeline learns its customers. Nothing is
// sent for them but for the last few, so that something is to be seen soon: by then the first customers are missed.
constexpr int32_t kHistoryDays = 70;
constexpr int32_t kSilentDays = 60;
constexpr int32_t kDays = 160;
// At the end of the demo, for reading what is still under way.
constexpr absl::Duration kWrapUp = absl::Milliseconds(1500);
constexpr absl::Duration kPatience = absl::Seconds(5);
constexpr absl::Duration kTurn = absl::Milliseconds(25);
// Nothing came for so long after the pipeline's end: there is nothing more.
constexpr absl::Duration kQuiet = absl::Milliseconds(300);
constexpr absl::Duration kStatusInterval = absl::Milliseconds(200);

struct DemoOptions {
  double seconds = 30;
  std::string bootstrap;
  uint64_t seed = 1;
};

ShopOptions ShopOf(const DemoOptions& options) {
  ShopOptions shop;
  shop.customers = 200;
  shop.days = kDays;
  // A pace at which alerts and triggers can be read.
  shop.events_per_day = 1.2;
  shop.purchase_gap_days = 6;
  shop.seed = options.seed;
  shop.faults = {.duplicates = 0.01, .disorder = 0.02, .late = 0.002, .damaged = 0.001};
  return shop;
}

// A directory that goes when this does.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "ebb-demo-XXXXXX").string();
    if (mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const { return path_; }  // Empty: it could not be made.

 private:
  std::string path_;
};

// A run of the demo: Set up, play, sum up, in this order and once. The pipeline runs on the thread that calls Play();
// meanwhile a thread of its own plays the shop and shows the results.
class Demo {
 public:
  Demo(const DemoOptions& options, DemoScreen& screen)
      : options_(options), screen_(screen), shop_(ShopOf(options)), began_(clock_.Elapsed()) {}

  absl::Status SetUp();
  absl::Status Play();
  void SumUp();

 private:
  absl::Status OpenBroker();
  absl::Status LoadRetailPipeline();
  absl::Status CreateTopics();
  void Introduce();
  absl::Status Watch();
  absl::Status PlayDue();
  absl::Status ReadRest();
  void ShowStatus();
  uint64_t Processed() const;
  absl::Duration Since(absl::Duration moment) const { return clock_.Elapsed() - moment; }
  bool embedded() const { return mock_ != nullptr; }

  const DemoOptions options_;
  DemoScreen& screen_;
  const ShopOptions shop_;
  const SystemClock clock_;
  const absl::Duration began_;
  const TemporaryDirectory directory_;
  std::unique_ptr<MockCluster> mock_;
  std::string bootstrap_;
  std::string application_ = "ebb-demo";
  std::shared_ptr<const PipelineSpec> spec_;
  KafkaConnection connection_;
  std::unique_ptr<DemoFeed> feed_;
  std::unique_ptr<DemoResults> results_;
  std::unique_ptr<KafkaProcess> process_;
  absl::Time played_;                          // How far the shop has come.
  absl::Duration live_ = absl::InfiniteDuration();  // Since when the pipeline processes.
  absl::Duration shown_;                       // When the status line was.
  uint64_t processed_then_ = 0;
  std::atomic<bool> ended_ = false;            // The pipeline runs no more.
  absl::Duration took_;
};

absl::Status Demo::SetUp() {
  if (directory_.path().empty()) {
    return absl::UnavailableError(Text("cannot make a directory for state in ",
                                       std::filesystem::temp_directory_path().string(), "; set TMPDIR to one that can be written to"));
  }
  absl::Status status = OpenBroker();
  if (status.ok()) status = LoadRetailPipeline();
  if (status.ok()) Introduce();
  if (status.ok()) status = CreateTopics();
  if (!status.ok()) return status;
  auto feed = DemoFeed::Open(connection_, *spec_, shop_);
  if (!feed.ok()) return feed.status();
  feed_ = *std::move(feed);
  played_ = shop_.start + absl::Hours(24) * kHistoryDays;
  if (status = feed_->PlayUntil(played_); !status.ok()) return status;
  auto process = KafkaProcess::Start(spec_, {.until = {}, .embedded_broker = embedded()});
  if (!process.ok()) return process.status();
  process_ = *std::move(process);
  auto results = DemoResults::Open(connection_, *spec_, kPartitions);
  if (!results.ok()) return results.status();
  results_ = *std::move(results);
  return absl::OkStatus();
}

absl::Status Demo::OpenBroker() {
  if (!options_.bootstrap.empty()) {
    // Another run's topics, offsets and state are not this one's.
    application_ = absl::StrFormat("ebb-demo-%08x", std::random_device()());
    bootstrap_ = options_.bootstrap;
    return absl::OkStatus();
  }
  auto mock = MockCluster::Start();
  if (!mock.ok()) return mock.status();
  mock_ = *std::move(mock);
  bootstrap_ = mock_->bootstrap_servers();
  return absl::OkStatus();
}

absl::Status Demo::LoadRetailPipeline() {
  const std::map<std::string, std::string, std::less<>> variables = {
      {"KAFKA_BOOTSTRAP", bootstrap_},
      {"EBB_APPLICATION", application_},
      {"EBB_STATE_DIR", directory_.path()},
      {"EBB_ADMIN_LISTEN", "127.0.0.1:0"},
      // The shop's time is not the clock's.
      {"EBB_TIME_IDLE", "hold"},
  };
  Surroundings surroundings = Surroundings::OfProcess();
  surroundings.variable = [&](std::string_view name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
  auto spec = LoadPipeline(kRetailPipeline, "retail.yaml", surroundings);
  if (!spec.ok()) return spec.status();
  auto own = std::make_shared<PipelineSpec>(**spec);
  own->config.mutable_time()->set_emit_from(absl::ToUnixMillis(shop_.start + absl::Hours(24) * kSilentDays));
  // On a cluster with topics of others, topics of its own; and results that people can read in them.
  const std::string prefix = embedded() ? "" : application_ + ".";
  for (SourceSpec& source : own->sources) source.config.set_topic(prefix + source.config.topic());
  for (SinkSpec& sink : own->sinks) {
    sink.config.set_topic(prefix + sink.config.topic());
    sink.config.set_format("json");
  }
  own->config.mutable_dead_letters()->set_topic(prefix + own->config.dead_letters().topic());
  spec_ = std::move(own);
  connection_ = ConnectionOf(*spec_);
  return absl::OkStatus();
}

absl::Status Demo::CreateTopics() {
  std::vector<std::string> topics;
  for (const SourceSpec& source : spec_->sources) topics.push_back(source.config.topic());
  if (!embedded()) {
    for (const std::string& topic : topics) {
      if (auto status = EnsureTopic(connection_, {topic, kPartitions, -1, {}}, kPatience); !status.ok()) {
        return absl::Status(status.code(), Text("cannot create topic ", topic, " at ", bootstrap_, ": ", status.message()));
      }
    }
    return absl::OkStatus();
  }
  // Of the mock even those have to be made by hand that KafkaProcess makes elsewhere.
  for (const SinkSpec& sink : spec_->sinks) topics.push_back(sink.config.topic());
  topics.push_back(spec_->config.dead_letters().topic());
  topics.push_back(application_ + ".changelog");
  for (const std::string& topic : topics) {
    if (auto status = mock_->CreateTopic(topic, kPartitions); !status.ok()) return status;
  }
  return absl::OkStatus();
}

void Demo::Introduce() {
  const auto day = [&](int32_t days) {
    return absl::FormatTime("%Y-%m-%d", shop_.start + absl::Hours(24) * days, absl::UTCTimeZone());
  };
  screen_.Print(Text("Ebb demo. A simulated shop of ", shop_.customers, " customers (seed ", options_.seed,
                     "): every event is generated, nobody in it is real.\n"));
  screen_.Print(Text("  broker    ", bootstrap_, embedded() ? ", librdkafka's mock cluster inside this process" : ""));
  for (const SinkSpec& sink : spec_->sinks) {
    if (sink.config.type() != v1::ChurnAlert::descriptor()->full_name()) continue;
    screen_.Print(Text("  look in   kcat -b ", bootstrap_, " -C -t ", sink.config.topic()));
  }
  screen_.Print("  pipeline  deploy/pipelines/retail.yaml, built in");
  screen_.Print(Text("  time      ", day(0), " to ", day(kDays), " in ", options_.seconds, " seconds; all before ",
                     day(kHistoryDays), " at once, as history\n"));
  if (embedded()) {
    screen_.Print(
        "What the mock cannot do is left out: topics and their settings are neither described nor checked, protocol\n"
        "versions are old ones, and transactions promise nothing, so that this is not exactly once. With --bootstrap\n"
        "HOST:PORT the same runs on a real Kafka, exactly once.\n");
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
  took_ = Since(began_);
  screen_.ShowStatus("");
  return status;
}

// Until the time is over and everything is read, somebody asks for the end, or the pipeline has failed.
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
  const auto snapshots = process_->Snapshots();
  size_t live = 0;
  for (const WorkerSnapshot& worker : snapshots) {
    for (const TaskSnapshot& task : worker.tasks) live += task.live;
  }
  const absl::Duration now = clock_.Elapsed();
  if (live_ == absl::InfiniteDuration() && live == kPartitions) live_ = now;
  if (live_ > now || feed_->over()) return absl::OkStatus();
  const absl::Time history_end = shop_.start + absl::Hours(24) * kHistoryDays;
  const absl::Duration span = std::max(began_ + absl::Seconds(options_.seconds) - kWrapUp - live_, absl::Seconds(1));
  const double share = std::min(1.0, absl::FDivDuration(now - live_, span));
  played_ = history_end + share * (absl::Hours(24) * (kDays - kHistoryDays));
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

uint64_t Demo::Processed() const {
  uint64_t processed = 0;
  for (const WorkerSnapshot& worker : process_->Snapshots()) {
    for (const TaskSnapshot& task : worker.tasks) {
      for (const TaskSnapshot::Source& source : task.sources) processed += static_cast<uint64_t>(source.position);
    }
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
  const DemoResults::Tally& tally = results_->tally();
  screen_.ShowStatus(live_ == absl::InfiniteDuration()
                         ? std::string("the pipeline joins its group ...")
                         : Text(absl::FormatTime("%Y-%m-%d", played_, absl::UTCTimeZone()), "  ", Grouped(processed),
                                " events  ", Grouped(Total(tally.alerts)), " alerts  ", Grouped(Total(tally.triggers)),
                                " triggers  ", Grouped(static_cast<uint64_t>(rate)), " events/s"));
}

void Demo::SumUp() {
  const DemoResults::Tally& tally = results_->tally();
  const uint64_t sent = feed_->sent();
  const auto line = [&](std::string_view name, uint64_t total, const DemoCounts& counts) {
    std::string text = absl::StrFormat("  %-13s %7s", std::string(name), Grouped(total));
    const char* before = "   ";
    for (const auto& [what, count] : counts) {
      text += Text(before, what, " ", Grouped(count));
      before = ", ";
    }
    screen_.Print(text);
  };
  screen_.Print(absl::StrFormat("\nIn %.1f seconds, up to %s in the shop, all of it generated:",
                                absl::ToDoubleSeconds(took_),
                                absl::FormatTime("%Y-%m-%d", played_, absl::UTCTimeZone())));
  line("events", sent, {});
  line("alerts", Total(tally.alerts), tally.alerts);
  line("triggers", Total(tally.triggers), tally.triggers);
  line("withheld", Total(tally.withheld), tally.withheld);
  line("dead letters", tally.dead_letters, {});
  line("events/s", static_cast<uint64_t>(static_cast<double>(sent) / absl::ToDoubleSeconds(took_)), {});
  if (!embedded()) {
    screen_.Print(Text("\nIts topics stay at ", bootstrap_, "; all of their names begin with ", application_, "."));
  }
  screen_.Print(
      "\nWhere to go next\n"
      "  ebb validate deploy/pipelines/retail.yaml     check the pipeline, after you have changed it\n"
      "  ebb generate --help                           a shop of any size, to files or to Kafka\n"
      "  ebb replay --help                             run a pipeline over files\n"
      "  deploy/kafka/kafka.sh start                   a real Kafka on this machine; then\n"
      "  ebb demo --bootstrap 127.0.0.1:9092           this on it, exactly once, and\n"
      "  ebb run deploy/pipelines/retail.yaml          the pipeline for your own events");
}

int RunDemo(const DemoOptions& options) {
  SetLog(LogFormat::kText, LogLevel::kWarning);
  CatchStopSignals();
  DemoScreen screen(std::cout, isatty(STDOUT_FILENO) != 0);
  Demo demo(options, screen);
  absl::Status status = demo.SetUp();
  if (status.ok()) status = demo.Play();
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
  demo->add_option("--seconds", options->seconds, "How long it lasts; the shop's five months pass in this time")
      ->check(CLI::Range(8.0, 3600.0))
      ->capture_default_str();
  demo->add_option("--bootstrap", options->bootstrap, "HOST:PORT of a real Kafka, in place of the one within this process");
  demo->add_option("--seed", options->seed, "Another seed is another shop; the same seed gives the same events")
      ->capture_default_str();
  demo->footer(
      "Needs nothing but this binary: the broker is librdkafka's mock cluster, inside the process. The shop is simulated\n"
      "and all its events are generated. What the pipeline finds is read back from its topics: a line for each alert and\n"
      "each trigger, with its reasons; at the end a summary. With --bootstrap it makes topics of its own, named\n"
      "ebb-demo-HEX.*, and leaves them there for you to look at.\n\n"
      "Ctrl-C ends it at any moment, with the summary.\n\n"
      "Exit codes: 0 ended, by itself or as asked; 1 failed, the last line says why; 2 the command line is wrong.");
  demo->callback([options, exit_code] { *exit_code = RunDemo(*options); });
}

}  // namespace ebb
