#ifndef EBB_TESTS_UNIT_OPERATORS_FAKE_CONTEXT_H_
#define EBB_TESTS_UNIT_OPERATORS_FAKE_CONTEXT_H_

// A context for one customer, for unit tests of operators: state and timers in maps, what an operator does collected.
// After every call all state goes through its serialised form, as if it had been evicted.
//
//   FakeContext ctx("ann");
//   ctx.Bind(op, "customer-profile");
//   ctx.Send(op, purchase);
//   ctx.AdvanceTo(absl::FromUnixSeconds(90));
//   EXPECT_THAT(ctx.Take<v1::CustomerFeatures>(), SizeIs(1));

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "engine/pipeline/operator.h"
#include "google/protobuf/message.h"
#include "state/access.h"

namespace ebb {

class FakeContext final : public OperatorContext, public StateAccess {
 public:
  struct Rejection {
    std::string reason;
    std::string text;
  };

  explicit FakeContext(std::string customer = "customer") : customer_(std::move(customer)) {}

  // Gives an operator's states and timers their ids. Operators of one context that are bound see each other's states by
  // type and name; a new instance that is bound under the same type takes over state and timers, as after a restart.
  void Bind(OperatorBase& op, std::string_view type);

  // Hands over a message that the operator takes. Now is `at`, or else the time of the message's header, which also
  // gives the cause. Then timers that are due fire.
  void Send(OperatorBase& op, const google::protobuf::Message& message, std::optional<absl::Time> at = std::nullopt);

  // Has an operator visit the customer because of a publication, named "change@1", that holds from the watermark on.
  void Visit(OperatorBase& op);

  // Moves the watermark to `watermark` and fires the timers of all operators that it passes, in order of deadlines.
  void AdvanceTo(absl::Time watermark);

  // The state of an operator as it stands, made when there is none. Changes are what the operator finds.
  template <class M>
  M& State(std::string_view type, std::string_view name) {
    return static_cast<M&>(*Mutable(IdOf(type, name), M::default_instance()));
  }
  bool HasState(std::string_view type, std::string_view name) { return values_.count(IdOf(type, name)) > 0; }
  std::optional<absl::Time> DeadlineOf(std::string_view type, std::string_view timer);

  // Everything of this type emitted since it was last taken, in order.
  template <class M>
  std::vector<M> Take() {
    std::vector<M> taken;
    std::vector<std::unique_ptr<google::protobuf::Message>> others;
    for (auto& message : emitted_) {
      if (const auto* found = dynamic_cast<const M*>(message.get())) {
        taken.push_back(*found);
      } else {
        others.push_back(std::move(message));
      }
    }
    emitted_ = std::move(others);
    return taken;
  }
  size_t emitted_count() const { return emitted_.size(); }
  const std::vector<Rejection>& rejections() const { return rejections_; }
  // From now on allowances that have limits are used up, or not.
  void set_allowances_used_up(bool used_up) { allowances_used_up_ = used_up; }
  // How often a counter of an operator counted.
  int64_t Counted(const OperatorBase& op, std::string_view counter) const;

  // OperatorContext, for use by operators.
  absl::Time now() const override { return now_; }
  absl::Time watermark() const override { return cause_.source.empty() ? now_ : watermark_; }
  std::string_view customer() const override { return customer_; }
  const Cause& cause() const override { return cause_; }
  StateAccess& state() override { return *this; }
  const std::vector<std::string>& published() const override { return published_; }
  std::string NextId() override;
  void Emit(const google::protobuf::Message& message) override;
  void EmitWithin(const Allowance& allowance, const google::protobuf::Message& message,
                  const google::protobuf::Message& otherwise) override;
  void Reject(std::string_view reason, std::string_view text) override;
  uint64_t Random() override;
  void Count(size_t counter) override;

  // StateAccess, for use by handles.
  const google::protobuf::Message* Find(StateId state, const google::protobuf::Message& prototype) override;
  google::protobuf::Message* Mutable(StateId state, const google::protobuf::Message& prototype) override;
  void Clear(StateId state) override { values_.erase(state); }
  std::optional<std::string> FindRow(StateId state, std::string_view sub_key) override;
  void PutRow(StateId state, std::string_view sub_key, std::string value) override;
  void EraseRow(StateId state, std::string_view sub_key) override;
  void ScanRows(StateId state, std::string_view from, const RowVisitor& visit) override;
  std::optional<int64_t> Deadline(TimerId timer) override;
  void Arm(TimerId timer, int64_t deadline_ms) override { deadlines_[timer] = deadline_ms; }
  void Disarm(TimerId timer) override { deadlines_.erase(timer); }

 private:
  struct BoundTimer {
    OperatorBase* owner;
    const Timer* timer;
  };

  uint32_t IdOf(std::string_view type, std::string_view name);
  void FireDue();
  void BeginCall(const OperatorBase& op);
  void EndCall();

  std::string customer_;
  absl::Time now_ = absl::UnixEpoch();
  absl::Time watermark_ = absl::InfinitePast();
  Cause cause_;
  std::string event_id_;  // What the cause's views refer to.
  std::string event_source_;
  int64_t next_offset_ = 0;
  std::vector<std::string> published_;
  bool allowances_used_up_ = false;

  const OperatorBase* running_ = nullptr;
  size_t emitted_in_call_ = 0;
  uint64_t randoms_in_call_ = 0;

  std::map<std::string, uint32_t> ids_;  // Of states and timers, by "type/name".
  std::map<const OperatorBase*, std::string> types_;
  std::map<TimerId, BoundTimer> timers_;
  std::map<StateId, std::unique_ptr<google::protobuf::Message>> values_;
  std::map<StateId, std::map<std::string, std::string, std::less<>>> rows_;
  std::map<TimerId, int64_t> deadlines_;

  std::vector<std::unique_ptr<google::protobuf::Message>> emitted_;
  std::vector<Rejection> rejections_;
  std::map<std::pair<const OperatorBase*, size_t>, int64_t> counts_;
};

}  // namespace ebb

#endif  // EBB_TESTS_UNIT_OPERATORS_FAKE_CONTEXT_H_
