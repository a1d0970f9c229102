#ifndef EBB_ENGINE_RUNTIME_OUTBOX_H_
#define EBB_ENGINE_RUNTIME_OUTBOX_H_

// Records on their way out, first in, first out. The memory of those that have left is used again: a record is a dozen
// allocations.

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "engine/log/record.h"

namespace ebb {

// Not thread-safe. References and spans stay valid until something is added.
class Outbox {
 public:
  // Adds a copy.
  void Add(const OutputRecord& record) {
    if (end_ == slots_.size()) slots_.emplace_back();
    slots_[end_++] = record;
  }
  bool empty() const { return begin_ == end_; }
  // Of one that is not empty.
  const OutputRecord& front() const { return slots_[begin_]; }
  void PopFront() {
    // A slot that once held a large record would keep its memory for ever.
    if (slots_[begin_].bytes() > kMostKeptBytes) slots_[begin_] = OutputRecord();
    if (++begin_ == end_) begin_ = end_ = 0;
  }
  void Clear() {
    while (!empty()) PopFront();
  }
  absl::Span<const OutputRecord> records() const { return absl::MakeConstSpan(slots_).subspan(begin_, end_ - begin_); }

 private:
  static constexpr size_t kMostKeptBytes = 1 << 10;

  std::vector<OutputRecord> slots_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_OUTBOX_H_
