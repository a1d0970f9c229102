#ifndef EBB_TESTS_SIMULATION_CUSTOMER_H_
#define EBB_TESTS_SIMULATION_CUSTOMER_H_

// What a customer must be: the operator's meaning once more, in plain containers. Knows nothing of the engine.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/simulation.pb.h"

namespace ebb::simulation {

// A result that must leave: what it says, and by what it is recognised.
struct Expected {
  std::string cause;  // Who, why, when, the how-manieth.
  std::string text;   // All of it.
  int64_t time_ms = 0;
};

class GhostCustomer {
 public:
  enum Timer { kSilence, kEcho };  // In order of their ids.

  explicit GhostCustomer(std::string id) : id_(std::move(id)) {}

  // What the operator is told at the moment.
  struct At {
    int64_t watermark_ms = 0;
    int64_t edition = 0;
  };
  // The event or the timer happens. Appends results. False: the event is refused.
  bool On(const Event& event, const At& at, std::vector<Expected>* results);
  void Fire(Timer timer, const At& at, std::vector<Expected>* results);
  // A publication brings a new edition.
  void Visit(const At& at, std::vector<Expected>* results);

  // Deadlines of armed timers.
  const std::map<Timer, int64_t>& timers() const { return timers_; }
  // One line that two customers share only if they are the same; empty for one without any state.
  std::string Render() const;
  bool has_document() const { return has_tally_ || !timers_.empty(); }
  bool has_rows() const { return !marks_.empty() || !notes_.empty(); }

 private:
  void Clear(bool rows);
  void Tell(const std::string& cause, const std::string& origin, int64_t time_ms, const At& at, int times,
            std::vector<Expected>* results) const;

  std::string id_;
  bool has_tally_ = false;
  int64_t count_ = 0;
  uint64_t digest_ = 0;
  int64_t echoes_ = 0;
  std::map<std::string, std::pair<int64_t, uint64_t>> marks_;   // Times and digest.
  std::vector<std::pair<std::string, std::string>> notes_;      // Event and ballast.
  std::map<Timer, int64_t> timers_;
};

// The line of Render() for what was stored, taken from the stored parts.
struct StoredCustomer {
  bool has_tally = false;
  Tally tally;
  std::map<std::string, Mark> marks;
  std::vector<Note> notes;
  std::map<GhostCustomer::Timer, int64_t> timers;
};
std::string Render(const StoredCustomer& stored);

// A result as it was found, in the form of Expected.
Expected Describe(const Told& told);

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_CUSTOMER_H_
