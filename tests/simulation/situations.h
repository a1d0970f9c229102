#ifndef EBB_TESTS_SIMULATION_SITUATIONS_H_
#define EBB_TESTS_SIMULATION_SITUATIONS_H_

// How often the simulation came into situations that seldom arise: what it has not met it has not tested.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ebb::simulation {

class Situations {
 public:
  // Counts a situation; its name must be one of Names().
  void Met(std::string_view name, uint64_t times = 1);
  void Add(const Situations& more);

  // "name count", a line each, in the order of Names().
  std::string Table() const;
  // Those that were never met.
  std::vector<std::string> Missing() const;
  // Every name that there is.
  static const std::vector<std::string_view>& Names();

 private:
  std::map<std::string, uint64_t, std::less<>> counts_;
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_SITUATIONS_H_
