#include "engine/runtime/dispatcher.h"

#include <algorithm>

#include "state/hash.h"
#include "state/text.h"

namespace ebb {

Dispatcher::Dispatcher(Graph* graph, CustomerCache* cache, ResultSink* sink)
    : graph_(*graph), cache_(*cache), sink_(*sink), emitted_(graph->nodes().size()) {
  for (const Graph::Node& node : graph_.nodes()) counts_.emplace_back(node.op->counters().size());
  open_counts_ = counts_;
}

void Dispatcher::Begin(const Cause& cause, absl::Time now, absl::Time watermark, Customer* customer,
                       int64_t earliest_timer_ms) {
  cause_ = cause;
  now_ = now;
  watermark_ = watermark;
  customer_ = customer;
  state_ = &cache_.Open(customer, earliest_timer_ms);
  std::fill(emitted_.begin(), emitted_.end(), 0);
  draws_ = 0;
}

void Dispatcher::Deliver(size_t source, const google::protobuf::Message& event, const Cause& cause, absl::Time now,
                         absl::Time watermark, Customer* customer) {
  Begin(cause, now, watermark, customer, kNoTime);
  for (const Graph::Target& target : graph_.targets(source)) DeliverTo(target, event);
  cache_.KeepWake(customer);
}

void Dispatcher::Fire(TimerId timer, absl::Time deadline, Customer* customer) {
  const Graph::TimerTarget* target = graph_.timer(timer);
  Cause cause;
  if (target != nullptr) {
    cause.event_id = target->timer->name();
    cause.event_source = graph_.nodes()[target->node].spec->id;
  }
  Begin(cause, deadline, deadline, customer, absl::ToUnixMillis(deadline) + 1);
  // A timer of an operator that the pipeline no longer has is let go.
  state_->Disarm(timer);
  if (target != nullptr) {
    node_ = target->node;
    graph_.nodes()[target->node].op->Fire(*target->timer, *this);
  }
  cache_.KeepWake(customer);
}

void Dispatcher::Visit(const std::vector<int>& nodes, std::string_view publication, absl::Time moment,
                       Customer* customer) {
  Cause cause;
  cause.event_id = publication;
  Begin(cause, moment, moment, customer, kNoTime);
  for (const int node : nodes) {
    node_ = node;
    graph_.nodes()[static_cast<size_t>(node)].op->Visit(*this);
  }
  cache_.KeepWake(customer);
}

void Dispatcher::DeliverTo(const Graph::Target& target, const google::protobuf::Message& message) {
  const int caller = node_;
  node_ = target.node;
  graph_.nodes()[target.node].op->Deliver(target.take, message, *this);
  node_ = caller;
}

std::string Dispatcher::NextId() {
  const Graph::Node& node = graph_.nodes()[node_];
  // Offsets have no part in it: a replay from files has others.
  const std::string text =
      Text(node.spec->id, "\x1f", node.op->version(), "\x1f", customer_->id(), "\x1f", cause_.event_source, "\x1f",
           cause_.event_id, "\x1f", absl::ToUnixMillis(now_), "\x1f", emitted_[node_]);
  return Text(absl::Hex(StableHash64(text, 1), absl::kZeroPad16), absl::Hex(StableHash64(text, 2), absl::kZeroPad16));
}

const Graph::Outlet* Dispatcher::OutletOf(const google::protobuf::Message& message) const {
  for (const Graph::Outlet& outlet : graph_.nodes()[node_].outlets) {
    if (outlet.type == message.GetDescriptor()) return &outlet;
  }
  return nullptr;
}

void Dispatcher::Leave(const Graph::Outlet& outlet, const google::protobuf::Message& message, ResultSink::Fate fate) {
  if (outlet.sinks.empty()) return;
  const std::string id = NextId();
  for (int sink : outlet.sinks) sink_.OnResult(sink, message, id, fate);
}

void Dispatcher::Emit(const google::protobuf::Message& message) {
  if (const Graph::Outlet* outlet = OutletOf(message)) {
    Leave(*outlet, message, ResultSink::Fate::kLeaves);
    for (const Graph::Target& target : outlet->targets) DeliverTo(target, message);
  }
  ++emitted_[node_];
}

void Dispatcher::EmitWithin(const Allowance& allowance, const google::protobuf::Message& message,
                            const google::protobuf::Message& otherwise) {
  const bool within = sink_.Take(graph_.nodes()[node_].spec->id, allowance, watermark_);
  Count((within ? allowance.within() : allowance.beyond()).index());
  const Graph::Outlet* outlet = OutletOf(message);
  if (outlet != nullptr) Leave(*outlet, message, within ? ResultSink::Fate::kLeaves : ResultSink::Fate::kHeldBack);
  const Graph::Outlet* instead = within ? nullptr : OutletOf(otherwise);
  if (instead != nullptr) Leave(*instead, otherwise, ResultSink::Fate::kInstead);
  if (outlet != nullptr) {
    for (const Graph::Target& target : outlet->targets) DeliverTo(target, message);
  }
  ++emitted_[node_];
}

uint64_t Dispatcher::Random() {
  // Seeded by what is the same on every redo and replay, never by the epoch.
  return StableHash64(Text(graph_.nodes()[node_].spec->id, "\x1f", customer_->id(), "\x1f", cause_.event_source, "\x1f",
                           cause_.event_id, "\x1f", absl::ToUnixMillis(now_)),
                      ++draws_);
}

void Dispatcher::Count(size_t counter) { ++open_counts_[node_][counter]; }

void Dispatcher::TakeCounts(const Dispatcher& other) {
  for (size_t node = 0; node < counts_.size(); ++node) {
    for (size_t before = 0; before < other.counts_.size(); ++before) {
      const bool same = graph_.nodes()[node].spec->id == other.graph_.nodes()[before].spec->id &&
                        counts_[node].size() == other.counts_[before].size();
      if (same) counts_[node] = other.counts_[before];
    }
  }
}

void Dispatcher::KeepCounts() {
  for (size_t node = 0; node < counts_.size(); ++node) {
    for (size_t i = 0; i < counts_[node].size(); ++i) counts_[node][i] += open_counts_[node][i];
  }
  DropCounts();
}

void Dispatcher::DropCounts() {
  for (std::vector<uint64_t>& of_node : open_counts_) std::fill(of_node.begin(), of_node.end(), 0);
}

}  // namespace ebb
