#ifndef EBB_ENGINE_RUNTIME_ALLOWANCE_TALLY_H_
#define EBB_ENGINE_RUNTIME_ALLOWANCE_TALLY_H_

// What a task has let leave under the allowances of its operators. It belongs to the task as of its last epoch, not to
// any customer: redo passes over customers who are ahead and so could not count, and need not, since it sends nothing.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "ebb/v1/changelog.pb.h"
#include "engine/pipeline/operator.h"

namespace ebb {

// A value: copied where an epoch begins, and put back where it is undone. The task's thread only.
class AllowanceTally {
 public:
  AllowanceTally() = default;
  // Of the task of one of so many partitions, which share every limit.
  AllowanceTally(int32_t partition, int32_t partitions) : partition_(partition), partitions_(partitions) {}

  // Takes one of each limit when all have room at `at_ms`, in milliseconds since 1970; else none. Moments that go back
  // count to the latest window.
  bool Take(std::string_view op, const Allowance& allowance, int64_t at_ms);

  // Begins with what an epoch left.
  void Adopt(const v1::EpochRecord& record);
  // The last windows, though the watermark may be beyond them: timers that are left over fire within them still.
  void AddTo(v1::EpochRecord* record) const;

 private:
  struct Window {
    int64_t number = 0;  // Since 1970.
    int64_t taken = 0;
  };
  int64_t ShareOf(int64_t most) const { return most / partitions_ + (partition_ < most % partitions_ ? 1 : 0); }

  int32_t partition_ = 0;
  int32_t partitions_ = 1;
  // By "<operator id>/<allowance>" and the window's length in milliseconds.
  std::map<std::pair<std::string, int64_t>, Window> windows_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_ALLOWANCE_TALLY_H_
