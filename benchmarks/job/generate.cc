// bench-generate: fills the input topics of the job, or files for `ebb replay`. README.md says what an event is; --help
// how this is called.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "benchmarks/job/events.pb.h"
#include "benchmarks/job/workload.h"
#include "engine/kafka/sender.h"
#include "engine/log/file_record.h"

namespace ebb::bench {
namespace {

constexpr std::array<Kind, 3> kKinds = {Kind::kBrowse, Kind::kPurchase, Kind::kSupport};

struct Options {
  std::string bootstrap;
  std::string prefix;
  std::string output;  // A directory, in place of the two above.
  uint64_t events = 0;
  uint64_t customers = 0;
  Spread spread = Spread::kUniform;
  uint64_t seed = 1;
  int days = 20;
  uint64_t rate = 0;
  int64_t start_ms = 0;
};

// When each event happens. Paced, that is when it is meant to be sent; else they fill the days up to now.
class Timetable {
 public:
  explicit Timetable(const Options& options) : options_(options) {
    const int64_t now_ms = absl::ToUnixMillis(absl::Now());
    span_ms_ = options.rate > 0 ? 0 : absl::ToInt64Milliseconds(absl::Hours(24) * options.days);
    start_ms_ = options.start_ms > 0 ? options.start_ms : now_ms - span_ms_;
  }

  int64_t TimeOf(uint64_t event) const {
    const auto i = static_cast<double>(event);
    const double ms = options_.rate > 0 ? i * 1000.0 / static_cast<double>(options_.rate)
                                        : i * static_cast<double>(span_ms_) / static_cast<double>(options_.events);
    return start_ms_ + static_cast<int64_t>(ms);
  }

  void WaitFor(int64_t time_ms) const {
    if (options_.rate == 0) return;
    const int64_t wait_ms = time_ms - absl::ToUnixMillis(absl::Now());
    if (wait_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }

 private:
  const Options& options_;
  int64_t span_ms_ = 0;
  int64_t start_ms_ = 0;
};

// Where events go.
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual absl::Status Send(Kind kind, const std::string& customer, const std::string& value) = 0;
  virtual absl::Status Finish() = 0;
};

const char* NameOf(Kind kind) {
  return kind == Kind::kBrowse ? "browse" : kind == Kind::kPurchase ? "purchase" : "support";
}

class Topics final : public Outlet {
 public:
  static absl::StatusOr<std::unique_ptr<Outlet>> Open(const Options& options) {
    KafkaConnection connection;
    connection.bootstrap_servers = options.bootstrap;
    connection.client_id = "bench-generate";
    if (options.rate > 0) connection.producer["linger.ms"] = "1";
    auto sender = Sender::Open(connection);
    if (!sender.ok()) return sender.status();
    return std::unique_ptr<Outlet>(new Topics(*std::move(sender), options.prefix));
  }

  absl::Status Send(Kind kind, const std::string& customer, const std::string& value) override {
    return sender_->Send(names_.at(kind), customer, value);
  }
  absl::Status Finish() override { return sender_->Flush(); }

 private:
  Topics(std::unique_ptr<Sender> sender, const std::string& prefix) : sender_(std::move(sender)) {
    for (Kind kind : kKinds) names_[kind] = prefix + "." + NameOf(kind);
  }

  const std::unique_ptr<Sender> sender_;
  std::map<Kind, std::string> names_;
};

// DIR/KIND.pb, each event behind its length as a varint.
class Files final : public Outlet {
 public:
  explicit Files(const std::string& directory) {
    for (Kind kind : kKinds) files_[kind].open(directory + "/" + NameOf(kind) + ".pb", std::ios::binary);
  }

  absl::Status Send(Kind kind, const std::string&, const std::string& value) override {
    WriteRecord(files_.at(kind), value);
    return absl::OkStatus();
  }
  absl::Status Finish() override {
    for (auto& [kind, file] : files_) {
      file.close();
      if (!file) return absl::UnavailableError(absl::StrFormat("cannot write %s.pb", NameOf(kind)));
    }
    return absl::OkStatus();
  }

 private:
  std::map<Kind, std::ofstream> files_;
};

class Generator {
 public:
  explicit Generator(const Options& options)
      : options_(options), timetable_(options), workload_(options.spread, options.customers, options.seed) {}

