#include "engine/cli/demo_stage.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "absl/strings/str_format.h"
#include "engine/cli/command.h"
#include "engine/cli/retail_pipeline.h"
#include "engine/kafka/topics.h"
#include "engine/time/clock.h"
#include "state/text.h"

namespace ebb {
namespace {

// For so long a wish to stop may have to wait.
constexpr absl::Duration kSlice = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::unique_ptr<DemoStage>> DemoStage::Build(const std::string& bootstrap, absl::Time emit_from) {
  std::unique_ptr<DemoStage> stage(new DemoStage);
  absl::Status status = stage->OpenBroker(bootstrap);
  if (status.ok()) status = stage->MakeDirectory();
  if (status.ok()) status = stage->LoadRetailPipeline(emit_from);
  if (!status.ok()) return status;
  return stage;
}

DemoStage::~DemoStage() {
  std::error_code ignored;
  if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
}

absl::Status DemoStage::OpenBroker(const std::string& bootstrap) {
  if (!bootstrap.empty()) {
    // Another run's topics and offsets are not this one's.
    application_ = absl::StrFormat("ebb-demo-%08x", std::random_device()());
    bootstrap_ = bootstrap;
    return absl::OkStatus();
  }
  auto mock = MockCluster::Start();
  if (!mock.ok()) return mock.status();
  mock_ = *std::move(mock);
  bootstrap_ = mock_->bootstrap_servers();
  return absl::OkStatus();
}

absl::Status DemoStage::MakeDirectory() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string path = (parent / "ebb-demo-XXXXXX").string();
  if (error || mkdtemp(path.data()) == nullptr) {
    return absl::UnavailableError(
        Text("cannot make a directory for state in ", error ? "what TMPDIR names" : parent.string(),
             "; set TMPDIR to a directory that can be written to"));
  }
  directory_ = path;
  return absl::OkStatus();
}

absl::Status DemoStage::LoadRetailPipeline(absl::Time emit_from) {
  const std::map<std::string, std::string, std::less<>> variables = {
      {"KAFKA_BOOTSTRAP", bootstrap_},
      {"EBB_APPLICATION", application_},
      {"EBB_STATE_DIR", directory_},
      {"EBB_ADMIN_LISTEN", "127.0.0.1:0"},
      {"EBB_TIME_IDLE", "hold"},  // The shop's time is not the clock's.
  };
  Surroundings surroundings = Surroundings::OfProcess();
  surroundings.variable = [&](std::string_view name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional(it->second);
  };
  auto loaded = LoadPipeline(kRetailPipeline, "retail.yaml", surroundings);
  if (!loaded.ok()) return loaded.status();
  auto spec = std::make_shared<PipelineSpec>(**loaded);
  spec->config.mutable_time()->set_emit_from(absl::ToUnixMillis(emit_from));
  const std::string prefix = embedded() ? "" : application_ + ".";
  for (SourceSpec& source : spec->sources) source.config.set_topic(prefix + source.config.topic());
  for (SinkSpec& sink : spec->sinks) {
    sink.config.set_topic(prefix + sink.config.topic());
    sink.config.set_format("json");  // For people who look into the topics.
  }
  spec->config.mutable_dead_letters()->set_topic(prefix + spec->config.dead_letters().topic());
  spec_ = std::move(spec);
  connection_ = ConnectionOf(*spec_);
  return absl::OkStatus();
}

absl::Status DemoStage::CreateTopics() {
  std::vector<std::string> topics;
  for (const SourceSpec& source : spec_->sources) topics.push_back(source.config.topic());
  if (!embedded()) {
    for (const std::string& topic : topics) {
      if (auto status = CreateTopic(topic); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  // The mock creates none by request, so those that KafkaProcess would create are made here.
  for (const SinkSpec& sink : spec_->sinks) topics.push_back(sink.config.topic());
  topics.push_back(spec_->config.dead_letters().topic());
  topics.push_back(application_ + ".changelog");
  for (const std::string& topic : topics) {
    if (auto status = mock_->CreateTopic(topic, kPartitions); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status DemoStage::CreateTopic(const std::string& topic) const {
  const SystemClock clock;
  const absl::Duration give_up = clock.Elapsed() + kPatience;
  while (true) {
    const absl::Status status = EnsureTopic(connection_, {topic, kPartitions, -1, {}}, kSlice);
    const bool away = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!status.ok() && !away) {
      return absl::Status(status.code(), Text("cannot create topic ", topic, ": ", status.message()));
    }
    if (status.ok()) return status;
    if (StopRequested()) return absl::CancelledError("told to stop while it waited for Kafka");
    if (clock.Elapsed() > give_up) {
      return absl::UnavailableError(
          Text("no Kafka answers at ", bootstrap_, "; is it running, and is the address right?"));
    }
  }
}

}  // namespace ebb
