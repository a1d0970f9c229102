#ifndef EBB_STATE_CUSTOMER_ACCESS_H_
#define EBB_STATE_CUSTOMER_ACCESS_H_

// The customer at hand as operators' handles see it: open values over unwritten rows over the store.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "state/access.h"
#include "state/customer.h"
#include "state/message_pool.h"
#include "state/store.h"

namespace ebb {

// Owned by the customer cache; the task's thread only.
class CustomerAccess final : public StateAccess {
 public:
  // The first trouble of the store goes to *status; what rows and messages take in memory is added to *pinned_bytes,
  // messages also to *message_bytes and to their customer's.
  CustomerAccess(Store* store, MessagePool* messages, absl::Status* status, size_t* pinned_bytes, size_t* message_bytes)
      : store_(*store),
        messages_(*messages),
        status_(*status),
        pinned_bytes_(*pinned_bytes),
        message_bytes_(*message_bytes) {}

  // From now on it is this one, which is open, and no timer of it is armed before `earliest_ms`.
  void Select(Customer* customer, int64_t earliest_ms) {
    customer_ = customer;
    earliest_ms_ = earliest_ms;
  }

  const google::protobuf::Message* Find(StateId state, const google::protobuf::Message& prototype) override;
  google::protobuf::Message* Mutable(StateId state, const google::protobuf::Message& prototype) override;
  void Clear(StateId state) override;
  void Append(StateId state, const google::protobuf::Message& prototype,
              const google::protobuf::Message& more) override;
  std::optional<std::string> FindRow(StateId state, std::string_view sub_key) override;
  void PutRow(StateId state, std::string_view sub_key, std::string value) override;
  void EraseRow(StateId state, std::string_view sub_key) override;
  void ScanRows(StateId state, std::string_view from, const RowVisitor& visit) override;
  std::optional<int64_t> Deadline(TimerId timer) override;
  void Arm(TimerId timer, int64_t deadline_ms) override;
  void Disarm(TimerId timer) override;

 private:
  OpenCustomer::Value* ValueOf(StateId state);
  // An empty value of a state that has none.
  OpenCustomer::Value* Insert(StateId state);
  google::protobuf::Message* Parsed(OpenCustomer::Value* value, const google::protobuf::Message& prototype);
  // Counts bytes that live as long as the customer is open.
  void Pin(size_t bytes);
  // With whatever was in it before.
  std::unique_ptr<google::protobuf::Message> NewMessage(StateId state, const google::protobuf::Message& prototype);

  Store& store_;
  MessagePool& messages_;
  absl::Status& status_;
  size_t& pinned_bytes_;
  size_t& message_bytes_;
  Customer* customer_ = nullptr;
  int64_t earliest_ms_ = kNoTime;
};

}  // namespace ebb

#endif  // EBB_STATE_CUSTOMER_ACCESS_H_
