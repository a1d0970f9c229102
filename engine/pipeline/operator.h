#ifndef EBB_ENGINE_PIPELINE_OPERATOR_H_
#define EBB_ENGINE_PIPELINE_OPERATOR_H_

// The operator contract. An operator says in its type what it takes, emits, and is configured by; its members are
// its state. It sees nothing but the context: no Kafka, no store, no thread, no clock.
//
//   class CartReminder final : public Operator<Takes<Browse, Purchase>, Emits<Candidate>, CartReminderConfig> {
//    public:
//     void On(const Browse& browse, Context& ctx) override;
//     void On(const Purchase& purchase, Context& ctx) override;
//     void OnTimer(const Timer& timer, Context& ctx) override;
//
//    private:
//     ValueState<Cart> cart_{this, "cart"};
//     Timer wait_{this, "wait"};
//   };
//   EBB_OPERATOR("cart-reminder", CartReminder);
//
// An instance serves one task, on one thread at a time. It must be deterministic: the same records, timers and state
// give the same calls of the context. Members other than the handles and what Configure derives from the config
// are not state: they are gone after a restart.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "ebb/v1/header.pb.h"
#include "google/protobuf/message.h"
#include "state/handles.h"

namespace ebb {

class OperatorBase;

// What led to the call at hand.
struct Cause {
  std::string_view source;     // The source's name; empty for a timer.
  int32_t partition = 0;
  int64_t offset = -1;         // -1 for a timer.
  std::string_view event_id;   // The event's id, or the timer's name.
  std::string_view event_source;  // The header's source; the operator's id for a timer.
  bool generated = false;      // The event was made up by a generator.
};

// A counter of an operator, shown as ebb_operator_events_total{operator,event}. Redo does not count again.
class Counter {
 public:
  Counter(OperatorBase* owner, std::string_view name);
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  std::string_view name() const { return name_; }
  size_t index() const { return index_; }
  template <class Context>
  void Add(Context& ctx) const {
    ctx.Count(index_);
  }

 private:
  std::string name_;
  size_t index_;
};

// How many results may leave within a time, of all customers together: a brake, for a day on which something is wrong.
// Whom it meets depends on the order in which customers come, so it belongs to the way out and not to what is decided:
// no operator learns of it. Each task has an equal share.
class Allowance {
 public:
  struct Limit {
    int64_t most = 0;       // In all tasks together.
    absl::Duration window;  // One follows the other from 1970 on, by the watermark that operators see. Above 0.
  };

  // Of its owner, whose counters tell what was emitted within it and beyond it. They must outlive it.
  Allowance(std::string_view name, const Counter* within, const Counter* beyond)
      : name_(name), within_(*within), beyond_(*beyond) {}
  Allowance(const Allowance&) = delete;
  Allowance& operator=(const Allowance&) = delete;

  // To be called by Configure. Without limits nothing is beyond it.
  void SetLimits(std::vector<Limit> limits) { limits_ = std::move(limits); }

  std::string_view name() const { return name_; }
  const std::vector<Limit>& limits() const { return limits_; }
  const Counter& within() const { return within_; }
  const Counter& beyond() const { return beyond_; }

 private:
  std::string name_;
  const Counter& within_;
  const Counter& beyond_;
  std::vector<Limit> limits_;
};

// What the runtime offers an operator during one call. Never kept.
class OperatorContext {
 public:
  virtual ~OperatorContext() = default;

  // The event time of the record at hand, or the deadline of the timer.
  virtual absl::Time now() const = 0;
  // Up to where event time is complete; for a timer, its deadline.
  virtual absl::Time watermark() const = 0;
  // The key whose state is at hand.
  virtual std::string_view customer() const = 0;
  virtual const Cause& cause() const = 0;
  virtual StateAccess& state() = 0;
  // What was published and has a part in the config in force, as "name@version"; empty for the pipeline file's own.
  virtual const std::vector<std::string>& published() const {
    static const std::vector<std::string> kNothing;
    return kNothing;
  }
  // The id that the next message emitted will carry as ce_id: derived from the operator, its version, the customer
  // and the cause, so that it is the same on every replay.
  virtual std::string NextId() = 0;
  // Hands a message to whoever takes it from this operator, before returning. The message is not kept.
  virtual void Emit(const google::protobuf::Message& message) = 0;
  // The same as long as the task has not used up the allowance. Beyond it, what is to leave is `otherwise`, under the
  // same id; operators that take `message` get it nevertheless.
  virtual void EmitWithin(const Allowance& allowance, const google::protobuf::Message& message,
                          const google::protobuf::Message& otherwise) = 0;
  // Sends the record at hand to dead letters with a stable reason and a sentence; no effect but an abort for a timer.
  virtual void Reject(std::string_view reason, std::string_view text) = 0;
  // Random bits that are the same on every redo and replay.
  virtual uint64_t Random() = 0;
  virtual void Count(size_t counter) = 0;
};

template <class... Messages>
struct Takes {};
template <class... Messages>
struct Emits {};

// What the graph knows of any operator.
class OperatorBase : public StateOwner {
 public:
  using Prototypes = std::vector<const google::protobuf::Message*>;

  virtual ~OperatorBase() = default;

