#include "tests/harness/scenario_run.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "engine/codec/event_decoder.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "state/text.h"
#include "tests/harness/scenario_message.h"
#include "tests/harness/simulated_process.h"

namespace ebb::testing {
namespace {

// More steps than this without an end are a loop.
constexpr int kMaxSteps = 200'000;
constexpr int kMaxRandomCrashes = 25;
constexpr int kMaxRandomSteps = 40;

// The last of that name, as Kafka's clients take it.
std::string HeaderOf(const MemoryBroker::Record& record, std::string_view name) {
  const auto header = std::find_if(record.headers.rbegin(), record.headers.rend(),
                                   [&](const Header& candidate) { return candidate.first == name; });
  return header == record.headers.rend() ? "" : header->second;
}

std::unique_ptr<google::protobuf::Message> Decode(const SinkSpec& sink, const std::string& value) {
  std::unique_ptr<google::protobuf::Message> message(sink.prototype->New());
  const bool ok = sink.config.format() == "json"
                      ? google::protobuf::util::JsonStringToMessage(value, message.get()).ok()
                      : message->ParseFromString(value);
  return ok ? std::move(message) : nullptr;
}

std::string OneLine(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  absl::RemoveExtraAsciiWhitespace(&text);
  return text;
}

// With keys in order, so that equal values are equal texts.
void Print(const google::protobuf::Value& value, const std::string& indent, std::string* out) {
  if (value.has_struct_value()) {
    const auto& fields = value.struct_value().fields();
    const std::set<std::string> keys = [&] {
      std::set<std::string> sorted;
      for (const auto& field : fields) sorted.insert(field.first);
      return sorted;
    }();
    for (const std::string& key : keys) {
      absl::StrAppend(out, "\n", indent, key, ":");
      Print(fields.at(key), indent + "  ", out);
    }
  } else if (value.has_list_value()) {
    for (const auto& item : value.list_value().values()) {
      absl::StrAppend(out, "\n", indent, "-");
      Print(item, indent + "  ", out);
    }
  } else {
    std::string json;
    (void)google::protobuf::util::MessageToJsonString(value, &json);
    absl::StrAppend(out, " ", json);
  }
}

using LinesByCustomer = std::map<std::string, std::vector<std::pair<absl::Time, std::string>>>;

class ScenarioRun {
 public:
  ScenarioRun(const Scenario& scenario, const Way& way)
      : scenario_(scenario), way_(way), random_(way.seed), clock_(scenario.until) {
    for (const SourceSpec& source : scenario.spec->sources) CreateTopic(source.config.topic());
    for (const SinkSpec& sink : scenario.spec->sinks) CreateTopic(sink.config.topic());
    CreateTopic(scenario.spec->config.dead_letters().topic());
    changelog_ = ChangelogTopic(scenario.spec->config.application());
    broker_.CreateTopic(changelog_, Scenario::kPartitions, {{"cleanup.policy", "compact"}});
    options_.partitions = Scenario::kPartitions;
    options_.worker.task.epoch_records = way.epoch_records;
    if (way.one_result) options_.worker.task.outbox_bytes = 1;
    options_.worker.recovery_budget = way.recovery_budget;
    options_.worker.commit_interval = absl::Milliseconds(5);
    options_.worker.commit_delay = absl::Milliseconds(1);
  }

  absl::StatusOr<Outcome> Run() {
    if (auto status = Start(); !status.ok()) return status;
    for (const ScenarioEvent& event : scenario_.events) {
      if (auto status = Append(event); !status.ok()) return status;
      if (way_.at_once) continue;
      if (auto status = Settle(); !status.ok()) return status;
    }
    if (auto status = Settle(); !status.ok()) return status;
    options_.worker.until = scenario_.until;
    for (const auto& [partition, slot] : process_->worker().slots()) slot.task->set_until(scenario_.until);
    if (auto status = Settle(); !status.ok()) return status;
    CountCounters();
    if (auto status = Stop(); !status.ok()) return status;
    if (auto status = CollectStates(); !status.ok()) return status;
    if (auto status = CollectResults(); !status.ok()) return status;
    CollectDeadLetters();
    return std::move(outcome_);
  }

 private:
  void CreateTopic(const std::string& topic) { broker_.CreateTopic(topic, Scenario::kPartitions); }

  absl::Status Append(const ScenarioEvent& event) {
    auto offset = broker_.Append(event.partition, event.key, event.value, event.recorded_ms,
                                 event.headers);
    if (!offset.ok()) return offset.status();
    event_at_[{event.partition, *offset}] = &event;
    return absl::OkStatus();
  }

