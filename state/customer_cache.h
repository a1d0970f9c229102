#ifndef EBB_STATE_CUSTOMER_CACHE_H_
#define EBB_STATE_CUSTOMER_CACHE_H_

// The customers of one task that are in memory, between the operators and the store.
//
// Between epochs a customer is bytes: the body of its document. Within an epoch the states that are touched become
// messages beside those bytes. To abort is to drop the messages; to commit is to let their bytes take the place of
// the old ones. A customer whose last change is not in written state is dirty, and dirty since the first such epoch.

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "state/access.h"
#include "state/customer.h"
#include "state/customer_access.h"
#include "state/message_pool.h"
#include "state/store.h"
#include "state/time_index.h"

namespace ebb {

// Customers chosen to be written with an epoch. Nothing of it takes effect before Commit.
struct WriteBack {
  WriteBatch rows;                   // For the changelog, and the store after the commit.
  std::vector<Customer*> customers;
  std::vector<std::string> buried;   // Customers whose tombstones are among the rows.
  uint64_t low_water = 0;            // Every effect of epochs up to here is in written state once this commits.
};

// One a task; the task's thread only.
class CustomerCache {
 public:
  // `bytes`: what it may hold between epochs as far as customers are clean or can be written back.
  CustomerCache(Store* store, size_t bytes);
  ~CustomerCache();
  CustomerCache(const CustomerCache&) = delete;
  CustomerCache& operator=(const CustomerCache&) = delete;

  // The customer, from memory or the store; empty when it was never seen. Valid until the next Commit or Abort. With
  // `known`, what Prefetch has found for it in this generation, nothing has to be looked for.
  absl::StatusOr<Customer*> Load(std::string_view id, Customer* known = nullptr);

  // Reads those of `ids` that are not in memory in one go. *found becomes the customer of each, null for an empty id;
  // they are valid for as long as generation() stays the same.
  absl::Status Prefetch(absl::Span<const std::string_view> ids, std::vector<Customer*>* found);
  // Changes when a customer leaves memory.
  uint64_t generation() const { return generation_; }

  // Makes the customer's state accessible until the next Open or the end of the epoch. No timer can be armed before
  // `earliest_ms`: it is put off until then.
  StateAccess& Open(Customer* customer, int64_t earliest_ms = kNoTime);

  // Keeps the wake-up of an open customer at or before its earliest deadline. After each call of an operator.
  void KeepWake(Customer* customer);

  // A wake-up of the customer was taken out of the time index.
  void WakeTaken(Customer* customer, int64_t time_ms);

  // Closes the epoch's changes: whatever was touched becomes bytes. Nothing may be changed until Commit or Abort.
  void Freeze();

  // Chooses and serialises what is written with `epoch`, which must be frozen: customers dirty since an epoch up to
  // `target_low`, and while dirty customers take too much of the cache the oldest beyond that; at most about
  // `max_bytes`, but never so little that low_water cannot reach `least_low`.
  WriteBack SelectWriteBack(uint64_t epoch, uint64_t target_low, uint64_t least_low, size_t max_bytes);

  // The epoch holds. Adds to *batch the rows written back and their changes of the time index.
  void Commit(uint64_t epoch, WriteBack written, WriteBatch* batch);

  // The epoch leaves no trace.
  void Abort();

  // Forgets everything that is not in the store.
  void Reset();

  // For redo: a customer whose stored document is at or after `epoch` has that epoch's effect already.
  static bool IsAhead(const Customer& customer, uint64_t epoch) { return customer.stamp >= epoch; }

  TimeIndex& wakes() { return wakes_; }
  // The first trouble of the store met by a StateAccess; the epoch must be aborted.
  const absl::Status& status() const { return status_; }
  size_t bytes() const { return bytes_; }
  size_t pinned_bytes() const { return pinned_bytes_; }
  bool over_limit() const { return bytes_ > limit_bytes_; }
  // Dirty customers take more than three quarters: the next write-back goes beyond its budget.
  bool crowded() const { return dirty_bytes_ > dirty_limit_bytes(); }
  size_t customers() const { return customers_.size(); }
  size_t dirty_customers() const { return dirty_.size(); }
  // The first epoch whose effect is not in written state; nothing when all is written. Between epochs.
  std::optional<uint64_t> OldestDirty() const;
  uint64_t hits() const { return hits_; }
  uint64_t misses() const { return misses_; }

  // How many deleted customers are remembered until their tombstone may leave.
  static constexpr size_t kMaxGraves = 100'000;
  static constexpr size_t kMaxBuriedPerEpoch = 10'000;

 private:
  struct IdHash {
    using is_transparent = void;
    size_t operator()(std::string_view id) const { return absl::Hash<std::string_view>()(id); }
    size_t operator()(const std::unique_ptr<Customer>& customer) const { return (*this)(customer->id); }
  };
  struct IdEqual {
    using is_transparent = void;
    static std::string_view Id(std::string_view id) { return id; }
    static std::string_view Id(const std::unique_ptr<Customer>& customer) { return customer->id; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return Id(a) == Id(b);
    }
  };

  absl::StatusOr<Customer*> Insert(std::string_view id, const std::optional<std::string>& row);
  // The customers of open_ that come soon after `i` are brought near: who comes next lies anywhere in memory.
  void AskForOpen(size_t i) const;
  void AddToWriteBack(uint64_t epoch, Customer* customer, WriteBack* out);
  void BuryDue(uint64_t epoch, WriteBack* out);
  bool HasRows(const Customer& customer);
  void Dig(const std::string& id, uint64_t epoch);
  void Fill(const std::string& id);
  void MarkWritten(uint64_t epoch, Customer* customer, WriteBatch* batch);
  void SetWake(Customer* customer, int64_t time_ms);
  void ClearWake(Customer* customer);
  void WakeFromBody(Customer* customer);
  void CloseOpen(Customer* customer);
  void Evict();
  size_t dirty_limit_bytes() const { return limit_bytes_ / 4 * 3; }
  static size_t SizeOf(const Customer& customer);
  void Count(Customer* customer);  // After a change of what it takes.

  Store* const store_;
  const size_t limit_bytes_;
  TimeIndex wakes_;
  absl::flat_hash_set<std::unique_ptr<Customer>, IdHash, IdEqual> customers_;
  std::list<Customer*> clean_;  // Least recently used first.
  std::list<Customer*> dirty_;  // In order of dirty_since.
  std::vector<Customer*> open_;
  absl::flat_hash_map<std::string, uint64_t> graves_;  // Empty documents, and the epoch of their stamp.
  absl::btree_set<std::pair<uint64_t, std::string>> grave_order_;
  absl::Status status_;
  size_t pinned_bytes_ = 0;
  MessagePool messages_;
  CustomerAccess access_;
  DocumentParts parts_;    // Of the customer opened last,
  std::string next_body_;  // and frozen last: memory that is used again.
  size_t bytes_ = 0;
  size_t dirty_bytes_ = 0;
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
  uint64_t generation_ = 0;
};

}  // namespace ebb

#endif  // EBB_STATE_CUSTOMER_CACHE_H_
