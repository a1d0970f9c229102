#ifndef EBB_STATE_CUSTOMER_CACHE_H_
#define EBB_STATE_CUSTOMER_CACHE_H_

// The customers of one task that are in memory, between the operators and the store.
//
// A customer is bytes: the body of its document. The states that an operator touches become messages, which become
// bytes again when other customers need the room, or when the epoch closes; those wait beside the old body. To abort
// is to drop them; to commit is to let them take its place. A customer whose last change is not in written state is
// dirty, and dirty since the first such epoch.

#include <cstdint>
#include <deque>
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
  WriteBatch rows;  // For the changelog, and the store after the commit.
  std::vector<Customer*> customers;
  size_t dirty_before = 0;          // How many of them, the first ones, were dirty before the epoch.
  std::vector<std::string> buried;  // Customers whose tombstones are among the rows.
  uint64_t low_water = 0;           // Every effect of epochs up to here is in written state once this commits.
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

  // Reads those of `ids` that are not in memory in one go, and brings the others near. *found becomes the customer of
  // each, null for an empty id; they are valid for as long as generation() stays the same.
  absl::Status Prefetch(absl::Span<const std::string_view> ids, std::vector<Customer*>* found);
  // Changes when a customer leaves memory.
  uint64_t generation() const { return generation_; }

  // Makes the customer's state accessible until the next Open or the end of the epoch. No timer can be armed before
  // `earliest_ms`: it is put off until then.
  StateAccess& Open(Customer* customer, int64_t earliest_ms = kNoTime);

  // Keeps the wake-up of an open customer at or before its earliest deadline. After each call of an operator.
  void KeepWake(Customer* customer);

  // False: none of the customer's timers is due.
  static bool MayBeDue(const Customer& customer, int64_t watermark_ms) {
    return (customer.wake_ms != kNoTime && customer.wake_ms <= watermark_ms) ||
           (customer.index_ms != kNoTime && customer.index_ms <= watermark_ms);
  }

  // A wake-up of the customer was taken out of the time index.
  void WakeTaken(Customer* customer, int64_t time_ms);

  // Closes the epoch's changes: whatever was touched becomes bytes. Nothing may be changed until Commit or Abort.
  void Freeze();

  // Chooses and serialises what is written with `epoch`, which must be frozen: customers dirty since an epoch up to
  // `target_low`, and while dirty customers take too much of the cache the oldest beyond that; at most about
  // `max_bytes`, but never so little that low_water cannot reach `least_low`.
  WriteBack SelectWriteBack(uint64_t epoch, uint64_t target_low, uint64_t least_low, size_t max_bytes);

  // The epoch holds. *batch becomes the rows written back and their changes of the time index.
  void Commit(uint64_t epoch, WriteBack written, WriteBatch* batch);

  // The epoch leaves no trace.
  void Abort();

  // Forgets everything that is not in the store.
  void Reset();

  // For redo: a customer whose stored document is at or after `epoch` has that epoch's effect already.
  static bool IsAhead(const Customer& customer, uint64_t epoch) { return customer.stamp >= epoch; }

  // Whether anything of the customer has changed after the end of `epoch`, at which nothing of it was unwritten.
  static bool ChangedSince(const Customer& customer, uint64_t epoch) {
    return customer.stamp > epoch || customer.dirty_since > epoch ||
           (customer.touched != nullptr && customer.touched->changed) ||
           (customer.open != nullptr && customer.open->changed);
  }

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
  size_t open_customers() const { return newcomers_.count + regulars_.count; }
  // The first epoch whose effect is not in written state; nothing when all is written. Between epochs.
  std::optional<uint64_t> OldestDirty() const;
  uint64_t hits() const { return hits_; }
  uint64_t misses() const { return misses_; }

  // How many deleted customers are remembered until their tombstone may leave.
  static constexpr size_t kMaxGraves = 100'000;
  static constexpr size_t kMaxBuriedPerEpoch = 10'000;
  // The most customers open at a time.
  static constexpr size_t kMaxNewcomers = 64;
  static constexpr size_t kMaxRegulars = 4096;

 private:
  // Customers are found by the hash of their id, which stands beside the pointer: only whom it names is looked at.
  struct Entry {
    uint64_t hash = 0;
    Customer* customer = nullptr;
  };
  struct Key {
    explicit Key(std::string_view customer) : hash(absl::Hash<std::string_view>()(customer)), id(customer) {}
    uint64_t hash;
    std::string_view id;
  };
  struct HashOnly {
    uint64_t hash;
  };
  struct EntryHash {
    using is_transparent = void;
    template <class Any>
    size_t operator()(const Any& any) const {
      return any.hash;
    }
  };
  struct EntryEqual {
    using is_transparent = void;
    bool operator()(const Entry& a, const Entry& b) const { return a.customer == b.customer; }
    bool operator()(const Entry& a, const Key& b) const { return a.hash == b.hash && a.customer->id() == b.id; }
    bool operator()(const Entry& a, const HashOnly& b) const { return a.hash == b.hash; }
  };

  absl::StatusOr<Customer*> Insert(std::string_view id, const std::optional<std::string>& row);
  // Customers who are open, of whom one is set aside when there is no room for another.
  struct OpenSet {
    explicit OpenSet(size_t bound) : most(bound) {}
    // The place of who is next: the one opened first who was not opened again since it was looked at.
    size_t Next();

    const size_t most;
    std::vector<std::unique_ptr<OpenCustomer>> customers;  // The first `count` are open.
    size_t count = 0;
    size_t hand = 0;  // Who is looked at next.
  };

  // Room for one more, by setting somebody aside where there is none.
  OpenCustomer* MakeRoom(OpenSet* set);
  // Its messages become bytes.
  void SetAside(OpenCustomer* open);
  void AddToWriteBack(uint64_t epoch, Customer* customer, WriteBack* out);
  void BuryDue(uint64_t epoch, WriteBack* out);
  bool HasRows(const Customer& customer);
  void Dig(std::string_view id, uint64_t epoch);
  void Fill(std::string_view id);
  void MarkWritten(uint64_t epoch, Customer* customer, WriteBatch* batch);
  void SetWake(Customer* customer, int64_t time_ms);
  void ClearWake(Customer* customer);
  void WakeFromBody(Customer* customer);
  void Evict();
  size_t dirty_limit_bytes() const { return limit_bytes_ / 4 * 3; }
  static size_t SizeOf(const Customer& customer);
  void Count(Customer* customer);  // After a change of what it takes.

  Store* const store_;
  const size_t limit_bytes_;
  TimeIndex wakes_;
  absl::flat_hash_set<Entry, EntryHash, EntryEqual> entries_;
  std::deque<Customer::Owned> customers_;            // In the order in which they are looked at to leave.
  std::deque<Customer*> dirty_;                      // In order of dirty_since.
  std::deque<TouchedCustomer> touched_;              // By the open epoch, in the order in which they came.
  // Those whom the epoch touches for the first time, so few that they stay near the processor; and those who came back.
  OpenSet newcomers_{kMaxNewcomers};
  OpenSet regulars_{kMaxRegulars};
  absl::flat_hash_map<std::string, uint64_t> graves_;  // Empty documents, and the epoch of their stamp.
  absl::btree_set<std::pair<uint64_t, std::string>> grave_order_;
  absl::Status status_;
  size_t pinned_bytes_ = 0;
  size_t message_bytes_ = 0;  // Of these, the messages of those who are open.
  MessagePool messages_;
  CustomerAccess access_;
  // Memory that is used again.
  DocumentParts parts_;
  std::string next_body_;
  std::string row_;
  std::vector<uint64_t> hashes_;
  size_t bytes_ = 0;
  size_t dirty_bytes_ = 0;
  uint64_t hits_ = 0;
  uint64_t misses_ = 0;
  uint64_t generation_ = 0;
};

}  // namespace ebb

#endif  // EBB_STATE_CUSTOMER_CACHE_H_
