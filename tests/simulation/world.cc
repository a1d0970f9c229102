#include "tests/simulation/world.h"

#include <algorithm>

#include "engine/runtime/epoch_record.h"
#include "state/text.h"

namespace ebb::simulation {
namespace {

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kEmitFromMs = 2000;  // After the start, as is
constexpr int64_t kUntilMs = 4000;     // the end of bounded runs.
constexpr char kApplication[] = "sim";
constexpr char kChangelog[] = "sim.changelog";
constexpr int kStepsToEnd = 60'000;
constexpr int kStepsToNotice = 200;

std::string Pipeline(const Profile& profile) {
  std::string time = Text("{idle: ", profile.idle_wall_clock ? "wall_clock" : "hold",
                          ", max_wait: ", profile.max_wait_ms, "ms");
  if (profile.emit_from) {
    const absl::Time from = absl::FromUnixMillis(kStartMs + kEmitFromMs);
    time += Text(", emit_from: \"", absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", from, absl::UTCTimeZone()), "\"");
  }
  return Text("application: ", kApplication, R"(
sources:
  a: {topic: first, type: ebb.simulation.Event, lateness: )",
              profile.lateness_ms, "ms, late: ", profile.late_a, R"(}
  b: {topic: second, type: ebb.simulation.Event, lateness: )",
              profile.lateness_ms / 2, "ms, late: ", profile.late_b, R"(}
operators:
  - {id: op, type: simulated, inputs: [a, b]}
sinks:
  told: {topic: told, type: ebb.simulation.Told, inputs: [op]}
dead_letters: {topic: dead}
control: {topic: control}
time: )",
              time, "}\n");
}

}  // namespace

World::World(const Options& options, Profile profile, bool former_life)
    : options_(options),
      profile_(std::move(profile)),
      former_life_(former_life),
      chance_(options.seed * 0x2545f4914f6cdd1d + (former_life ? 1 : 0)),
      trace_(options.print && !former_life),
      clock_(absl::FromUnixMillis(kStartMs)),
      faults_(&profile_, &chance_, &situations_, &trace_) {
  Surroundings none{[](std::string_view) { return std::nullopt; },
                    [](std::string_view) { return absl::NotFoundError("no files"); }, nullptr};
  auto spec = LoadPipeline(Pipeline(profile_), "simulation.yaml", none);
  if (!spec.ok()) {
    std::fprintf(stderr, "%s\n", spec.status().ToString().c_str());
    std::abort();
  }
  spec_ = *spec;
  rules_.topics = {"first", "second"};
  rules_.lateness_ms = {profile_.lateness_ms, profile_.lateness_ms / 2};
  rules_.late = {profile_.late_a, profile_.late_b};
  rules_.idle_wall_clock = profile_.idle_wall_clock;
  if (profile_.emit_from) rules_.emit_from_ms = kStartMs + kEmitFromMs;
  if (profile_.until) rules_.until_ms = kStartMs + kUntilMs;
  for (const char* topic : {"first", "second", "told", "dead"}) broker_.CreateTopic(topic, profile_.partitions);
  broker_.CreateTopic(kChangelog, profile_.partitions, {{"cleanup.policy", "compact"}});
  broker_.CreateTopic("control", 1, {{"cleanup.policy", "compact"}});
  broker_.set_now_ms(kStartMs);
  broker_.set_oracle([this](MemoryBroker::Step step, std::string_view who) { return faults_.Decide(step, who); });
  upstream_ = std::make_unique<Upstream>(&profile_, &rules_.topics, &broker_, &chance_, &situations_);
  publisher_ = std::make_unique<Publisher>("control", &broker_, &chance_, &situations_);
  rules_.publisher = publisher_.get();
  Referee::Topics topics{kApplication, kChangelog, "told", "dead", profile_.partitions};
  referee_ = std::make_unique<Referee>(&broker_, std::move(topics), &rules_, upstream_.get(), publisher_.get(),
                                       &situations_, &trace_);
  const char* const names[] = {"a", "b", "c"};
  for (int i = 0; i < profile_.processes; ++i) {
    Machine& machine = machines_.emplace_back();
    machine.instance = names[i];
    machine.disk = NewDisk();
  }
}

World::Outcome World::Run(const Options& options) {
  Profile profile = ProfileOf(options.seed);
  if (options.rocksdb) profile.steps = std::min(profile.steps, 600);
  World world(options, profile, false);
  world.Live();
  world.End();
  Outcome outcome;
  outcome.violation = world.referee_->violation();
  outcome.theme = profile.theme;
  outcome.digest = world.trace_.digest();
  outcome.trace.assign(world.trace_.tail().begin(), world.trace_.tail().end());
  outcome.situations = world.situations_;
  for (int32_t p = 0; p < profile.partitions; ++p) outcome.commits += world.referee_->epoch(p);
  outcome.steps = world.steps_;
  return outcome;
}

