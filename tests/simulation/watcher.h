#ifndef EBB_TESTS_SIMULATION_WATCHER_H_
#define EBB_TESTS_SIMULATION_WATCHER_H_

// Watches one process: that it keeps to its bounds, and into which rare situations it comes.

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "tests/simulation/chance.h"
#include "tests/simulation/node.h"
#include "tests/simulation/profile.h"
#include "tests/simulation/referee.h"
#include "tests/simulation/situations.h"

namespace ebb::simulation {

class Watcher {
 public:
  // `empty`: it has begun without local state.
  Watcher(const Profile* profile, Node* node, Referee* referee, Situations* situations, Chance* chance, bool empty);

  void BeforeGroup();
  void AfterGroup();
  void BeforeWorker(size_t index);
  void AfterWorker(size_t index, int64_t wall_ms);
  bool recovering() const;
  bool committing() const;

 private:
  struct Seen {
    bool live = false;
    bool closed = false;
    bool redoing = false;
    uint64_t epoch = 0;
    uint64_t low_water = 0;
    uint64_t aborts = 0;
    size_t customers = 0;
    uint64_t epochs = 0;
    bool watched = false;      // Its input was in danger when last looked at.
    double budget = 0;         // Of debt, when its epoch was closed.
  };
  void Look(size_t index, int32_t partition, const Worker::Slot& slot, int64_t wall_ms);
  void LookAtClosed(const Task& task);
  void LookAtNote(const std::string& note, bool was_recovering);
  void CheckBounds(const Task& task);

  const Profile& profile_;
  Node& node_;
  Referee& referee_;
  Situations& situations_;
  Chance& chance_;
  const bool empty_;
  std::map<std::pair<size_t, int32_t>, Seen> seen_;
  uint64_t revocations_ = 0;
  uint64_t losses_ = 0;
  uint64_t rebalances_ = 0;
  bool was_committing_ = false;
  bool was_recovering_ = false;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_WATCHER_H_