  // The messages it takes and emits, as default instances.
  virtual Prototypes takes() const = 0;
  virtual Prototypes emits() const = 0;
  // Messages without which it could not do what it is configured to do: some input must send each. After SetConfig.
  virtual Prototypes needs() const { return {}; }
  virtual const google::protobuf::Message& config_prototype() const = 0;
  // Checks and takes the config: InvalidArgument with a line for each mistake, "field.path: what is wrong", or
  // "field.path:7: what is wrong" where column 7 of the field's text is meant. See refusals.h.
  virtual absl::Status SetConfig(const google::protobuf::Message& config) = 0;
  // Handles a message that is of type takes()[index].
  virtual void Deliver(size_t index, const google::protobuf::Message& message, OperatorContext& ctx) = 0;
  virtual void Fire(const Timer& timer, OperatorContext& ctx) = 0;
  // Whether customers are to be visited when a new version of the config comes into force, and the visit of one: see
  // Operator::OnPublished.
  virtual bool visits() const { return false; }
  virtual void Visit(OperatorContext& ctx) = 0;
  // Raised when the meaning of its results changes; part of their ids.
  virtual int version() const { return 1; }

  const std::vector<Counter*>& counters() const { return counters_; }

 private:
  friend class Counter;
  std::vector<Counter*> counters_;
};

// The context of an operator that may emit only what it declares.
template <class EmitsList>
class TypedContext;
template <class... Messages>
class TypedContext<Emits<Messages...>> {
 public:
  explicit TypedContext(OperatorContext& base) : base_(base) {}

  absl::Time now() const { return base_.now(); }
  absl::Time watermark() const { return base_.watermark(); }
  std::string_view customer() const { return base_.customer(); }
  const Cause& cause() const { return base_.cause(); }
  StateAccess& state() { return base_.state(); }
  std::string NextId() { return base_.NextId(); }
  const std::vector<std::string>& published() const { return base_.published(); }
  void Reject(std::string_view reason, std::string_view text) { base_.Reject(reason, text); }
  uint64_t Random() { return base_.Random(); }
  void Count(size_t counter) { base_.Count(counter); }
  template <class M>
  void Emit(const M& message) {
    static_assert((std::is_same_v<M, Messages> || ...), "declare the message in Emits<>");
    base_.Emit(message);
  }
  template <class M, class Otherwise>
  void EmitWithin(const Allowance& allowance, const M& message, const Otherwise& otherwise) {
    static_assert((std::is_same_v<M, Messages> || ...), "declare the message in Emits<>");
    static_assert((std::is_same_v<Otherwise, Messages> || ...), "declare what is emitted otherwise in Emits<>");
    base_.EmitWithin(allowance, message, otherwise);
  }
  // The cause as it stands in results.
  v1::Position Tipping() const {
    v1::Position position;
    position.set_source(std::string(cause().source));
    position.set_partition(cause().partition);
    position.set_offset(cause().offset);
    position.set_event_id(std::string(cause().event_id));
    return position;
  }

 private:
  OperatorContext& base_;
};

// One message that an operator takes.
template <class M, class Context>
class Taker {
 public:
  virtual void On(const M& message, Context& ctx) = 0;

 protected:
  ~Taker() = default;
};

template <class TakesList, class EmitsList, class ConfigMessage>
class Operator;
template <class... Taken, class... Emitted, class ConfigMessage>
class Operator<Takes<Taken...>, Emits<Emitted...>, ConfigMessage>
    : public OperatorBase, public Taker<Taken, TypedContext<Emits<Emitted...>>>... {
 public:
  using Context = TypedContext<Emits<Emitted...>>;

  Prototypes takes() const final { return {&Taken::default_instance()...}; }
  Prototypes emits() const final { return {&Emitted::default_instance()...}; }
  const google::protobuf::Message& config_prototype() const final { return ConfigMessage::default_instance(); }
  absl::Status SetConfig(const google::protobuf::Message& config) final {
    config_.CopyFrom(config);
    return Configure();
  }
  void Deliver(size_t index, const google::protobuf::Message& message, OperatorContext& ctx) final {
    Context typed(ctx);
    size_t i = 0;
    (void)((i++ == index
                ? (static_cast<Taker<Taken, Context>*>(this)->On(static_cast<const Taken&>(message), typed), true)
                : false) ||
           ...);
  }
  void Fire(const Timer& timer, OperatorContext& ctx) final {
    Context typed(ctx);
    OnTimer(timer, typed);
  }

  void Visit(OperatorContext& ctx) final {
    Context typed(ctx);
    OnPublished(typed);
  }

  virtual void OnTimer(const Timer&, Context&) {}
  // Where visits() says so: called once for every customer known when a new version of the config came into force, with
  // that moment as the time, before anything later happens to the customer. May come twice when the first time changed
  // nothing of the customer's state.
  virtual void OnPublished(Context&) {}

 protected:
  const ConfigMessage& config() const { return config_; }
  // Checks what field rules cannot say and derives what the calls need.
  virtual absl::Status Configure() { return absl::OkStatus(); }

 private:
  ConfigMessage config_;
};

// The operator types that this binary knows, by name. Filled before main, read only after.
class OperatorRegistry {
 public:
  using Factory = std::function<std::unique_ptr<OperatorBase>()>;

  static OperatorRegistry& Get();
  void Register(std::string_view type, Factory factory);
  // Null for an unknown type.
  std::unique_ptr<OperatorBase> Create(std::string_view type) const;
  // In order of names.
  std::vector<std::string> Types() const;

 private:
  std::vector<std::pair<std::string, Factory>> factories_;
};

#define EBB_OPERATOR(type, Class)                                                                              \
  static const bool ebb_registered_##Class =                                                                   \
      (::ebb::OperatorRegistry::Get().Register(                                                                \
           type, []() -> std::unique_ptr<::ebb::OperatorBase> { return std::make_unique<Class>(); }),          \
       true)

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_OPERATOR_H_
