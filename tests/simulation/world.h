#ifndef EBB_TESTS_SIMULATION_WORLD_H_
#define EBB_TESTS_SIMULATION_WORLD_H_

// One seed: a broker, machines with disks, processes that live and die on them, what comes in, and the referee.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/memory_broker.h"
#include "engine/pipeline/spec.h"
#include "engine/time/clock.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/faults.h"
#include "tests/simulation/node.h"
#include "tests/simulation/profile.h"
#include "tests/simulation/publisher.h"
#include "tests/simulation/referee.h"
#include "tests/simulation/situations.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/upstream.h"
#include "tests/simulation/watcher.h"

namespace ebb::simulation {

class World {
 public:
  struct Options {
    uint64_t seed = 0;
    bool rocksdb = false;
    bool print = false;
  };
  struct Outcome {
    std::string violation;
    std::string theme;
    uint64_t digest = 0;
    std::vector<std::string> trace;
    Situations situations;
    uint64_t commits = 0;
    int64_t steps = 0;
  };

  // Runs a seed from beginning to end.
  static Outcome Run(const Options& options);

 private:
  // A machine with an instance of the application on it, running or not.
  struct Machine {
    std::string instance;
    std::unique_ptr<Disk> disk;
    std::unique_ptr<Node> node;
    std::unique_ptr<Watcher> watcher;
    bool frozen = false;
    bool stopping = false;
    bool zombie = false;          // Another one has its name.
    bool outdated = false;        // Its session has ended, and it has got no assignment since.
    uint64_t assignments = 0;
    std::optional<Disk::Image> copy;
  };

  World(const Options& options, Profile profile, bool former_life);
  void Live();
  void End();
  void StepOnce();
  bool StepSomeone();
  bool StepMachine(size_t index, size_t part);
  void Advance();
  void Chaos();
  void ChaosOfTopics();

  // --- machines.cc ---
  void Start(size_t index);
  void Crash(size_t index, bool restart);
  void Freeze(size_t index);
  void Replace(size_t index);
  void Stop(size_t index);
  void SpoilDisk(Machine* machine);
  void TimeOut(const Machine& machine);
  void Expire(size_t index);
  void After(int64_t ms, std::function<void()> happens);
  std::unique_ptr<Disk> NewDisk();
  bool MayDie(const Machine& machine, const absl::Status& status);
  bool Finished();
  Disk::Image FormerLife();

  int64_t now_ms() const { return absl::ToUnixMillis(clock_.Now()); }

  const Options options_;
  const Profile profile_;
  const bool former_life_;
  Chance chance_;
  Situations situations_;
  Trace trace_;
  ManualClock clock_;
  MemoryBroker broker_;
  GhostRules rules_;
  Faults faults_;
  std::shared_ptr<const PipelineSpec> spec_;
  std::unique_ptr<Upstream> upstream_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<Referee> referee_;
  std::vector<Machine> machines_;
  std::multimap<int64_t, std::function<void()>> events_;
  std::optional<Disk::Image> former_;
  bool ending_ = false;    // Faults have ended.
  bool leaving_ = false;   // Everybody stops for good,
  bool hindered_ = false;  // and somebody found out then that his producer had been fenced.
  int64_t steps_ = 0;
  int64_t lives_ = 0;
  int disks_ = 0;
  uint64_t commits_ = 0;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_WORLD_H_