void World::Live() {
  for (size_t i = 0; i < machines_.size(); ++i) Start(i);
  for (int step = 0; step < profile_.steps && referee_->violation().empty(); ++step) StepOnce();
}

void World::StepOnce() {
  ++steps_;
  Advance();
  if (chance_.PerMille(profile_.input)) upstream_->Send(now_ms());
  if (chance_.PerMille(profile_.upstream)) upstream_->Transact(now_ms());
  (void)StepSomeone();
  broker_.WriteMarkers();
  Chaos();
  referee_->Observe();
}

void World::Advance() {
  int64_t by_ms = chance_.Between(0, profile_.tick_ms);
  if (chance_.PerMille(profile_.leap)) by_ms += chance_.Between(100, 6000);
  if (chance_.PerMillion(profile_.long_leap)) by_ms += 30LL * 3'600'000;
  clock_.Advance(absl::Milliseconds(by_ms));
  broker_.set_now_ms(now_ms());
  trace_.set_now_ms(now_ms() - kStartMs);
  while (!events_.empty() && events_.begin()->first <= now_ms()) {
    auto happens = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    happens();
  }
}

bool World::StepSomeone() {
  std::vector<std::pair<size_t, size_t>> able;
  for (size_t i = 0; i < machines_.size(); ++i) {
    const Machine& machine = machines_[i];
    if (machine.node == nullptr || machine.frozen) continue;
    for (size_t part = 0; part <= machine.node->workers(); ++part) able.emplace_back(i, part);
    // Workers are where things happen.
    for (size_t part = 1; part <= machine.node->workers(); ++part) able.emplace_back(i, part);
  }
  if (able.empty()) return false;
  const auto [machine, part] = able[static_cast<size_t>(chance_.Below(static_cast<int64_t>(able.size())))];
  return StepMachine(machine, part);
}

bool World::StepMachine(size_t index, size_t part) {
  Machine& machine = machines_[index];
  absl::Status status;
  if (part == 0) {
    machine.watcher->BeforeGroup();
    const uint64_t revocations = machine.node->engine().standing().revocations;
    status = machine.node->StepGroup();
    machine.watcher->AfterGroup();
    if (machine.stopping && machine.node->engine().standing().revocations > revocations) {
      situations_.Met("rebalance during a clean stop");
    }
    const uint64_t assignments = machine.node->engine().standing().rebalances;
    if (std::exchange(machine.assignments, assignments) != assignments) machine.outdated = false;
  } else {
    machine.watcher->BeforeWorker(part - 1);
    const uint64_t commits = machine.node->worker(part - 1).figures().commits;
    status = machine.node->StepWorker(part - 1);
    if (machine.outdated && machine.node->worker(part - 1).figures().commits > commits) {
      situations_.Met("zombie's commit that held");
    }
    for (const WorkerNote& note : machine.node->notes()) {
      trace_.Line(machine.instance, "/", part - 1, " ", note.text);
      hindered_ |= leaving_ && note.text.starts_with("fenced: ");
    }
    // What has been committed in this step is to be known before it is looked for in stores.
    referee_->Observe();
    machine.watcher->AfterWorker(part - 1, now_ms());
  }
  if (!status.ok()) {
    trace_.Line(machine.instance, " ends: ", status.message());
    if (!MayDie(machine, status)) referee_->Violated(Text("a process ended: ", status.message()));
    Crash(index, true);
    return true;
  }
  if (machine.stopping && machine.node->engine().standing().stopped) {
    trace_.Line(machine.instance, " has stopped");
    situations_.Met("clean stop");
    Crash(index, true);
  }
  return true;
}

void World::Chaos() {
  const auto index = static_cast<size_t>(chance_.Below(static_cast<int64_t>(machines_.size())));
  Machine& machine = machines_[index];
  const bool runs = machine.node != nullptr && !machine.frozen && !machine.zombie;
  if (runs && chance_.PerMillion(profile_.crash)) return Crash(index, true);
  if (runs && chance_.PerMillion(profile_.freeze)) return Freeze(index);
  if (runs && chance_.PerMillion(profile_.stop)) return Stop(index);
  if (runs && chance_.PerMillion(profile_.expire)) return Expire(index);
  if (runs && chance_.PerMillion(profile_.time_out)) return TimeOut(machine);
  if (runs && chance_.PerMillion(profile_.disk_fault)) {
    trace_.Line("the disk of ", machine.instance, " will fail");
    situations_.Met("disk fault");
    machine.disk->FailAfter(chance_.Between(1, 60));
    return;
  }
  ChaosOfTopics();
}

