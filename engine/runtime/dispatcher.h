#ifndef EBB_ENGINE_RUNTIME_DISPATCHER_H_
#define EBB_ENGINE_RUNTIME_DISPATCHER_H_

// Passes events and timers through the operators of a task, message by message, depth first.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/pipeline/graph.h"
#include "engine/pipeline/operator.h"
#include "state/customer_cache.h"

namespace ebb {

// Where results go. Called during Deliver, Fire and Visit.
class ResultSink {
 public:
  enum class Fate {
    kLeaves,
    kHeldBack,  // Is reckoned with as one that leaves, and does not.
    kInstead,   // Leaves in the place of one that is held back, and is not reckoned with.
  };

  virtual ~ResultSink() = default;
  virtual void OnResult(int sink, const google::protobuf::Message& message, const std::string& id, Fate fate) = 0;
  // Whether a result may leave at this moment under an allowance of the operator, which uses it up by one.
  virtual bool Take(std::string_view op, const Allowance& allowance, absl::Time at) = 0;
  virtual void OnReject(std::string_view reason, std::string_view text) = 0;
};

// One a task; the task's thread only.
class Dispatcher final : public OperatorContext {
 public:
  // The graph, cache and sink must outlive it.
  Dispatcher(Graph* graph, CustomerCache* cache, ResultSink* sink);

  // Hands an event of `source` to all who take it.
  void Deliver(size_t source, const google::protobuf::Message& event, const Cause& cause, absl::Time now,
               absl::Time watermark, Customer* customer);

  // Fires one timer of a customer at its deadline, which is also the watermark that it sees: how far time has come
  // beyond that may differ in redo. What it arms fires later than that.
  void Fire(TimerId timer, absl::Time deadline, Customer* customer);

  // Has these operators visit a customer because of a publication that holds from `moment` on.
  void Visit(const std::vector<int>& nodes, std::string_view publication, absl::Time moment, Customer* customer);

  // Operators' counters, by node and index: of what was kept.
  const std::vector<std::vector<uint64_t>>& counts() const { return counts_; }
  // Goes on from what another has kept, for operators of the same id.
  void TakeCounts(const Dispatcher& other);
  // Keeps what was counted since the last of these two calls, or forgets it.
  void KeepCounts();
  void DropCounts();

  absl::Time now() const override { return now_; }
  absl::Time watermark() const override { return watermark_; }
  std::string_view customer() const override { return customer_->id(); }
  const Cause& cause() const override { return cause_; }
  StateAccess& state() override { return *state_; }
  const std::vector<std::string>& published() const override { return graph_.nodes()[node_].spec->published; }
  std::string NextId() override;
  void Emit(const google::protobuf::Message& message) override;
  void EmitWithin(const Allowance& allowance, const google::protobuf::Message& message,
                  const google::protobuf::Message& otherwise) override;
  void Reject(std::string_view reason, std::string_view text) override { sink_.OnReject(reason, text); }
  uint64_t Random() override;
  void Count(size_t counter) override;

 private:
  void Begin(const Cause& cause, absl::Time now, absl::Time watermark, Customer* customer, int64_t earliest_timer_ms);
  void DeliverTo(const Graph::Target& target, const google::protobuf::Message& message);
  // Null when nobody takes such messages from the operator at work.
  const Graph::Outlet* OutletOf(const google::protobuf::Message& message) const;
  void Leave(const Graph::Outlet& outlet, const google::protobuf::Message& message, ResultSink::Fate fate);

  Graph& graph_;
  CustomerCache& cache_;
  ResultSink& sink_;
  std::vector<std::vector<uint64_t>> counts_;
  std::vector<std::vector<uint64_t>> open_counts_;  // Neither kept nor forgotten yet.

  Cause cause_;
  absl::Time now_;
  absl::Time watermark_;
  Customer* customer_ = nullptr;
  StateAccess* state_ = nullptr;
  int node_ = 0;                    // The operator at work.
  std::vector<uint32_t> emitted_;   // By node, for this cause.
  uint64_t draws_ = 0;
};

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_DISPATCHER_H_
