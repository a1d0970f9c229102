#ifndef EBB_TESTS_SIMULATION_UPSTREAM_H_
#define EBB_TESTS_SIMULATION_UPSTREAM_H_

// What comes in: events of a few customers, in and out of order, late, twice, undecodable, outside of transactions and
// in those that are committed or aborted. Remembers what a read_committed reader must see.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/log/memory_broker.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/ghost.h"
#include "tests/simulation/profile.h"
#include "tests/simulation/situations.h"

namespace ebb::simulation {

class Upstream {
 public:
  Upstream(const Profile* profile, const std::vector<std::string>* topics, MemoryBroker* broker, Chance* chance,
           Situations* situations);

  // One more record.
  void Send(int64_t now_ms);
  // One step of a producer with transactions.
  void Transact(int64_t now_ms);
  // Ends every open transaction.
  void Finish();

  const TrueInput& input(int32_t partition) const { return input_[static_cast<size_t>(partition)]; }
  const std::vector<std::string>& customers() const { return customers_; }

 private:
  struct Made {
    int32_t partition = 0;
    size_t source = 0;
    std::string key;
    std::string value;
    TrueRecord truth;
  };
  struct Producer {
    std::string id;
    int epoch = 0;
    bool open = false;
    std::vector<std::pair<int64_t, Made>> sent;  // Offset and record of the open transaction.
  };
  Made Make(int64_t now_ms);
  Event MakeEvent(int64_t now_ms);
  void End(Producer* producer, bool commit);

  const Profile& profile_;
  const std::vector<std::string>& topics_;
  MemoryBroker& broker_;
  Chance& chance_;
  Situations& situations_;
  std::vector<std::string> customers_;
  std::vector<TrueInput> input_;  // By partition.
  std::vector<Producer> producers_;
  std::vector<Event> recent_;
  int64_t events_ = 0;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_UPSTREAM_H_
