#ifndef EBB_TESTS_SIMULATION_RESULTS_H_
#define EBB_TESTS_SIMULATION_RESULTS_H_

// Results that should have left against results that have: each once, none else, ids one to one with causes.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/log/memory_broker.h"
#include "tests/simulation/customer.h"

namespace ebb::simulation {

class Results {
 public:
  static std::string HeaderOf(const MemoryBroker::Record& record, std::string_view name);

  void Expect(const std::vector<Expected>& results);
  // A record that a read_committed reader sees. The violated claim, or nothing.
  std::string Find(const MemoryBroker::Record& record, bool dead_letter);
  // While no transaction is undecided: what is missing or too much, or nothing.
  std::string Difference() const;
  uint64_t found() const { return found_; }

 private:
  std::map<std::string, int64_t> balance_;  // Found less expected, where not zero.
  void Balance(const std::string& text, int64_t by);

  struct Identity {
    std::string id;
    uint64_t random = 0;
  };
  std::map<std::string, Identity> by_cause_;
  std::map<std::string, std::string> by_id_;
  uint64_t found_ = 0;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_RESULTS_H_
