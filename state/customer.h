#ifndef EBB_STATE_CUSTOMER_H_
#define EBB_STATE_CUSTOMER_H_

// A customer in memory, closed and open.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "google/protobuf/message.h"
#include "state/access.h"
#include "state/customer_rows.h"
#include "state/document.h"
#include "state/time_index.h"

namespace ebb {

struct Customer;

// A customer at hand: its document taken apart. There are few at a time, and each is used again for others.
struct OpenCustomer {
  struct Value {
    StateId state = 0;
    std::string_view bytes;                              // In the body that was opened; holds while not changed.
    std::unique_ptr<google::protobuf::Message> message;  // Parsed when it is asked for.
    bool changed = false;
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
  std::string next_body;               // The body after what has changed.
  std::unique_ptr<CustomerRows> rows;  // Changed; null: none.
};

// Owned by the cache. Two cache lines: what each event of the customer asks for, and its body.
struct Customer {
  std::string id;
  OpenCustomer* open = nullptr;        // While it is open.
  TouchedCustomer* touched = nullptr;  // While the open epoch has touched it.
  uint64_t stamp = 0;                  // Of the row in the store; 0 when there is none.
  uint64_t dirty_since = 0;            // First epoch whose effect is not in written state; 0: none.
  std::string body;                    // As of the last closed epoch.
  int64_t index_ms = kNoTime;          // Where the store's time index wakes it.
  int64_t wake_ms = kNoTime;           // Where the unwritten part of the time index wakes it.
  std::unique_ptr<CustomerRows> rows;  // Unwritten.
  uint32_t bytes = 0;                  // What it takes, as the cache has counted it.
  bool used = false;                   // Since the cache has last looked for somebody to leave.
};

static_assert(sizeof(void*) != 8 || sizeof(Customer) <= 128, "a customer takes two cache lines");

}  // namespace ebb

#endif  // EBB_STATE_CUSTOMER_H_
