#ifndef EBB_STATE_HANDLES_H_
#define EBB_STATE_HANDLES_H_

// Keyed state as an operator sees it: members that declare a state by existing. A handle holds no data; it finds
// the state of the customer at hand through the context it is given, anything with a `StateAccess& state()`.
//
//   ValueState<Cart> cart_{this, "cart"};
//   ...
//   cart_.Mutable(ctx).add_skus(sku);

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "state/access.h"

namespace ebb {

enum class StateShape { kValue, kMap, kList };

class StateHandle;
class Timer;

// Collects the handles that are members of it. Every operator is one.
class StateOwner {
 public:
  const std::vector<StateHandle*>& states() const { return states_; }
  const std::vector<Timer*>& timers() const { return timers_; }

 protected:
  StateOwner() = default;
  ~StateOwner() = default;
  StateOwner(const StateOwner&) = delete;
  StateOwner& operator=(const StateOwner&) = delete;

 private:
  friend class StateHandle;
  friend class Timer;
  std::vector<StateHandle*> states_;
  std::vector<Timer*> timers_;
};

// What all state handles share: a name that is stable for as long as the application lives, and, once the graph is
// built, an id. A state of another operator may be read, never written: it names that operator's type.
class StateHandle {
 public:
  std::string_view name() const { return name_; }
  StateShape shape() const { return shape_; }
  const google::protobuf::Message& prototype() const { return *prototype_; }
  // The operator type whose state it reads; empty for the operator's own.
  std::string_view foreign_operator() const { return foreign_operator_; }
  void Bind(StateId id) { id_ = id; }

 protected:
  StateHandle(StateOwner* owner, std::string_view name, StateShape shape, const google::protobuf::Message& prototype,
              std::string_view foreign_operator = "")
      : name_(name), foreign_operator_(foreign_operator), shape_(shape), prototype_(&prototype) {
    owner->states_.push_back(this);
  }
  ~StateHandle() = default;
  StateHandle(const StateHandle&) = delete;
  StateHandle& operator=(const StateHandle&) = delete;
  StateId id() const { return id_; }

 private:
  std::string name_;
  std::string foreign_operator_;
  StateShape shape_;
  const google::protobuf::Message* prototype_;
  StateId id_ = 0;
};

// One message a customer.
template <class T>
class ValueState final : public StateHandle {
 public:
  ValueState(StateOwner* owner, std::string_view name)
      : StateHandle(owner, name, StateShape::kValue, T::default_instance()) {}

  // The value, or the default instance. Valid until the next change of this state or the end of the call.
  template <class Context>
  const T& Get(Context& ctx) const {
    const auto* found = ctx.state().Find(id(), T::default_instance());
    return found ? static_cast<const T&>(*found) : T::default_instance();
  }
  template <class Context>
  bool Exists(Context& ctx) const {
    return ctx.state().Find(id(), T::default_instance()) != nullptr;
  }
  template <class Context>
  T& Mutable(Context& ctx) const {
    return static_cast<T&>(*ctx.state().Mutable(id(), T::default_instance()));
  }
  // Adds what `more` holds, at the cost of `more` alone. T must be a list: a message whose only field is a repeated one
  // of messages.
  template <class Context>
  void Append(Context& ctx, const T& more) const {
    ctx.state().Append(id(), T::default_instance(), more);
  }
  template <class Context>
  void Clear(Context& ctx) const {
    ctx.state().Clear(id());
  }
};

// Reads a single-value state of the operator of type `operator_type` that lies upstream; the graph runs that one first.
template <class T>
class ReadState final : public StateHandle {
 public:
  ReadState(StateOwner* owner, std::string_view operator_type, std::string_view name)
      : StateHandle(owner, name, StateShape::kValue, T::default_instance(), operator_type) {}

  template <class Context>
  const T& Get(Context& ctx) const {
    const auto* found = ctx.state().Find(id(), T::default_instance());
    return found ? static_cast<const T&>(*found) : T::default_instance();
  }
};

// Messages of one customer by a key of bytes; for what is too large or too rarely needed for one value.
template <class T>
class MapState final : public StateHandle {
 public:
  MapState(StateOwner* owner, std::string_view name)
      : StateHandle(owner, name, StateShape::kMap, T::default_instance()) {}

