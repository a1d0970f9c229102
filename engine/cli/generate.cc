#include "engine/cli/generate.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "engine/cli/command.h"
#include "engine/cli/shop_output.h"
#include "engine/observe/log.h"
#include "engine/time/clock.h"
#include "state/text.h"

namespace ebb {
namespace {

std::string DayOf(int64_t time_ms) {
  return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(time_ms), absl::UTCTimeZone());
}

absl::StatusOr<KafkaConnection> ConnectionOf(const GenerateOptions& options) {
  KafkaConnection connection;
  connection.bootstrap_servers = options.bootstrap;
  connection.client_id = "ebb-generate";
  for (const std::string& property : options.properties) {
    const size_t equals = property.find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError(Text("--property: expected NAME=VALUE, got '", property, "'"));
    }
    connection.properties[property.substr(0, equals)] = property.substr(equals + 1);
  }
  connection.log = [](int level, std::string_view line) {
    Log(level <= 3 ? LogLevel::kWarning : LogLevel::kDebug, line, {{"from", "librdkafka"}});
  };
  return connection;
}

// One run of the command.
class Generation {
 public:
  explicit Generation(const GenerateOptions& options) : options_(options), shop_(options.shop) {}

  absl::Status Run();

 private:
  bool to_kafka() const { return options_.output.empty(); }
  absl::Status Open();
  absl::Status CheckTime(int64_t time_ms);
  void KeepPace();
  void ShowProgress();
  absl::Status Finish();
  double SecondsSinceStart() const { return absl::ToDoubleSeconds(clock_.Elapsed() - began_); }

  const GenerateOptions& options_;
  const SystemClock clock_;
  const bool on_terminal_ = isatty(STDERR_FILENO) != 0;
  Shop shop_;
  std::unique_ptr<ShopOutput> output_;
  std::string truth_path_;
  absl::Duration began_;
  absl::Duration shown_;
  int64_t latest_allowed_ms_ = 0;
  int64_t last_ms_ = 0;
  int64_t sent_ = 0;
  std::array<int64_t, kShopSources.size()> counts_{};
};

absl::Status Generation::Run() {
  if (absl::Status status = Open(); !status.ok()) return status;
  CatchStopSignals();
  began_ = shown_ = clock_.Elapsed();
  absl::Status status;
  while (!StopRequested()) {
    const std::optional<ShopEvent> event = shop_.Next();
    if (!event) break;
    if (status = CheckTime(event->time_ms); !status.ok()) break;
    if (status = output_->Write(*event); !status.ok()) break;
    last_ms_ = event->time_ms;
    ++counts_[static_cast<size_t>(event->source)];
    ++sent_;
    KeepPace();
    ShowProgress();
  }
  if (on_terminal_) std::fprintf(stderr, "\r\033[K");
  return status.ok() ? Finish() : status;
}

absl::Status Generation::Open() {
  const std::string format = !options_.format.empty() ? options_.format : to_kafka() ? "protobuf" : "json";
  truth_path_ = !options_.truth.empty() ? options_.truth
                : to_kafka()            ? "truth.jsonl"
                                        : absl::StrCat(options_.output, "/truth.jsonl");
  if (!to_kafka()) {
    auto files = OpenShopFiles(options_.output, format);
    if (!files.ok()) return files.status();
    output_ = *std::move(files);
    return absl::OkStatus();
  }
  if (options_.shop.events == 0) {
    const absl::Time end = options_.shop.start + absl::Hours(24) * options_.shop.days;
    if (absl::Status status = CheckTime(absl::ToUnixMillis(end)); !status.ok()) return status;
  }
  auto connection = ConnectionOf(options_);
  if (!connection.ok()) return connection.status();
  auto topics = OpenShopTopics(*connection, options_.topic_prefix, format);
  if (!topics.ok()) return topics.status();
  output_ = *std::move(topics);
  return absl::OkStatus();
}

