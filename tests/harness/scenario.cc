#include "tests/harness/scenario.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "engine/codec/event_decoder.h"
#include "state/text.h"
#include "tests/harness/scenario_message.h"
#include "yaml-cpp/yaml.h"

namespace ebb::testing {
namespace {

constexpr char kNothing[] = "nothing";

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(Text(path, ": cannot be read"));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Lines that begin with a blank go on with the line before; empty ones and comments say nothing.
struct Line {
  int number = 0;  // Counted from 0 within the text.
  std::string text;
};
std::vector<Line> LogicalLines(const std::string& text) {
  std::vector<Line> lines;
  int number = -1;
  for (absl::string_view piece : absl::StrSplit(text, '\n')) {
    ++number;
    const absl::string_view content = absl::StripAsciiWhitespace(piece);
    if (content.empty() || content.front() == '#') continue;
    if (absl::ascii_isspace(piece.front()) && !lines.empty()) {
      absl::StrAppend(&lines.back().text, " ", content);
    } else {
      lines.push_back({number, std::string(content)});
    }
  }
  return lines;
}

std::vector<std::string> Commas(const std::string& text) {
  std::vector<std::string> parts = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (std::string& part : parts) absl::StripAsciiWhitespace(&part);
  return parts;
}

// Sets what a pipeline within a scenario may leave out.
void FillIn(YAML::Node pipeline) {
  if (!pipeline["application"]) pipeline["application"] = "scenario";
  if (!pipeline["dead_letters"]) pipeline["dead_letters"]["topic"] = "dead-letters";
  for (const char* part : {"sources", "sinks"}) {
    for (auto entry : pipeline[part]) {
      if (!entry.second["topic"]) entry.second["topic"] = entry.first.Scalar();
    }
  }
  // Time is carried by the events, and at the end by `until`.
  pipeline["time"]["idle"] = "hold";
}

absl::Status Override(const YAML::Node& config, YAML::Node pipeline) {
  for (const auto& part : config) {
    const std::string name = part.first.Scalar();
    std::optional<YAML::Node> target;
    for (YAML::Node node : pipeline["operators"]) {
      if (node["id"].Scalar() == name) target.emplace(node["config"]);
    }
    if (!target && pipeline["sources"][name]) target.emplace(pipeline["sources"][name]);
    if (!target && name == "time") target.emplace(pipeline["time"]);
    if (!target) return absl::InvalidArgumentError(Text("config: the pipeline has no operator or source ", name));
    for (const auto& setting : part.second) (*target)[setting.first.Scalar()] = setting.second;
  }
  return absl::OkStatus();
}

class Reader {
 public:
  Reader(std::string path, std::string pipelines) : pipelines_(std::move(pipelines)) {
    scenario_.path = std::move(path);
  }

  absl::StatusOr<Scenario> Read() {
    auto text = ReadFile(scenario_.path);
    if (!text.ok()) return text.status();
    try {
      root_ = YAML::Load(*text);
      if (auto status = ReadAll(); !status.ok()) return status;
    } catch (const YAML::Exception& e) {
      return Wrong(e.mark.line, e.msg);
    }
    return std::move(scenario_);
  }

 private:
  absl::Status Wrong(int line, const absl::Status& status) const { return Wrong(line, Text(status.message())); }
  absl::Status Wrong(int line, const std::string& what) const {
    return absl::InvalidArgumentError(Text(scenario_.path, ":", line + 1, ": ", what));
  }

