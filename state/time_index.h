#ifndef EBB_STATE_TIME_INDEX_H_
#define EBB_STATE_TIME_INDEX_H_

// Finds the customers whose timers are due. A wake-up stands at or before the earliest deadline of its customer; the
// deadline itself stands in the customer's document and is checked again when the wake-up comes.
//
// Written documents have their wake-ups in the store's time index; documents not yet written have theirs here.

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "state/store.h"

namespace ebb {

inline constexpr int64_t kNoTime = std::numeric_limits<int64_t>::min();

// Owned by the customer cache; the task's thread only.
class TimeIndex {
 public:
  struct Wake {
    int64_t time_ms = 0;
    std::string customer;

    friend auto operator<=>(const Wake&, const Wake&) = default;
  };

  explicit TimeIndex(Store* store) : store_(store) {}

  // Forgets everything but the store: the next wake-up is the first one there.
  void Rewind();

  // Adds or removes a wake-up of a document that is not written.
  void Add(int64_t time_ms, std::string_view customer) {
    unwritten_.insert({time_ms, std::string(customer)});
    quiet_before_ms_ = std::min(quiet_before_ms_, time_ms);
  }
  void Remove(int64_t time_ms, std::string_view customer) { unwritten_.erase({time_ms, std::string(customer)}); }

  // Takes out the earliest wake-up at or before `watermark_ms`, by (time, customer); nothing when there is none.
  // A wake-up can come twice, from here and from the store.
  absl::StatusOr<std::optional<Wake>> PopDue(int64_t watermark_ms);

  // The one that PopDue would take out, valid until it is or another comes in; null when there is none. Reads the store
  // at most once per kLookaheadMs of event time.
  absl::StatusOr<const Wake*> FirstDue(int64_t watermark_ms);

  // Nothing is due at `watermark_ms`, known without a look: FirstDue is asked at every record.
  bool Quiet(int64_t watermark_ms) const { return watermark_ms < quiet_before_ms_; }

  // True when the store's row at `time_ms` is still to be read, so that a wake-up there need not be held here.
  bool StoreWillTell(int64_t time_ms) const { return time_ms > read_up_to_ms_; }

  size_t unwritten() const { return unwritten_.size(); }

  // How far beyond the watermark rows are read, and how many at a time.
  static constexpr int64_t kLookaheadMs = 3'600'000;
  static constexpr size_t kReadAhead = 4096;

 private:
  absl::Status ReadAhead(int64_t watermark_ms);

  Store* const store_;
  absl::btree_set<Wake> unwritten_;
  std::deque<Wake> read_;              // Rows of the store up to read_up_to_ms_, not taken yet.
  int64_t read_up_to_ms_ = kNoTime;    // Every row at or before it is in read_ or was taken.
  int64_t quiet_before_ms_ = kNoTime;  // No wake-up, here or in the store, is before it.
};

}  // namespace ebb

#endif  // EBB_STATE_TIME_INDEX_H_