void World::ChaosOfTopics() {
  const auto partition = static_cast<int32_t>(chance_.Below(profile_.partitions));
  const auto source = static_cast<size_t>(chance_.Below(2));
  if (chance_.PerMille(profile_.silent)) {
    faults_.Silence(ToString({rules_.topics[source], partition}), chance_.Between(1, 200));
  }
  if (chance_.PerMillion(profile_.publish)) publisher_->Publish(now_ms());
  if (chance_.PerMillion(profile_.compact)) {
    const TopicPartition changelog{kChangelog, partition};
    referee_->Observe();
    MemoryBroker::Compaction limits;
    limits.tombstones_before_ms = now_ms() - 2 * profile_.max_store_age_ms;
    const MemoryBroker::Compacted gone = broker_.Compact(changelog, limits);
    trace_.Line("compaction of ", ToString(changelog), ": ", gone.records, " records and ", gone.tombstones,
                " tombstones");
    if (gone.tombstones > 0) situations_.Met("tombstones dropped from the changelog");
    if (gone.records > 0) situations_.Met("changelog compacted");
    if (gone.records > 0 && referee_->epoch(partition) > kEpochRing) situations_.Met("epoch records compacted");
  }
  if (!chance_.PerMillion(profile_.trim)) return;
  // Segments are not cut at the edge of what is needed, but never beyond it.
  const TopicPartition topic{rules_.topics[source], partition};
  const int64_t begin = broker_.WrittenBounds(topic)->begin;
  const int64_t unneeded = referee_->Unneeded(partition, source);
  if (profile_.compaction_lag_ms > 0 && source == 0) {
    const auto gone = broker_.Compact(topic, {INT64_MIN, now_ms() - profile_.compaction_lag_ms, unneeded});
    if (gone.records > 0) situations_.Met("source compacted");
    return;
  }
  const int64_t to = begin + chance_.Between(1, 6);
  if (to > unneeded) return;
  broker_.Trim(topic, to);
  trace_.Line(ToString(topic), " begins at ", to);
  situations_.Met("source trimmed");
}

bool World::Finished() {
  bool any = false;
  for (const Machine& machine : machines_) {
    if (machine.node == nullptr) continue;
    if (machine.stopping) return false;
    any = true;
    if (!machine.node->engine().standing().finished) return false;
    for (size_t w = 0; w < machine.node->workers(); ++w) {
      if (!machine.node->worker(w).Finished()) return false;
    }
  }
  return any && referee_->settled();
}

// Faults end, everybody who is left comes to the end of the input; then they stop.
void World::End() {
  if (!referee_->violation().empty()) return;
  trace_.Line("faults end");
  ending_ = true;
  faults_.Quiet();
  upstream_->Finish();
  for (size_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i].zombie && machines_[i].node != nullptr) Crash(i, false);
    machines_[i].frozen = false;
    machines_[i].disk->Mend();
    faults_.set_deaf(machines_[i].instance, false);
  }
  const auto step_until = [&](auto done, const char* what) {
    for (int step = 0; step < kStepsToEnd && referee_->violation().empty(); ++step) {
      if (done()) return;
      ++steps_;
      Advance();
      clock_.Advance(absl::Milliseconds(step > 1000 ? 20 : 1));
      (void)StepSomeone();
      broker_.WriteMarkers();
      referee_->Observe();
    }
    if (!done()) referee_->Violated(Text("without any fault it does not come to ", what));
  };
  // What a process takes for the end may be from before the last record: it must hold for a while.
  int64_t unfinished = steps_;
  step_until(
      [&] {
        if (!events_.empty() || !Finished() || !referee_->Outstanding(now_ms()).empty()) unfinished = steps_;
        return steps_ - unfinished >= kStepsToNotice;
      },
      "the end of its input");
  if (!referee_->violation().empty()) return;
  referee_->CheckEnd(false, now_ms());
  for (Machine& machine : machines_) {
    for (size_t w = 0; machine.node != nullptr && w < machine.node->workers(); ++w) {
      for (const auto& [partition, slot] : machine.node->worker(w).slots()) referee_->CheckLive(slot.task.get(), true);
    }
  }
  leaving_ = true;
  for (size_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i].node != nullptr) {
      machines_[i].stopping = true;
      machines_[i].node->engine().Stop(true);
    }
  }
  const auto gone = [](const Machine& machine) { return machine.node == nullptr; };
  step_until([&] { return std::all_of(machines_.begin(), machines_.end(), gone); }, "a clean stop");
  referee_->Observe();
  if (referee_->violation().empty()) referee_->CheckEnd(!hindered_, now_ms());
}

}  // namespace ebb::simulation