  absl::Status ReadAll() {
    const std::set<std::string> known = {"what", "pipeline", "config", "events", "until", "show", "expect"};
    if (!root_.IsMap()) return Wrong(0, "expected a mapping");
    for (const auto& entry : root_) {
      if (known.contains(entry.first.Scalar())) continue;
      return Wrong(entry.first.Mark().line,
                   Text("unknown key ", entry.first.Scalar(), "; known are ", absl::StrJoin(known, ", ")));
    }
    for (const char* needed : {"what", "pipeline", "events", "until", "show"}) {
      if (!root_[needed]) return Wrong(0, Text("the key ", needed, " is missing"));
    }
    scenario_.what = root_["what"].Scalar();
    auto until = ParseMoment(root_["until"].Scalar());
    if (!until.ok()) return Wrong(root_["until"].Mark().line, until.status());
    scenario_.until = *until;
    if (auto status = ReadPipeline(); !status.ok()) return status;
    if (auto status = ReadShow(); !status.ok()) return status;
    // The text of a block begins on the line after its mark.
    const int first_line = root_["events"].Mark().line + 1;
    for (const Line& line : LogicalLines(root_["events"].Scalar())) {
      if (auto status = ReadEvent(line.text); !status.ok()) return Wrong(first_line + line.number, status);
    }
    for (const auto& part : root_["expect"]) {
      auto& lines = scenario_.expected[part.first.Scalar()];
      for (const Line& line : LogicalLines(part.second.Scalar())) {
        if (line.text != kNothing) lines.push_back(line.text);
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadPipeline() {
    YAML::Node pipeline = root_["pipeline"];
    const int line = pipeline.Mark().line;
    if (pipeline.IsScalar()) {
      auto text = ReadFile(Text(pipelines_, "/", pipeline.Scalar(), ".yaml"));
      if (!text.ok()) return Wrong(line, text.status());
      pipeline = YAML::Load(*text);
    } else {
      pipeline = YAML::Clone(pipeline);
    }
    FillIn(pipeline);
    if (root_["config"]) {
      if (auto status = Override(root_["config"], pipeline); !status.ok()) return Wrong(line, status);
    }
    const Surroundings none{[](std::string_view) { return std::nullopt; },
                            [](std::string_view) { return absl::NotFoundError("scenarios have no files"); }, nullptr};
    auto spec = LoadPipeline(YAML::Dump(pipeline), "(pipeline)", none);
    if (!spec.ok()) return Wrong(line, spec.status());
    scenario_.spec = *std::move(spec);
    return absl::OkStatus();
  }

  absl::Status ReadShow() {
    for (const auto& part : root_["show"]) {
      const std::string name = part.first.Scalar();
      const auto& sinks = scenario_.spec->sinks;
      const bool is_sink = std::any_of(sinks.begin(), sinks.end(), [&](const auto& sink) { return sink.name == name; });
      if (name == "counters") {
        scenario_.counters = Commas(part.second.Scalar());
      } else if (is_sink) {
        scenario_.show[name] = Commas(part.second.Scalar());
      } else {
        return Wrong(part.first.Mark().line, Text("show: the pipeline has no sink ", name));
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadEvent(const std::string& line);
  absl::Status ReadBody(const YAML::Node& body, const SourceSpec& source, ScenarioEvent* event) const;
  absl::Status ReadOptions(const std::vector<std::string>& words, ScenarioEvent* event) const;

  const std::string pipelines_;
  YAML::Node root_;
  Scenario scenario_;
};

// TIME SOURCE [recorded TIME] [partition N] [key KEY] [header NAME=VALUE]… {FIELDS} or "BYTES".
absl::Status Reader::ReadEvent(const std::string& line) {
  const size_t body_at = line.find_first_of("{\"");
  if (body_at == std::string::npos) return absl::InvalidArgumentError("expected {fields} or \"bytes\" at the end");
  const std::vector<std::string> words = absl::StrSplit(line.substr(0, body_at), ' ', absl::SkipWhitespace());
  if (words.size() < 3) return absl::InvalidArgumentError("expected a date, a time and a source");
  ScenarioEvent event;
  auto time = ParseMoment(Text(words[0], " ", words[1]));
  if (!time.ok()) return time.status();
  event.time = *time;
  event.source = words[2];
  const auto& sources = scenario_.spec->sources;
  const auto source =
      std::find_if(sources.begin(), sources.end(), [&](const auto& candidate) { return candidate.name == words[2]; });
  if (source == sources.end()) return absl::InvalidArgumentError(Text("the pipeline has no source ", words[2]));
  event.partition.topic = source->config.topic();
  if (auto status = ReadBody(YAML::Load(line.substr(body_at)), *source, &event); !status.ok()) return status;
  event.key = event.customer;
  event.partition.partition = -1;
  if (auto status = ReadOptions(words, &event); !status.ok()) return status;
  if (event.partition.partition < 0) event.partition.partition = PartitionOf(event.key, Scenario::kPartitions);
  if (!scenario_.events.empty() && event.time < scenario_.events.back().time) scenario_.in_order = false;
  scenario_.events.push_back(std::move(event));
  return absl::OkStatus();
}

absl::Status Reader::ReadBody(const YAML::Node& body, const SourceSpec& source, ScenarioEvent* event) const {
  v1::EventHeader header;
  if (body.IsMap()) {
    std::unique_ptr<google::protobuf::Message> message(source.prototype->New());
    const auto& reflection = *message->GetReflection();
    const auto* field = message->GetDescriptor()->FindFieldByName("header");
    header.set_event_id(Text("e", scenario_.events.size() + 1));
    header.set_event_time_ms(absl::ToUnixMillis(event->time));
    header.set_source(event->source);
    reflection.MutableMessage(message.get(), field)->CopyFrom(header);
    if (auto status = FillMessage(body, message.get()); !status.ok()) return status;
    header.CopyFrom(reflection.GetMessage(*message, field));
    event->value = EncodeMessage(*message, source.config.format());
  } else {
    event->value = body.Scalar();
  }
  // With one partition, every record is in the right one.
  EventDecoder decoder(source, 0, 1);
  RecordBatch record;
  record.Add(0, 0, "", event->value);
  event->customer = decoder.Decode(record[0]) ? header.customer_id() : decoder.customer();
  return absl::OkStatus();
}

absl::Status Reader::ReadOptions(const std::vector<std::string>& words, ScenarioEvent* event) const {
  for (size_t i = 3; i < words.size(); i += 2) {
    const bool has_value = i + 1 < words.size();
    int32_t& partition = event->partition.partition;
    if (words[i] == "key" && has_value) {
      event->key = words[i + 1];
    } else if (words[i] == "header" && has_value) {
      const Header header = absl::StrSplit(words[i + 1], absl::MaxSplits('=', 1));
      event->headers.push_back(header);
    } else if (words[i] == "partition" && has_value) {
      if (!absl::SimpleAtoi(words[i + 1], &partition) || partition < 0 || partition >= Scenario::kPartitions) {
        return absl::InvalidArgumentError(Text("partition: expected less than ", Scenario::kPartitions, ", got ",
                                               words[i + 1]));
      }
    } else if (words[i] == "recorded" && i + 2 < words.size()) {
      auto recorded = ParseMoment(Text(words[i + 1], " ", words[i + 2]));
      if (!recorded.ok()) return recorded.status();
      event->recorded_ms = absl::ToUnixMillis(*recorded);
      ++i;
    } else {
      return absl::InvalidArgumentError(
          Text("expected recorded, partition, key or header with its value, got ", words[i]));
    }
  }
  return absl::OkStatus();
}

// The lines of a difference that changed, and a few around each.
std::string OnlyAround(const std::vector<std::string>& all) {
  constexpr size_t kAround = 3;
  std::string shown;
  bool left_out = false;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto begin = all.begin() + static_cast<ptrdiff_t>(i - std::min(i, kAround));
    const auto end = all.begin() + static_cast<ptrdiff_t>(std::min(all.size(), i + kAround + 1));
    if (std::all_of(begin, end, [](const std::string& line) { return line.front() == ' '; })) {
      left_out = true;
      continue;
    }
    absl::StrAppend(&shown, std::exchange(left_out, false) ? "  …\n" : "", all[i], "\n");
  }
  return shown;
}

}  // namespace

absl::StatusOr<Scenario> LoadScenario(const std::string& path, const std::string& pipelines) {
  return Reader(path, pipelines).Read();
}

std::string PrintExpectation(const ScenarioLines& lines) {
  std::string text = "expect:\n";
  for (const auto& [name, of_name] : lines) {
    absl::StrAppend(&text, "  ", name, ":", of_name.empty() ? Text(" ", kNothing) : " |", "\n");
    for (const std::string& line : of_name) absl::StrAppend(&text, "    ", line, "\n");
  }
  return text;
}

absl::Status UpdateScenario(const std::string& path, const ScenarioLines& lines) {
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  if (const size_t at = Text("\n", *text).find("\nexpect:"); at != std::string::npos) text->resize(at);
  std::ofstream file(path);
  file << *text << (absl::EndsWith(*text, "\n") ? "" : "\n") << PrintExpectation(lines);
  return file.flush() ? absl::OkStatus() : absl::UnavailableError(Text(path, ": cannot be written"));
}

std::string LineDiff(const std::string& expected, const std::string& actual) {
  if (expected == actual) return "";
  const std::vector<std::string> a = absl::StrSplit(expected, '\n');
  const std::vector<std::string> b = absl::StrSplit(actual, '\n');
  // common[i][j]: how many lines a[i..] and b[j..] have in common, in order.
  std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = a.size(); i-- > 0;) {
    for (size_t j = b.size(); j-- > 0;) {
      common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    }
  }
  std::vector<std::string> all;
  size_t i = 0, j = 0;
  while (i < a.size() || j < b.size()) {
    if (i < a.size() && j < b.size() && a[i] == b[j]) {
      all.push_back("  " + a[i++]);
      ++j;
    } else if (j == b.size() || (i < a.size() && common[i + 1][j] >= common[i][j + 1])) {
      all.push_back("- " + a[i++]);
    } else {
      all.push_back("+ " + b[j++]);
    }
  }
  return OnlyAround(all);
}

}  // namespace ebb::testing
