#ifndef EBB_STATE_CUSTOMER_H_
#define EBB_STATE_CUSTOMER_H_

// A customer in memory, closed and open.

#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "google/protobuf/message.h"
#include "state/access.h"
#include "state/compact_bytes.h"
#include "state/customer_rows.h"
#include "state/document.h"
#include "state/time_index.h"

namespace ebb {

struct Customer;

// A customer at hand: its document taken apart. There are few at a time, and each is used again for others.
struct OpenCustomer {
  struct Value {
    StateId state = 0;
    std::string_view bytes;                              // In the body that was opened; of use while not changed.
    std::unique_ptr<google::protobuf::Message> message;  // Parsed when it is asked for.
    bool changed = false;                                // The message.
    std::unique_ptr<std::string> longer = nullptr;       // After an append what `bytes` lies in, instead of the body.
  };
  Customer* customer = nullptr;
  absl::InlinedVector<Value, 2> values;          // In order of ids.
  absl::InlinedVector<DocumentTimer, 2> timers;  // In order of (deadline, id).
  CustomerRows rows;                             // Changed in this epoch.
  size_t message_bytes = 0;                      // What its messages take, about.
  bool changed = false;                          // Since it was opened.
  bool again = false;                            // Opened again since the cache has last looked at it.
};

// What the open epoch has made of a customer, while nobody has it open.
struct TouchedCustomer {
  Customer* customer = nullptr;
  bool changed = false;
  CompactBytes next_body;              // The body after what has changed.
  std::unique_ptr<CustomerRows> rows;  // Changed; null: none.
};

// Owned by the cache. There are millions: its id lies behind it, in the same memory.
struct Customer {
  struct Delete {
    void operator()(Customer* customer) const {
      customer->~Customer();
      ::operator delete(customer);
    }
  };
  using Owned = std::unique_ptr<Customer, Delete>;
  static Owned Make(std::string_view id);

  Customer(const Customer&) = delete;
  Customer& operator=(const Customer&) = delete;

  std::string_view id() const { return {reinterpret_cast<const char*>(this + 1), id_bytes}; }

  OpenCustomer* open = nullptr;        // While it is open.
  TouchedCustomer* touched = nullptr;  // While the open epoch has touched it.
  CompactBytes body;                   // As of the last closed epoch.
  uint64_t stamp = 0;                  // Of the row in the store; 0 when there is none.
  uint64_t dirty_since = 0;            // First epoch whose effect is not in written state; 0: none.
  int64_t index_ms = kNoTime;          // Where the store's time index wakes it.
  int64_t wake_ms = kNoTime;           // Where the unwritten part of the time index wakes it.
  std::unique_ptr<CustomerRows> rows;  // Unwritten.
  uint32_t bytes = 0;                  // What it takes, as the cache has counted it.
  const uint32_t id_bytes : 31;
  uint32_t used : 1;  // Since the cache has last looked for somebody to leave.

 private:
  explicit Customer(size_t id_size) : id_bytes(static_cast<uint32_t>(id_size)), used(0) {}
};

static_assert(sizeof(void*) != 8 || sizeof(Customer) <= 72, "memory has room for millions of customers");

inline Customer::Owned Customer::Make(std::string_view id) {
  auto* const customer = new (::operator new(sizeof(Customer) + id.size())) Customer(id.size());
  std::memcpy(reinterpret_cast<char*>(customer + 1), id.data(), id.size());
  return Owned(customer);
}

}  // namespace ebb

#endif  // EBB_STATE_CUSTOMER_H_