  absl::Status Start() {
    process_ = std::make_unique<SimulatedProcess>(scenario_.spec, &broker_, &stores_, &clock_, options_);
    steps_left_ = 1 + static_cast<int>(random_() % kMaxRandomSteps);
    return process_->engine().Start();
  }

  absl::Status Explain(const absl::Status& status) const {
    return absl::Status(status.code(), Text(status.message(), "\n  noted before:\n  ",
                                            absl::StrJoin(process_->notes(), "\n  ")));
  }

  bool Crashes() {
    switch (way_.crash) {
      case Way::Crash::kNever: return false;
      case Way::Crash::kAfterEveryCommit: return process_->worker().figures().commits > 0;
      case Way::Crash::kAtRandomMoments: return outcome_.crashes < kMaxRandomCrashes && --steps_left_ == 0;
    }
    return false;
  }

  absl::Status CrashAndStart() {
    ++outcome_.crashes;
    CountRedone();
    process_.reset();
    for (int32_t partition = 0; partition < Scenario::kPartitions; ++partition) {
      if (way_.lose_stores) stores_.rows(partition).clear();
      if (way_.compact && random_() % 2 == 0) broker_.Compact({changelog_, partition});
    }
    return Start();
  }

  void CountRedone() {
    for (const auto& [partition, slot] : process_->worker().slots()) {
      outcome_.redone_records += slot.task->stats().redone_records;
    }
  }

  // All that was appended is done with and committed, and so is the time up to `until` when that is set.
  bool Settled() {
    if (!process_->standing().finished || !process_->worker().Finished()) return false;
    for (const auto& [partition, slot] : process_->worker().slots()) {
      for (const auto& source : slot.task->sources()) {
        const auto written = broker_.WrittenBounds(source->partition());
        if (!written.ok() || source->position() < written->end) return false;
      }
    }
    return true;
  }

  absl::Status Settle() {
    for (int step = 0; step < kMaxSteps; ++step) {
      if (auto status = process_->Step(); !status.ok()) return Explain(status);
      clock_.Advance(absl::Milliseconds(1));
      if (Crashes()) {
        if (auto status = CrashAndStart(); !status.ok()) return status;
      } else if (Settled()) {
        return absl::OkStatus();
      }
    }
    return Explain(absl::DeadlineExceededError(Text("not done after ", kMaxSteps, " steps")));
  }

  absl::Status Stop() {
    process_->engine().Stop(true);
    for (int step = 0; step < kMaxSteps && !process_->standing().stopped; ++step) {
      if (auto status = process_->Step(); !status.ok()) return Explain(status);
      clock_.Advance(absl::Milliseconds(1));
    }
    CountRedone();
    return process_->standing().stopped ? absl::OkStatus() : absl::DeadlineExceededError("did not stop");
  }

  // Counters begin anew with every process, so they are complete only without crashes.
  void CountCounters() {
    for (const std::string& wanted : scenario_.counters) {
      std::optional<uint64_t> count;
      for (const auto& [partition, slot] : process_->worker().slots()) {
        const auto& nodes = slot.task->graph().nodes();
        for (size_t n = 0; n < nodes.size(); ++n) {
          for (const Counter* counter : nodes[n].op->counters()) {
            if (Text(nodes[n].spec->id, " ", counter->name()) != wanted) continue;
            count = count.value_or(0) + slot.task->dispatcher().counts()[n][counter->index()];
          }
        }
      }
      outcome_.shown["counters"].push_back(Text(wanted, " ", count ? Text(*count) : "(no such counter)"));
    }
  }

  absl::Status CollectStates() {
    std::set<std::string> customers;
    for (const ScenarioEvent& event : scenario_.events) customers.insert(event.customer);
    customers.erase("");
    for (const std::string& customer : customers) {
      auto json = process_->worker().Describe(customer);
      if (!json.ok() && !absl::IsNotFound(json.status())) return json.status();
      google::protobuf::Value value;
      if (json.ok()) {
        (void)google::protobuf::util::JsonStringToMessage(*json, &value);
        value.mutable_struct_value()->mutable_fields()->erase("as_of_epoch");
      }
      Print(value, "  ", &outcome_.states[customer]);
    }
    return absl::OkStatus();
  }

  absl::Status CollectResults();
  absl::Status CollectResult(const SinkSpec& sink, const MemoryBroker::Record& record, LinesByCustomer* lines);
  void CollectDeadLetters();