  template <class Context>
  std::optional<T> Get(Context& ctx, std::string_view key) const {
    auto row = ctx.state().FindRow(id(), key);
    T value;
    if (!row || !value.ParseFromString(*row)) return std::nullopt;
    return value;
  }
  template <class Context>
  void Put(Context& ctx, std::string_view key, const T& value) const {
    ctx.state().PutRow(id(), key, value.SerializeAsString());
  }
  template <class Context>
  void Erase(Context& ctx, std::string_view key) const {
    ctx.state().EraseRow(id(), key);
  }
  // Visits (key, value) in order of keys until `visit` returns false.
  template <class Context, class Visit>
  void ForEach(Context& ctx, Visit visit) const {
    ctx.state().ScanRows(id(), "", [&](std::string_view key, std::string_view bytes) {
      T value;
      return !value.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || visit(key, value);
    });
  }
};

// Messages of one customer in the order in which they were appended.
template <class T>
class ListState final : public StateHandle {
 public:
  ListState(StateOwner* owner, std::string_view name)
      : StateHandle(owner, name, StateShape::kList, T::default_instance()) {}

  template <class Context>
  void Append(Context& ctx, const T& value) const {
    std::string last;
    ctx.state().ScanRows(id(), "", [&](std::string_view key, std::string_view) {
      last.assign(key);
      return true;
    });
    ctx.state().PutRow(id(), Successor(last), value.SerializeAsString());
  }
  template <class Context, class Visit>
  void ForEach(Context& ctx, Visit visit) const {
    ctx.state().ScanRows(id(), "", [&](std::string_view, std::string_view bytes) {
      T value;
      return !value.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || visit(value);
    });
  }
  template <class Context>
  void Clear(Context& ctx) const {
    std::vector<std::string> keys;
    ctx.state().ScanRows(id(), "", [&](std::string_view key, std::string_view) {
      keys.emplace_back(key);
      return true;
    });
    for (const std::string& key : keys) ctx.state().EraseRow(id(), key);
  }

 private:
  // Sub-keys are big-endian counters, so that order of bytes is order of time.
  static std::string Successor(std::string_view last) {
    std::string next(8, '\0');
    if (last.size() == next.size()) next.assign(last);
    for (size_t i = next.size(); i-- > 0;) {
      next[i] = static_cast<char>(static_cast<unsigned char>(next[i]) + 1);
      if (next[i] != 0) break;
    }
    return next;
  }
};

// A durable timer in event time, one deadline a customer; arming it again moves the deadline.
class Timer {
 public:
  Timer(StateOwner* owner, std::string_view name) : name_(name) { owner->timers_.push_back(this); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  std::string_view name() const { return name_; }
  TimerId id() const { return id_; }
  void Bind(TimerId id) { id_ = id; }

  // Fires when the watermark has passed `when`, and before any later record of the customer. Rounded down to
  // milliseconds. Armed by a timer, it fires at least a millisecond after that one: so timers of a customer fire in
  // order, and each firing has a time of its own.
  template <class Context>
  void Arm(Context& ctx, absl::Time when) const {
    // The least number means no time to the time index.
    ctx.state().Arm(id_, std::max(absl::ToUnixMillis(when), std::numeric_limits<int64_t>::min() + 1));
  }
  template <class Context>
  void Cancel(Context& ctx) const {
    ctx.state().Disarm(id_);
  }
  template <class Context>
  bool IsArmed(Context& ctx) const {
    return ctx.state().Deadline(id_).has_value();
  }
  template <class Context>
  std::optional<absl::Time> Deadline(Context& ctx) const {
    auto deadline_ms = ctx.state().Deadline(id_);
    if (!deadline_ms) return std::nullopt;
    return absl::FromUnixMillis(*deadline_ms);
  }

 private:
  std::string name_;
  TimerId id_ = 0;
};

}  // namespace ebb

#endif  // EBB_STATE_HANDLES_H_
