// bench-floor: the job as a loop around librdkafka, in one thread, with a hash map in memory. At each commit every
// customer that has changed goes whole to a compacted changelog, in the same transaction as alerts and offsets.
//
// With --pass-through every event goes out as it came, to a topic for each kind, and nothing is remembered.
//
// It reads no changelog back: it begins with nothing, and ends when it is told to or when anything goes wrong. What
// it would take to come back after a crash or to hand partitions over is not here, and costs nothing while it runs.

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/container/node_hash_map.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "benchmarks/floor/kafka.h"
#include "benchmarks/job/features.h"

namespace ebb::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBatch = 1000;
constexpr int kWaitMs = 2;  // The library returns a batch when it is full or this is over, never before.
constexpr size_t kPartitions = 4;
constexpr std::array<const char*, 3> kKinds = {"browse", "purchase", "support"};

volatile std::sig_atomic_t stop = 0;

struct Options {
  std::string bootstrap;
  std::string application;
  std::string input;
  std::string output;
  int commit_ms = 500;
  bool pass_through = false;
};

struct Customer {
  Features features;
  int32_t partition = 0;
  bool dirty = false;
};

class Floor {
 public:
  explicit Floor(const Options& options);
  void Run();

 private:
  void Take(const rd_kafka_message_t& message);
  template <class Event>
  void TakeEvent(const rd_kafka_message_t& message, size_t kind, Event* event);
  // `id` and `time_ms` are those of the event that led to it.
  void Send(rd_kafka_topic_t* topic, std::string_view customer, std::string_view event_id, int64_t time_ms,
            const std::string& type, std::string_view value);
  void Commit();

  const Options& options_;
  Producer producer_;
  Consumer consumer_;
  rd_kafka_topic_t* alerts_ = nullptr;
  rd_kafka_topic_t* changelog_ = nullptr;
  std::array<rd_kafka_topic_t*, kKinds.size()> through_{};

  absl::node_hash_map<std::string, Customer> customers_;
  std::vector<std::pair<const std::string, Customer>*> dirty_;
  std::array<std::array<int64_t, kPartitions>, kKinds.size()> next_;  // Offsets; -1 where nothing was read.
  bool open_ = false;
  Clock::time_point opened_;

  // Scratch, so that its memory is used again.
  Browse browse_;
  Purchase purchase_;
  Support support_;
  Alert alert_;
  std::string value_;
};

Properties Print(const char* title, Properties properties) {
  for (const auto& [name, value] : properties) std::fprintf(stderr, "%s %s=%s\n", title, name.c_str(), value.c_str());
  return properties;
}

Floor::Floor(const Options& options)
    : options_(options),
      producer_(Print("producer", {{"bootstrap.servers", options.bootstrap},
                                   {"transactional.id", options.application},
                                   {"transaction.timeout.ms", "30000"},
                                   {"linger.ms", "5"},
                                   {"batch.size", "1000000"},
                                   {"compression.type", "lz4"},
                                   {"queue.buffering.max.messages", "1000000"},
                                   {"queue.buffering.max.kbytes", "524288"},
                                   {"socket.nagle.disable", "true"}})),
      consumer_(Print("consumer", {{"bootstrap.servers", options.bootstrap},
                                   {"group.id", options.application},
                                   {"enable.auto.commit", "false"},
                                   {"enable.auto.offset.store", "false"},
                                   {"auto.offset.reset", "earliest"},
                                   {"isolation.level", "read_committed"},
                                   {"check.crcs", "true"},
                                   {"fetch.wait.max.ms", "100"},
                                   {"fetch.message.max.bytes", "4194304"},
                                   // A full queue stops fetching for a second in 2.0.2: more than that is queued.
                                   {"queued.min.messages", "200000"},
                                   {"queued.max.messages.kbytes", "262144"},
                                   {"socket.nagle.disable", "true"}}),
                {options.input + ".browse", options.input + ".purchase", options.input + ".support"}) {
  if (options.pass_through) {
    for (size_t kind = 0; kind < kKinds.size(); ++kind) {
      through_[kind] = producer_.Topic(options.output + "." + kKinds[kind]);
    }
  } else {
    alerts_ = producer_.Topic(options.output);
    changelog_ = producer_.Topic(options.application + ".changelog");
  }
  std::fprintf(stderr, "commit_ms=%d batch=%zu\n", options.commit_ms, kBatch);
  for (auto& partitions : next_) partitions.fill(-1);
}

