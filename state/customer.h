#ifndef EBB_STATE_CUSTOMER_H_
#define EBB_STATE_CUSTOMER_H_

// A customer in memory, closed and open.

#include <cstdint>
#include <list>
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

// What an open epoch holds of one customer beside its body.
struct OpenCustomer {
  struct Value {
    StateId state = 0;
    std::string_view bytes;                              // In the body; used while there is no message.
    std::unique_ptr<google::protobuf::Message> message;  // Parsed when it is asked for.
    bool changed = false;
  };
  absl::InlinedVector<Value, 2> values;          // In order of ids.
  absl::InlinedVector<DocumentTimer, 2> timers;  // In order of (deadline, id).
  CustomerRows rows;                             // Changed.
  bool changed = false;
  std::string next_body;  // The body after this epoch; set by Freeze.
};

// Owned by the cache.
struct Customer {
  std::string id;
  std::string body;                  // As of the last closed epoch.
  uint64_t stamp = 0;                // Of the row in the store; 0 when there is none.
  uint64_t dirty_since = 0;          // First epoch whose effect is not in written state; 0: none.
  int64_t index_ms = kNoTime;        // Where the store's time index wakes it.
  int64_t wake_ms = kNoTime;         // Where the unwritten part of the time index wakes it.
  std::unique_ptr<CustomerRows> rows;  // Unwritten.
  std::unique_ptr<OpenCustomer> open;
  size_t bytes = 0;                    // What it takes, as the cache has counted it.
  std::list<Customer*>::iterator place;  // In the list of clean or of dirty customers.
};

}  // namespace ebb

#endif  // EBB_STATE_CUSTOMER_H_