// Records of Kafka bear the time at which they are sent, and events from after that are not believed.
absl::Status Generation::CheckTime(int64_t time_ms) {
  if (!to_kafka() || time_ms <= latest_allowed_ms_) return absl::OkStatus();
  latest_allowed_ms_ = absl::ToUnixMillis(clock_.Now());
  if (time_ms <= latest_allowed_ms_) return absl::OkStatus();
  return absl::InvalidArgumentError(
      Text("the shop goes on until ", DayOf(time_ms), ", which is still to come: pipelines refuse events that are "
           "ahead of their record's time; choose an earlier --start or fewer --days"));
}

void Generation::KeepPace() {
  constexpr absl::Duration kLongestNap = absl::Milliseconds(100);
  if (options_.rate <= 0) return;
  const absl::Duration due = began_ + absl::Seconds(static_cast<double>(sent_) / options_.rate);
  for (absl::Duration ahead = due - clock_.Elapsed(); ahead > absl::Milliseconds(1) && !StopRequested();
       ahead = due - clock_.Elapsed()) {
    ShowProgress();
    absl::SleepFor(std::min(ahead, kLongestNap));
  }
}

void Generation::ShowProgress() {
  constexpr absl::Duration kInterval = absl::Milliseconds(200);
  if (!on_terminal_ || clock_.Elapsed() - shown_ < kInterval) return;
  shown_ = clock_.Elapsed();
  const ShopOptions& shop = options_.shop;
  const double start_ms = static_cast<double>(absl::ToUnixMillis(shop.start));
  const double done = shop.events > 0 ? static_cast<double>(sent_) / static_cast<double>(shop.events)
                                      : (static_cast<double>(last_ms_) - start_ms) / (shop.days * 86'400'000.0);
  std::fprintf(stderr, "\r\033[K%3.0f%%  %lld events, up to %s in the shop, %.0f/s", 100 * std::min(done, 1.0),
               static_cast<long long>(sent_), DayOf(last_ms_).c_str(),
               static_cast<double>(sent_) / SecondsSinceStart());
}

absl::Status Generation::Finish() {
  if (absl::Status status = output_->Finish(); !status.ok()) return status;
  const double seconds = SecondsSinceStart();
  const absl::StatusOr<TruthCounts> truth = WriteShopTruth(shop_, truth_path_);
  if (!truth.ok()) return truth.status();
  std::cout << absl::StrFormat("%d generated events%s, up to %s in the shop, seed %d, in %.1f s (%.0f/s)\n", sent_,
                               StopRequested() ? " (stopped early)" : "", DayOf(last_ms_), options_.shop.seed, seconds,
                               static_cast<double>(sent_) / std::max(seconds, 1e-3));
  for (size_t i = 0; i < counts_.size(); ++i) {
    std::cout << absl::StrFormat("%12d %s\n", counts_[i], output_->PlaceOf(static_cast<ShopSource>(i)));
  }
  std::cout << absl::StrFormat("%12d customers, of whom %d left: %s\n", truth->customers, truth->left, truth_path_);
  if (options_.shop.events > sent_ && !StopRequested()) {
    return absl::OutOfRangeError(Text("expected ", options_.shop.events, " events, but the shop ran dry after ", sent_,
                                      ": everybody has left; take more --customers or a lower --leave-share"));
  }
  return absl::OkStatus();
}

void AddShopOptions(CLI::App& generate, ShopOptions& shop) {
  generate.add_option("--customers", shop.customers, "How many customers")->capture_default_str();
  generate.add_option("--days", shop.days, "For how many days; also sets the pace of joining and leaving")
      ->capture_default_str();
  generate.add_option("--seed", shop.seed, "Another seed is another shop; the same options give the same events")
      ->capture_default_str();
  generate.add_option("--events", shop.events, "Stop after exactly so many events, however many days they take; 0: all")
      ->capture_default_str();
  generate
      .add_option("--events-per-day", shop.events_per_day,
                  "How many events a customer causes a day, joining aside; visits make up for what\n"
                  "purchases (about 5.5 events each) and mail (0.13 a day) do not bring by themselves")
      ->capture_default_str();
  generate.add_option("--purchase-gap", shop.purchase_gap_days, "Typical time between two purchases, in days")
      ->capture_default_str();
  generate
      .add_option("--leave-share", shop.leave_share,
                  "Share of those there from the start who leave for good within the days; neglected\n"
                  "complaints drive away some more; 0: nobody leaves")
      ->capture_default_str();
  const auto fault = [&](const char* name, double& share, const char* what) {
    generate.add_option(name, share, what)->capture_default_str()->group("Faults on the way, as shares of all events");
  };
  fault("--duplicates", shop.faults.duplicates, "Come once more within half a minute");
  fault("--disorder", shop.faults.disorder, "Come up to five seconds late, behind younger ones");
  fault("--late", shop.faults.late, "Come up to six hours late");
  fault("--bad", shop.faults.damaged, "Are followed by a record that cannot be processed");
}

}  // namespace