void Floor::Run() {
  while (stop == 0) {
    consumer_.Poll(kBatch, kWaitMs, [this](const rd_kafka_message_t& message) { Take(message); });
    if (open_ && Clock::now() - opened_ >= std::chrono::milliseconds(options_.commit_ms)) Commit();
  }
  if (open_) Commit();
}

void Floor::Take(const rd_kafka_message_t& message) {
  if (!open_) {
    producer_.Begin();
    open_ = true;
    opened_ = Clock::now();
  }
  // The names differ in the first letter behind the prefix.
  const char kind = rd_kafka_topic_name(message.rkt)[options_.input.size() + 1];
  if (kind == 'b') {
    TakeEvent(message, 0, &browse_);
  } else if (kind == 'p') {
    TakeEvent(message, 1, &purchase_);
  } else {
    TakeEvent(message, 2, &support_);
  }
}

template <class Event>
void Floor::TakeEvent(const rd_kafka_message_t& message, size_t kind, Event* event) {
  if (!event->ParseFromArray(message.payload, static_cast<int>(message.len))) Die("an event", "not protobuf");
  next_[kind][message.partition] = message.offset + 1;
  const v1::EventHeader& header = event->header();
  if (options_.pass_through) {
    Send(through_[kind], header.customer_id(), header.event_id(), header.event_time_ms(), event->GetTypeName(),
         {static_cast<const char*>(message.payload), message.len});
    return;
  }
  const auto found = customers_.try_emplace(header.customer_id()).first;
  Customer& customer = found->second;
  if (!customer.dirty) {
    customer.dirty = true;
    customer.partition = message.partition;
    dirty_.push_back(&*found);
  }
  if (!Apply(*event, &customer.features, &alert_)) return;
  alert_.SerializeToString(&value_);
  Send(alerts_, alert_.customer_id(), alert_.event_id(), alert_.event_time_ms(), alert_.GetTypeName(), value_);
}

void Floor::Send(rd_kafka_topic_t* topic, std::string_view customer, std::string_view event_id, int64_t time_ms,
                 const std::string& type, std::string_view value) {
  const std::string source = "/floor/" + options_.application;
  const std::string time = absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(time_ms), absl::UTCTimeZone());
  const XXH128_hash_t hash =
      XXH3_128bits_withSeed(event_id.data(), event_id.size(), XXH3_64bits(customer.data(), customer.size()));
  const std::string id = absl::StrFormat("%016x%016x", hash.high64, hash.low64);
  producer_.Send(topic, customer, value,
                 {{"ce_specversion", "1.0"},
                  {"ce_id", id},
                  {"ce_source", source},
                  {"ce_type", type},
                  {"ce_time", time},
                  {"content-type", "application/protobuf"}});
}

void Floor::Commit() {
  for (auto* entry : dirty_) {
    entry->second.features.SerializeToString(&value_);
    producer_.Send(changelog_, entry->second.partition, entry->first, value_);
    entry->second.dirty = false;
  }
  dirty_.clear();
  rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(kKinds.size() * kPartitions);
  for (size_t kind = 0; kind < kKinds.size(); ++kind) {
    const std::string topic = options_.input + "." + kKinds[kind];
    for (size_t partition = 0; partition < kPartitions; ++partition) {
      if (next_[kind][partition] < 0) continue;
      rd_kafka_topic_partition_list_add(offsets, topic.c_str(), static_cast<int32_t>(partition))->offset =
          next_[kind][partition];
    }
  }
  producer_.Commit(offsets, consumer_);
  rd_kafka_topic_partition_list_destroy(offsets);
  open_ = false;
}

}  // namespace
}  // namespace ebb::bench

int main(int argc, char** argv) {
  ebb::bench::Options options;
  CLI::App app("The benchmark's job as a loop around librdkafka");
  app.add_option("--bootstrap", options.bootstrap, "Brokers, host:port")->required();
  app.add_option("--application", options.application, "Consumer group, transactional id, changelog's name")
      ->required();
  app.add_option("--input", options.input, "What the names of the input topics begin with")->required();
  app.add_option("--output", options.output, "The topic of alerts; of events passed through, what topics begin with")
      ->required();
  app.add_option("--commit-ms", options.commit_ms, "Time between commits")->capture_default_str();
  app.add_flag("--pass-through", options.pass_through, "Send every event on as it came, and remember nothing");
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGTERM, [](int) { ebb::bench::stop = 1; });
  std::signal(SIGINT, [](int) { ebb::bench::stop = 1; });
  ebb::bench::Floor(options).Run();
  return 0;
}
