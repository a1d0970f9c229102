// What an event costs a task from the record to the closed epoch, with one operator after another.

#include <memory>
#include <string>

#include "benchmark/benchmark.h"
#include "benchmarks/micro/events.h"
#include "engine/log/memory_log.h"
#include "engine/runtime/task.h"
#include "state/memory_store.h"

namespace ebb::bench {
namespace {

constexpr uint64_t kEvents = 20'000;
constexpr uint64_t kCustomers = 1000;
constexpr size_t kSlice = 2000;  // Records between two looks at whether the epoch is full.

constexpr char kSources[] = R"(
application: micro
time: {idle: hold}
sources:
  purchases: {topic: purchases, type: ebb.v1.Purchase, max_ahead: 876000h}
  browses: {topic: browses, type: ebb.v1.Browse, max_ahead: 876000h}
  supports: {topic: supports, type: ebb.v1.Support, max_ahead: 876000h}
dead_letters: {topic: dead-letters}
)";

constexpr char kIntake[] = R"(
operators:
  - {id: intake, type: intake, inputs: [purchases, browses, supports]}
sinks:
  purchases: {topic: taken, type: ebb.v1.Purchase, inputs: [intake]}
)";

constexpr char kProfile[] = R"(
operators:
  - {id: profile, type: customer-profile, inputs: [purchases, browses, supports]}
sinks:
  features: {topic: features, type: ebb.v1.CustomerFeatures, inputs: [profile]}
)";

constexpr char kChurn[] = R"(
operators:
  - {id: profile, type: customer-profile, inputs: [purchases, browses, supports]}
  - {id: churn, type: churn, inputs: [purchases], config: {population: grocer, horizon: 28d}}
sinks:
  alerts: {topic: alerts, type: ebb.v1.ChurnAlert, inputs: [churn]}
)";

constexpr char kTrigger[] = R"(
operators:
  - {id: profile, type: customer-profile, inputs: [purchases, browses, supports]}
  - id: cart
    type: trigger
    inputs: [purchases, browses, supports]
    config: {name: cart, on: cart-added, wait: 1h, unless: [{on: purchased}], cooldown: 1d, expires_after: 24h,
             channels: [app], priority: 30, rule_version: "1"}
  - {id: policy, type: contact-policy, inputs: [purchases, cart]}
sinks:
  triggers: {topic: triggers, type: ebb.v1.MarketingTrigger, inputs: [policy]}
)";

std::shared_ptr<const PipelineSpec> Load(const std::string& rest) {
  const Surroundings none{[](std::string_view) { return std::nullopt; },
                          [](std::string_view) { return absl::NotFoundError("no files"); }, nullptr};
  auto spec = LoadPipeline(kSources + rest, "micro.yaml", none);
  if (spec.ok()) return *std::move(spec);
  std::fprintf(stderr, "%s\n", std::string(spec.status().message()).c_str());
  std::abort();
}

// 60% browses, 35% purchases, 5% support.
void Fill(MemoryBroker* broker) {
  for (const char* topic : {"purchases", "browses", "supports"}) broker->CreateTopic(topic, 1);
  const auto append = [&](const char* topic, const auto& event) {
    const auto& header = event.header();
    if (!broker->Append({topic, 0}, header.customer_id(), event.SerializeAsString(), header.event_time_ms()).ok()) {
      std::abort();
    }
  };
  for (uint64_t i = 0; i < kEvents; ++i) {
    const uint64_t percent = i * 37 % 100;
    if (percent < 60) {
      append("browses", MakeBrowse(i, kCustomers));
    } else if (percent < 95) {
      append("purchases", MakePurchase(i, kCustomers));
    } else {
      append("supports", MakeSupport(i, kCustomers));
    }
  }
}

void Check(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

// A task from its first event to its last. Returns how many it handled.
size_t Process(Task* task) {
  const absl::Time wall = absl::FromUnixMillis(kFirstEventMs);
  const Task::Budget plenty{std::numeric_limits<uint64_t>::max() / 2, false};
  size_t handled = 0;
  for (size_t step = 1; step > 0; handled += step) {
    auto processed = task->Process(kSlice, wall, absl::ZeroDuration());
    Check(processed.status());
    step = *processed;
    if (!task->epoch_full() && step > 0) continue;
    Check(task->Close(plenty, wall));
    while (task->NextToLeave() != nullptr) task->Left();
    Check(task->Committed(-1, wall));
  }
  return handled;
}

void RunTask(benchmark::State& state, const char* pipeline) {
  const auto spec = Load(pipeline);
  MemoryBroker broker;
  Fill(&broker);
  size_t handled = 0;
  for (auto _ : state) {
    state.PauseTiming();
    MemoryStores stores;
    MemoryInput input(&broker);
    auto task = *Task::Create(spec, TaskOptions(), *stores.Open(0));
    Check(task->Adopt("micro"));
    Check(task->StartSources(&input, std::vector<int64_t>(spec->sources.size(), 0)));
    state.ResumeTiming();
    handled += Process(task.get());
    state.PauseTiming();
    task.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(handled));
}

BENCHMARK_CAPTURE(RunTask, intake, kIntake);
BENCHMARK_CAPTURE(RunTask, profile, kProfile);
BENCHMARK_CAPTURE(RunTask, profile_and_churn, kChurn);
BENCHMARK_CAPTURE(RunTask, trigger_and_policy, kTrigger);

}  // namespace
}  // namespace ebb::bench
