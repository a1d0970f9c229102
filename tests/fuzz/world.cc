#include "tests/fuzz/world.h"

#include <map>

#include "engine/codec/event_decoder.h"
#include "google/protobuf/text_format.h"

namespace ebb::fuzzing {
namespace {

constexpr int kMostSteps = 5000;

// A sound event of each type, but for its header.
const std::map<std::string, std::string>& SoundEvents() {
  static const auto* const events = new std::map<std::string, std::string>{
      {"ebb.v1.Browse", "action: ADD_TO_CART sku: 'tea' category: 'drinks' price_minor: 450 currency: 'EUR'"},
      {"ebb.v1.Engagement", "kind: CLICKED campaign: 'spring'"},
      {"ebb.v1.Member", "consent { purpose: PURPOSE_MARKETING channel: CHANNEL_EMAIL granted: true }"},
      {"ebb.v1.Purchase",
       "kind: ORDER order_id: 'order' currency: 'EUR'"
       " lines { sku: 'tea' category: 'drinks' quantity_milli: 2000 price_minor: 900 }"},
      {"ebb.v1.Support", "kind: OPENED ticket_id: 'ticket' complaint: true"},
  };
  return *events;
}

class Running {
 public:
  Running(World& world, const RunOptions& run) : clock_(absl::FromUnixMillis(kStartMs + 86'400'000)) {
    stores_.rows(0) = world.rows;
    testing::ProcessOptions options;
    options.worker.accept_loss = run.accept_loss;
    options.worker.task.accept_divergence = run.accept_divergence;
    options.worker.commit_interval = absl::Milliseconds(5);
    options.worker.commit_delay = absl::Milliseconds(1);
    // Nothing is written before it must.
    options.worker.recovery_budget = absl::Hours(1);
    process_ = std::make_unique<testing::SimulatedProcess>(world.spec, &world.broker, &stores_, &clock_, options);
    Require(process_->engine().Start().ok(), "all topics exist");
  }

  template <class Done>
  absl::Status StepUntil(Done done) {
    for (int step = 0; step < kMostSteps; ++step) {
      if (auto status = process_->Step(); !status.ok()) return status;
      if (done()) return absl::OkStatus();
      clock_.Advance(absl::Milliseconds(1));
    }
    Require(false, "a process comes to an end");
    return absl::OkStatus();
  }
  absl::Status Finish() {
    return StepUntil([this] { return process_->standing().finished && process_->worker().Finished(); });
  }
  absl::Status Stop() {
    process_->engine().Stop(true);
    return StepUntil([this] { return process_->standing().stopped; });
  }
  MemoryStores::Rows& rows() { return stores_.rows(0); }

 private:
  MemoryStores stores_;
  ManualClock clock_;
  std::unique_ptr<testing::SimulatedProcess> process_;
};

}  // namespace

void World::Send(size_t source, int64_t number, const std::string& customer, std::string_view more) {
  const SourceSpec& of = spec->sources[source];
  const std::unique_ptr<google::protobuf::Message> event(of.prototype->New());
  const auto* field = of.prototype->GetDescriptor()->FindFieldByName("header");
  const bool sound = google::protobuf::TextFormat::ParseFromString(SoundEvents().at(of.config.type()), event.get());
  Require(sound, "a sound event is one of its type", of.config.type());
  // Bytes that are no message set what comes before they go wrong.
  (void)event->MergeFromString(std::string(more));
  auto& header = static_cast<v1::EventHeader&>(*event->GetReflection()->MutableMessage(event.get(), field));
  header.set_customer_id(customer);
  header.set_event_id(Text("event-", number));
  header.set_event_time_ms(kStartMs + number * 60'000);
  header.set_source("shop");
  const auto sent = broker.Append(Source(source), customer, EncodeMessage(*event, of.config.format()));
  Require(sent.ok(), "the source's topic exists");
}

World MakeWorld(std::string_view yaml, int events, bool stopped) {
  auto spec = LoadPipeline(yaml, "fuzz.yaml", NoSurroundings());
  Require(spec.ok(), "the pipeline is sound", Text(spec.status().message()));
  World world;
  world.spec = *spec;
  for (const SourceSpec& source : world.spec->sources) world.broker.CreateTopic(source.config.topic(), 1);
  for (const SinkSpec& sink : world.spec->sinks) world.broker.CreateTopic(sink.config.topic(), 1);
  world.broker.CreateTopic(world.spec->config.dead_letters().topic(), 1);
  world.broker.CreateTopic(world.Changelog().topic, 1, {{"cleanup.policy", "compact"}});
  Running running(world, {});
  for (int i = 0; i < events; ++i) {
    world.Send(static_cast<size_t>(i) % world.spec->sources.size(), i, Text("customer-", i % 3));
    // An epoch each.
    Require(running.Finish().ok(), "sound events are processed");
  }
  Require(world.broker.Committed({world.spec->config.dead_letters().topic(), 0}).empty(), "and none is refused");
  if (stopped) Require(running.Stop().ok(), "a process stops");
  (void)world.broker.Compact(world.Changelog());
  world.rows = running.rows();
  return world;
}

absl::Status RunIn(World& world, const RunOptions& options) {
  world.broker.ExpireMember(world.spec->config.application(), testing::ProcessOptions().instance);
  Running running(world, options);
  if (auto status = running.Finish(); !status.ok()) return status;
  return running.Stop();
}

std::string LastOf(const World& world, std::string_view key) {
  std::string last;
  for (const MemoryBroker::Record& record : world.broker.Committed(world.Changelog())) {
    if (record.key == key) last = record.value.value_or("");
  }
  return last;
}

}  // namespace ebb::fuzzing