  const Scenario& scenario_;
  const Way way_;
  std::mt19937_64 random_;
  MemoryBroker broker_;
  MemoryStores stores_;
  ManualClock clock_;
  ProcessOptions options_;
  std::string changelog_;
  std::unique_ptr<SimulatedProcess> process_;
  int steps_left_ = 0;
  std::map<std::pair<TopicPartition, int64_t>, const ScenarioEvent*> event_at_;
  Outcome outcome_;
};

// A customer's lines keep their order; those of different customers are merged by time.
std::vector<std::string> MergeByTime(const LinesByCustomer& lines) {
  std::vector<std::string> merged;
  std::map<std::string, size_t> next;
  for (;;) {
    const std::string* first = nullptr;
    for (const auto& [customer, of_customer] : lines) {
      if (next[customer] == of_customer.size()) continue;
      if (first == nullptr || of_customer[next[customer]].first < lines.at(*first)[next[*first]].first) {
        first = &customer;
      }
    }
    if (first == nullptr) return merged;
    merged.push_back(lines.at(*first)[next[*first]++].second);
  }
}

absl::Status ScenarioRun::CollectResults() {
  for (const SinkSpec& sink : scenario_.spec->sinks) {
    LinesByCustomer lines;
    std::set<std::string> ids;
    for (int32_t partition = 0; partition < Scenario::kPartitions; ++partition) {
      for (const auto& record : broker_.Committed({sink.config.topic(), partition})) {
        if (!ids.insert(HeaderOf(record, "ce_id")).second) {
          outcome_.repeated.push_back(Text(sink.name, " ", record.key, " ", HeaderOf(record, "ce_id")));
        }
        if (auto status = CollectResult(sink, record, &lines); !status.ok()) return status;
      }
    }
    if (scenario_.show.contains(sink.name)) outcome_.shown[sink.name] = MergeByTime(lines);
  }
  return absl::OkStatus();
}

absl::Status ScenarioRun::CollectResult(const SinkSpec& sink, const MemoryBroker::Record& record,
                                        LinesByCustomer* lines) {
  const auto message = Decode(sink, record.value.value_or(""));
  if (message == nullptr) return absl::DataLossError(Text("sink ", sink.name, ": a value cannot be read back"));
  outcome_.values[sink.name].push_back(*record.value);
  std::string& all = outcome_.results[Text(sink.name, " of ", record.key)];
  absl::StrAppend(&all, "  ", EncodeMessage(*message, "json"));
  for (const auto& [name, value] : record.headers) absl::StrAppend(&all, " ", name, "=", value);
  absl::StrAppend(&all, "\n");
  const auto shown = scenario_.show.find(sink.name);
  if (shown == scenario_.show.end()) return absl::OkStatus();
  auto fields = RenderFields(*message, shown->second);
  if (!fields.ok()) return fields.status();
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, HeaderOf(record, "ce_time"), &time, nullptr)) {
    return absl::DataLossError(Text("sink ", sink.name, ": ce_time is ", HeaderOf(record, "ce_time")));
  }
  (*lines)[record.key].emplace_back(time, Text(FormatMoment(time), " ", record.key, " ", *fields));
  return absl::OkStatus();
}

void ScenarioRun::CollectDeadLetters() {
  // In the order of the events in the file.
  std::map<const ScenarioEvent*, std::string> shown;
  for (int32_t partition = 0; partition < Scenario::kPartitions; ++partition) {
    for (const auto& record : broker_.Committed({scenario_.spec->config.dead_letters().topic(), partition})) {
      const TopicPartition from{HeaderOf(record, "__streams.errors.topic"),
                                std::stoi(HeaderOf(record, "__streams.errors.partition"))};
      const ScenarioEvent* event = event_at_[{from, std::stoll(HeaderOf(record, "__streams.errors.offset"))}];
      std::string& line = shown[event];
      absl::StrAppend(&line, line.empty() ? "" : " AND AGAIN ", FormatMoment(event->time), " ", event->source, " ",
                      record.key.empty() ? "(no key)" : record.key, " ", HeaderOf(record, "__streams.errors.exception"),
                      " (", OneLine(HeaderOf(record, "__streams.errors.message")), ")");
      if (record.value != event->value) absl::StrAppend(&line, " WITH OTHER BYTES");
      // Those of the event stand before those of the dead letter.
      for (const auto& [name, value] : record.headers) {
        if (name == "__streams.errors.exception") break;
        absl::StrAppend(&line, " header ", name, "=", value);
      }
    }
  }
  for (const ScenarioEvent& event : scenario_.events) {
    const auto line = shown.find(&event);
    if (line == shown.end()) continue;
    outcome_.shown["dead_letters"].push_back(line->second);
    absl::StrAppend(&outcome_.results["dead letters"], "  ", line->second, "\n");
  }
}

}  // namespace

absl::StatusOr<Outcome> RunScenario(const Scenario& scenario, const Way& way) {
  return ScenarioRun(scenario, way).Run();
}

}  // namespace ebb::testing
