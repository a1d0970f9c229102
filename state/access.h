#ifndef EBB_STATE_ACCESS_H_
#define EBB_STATE_ACCESS_H_

// What a state handle needs of whoever keeps the state of the customer at hand.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "google/protobuf/message.h"

namespace ebb {

// Numbers of states and timers within a pipeline, given by its manifest, from 1.
using StateId = uint32_t;
using TimerId = uint32_t;

// The state of one customer: the one whose record or timer is being handled. Valid during that call only.
// Trouble of the store below shows as absence here; the runtime notices and undoes the epoch.
class StateAccess {
 public:
  using RowVisitor = std::function<bool(std::string_view sub_key, std::string_view value)>;

  virtual ~StateAccess() = default;

  // The single value of a state, null when there is none. Lives until the call ends or the value is cleared.
  virtual const google::protobuf::Message* Find(StateId state, const google::protobuf::Message& prototype) = 0;
  // The same to be changed, made empty when there is none.
  virtual google::protobuf::Message* Mutable(StateId state, const google::protobuf::Message& prototype) = 0;
  virtual void Clear(StateId state) = 0;
  // Adds what the list `more` holds to the value, a list of the same type, without reading what is there. A list is a
  // message whose only field is a repeated one of messages.
  virtual void Append(StateId state, const google::protobuf::Message& prototype,
                      const google::protobuf::Message& more) {
    Mutable(state, prototype)->MergeFrom(more);
  }

  // Rows of a map or list state, by sub-key; visited in order of sub-keys as unsigned bytes.
  virtual std::optional<std::string> FindRow(StateId state, std::string_view sub_key) = 0;
  virtual void PutRow(StateId state, std::string_view sub_key, std::string value) = 0;
  virtual void EraseRow(StateId state, std::string_view sub_key) = 0;
  virtual void ScanRows(StateId state, std::string_view from, const RowVisitor& visit) = 0;

  // The deadline of an armed timer in milliseconds since 1970.
  virtual std::optional<int64_t> Deadline(TimerId timer) = 0;
  virtual void Arm(TimerId timer, int64_t deadline_ms) = 0;
  virtual void Disarm(TimerId timer) = 0;
};

}  // namespace ebb

#endif  // EBB_STATE_ACCESS_H_