int RunGenerate(const GenerateOptions& options) {
  absl::Status status = CheckShopOptions(options.shop);
  if (status.ok()) status = Generation(options).Run();
  return status.ok() ? kExitOk : Fail(status);
}

void AddGenerateCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<GenerateOptions>();
  auto start = std::make_shared<std::string>(DayOf(absl::ToUnixMillis(options->shop.start)));
  CLI::App* generate = app.add_subcommand("generate", "Make up the events of a shop, and tell who really left");
  AddShopOptions(*generate, options->shop);
  generate->add_option("--start", *start, "The shop's first day (UTC)")
      ->capture_default_str()
      ->type_name("DATE");
  CLI::Option* output =
      generate->add_option("-o,--output", options->output, "To files: the directory")
          ->group("Where to")
          ->type_name("DIR");
  CLI::Option* bootstrap =
      generate->add_option("--bootstrap", options->bootstrap, "To Kafka: brokers to start from, separated by commas")
          ->group("Where to")
          ->type_name("HOST:PORT")
          ->excludes(output);
  generate->add_option("--topic-prefix", options->topic_prefix, "Put before the names of the topics, as in shop.")
      ->group("Where to")
      ->needs(bootstrap);
  generate->add_option("--rate", options->rate, "How many events a second; 0: as fast as it goes")
      ->group("Where to")
      ->check(CLI::NonNegativeNumber)
      ->needs(bootstrap);
  generate->add_option("--property", options->properties, "A property of librdkafka; may be repeated")
      ->group("Where to")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all()
      ->needs(bootstrap);
  generate->add_option("--format", options->format, "json or protobuf; if not said, json for files, protobuf for Kafka")
      ->group("Where to")
      ->check(CLI::IsMember({"json", "protobuf"}));
  generate->add_option("--truth", options->truth, "The file for the truth; if not said, truth.jsonl in DIR or here")
      ->group("Where to")
      ->type_name("FILE");
  generate->footer(
      "Customers join, buy in rhythms of their own, browse, abandon baskets, complain, give back, read mail, and some\n"
      "leave for good. Every event says that it is generated.\n\n"
      "Files:  DIR/SOURCE.jsonl, an event a line (or SOURCE.pb, each after its length as a varint), for `ebb replay`.\n"
      "Kafka:  topics PREFIX + SOURCE, which must exist, keyed by customer. The shop must not reach into the future.\n"
      "SOURCE: purchases, browses, supports, members, engagements.\n"
      "Truth:  a JSON object a customer: customer, joinedAtMs, lastPurchaseMs, left, leftAtMs, why.\n\n"
      "  ebb generate --customers 1000 --days 365 --output shop/\n"
      "  ebb generate --bootstrap localhost:9092 --topic-prefix shop. --rate 2000 --events 1000000\n\n"
      "Exit codes: 0 done; 1 it failed on the way; 2 the options or the topics are wrong.");
  generate->callback([options, start, exit_code] {
    const absl::StatusOr<absl::Time> moment = ParseMoment(*start);
    if (!moment.ok()) {
      *exit_code = Fail(absl::InvalidArgumentError(Text("--start: ", moment.status().message())));
    } else if (options->output.empty() && options->bootstrap.empty()) {
      *exit_code = Fail(absl::InvalidArgumentError("where to? Expected --output DIR or --bootstrap HOST:PORT"));
    } else {
      options->shop.start = *moment;
      *exit_code = RunGenerate(*options);
    }
  });
}

}  // namespace ebb
