#include "engine/cli/training.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_split.h"
#include "ebb/v1/training_row.pb.h"
#include "engine/cli/command.h"
#include "engine/time/duration.h"
#include "state/text.h"

namespace ebb {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr char kProfile[] = "customer-profile";
constexpr char kRows[] = "training-rows";

// An operator and all that it takes or reads from, by id.
std::set<std::string> Upstream(const PipelineSpec& spec, const OperatorSpec& last) {
  std::set<std::string> needed = {last.id};
  // Each stands after all that it depends on.
  for (auto op = spec.operators.rbegin(); op != spec.operators.rend(); ++op) {
    if (!needed.contains(op->id)) continue;
    needed.insert(op->inputs.begin(), op->inputs.end());
    needed.insert(op->reads.begin(), op->reads.end());
  }
  return needed;
}

std::shared_ptr<const Message> ConfigOfRows(const OperatorBase& rows, const std::vector<absl::Time>& cutoffs,
                                            absl::Duration horizon) {
  std::shared_ptr<Message> config(rows.config_prototype().New());
  const Reflection* const reflection = config->GetReflection();
  const FieldDescriptor* const moments = config->GetDescriptor()->FindFieldByName("cutoffs");
  for (absl::Time cutoff : cutoffs) reflection->AddInt64(config.get(), moments, absl::ToUnixMillis(cutoff));
  Message* const length = reflection->MutableMessage(config.get(), config->GetDescriptor()->FindFieldByName("horizon"));
  static_cast<google::protobuf::Duration*>(length)->set_seconds(absl::ToInt64Seconds(horizon));
  return config;
}

std::string Escaped(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string escaped = "\"";
  for (char c : text) escaped += c == '"' ? std::string("\"\"") : std::string(1, c);
  return escaped + "\"";
}

std::string Shortest(double number) {
  char digits[32];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  return std::string(digits, end);
}

std::string Cell(const Message& message, const FieldDescriptor* field) {
  const Reflection* const reflection = message.GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_DOUBLE: return Shortest(reflection->GetDouble(message, field));
    case FieldDescriptor::CPPTYPE_INT64: return Text(reflection->GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_BOOL: return reflection->GetBool(message, field) ? "1" : "0";
    default: return Escaped(reflection->GetString(message, field));
  }
}

// Visits the fields of a message and, where one is a message, of that in its place.
template <class Visit>
void VisitColumns(const Message& message, Visit visit) {
  const Descriptor* const type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* const field = type->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      VisitColumns(message.GetReflection()->GetMessage(message, field), visit);
    } else {
      visit(message, field);
    }
  }
}

template <class Render>
std::string Line(const v1::TrainingRow& row, Render render) {
  std::string line;
  VisitColumns(row, [&](const Message& message, const FieldDescriptor* field) {
    line += Text(line.empty() ? "" : ",", render(message, field));
  });
  return line + "\n";
}

}  // namespace

absl::StatusOr<std::vector<absl::Time>> ParseCutoffs(const std::string& text) {
  std::vector<absl::Time> cutoffs;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ','))) {
    auto cutoff = ParseMoment(part);
    if (!cutoff.ok()) return absl::InvalidArgumentError(Text("--features-at: ", cutoff.status().message()));
    cutoffs.push_back(*cutoff);
  }
  std::sort(cutoffs.begin(), cutoffs.end());
  cutoffs.erase(std::unique(cutoffs.begin(), cutoffs.end()), cutoffs.end());
  return cutoffs;
}

absl::StatusOr<std::shared_ptr<const PipelineSpec>> ForTraining(const PipelineSpec& spec,
                                                                const std::vector<absl::Time>& cutoffs,
                                                                absl::Duration horizon) {
  const auto is_profile = [](const OperatorSpec& op) { return op.type == kProfile; };
  const auto profile = std::find_if(spec.operators.begin(), spec.operators.end(), is_profile);
  const auto profiles = std::count_if(spec.operators.begin(), spec.operators.end(), is_profile);
  if (profiles != 1) {
    return absl::InvalidArgumentError(Text("--features-at: expected a pipeline with one operator of type ", kProfile,
                                           ", which knows what a model may know; got ", profiles));
  }
  const std::unique_ptr<OperatorBase> rows = OperatorRegistry::Get().Create(kRows);
  if (rows == nullptr) return absl::InternalError(Text("this program has no operator of type ", kRows));

  auto changed = std::make_shared<PipelineSpec>(spec);
  const std::set<std::string> needed = Upstream(spec, *profile);
  std::erase_if(changed->operators, [&](const OperatorSpec& op) { return !needed.contains(op.id); });
  changed->operators.push_back({kRows, kRows, profile->inputs, {profile->id}, ConfigOfRows(*rows, cutoffs, horizon)});
  for (SourceSpec& source : changed->sources) {
    source.config.clear_lateness();
    source.config.set_late("process");
  }
  SinkSpec sink;
  sink.name = kTrainingTopic;
  sink.config.set_topic(kTrainingTopic);
  sink.config.set_type(v1::TrainingRow::descriptor()->full_name());
  sink.config.set_format("protobuf");
  sink.config.add_inputs(kRows);
  sink.prototype = &v1::TrainingRow::default_instance();
  changed->sinks = {sink};
  return changed;
}

FileTable TrainingTable() {
  FileTable table;
  table.file = Text(kTrainingTopic, ".csv");
  table.head = Line(v1::TrainingRow::default_instance(),
                    [](const Message&, const FieldDescriptor* field) { return field->name(); });
  table.row = [](std::string_view value) {
    v1::TrainingRow row;
    row.ParseFromArray(value.data(), static_cast<int>(value.size()));
    return Line(row, Cell);
  };
  return table;
}

}  // namespace ebb
