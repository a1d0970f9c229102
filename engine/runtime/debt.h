#ifndef EBB_ENGINE_RUNTIME_DEBT_H_
#define EBB_ENGINE_RUNTIME_DEBT_H_

// What a crash would have to redo: the epochs after the low-water mark, and whether their input can still be read.

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

namespace ebb {

// Owned by its task, on the task's thread.
class Debt {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  struct Epoch {
    uint64_t epoch = 0;
    uint64_t work_total = 0;         // Records and timers since the changelog began, up to its end.
    std::vector<int64_t> ends;       // By source: the offset where it ended.
    int64_t expires_ms = kNever;     // From then on a compacted source may no longer hold what it read.
  };

  // Begins anew at the low-water mark; of that epoch only its end counts.
  void Reset(Epoch low);
  // The next epoch, committed or redone.
  void Add(Epoch epoch);
  // Everything up to there is in written state.
  void Written(uint64_t low_water);

  // Where the log of a source begins now. It moves by whole segments: the largest step seen is expected again.
  void LogBegins(size_t source, int64_t offset);
  // How many offsets lie between the beginning of the log and where redo would read; nothing before LogBegins.
  std::optional<int64_t> margin(size_t source) const;

  // Records and timers.
  uint64_t work() const {
    return epochs_.empty() ? 0 : epochs_.back().work_total - epochs_.front().work_total;
  }

  // The least low-water mark that `open`, about to be committed, may leave: redo from there is no more work
  // than `budget`, and reads nothing that its source is about to delete, and nothing that has expired.
  uint64_t LeastLow(const Epoch& open, uint64_t budget, int64_t now_ms) const;
  // The same question while nothing is open: the input after the low-water mark may go away.
  bool Endangered(int64_t now_ms) const;

 private:
  struct Log {
    std::optional<int64_t> begin;
    int64_t largest_step = 0;
  };
  bool Readable(const Epoch& after) const;

  std::deque<Epoch> epochs_;  // From L to E.
  std::vector<Log> logs_;     // By source.
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_DEBT_H_