  absl::Status Run() {
    auto outlet = options_.output.empty() ? Topics::Open(options_) : std::make_unique<Files>(options_.output);
    if (!outlet.ok()) return outlet.status();
    for (uint64_t i = 0; i < options_.events; ++i) {
      timetable_.WaitFor(timetable_.TimeOf(i));
      const Kind kind = workload_.NextKind();
      const std::string& value = Make(kind, i);
      bytes_ += value.size();
      if (auto status = (*outlet)->Send(kind, customer_, value); !status.ok()) return status;
    }
    if (auto status = (*outlet)->Finish(); !status.ok()) return status;
    absl::PrintF("%d events, %.1f bytes each\n", options_.events,
                 static_cast<double>(bytes_) / static_cast<double>(std::max<uint64_t>(1, options_.events)));
    return absl::OkStatus();
  }

 private:
  const std::string& Make(Kind kind, uint64_t number) {
    customer_ = absl::StrFormat("customer-%07d", workload_.NextCustomer());
    const uint64_t bits = workload_.NextBits();
    const std::string sku = absl::StrFormat("sku-garden-furniture-%06d", bits % 100'000);
    if (kind == Kind::kBrowse) {
      FillHeader(number, browse_.mutable_header());
      browse_.set_page(absl::StrFormat("/g/%06d", bits % 100'000));
      browse_.set_session_id(absl::StrFormat("s-%08x", bits >> 32));
      browse_.set_sku(sku);
      browse_.SerializeToString(&value_);
    } else if (kind == Kind::kPurchase) {
      FillHeader(number, purchase_.mutable_header());
      purchase_.set_order_id(absl::StrFormat("o-%010d", number));
      purchase_.set_sku(sku);
      purchase_.set_amount_minor(static_cast<int64_t>(100 + (bits >> 32) % 20'000));
      purchase_.set_currency("EUR");
      purchase_.set_store("s-0042");
      purchase_.SerializeToString(&value_);
    } else {
      FillHeader(number, support_.mutable_header());
      support_.set_ticket_id(absl::StrFormat("t-%010d", number));
      support_.set_subject("where is the parcel of my order of last week?");
      support_.SerializeToString(&value_);
    }
    return value_;
  }

  void FillHeader(uint64_t number, v1::EventHeader* header) const {
    header->set_event_id(absl::StrFormat("web-%012d", number));
    header->set_customer_id(customer_);
    header->set_event_time_ms(timetable_.TimeOf(number));
    header->set_source("web-shop");
    header->set_channel(v1::CHANNEL_WEB);
    header->set_generated(true);
  }

  const Options& options_;
  const Timetable timetable_;
  Workload workload_;
  uint64_t bytes_ = 0;
  std::string customer_;
  std::string value_;
  Browse browse_;
  Purchase purchase_;
  Support support_;
};

}  // namespace
}  // namespace ebb::bench

int main(int argc, char** argv) {
  using ebb::bench::Spread;
  ebb::bench::Options options;
  CLI::App app("Fills PREFIX.browse, PREFIX.purchase and PREFIX.support, or files, with the events of a workload");
  const std::map<std::string, Spread> spreads = {
      {"uniform", Spread::kUniform}, {"zipf", Spread::kZipf}, {"sessions", Spread::kSessions}};
  auto* where = app.add_option_group("where", "Where to")->require_option(1);
  auto* bootstrap = where->add_option("--bootstrap", options.bootstrap, "Brokers, host:port");
  where->add_option("--output", options.output, "A directory, for browse.pb, purchase.pb and support.pb")
      ->check(CLI::ExistingDirectory);
  app.add_option("--prefix", options.prefix, "What the topics' names begin with; they must exist")->needs(bootstrap);
  app.add_option("--events", options.events, "How many events")->required();
  app.add_option("--customers", options.customers, "How many customers")->required()->check(CLI::PositiveNumber);
  app.add_option("--spread", options.spread, "uniform, zipf or sessions")->transform(CLI::CheckedTransformer(spreads));
  app.add_option("--seed", options.seed, "Another seed gives other events")->capture_default_str();
  app.add_option("--days", options.days, "The days of event time that they fill, up to now")->capture_default_str();
  app.add_option("--rate", options.rate,
                 "Events a second, in step with the clock: event time is when it is meant to be sent; 0 for as fast "
                 "as can be")
      ->capture_default_str();
  app.add_option("--start-ms", options.start_ms, "The first event's time, in milliseconds since 1970");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = ebb::bench::Generator(options).Run();
  if (!status.ok()) std::fprintf(stderr, "bench-generate: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
