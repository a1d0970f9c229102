#ifndef EBB_TESTS_SIMULATION_GHOST_H_
#define EBB_TESTS_SIMULATION_GHOST_H_

// What a task must have done: computed from the input and from the schedule that its epoch records claim, by code that
// shares nothing with the engine. In what order sources were merged depends on when their records arrived; so the
// rounds are taken from the records, and it is checked that they are a schedule that may be: without gap or overlap,
// time never going back, and what follows from them is worked out here.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ebb/v1/changelog.pb.h"
#include "tests/simulation/customer.h"
#include "tests/simulation/publisher.h"
#include "tests/simulation/situations.h"

namespace ebb::simulation {

inline constexpr int64_t kBeforeTime = INT64_MIN;

// A record of a source that a read_committed reader sees.
struct TrueRecord {
  std::string refused;  // Why it cannot be decoded, or empty.
  Event event;
};
// Of one partition: by source, by offset.
using TrueInput = std::vector<std::map<int64_t, TrueRecord>>;

struct GhostRules {
  std::vector<std::string> topics;      // By source.
  std::vector<int64_t> lateness_ms;
  std::vector<std::string> late;
  int64_t emit_from_ms = kBeforeTime;
  bool idle_wall_clock = false;
  int64_t until_ms = kBeforeTime;
  const Publisher* publisher = nullptr;
};

class GhostTask {
 public:
  // The input grows while this lives.
  GhostTask(int32_t partition, const GhostRules* rules, const TrueInput* input, Situations* situations);

  // Does what the record claims. The violated claim, or nothing.
  std::string Do(const v1::EpochRecord& record);
  // What left in the last epoch.
  const std::vector<Expected>& results() const { return results_; }

  uint64_t epoch() const { return ends_.size() - 1; }
  // Where an epoch ended, by source.
  const std::vector<int64_t>& EndOf(uint64_t epoch) const { return ends_[epoch]; }
  int64_t watermark_ms() const { return watermark_ms_; }
  const std::vector<std::string>& topics() const { return rules_.topics; }
  // The customer at the end of an epoch, as GhostCustomer::Render.
  const std::string& At(const std::string& customer, uint64_t epoch) const;
  struct Known {
    explicit Known(const std::string& id) : now(id) {}
    GhostCustomer now;
    bool changed = false;                                   // In the epoch at hand.
    std::vector<std::pair<uint64_t, std::string>> history;  // What it was from an epoch on.
  };
  const std::map<std::string, Known>& customers() const { return customers_; }
  bool AnyDue() const;
  // The edition at work.
  int64_t edition() const { return edition_; }

 private:
  struct Due {
    int64_t deadline_ms = 0;
    std::string customer;
    GhostCustomer::Timer timer = GhostCustomer::kSilence;
    auto operator<=>(const Due&) const = default;
  };
  std::string DoRound(const v1::EpochRecord& record, int number);
  void Follow(size_t source, int64_t time_ms, uint64_t idle);
  void FireOwn(const std::string& customer, int64_t until_ms);
  void FireDue(const v1::EpochRecord& record);
  void Fire(const Due& due);
  bool Earliest(Due* due) const;
  void Handle(size_t source, int64_t offset, const TrueRecord& record);
  void Reject(size_t source, int64_t offset, const std::string& reason);
  Known& Find(const std::string& customer);
  void Leave(const std::vector<Expected>& results);
  std::string CheckEnd(const v1::EpochRecord& record);
  std::string TakeEdition(const v1::EpochRecord& record);
  std::string Sweep(const v1::EpochRecord& record);
  void Visit(const std::string& customer);

  const int32_t partition_;
  const GhostRules& rules_;
  const TrueInput& input_;
  Situations& situations_;
  std::map<std::string, Known> customers_;
  std::vector<std::vector<int64_t>> ends_;
  std::vector<int64_t> position_;
  std::vector<int64_t> max_event_time_ms_;
  int64_t watermark_ms_ = kBeforeTime;
  int64_t edition_ = 0;
  int64_t edition_from_ms_ = kBeforeTime;  // Since when.
  uint64_t edition_epoch_ = 0;             // The epoch at whose end.
  std::set<std::string> unvisited_;        // Customers who have not been visited because of it yet.
  std::vector<Expected> results_;
  std::vector<uint64_t> taken_;   // In the epoch at hand, by source.
  uint64_t timers_ = 0;           // That have fired in it.
  Due last_;                      // Of them.
};

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_GHOST_H_
