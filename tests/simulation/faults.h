#ifndef EBB_TESTS_SIMULATION_FAULTS_H_
#define EBB_TESTS_SIMULATION_FAULTS_H_

// Decides what becomes of every step between a client and the broker.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "engine/log/memory_broker.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/profile.h"
#include "tests/simulation/situations.h"
#include "tests/simulation/trace.h"

namespace ebb::simulation {

class Faults {
 public:
  Faults(const Profile* profile, Chance* chance, Situations* situations, Trace* trace);

  MemoryBroker::Fate Decide(MemoryBroker::Step step, std::string_view who);
  // From now on everything happens.
  void Quiet() { quiet_ = true; }
  // The partition, as "topic-0", delivers nothing for so many of its fetches.
  void Silence(const std::string& partition, int64_t fetches) { silent_[partition] = fetches; }
  // The instance hears nothing of its group until it is made to listen.
  void set_deaf(const std::string& instance, bool deaf);

 private:
  const Profile& profile_;
  Chance& chance_;
  Situations& situations_;
  Trace& trace_;
  bool quiet_ = false;
  std::map<std::string, int64_t, std::less<>> silent_;
  std::set<std::string, std::less<>> deaf_;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_FAULTS_H_
