// bench-oracle: whether the alerts of a run are those that the input implies or, with --pass-through, its results are
// the input. Exit code 0 if so, 1 if not.

#include <librdkafka/rdkafka.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "benchmarks/job/expected.h"
#include "engine/log/record.h"

namespace ebb::bench {
namespace {

constexpr int32_t kPartitions = 4;
constexpr int32_t kThreads = 2;
constexpr int kPatienceMs = 30'000;
constexpr size_t kMostTold = 5;  // Mistakes that are printed.

[[noreturn]] void Die(std::string_view why) {
  std::fprintf(stderr, "bench-oracle: %.*s\n", static_cast<int>(why.size()), why.data());
  std::_Exit(2);
}

// Reads partitions from their beginning to their end.
class Reader {
 public:
  explicit Reader(const std::string& bootstrap) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    char reason[512] = "";
    const std::map<std::string, std::string> properties = {
        {"bootstrap.servers", bootstrap},      {"group.id", "bench-oracle"},
        {"enable.auto.commit", "false"},       {"enable.partition.eof", "true"},
        {"isolation.level", "read_committed"}, {"auto.offset.reset", "error"},
        {"queued.min.messages", "1000000"},    {"queued.max.messages.kbytes", "262144"}};
    for (const auto& [name, value] : properties) {
      if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof(reason)) != RD_KAFKA_CONF_OK) {
        Die(reason);
      }
    }
    client_ = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    if (client_ == nullptr) Die(reason);
    rd_kafka_poll_set_consumer(client_);
  }
  ~Reader() {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  template <class Take>
  void Read(const std::string& topic, int32_t partition, Take take) {
    rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic.c_str(), partition)->offset = 0;
    if (const auto error = rd_kafka_assign(client_, list); error != 0) Die(rd_kafka_err2str(error));
    rd_kafka_topic_partition_list_destroy(list);
    for (bool ended = false; !ended;) {
      rd_kafka_message_t* message = rd_kafka_consumer_poll(client_, kPatienceMs);
      if (message == nullptr) Die(absl::StrCat(topic, " does not answer"));
      ended = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && !ended) Die(rd_kafka_message_errstr(message));
      if (!ended) take(*message);
      rd_kafka_message_destroy(message);
    }
    rd_kafka_assign(client_, nullptr);
  }

 private:
  rd_kafka_t* client_ = nullptr;
};

template <class Message>
Message Parse(const rd_kafka_message_t& record) {
  Message message;
  if (!message.ParseFromArray(record.payload, static_cast<int>(record.len))) Die("a record is not what it should be");
  return message;
}

std::optional<std::string> Header(const rd_kafka_message_t& record, const char* name) {
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  if (rd_kafka_message_headers(&record, &headers) != 0 || rd_kafka_header_get_last(headers, name, &value, &size) != 0) {
    return std::nullopt;
  }
  return std::string(static_cast<const char*>(value), size);
}

std::optional<std::string> CheckEnvelope(const rd_kafka_message_t& record, const std::string& customer,
                                         int64_t event_time_ms) {
  const std::string key(static_cast<const char*>(record.key), record.key_len);
  if (key != customer) return absl::StrCat("the key is ", key);
  if (PartitionOf(key, kPartitions) != record.partition) return "in another partition than its customer's";
  for (const char* name : {"ce_specversion", "ce_source", "ce_type", "content-type"}) {
    if (!Header(record, name)) return absl::StrCat("no header ", name);
  }
  if (Header(record, "ce_id").value_or("").size() != 32) return "ce_id has not 32 digits";
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, Header(record, "ce_time").value_or(""), &time, &error) ||
      absl::ToUnixMillis(time) != event_time_ms) {
    return "ce_time is not the event's";
  }
  return std::nullopt;
}

struct Tally {
  size_t events = 0;
  size_t results = 0;
  size_t missing = 0;
  size_t wrong = 0;
  uint64_t result_bytes = 0;

  Tally& operator+=(const Tally& other) {
    events += other.events;
    results += other.results;
    missing += other.missing;
    wrong += other.wrong;
    result_bytes += other.result_bytes;
    return *this;
  }
  void Take(const rd_kafka_message_t& record) {
    ++results;
    result_bytes += record.len;
  }
  void Wrong(const rd_kafka_message_t& record, std::string_view why, const google::protobuf::Message& what) {
    if (++wrong > kMostTold) return;
    std::fprintf(stderr, "%s partition %d offset %ld: %.*s: %s\n", rd_kafka_topic_name(record.rkt), record.partition,
                 static_cast<long>(record.offset), static_cast<int>(why.size()), why.data(),
                 what.ShortDebugString().c_str());
  }
};

