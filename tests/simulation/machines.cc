// The lives of processes and what befalls their disks.

#include <algorithm>
#include <filesystem>

#include "state/text.h"
#include "tests/simulation/world.h"

namespace ebb::simulation {
namespace {

constexpr double kRecordsASecond = Worker::kAssumedRedoRate;

}  // namespace

std::unique_ptr<Disk> World::NewDisk() {
  std::string directory;
  if (options_.rocksdb && !former_life_) {
    directory = std::filesystem::temp_directory_path() /
                Text("ebb-simulation-", ::getpid(), "-", options_.seed, "-", disks_++);
  }
  return std::make_unique<Disk>(profile_.partitions, directory, [this](int32_t partition, const WriteBatch& batch) {
    referee_->OnApply(partition, batch);
  });
}

void World::After(int64_t ms, std::function<void()> happens) { events_.emplace(now_ms() + ms, std::move(happens)); }

void World::Start(size_t index) {
  Machine& machine = machines_[index];
  if (machine.node != nullptr || machine.zombie) return;
  const bool empty = machine.disk->Empty();
  machine.disk->PowerOn();
  Node::Options options;
  options.instance = machine.instance;
  options.workers = profile_.workers;
  options.partitions = profile_.partitions;
  WorkerOptions& worker = options.worker;
  worker.task.changelog_topic = "sim.changelog";
  worker.task.owner = machine.instance;
  worker.task.cache_bytes = profile_.cache_bytes;
  worker.task.pinned_bytes = profile_.pinned_bytes;
  worker.task.outbox_bytes = profile_.outbox_bytes;
  worker.task.buffer_bytes = profile_.buffer_bytes;
  worker.task.epoch_records = profile_.epoch_records;
  worker.task.swept_customers = profile_.swept_customers;
  if (profile_.compaction_lag_ms > 0) {
    worker.task.compaction_lags = {absl::Milliseconds(profile_.compaction_lag_ms), absl::InfiniteDuration()};
  }
  worker.recovery_budget = absl::Seconds(static_cast<double>(profile_.budget_records) / kRecordsASecond);
  worker.commit_interval = absl::Milliseconds(profile_.commit_interval_ms);
  worker.commit_delay = absl::Milliseconds(profile_.commit_delay_ms);
  worker.max_store_age = absl::Milliseconds(profile_.max_store_age_ms);
  worker.uuid_seed = chance_.Next();
  if (profile_.until) worker.until = absl::FromUnixMillis(rules_.until_ms);
  trace_.Line(machine.instance, " starts life ", ++lives_, empty ? " with an empty disk" : "");
  machine.node = std::make_unique<Node>(spec_, &broker_, machine.disk.get(), &clock_, options);
  machine.watcher =
      std::make_unique<Watcher>(&profile_, machine.node.get(), referee_.get(), &situations_, &chance_, empty);
  machine.stopping = machine.outdated = false;
  machine.assignments = 0;
  if (auto status = machine.node->engine().Start(); !status.ok()) referee_->Violated(std::string(status.message()));
}

void World::TimeOut(const Machine& machine) {
  if (machine.node == nullptr) return;
  trace_.Line("transactions of ", machine.instance, " time out");
  for (size_t w = 0; w < machine.node->workers(); ++w) {
    broker_.TimeOutTransaction(Node::TransactionalId(*spec_, machine.instance, w));
  }
}

void World::Expire(size_t index) {
  trace_.Line("the session of ", machines_[index].instance, " ends");
  broker_.ExpireMember(spec_->config.application(), machines_[index].instance);
  for (Machine& machine : machines_) machine.outdated |= machine.instance == machines_[index].instance;
}

void World::Crash(size_t index, bool restart) {
  Machine& machine = machines_[index];
  if (machine.node == nullptr) return;
  const bool stopped = machine.node->engine().standing().stopped;
  if (!stopped && machine.watcher->committing()) situations_.Met("crash while committing");
  if (!stopped && machine.watcher->recovering()) situations_.Met("crash during recovery");
  trace_.Line(machine.instance, stopped ? " is gone" : " crashes");
  machine.watcher.reset();
  machine.node.reset();
  machine.disk->PowerOff();
  if (machine.zombie) {
    // Nobody else settles what it has left open.
    for (size_t w = 0; w < static_cast<size_t>(profile_.workers); ++w) {
      After(chance_.Between(1, 200), [this, id = Node::TransactionalId(*spec_, machine.instance, w)] {
        broker_.TimeOutTransaction(id);
      });
    }
  }
  if (machine.zombie || !restart || (leaving_ && stopped)) return;
  SpoilDisk(&machine);
  if (!ending_ && !stopped && chance_.PerMille(400)) {
    // Nobody is there for longer than the session, and for longer than a transaction may last.
    for (size_t w = 0; w < static_cast<size_t>(profile_.workers); ++w) {
      After(chance_.Between(1, 200), [this, id = Node::TransactionalId(*spec_, machine.instance, w), index] {
        if (machines_[index].node == nullptr) broker_.TimeOutTransaction(id);
      });
    }
    After(chance_.Between(1, 200), [this, index] {
      if (machines_[index].node == nullptr) Expire(index);
    });
  }
  After(ending_ ? 1 : chance_.Between(1, 300), [this, index] { Start(index); });
}

void World::Stop(size_t index) {
  Machine& machine = machines_[index];
  if (machine.stopping) return;
  trace_.Line(machine.instance, " is told to stop");
  machine.stopping = true;
  machine.node->engine().Stop(chance_.PerMille(600));
}

// Suspended. Its session and its transactions may end meanwhile, and another may take its name; then it is woken up.
void World::Freeze(size_t index) {
  Machine& machine = machines_[index];
  trace_.Line(machine.instance, " is frozen");
  if (machine.watcher->committing()) situations_.Met("frozen while committing");
  machine.frozen = true;
  const Node* who = machine.node.get();
  const auto still = [this, index, who] { return machines_[index].node.get() == who && machines_[index].frozen; };
  const int64_t sleep_ms = chance_.Between(5, 1500);
  if (chance_.PerMille(700)) {
    After(chance_.Below(sleep_ms), [this, index, still] {
      if (still()) Expire(index);
    });
  }
  // Its transaction may outlive its session, and be committed behind the back of whoever has its tasks now.
  if (chance_.PerMille(500)) {
    After(chance_.Below(sleep_ms), [this, index, still] {
      if (still()) TimeOut(machines_[index]);
    });
  }
  if (chance_.PerMille(300)) {
    After(chance_.Below(sleep_ms), [this, index, still] {
      if (still()) Replace(index);
    });
  }
  After(sleep_ms, [this, index, still] {
    if (!still()) return;
    trace_.Line(machines_[index].instance, " is woken up");
    situations_.Met("woken up after a suspension");
    machines_[index].frozen = false;
    if (!chance_.PerMille(500)) return;
    // It works before it hears of what has happened.
    faults_.set_deaf(machines_[index].instance, true);
    After(chance_.Between(1, 200), [this, index] { faults_.set_deaf(machines_[index].instance, false); });
  });
}

// A new process of the same name on another machine; the old one goes on as a zombie for a while.
void World::Replace(size_t index) {
  if (ending_) return;
  situations_.Met("two processes of one name");
  Machine successor;
  successor.instance = machines_[index].instance;
  successor.disk = NewDisk();
  machines_[index].zombie = machines_[index].outdated = true;
  machines_.push_back(std::move(successor));
  trace_.Line(machines_[index].instance, " is replaced");
  After(chance_.Between(1, 2000), [this, index] { machines_[index].frozen = false; });
  After(chance_.Between(2000, 4000), [this, index] { Crash(index, false); });
  Start(machines_.size() - 1);
}

bool World::MayDie(const Machine& machine, const absl::Status& status) {
  const std::string why(status.message());
  const auto says = [&](const char* part) { return why.find(part) != std::string::npos; };
  if (says("(injected)")) {
    situations_.Met("process ended by its disk");
    return true;
  }
  if (says("refused by the oracle")) {
    situations_.Met("process ended by a refusal");
    return !ending_;
  }
  if (says("another process has taken over the transactional id")) {
    situations_.Met("process ended, fenced too often");
    return true;
  }
  if (says("another process has joined as")) {
    situations_.Met("replaced process ended");
    return std::any_of(machines_.begin(), machines_.end(), [&](const Machine& other) {
      return &other != &machine && other.instance == machine.instance;
    });
  }
  // What it still reads may be gone, for its successor needs it no more.
  if ((machine.outdated || machine.zombie) && (says("expected an offset from") || says("holds the offsets"))) {
    situations_.Met("input of a zombie gone");
    return true;
  }
  return false;
}

void World::SpoilDisk(Machine* machine) {
  Disk& disk = *machine->disk;
  if (chance_.PerMille(200)) machine->copy = disk.Copy();
  if (chance_.PerMille(profile_.lost)) {
    trace_.Line("the disk of ", machine->instance, " is lost");
    situations_.Met("local state lost");
    disk.Lose();
  } else if (chance_.PerMille(profile_.stale) && machine->copy) {
    trace_.Line("the disk of ", machine->instance, " is put back as it was");
    situations_.Met("local state put back from a copy");
    disk.Replace(*machine->copy);
  } else if (chance_.PerMille(profile_.foreign)) {
    trace_.Line("the disk of ", machine->instance, " is of another life");
    situations_.Met("local state of another life");
    if (!former_) former_ = FormerLife();
    disk.Replace(*former_);
  } else if (!options_.rocksdb && chance_.PerMille(profile_.torn)) {
    const auto partition = static_cast<int32_t>(chance_.Below(profile_.partitions));
    const int lost = disk.LoseLast(partition, static_cast<int>(chance_.Between(1, 20)));
    trace_.Line("store ", partition, " of ", machine->instance, " loses ", lost, " batches");
    if (lost > 0) situations_.Met("last batches of a store lost");
  }
}

// What a machine held of an application of the same name, of which nothing else is left.
Disk::Image World::FormerLife() {
  Profile profile = profile_;
  profile.processes = 1;
  profile.steps = static_cast<int>(Chance(options_.seed).Between(100, 500));
  profile.crash = profile.stop = profile.freeze = profile.expire = profile.time_out = profile.disk_fault = 0;
  profile.refused_begin = profile.refused_question = 0;
  World world(options_, std::move(profile), true);
  world.Live();
  if (!world.referee_->violation().empty()) {
    referee_->Violated(Text("in the former life: ", world.referee_->violation()));
  }
  world.Crash(0, false);
  return world.machines_[0].disk->Copy();
}

}  // namespace ebb::simulation
