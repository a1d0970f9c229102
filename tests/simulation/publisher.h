#ifndef EBB_TESTS_SIMULATION_PUBLISHER_H_
#define EBB_TESTS_SIMULATION_PUBLISHER_H_

// What is published while a world runs: editions of the operator, valid from before, now or later, and what nobody can
// take in. Remembers what each is, so that it can be said which edition must be at work.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "engine/log/memory_broker.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/situations.h"

namespace ebb::simulation {

class Publisher {
 public:
  struct Edition {
    int64_t valid_from_ms = 0;
  };

  Publisher(std::string topic, MemoryBroker* broker, Chance* chance, Situations* situations);

  // One more publication.
  void Publish(int64_t now_ms);

  const std::string& topic() const { return topic_; }
  // Good ones by number, which is the version, from 1 on.
  const std::map<int64_t, Edition>& editions() const { return editions_; }
  // What an epoch record says of what is in force while this edition is; nothing for what was never published.
  std::optional<int64_t> EditionOf(uint64_t digest) const;
  struct Bad {
    bool unreadable = false;  // Otherwise it is seen when its turn comes.
    int64_t valid_from_ms = 0;
    int seen = 0;  // Dead letters of it.
  };
  // What must become a dead letter, by offset.
  std::map<int64_t, Bad>& bad() { return bad_; }

 private:
  const std::string topic_;
  MemoryBroker& broker_;
  Chance& chance_;
  Situations& situations_;
  std::map<int64_t, Edition> editions_;
  std::map<uint64_t, int64_t> by_digest_;
  std::map<int64_t, Bad> bad_;
  int64_t published_ = 0;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_PUBLISHER_H_