void CheckAlerts(Reader& reader, const std::string& input, const std::string& output, int32_t partition, Tally* tally) {
  Expected expected;
  const auto add = [&](const auto& event) {
    ++tally->events;
    expected.Add(event);
  };
  reader.Read(input + ".browse", partition, [&](const auto& record) { add(Parse<Browse>(record)); });
  reader.Read(input + ".purchase", partition, [&](const auto& record) { add(Parse<Purchase>(record)); });
  reader.Read(input + ".support", partition, [&](const auto& record) { add(Parse<Support>(record)); });
  reader.Read(output, partition, [&](const auto& record) {
    const Alert alert = Parse<Alert>(record);
    tally->Take(record);
    std::optional<std::string> mistake = expected.Check(alert);
    if (!mistake) mistake = CheckEnvelope(record, alert.customer_id(), alert.event_time_ms());
    if (mistake) tally->Wrong(record, *mistake, alert);
  });
  tally->missing += expected.missing();
}

uint64_t Digest(const rd_kafka_message_t& record) {
  return absl::HashOf(std::string_view(static_cast<const char*>(record.key), record.key_len),
                      std::string_view(static_cast<const char*>(record.payload), record.len));
}

// Each record of the input must be there, key and value byte for byte, in the order of its partition.
template <class Event>
void CheckPassedThrough(Reader& reader, const std::string& input, const std::string& output, int32_t partition,
                        Tally* tally) {
  std::vector<uint64_t> due;
  reader.Read(input, partition, [&](const auto& record) { due.push_back(Digest(record)); });
  size_t next = 0;
  reader.Read(output, partition, [&](const auto& record) {
    tally->Take(record);
    const auto event = Parse<Event>(record);
    std::optional<std::string> mistake;
    if (next == due.size()) {
      mistake = "more than the input";
    } else if (Digest(record) != due[next++]) {
      mistake = absl::StrCat("not what the input has as its record ", next - 1);
    } else {
      mistake = CheckEnvelope(record, event.header().customer_id(), event.header().event_time_ms());
    }
    if (mistake) tally->Wrong(record, *mistake, event);
  });
  tally->events += due.size();
  tally->missing += due.size() - next;
}

// The partitions from `first` on, each kThreads-th.
Tally Check(const std::string& bootstrap, const std::string& input, const std::string& output, bool pass_through,
            int32_t first) {
  Tally tally;
  Reader reader(bootstrap);
  for (int32_t partition = first; partition < kPartitions; partition += kThreads) {
    if (pass_through) {
      CheckPassedThrough<Browse>(reader, input + ".browse", output + ".browse", partition, &tally);
      CheckPassedThrough<Purchase>(reader, input + ".purchase", output + ".purchase", partition, &tally);
      CheckPassedThrough<Support>(reader, input + ".support", output + ".support", partition, &tally);
    } else {
      CheckAlerts(reader, input, output, partition, &tally);
    }
  }
  return tally;
}

Tally CheckAll(const std::string& bootstrap, const std::string& input, const std::string& output, bool pass_through) {
  std::vector<std::future<Tally>> parts;
  for (int32_t first = 0; first < kThreads; ++first) {
    parts.push_back(std::async(std::launch::async, Check, bootstrap, input, output, pass_through, first));
  }
  Tally all;
  for (std::future<Tally>& part : parts) all += part.get();
  return all;
}

}  // namespace
}  // namespace ebb::bench

int main(int argc, char** argv) {
  std::string bootstrap;
  std::string input;
  std::string output;
  bool pass_through = false;
  CLI::App app("Checks the results of a run against what the input implies");
  app.add_option("--bootstrap", bootstrap, "Brokers, host:port")->required();
  app.add_option("--input", input, "What the names of the input topics begin with")->required();
  app.add_option("--output", output, "The topic of alerts; of events passed through, what topics begin with")
      ->required();
  app.add_flag("--pass-through", pass_through, "The results must be the input");
  CLI11_PARSE(app, argc, argv);
  const ebb::bench::Tally tally = ebb::bench::CheckAll(bootstrap, input, output, pass_through);
  std::printf("{\"events\": %zu, \"results\": %zu, \"missing\": %zu, \"wrong\": %zu, \"result_bytes\": %.1f}\n",
              tally.events, tally.results, tally.missing, tally.wrong,
              static_cast<double>(tally.result_bytes) / static_cast<double>(tally.results > 0 ? tally.results : 1));
  return tally.missing == 0 && tally.wrong == 0 ? 0 : 1;
}
