#ifndef EBB_ENGINE_PIPELINE_GRAPH_H_
#define EBB_ENGINE_PIPELINE_GRAPH_H_

// The operators of one task and how messages pass between them.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ebb/v1/changelog.pb.h"
#include "engine/pipeline/spec.h"

namespace ebb {

// Owned by its task, used on the task's thread. The spec must outlive it.
class Graph {
 public:
  // An operator that takes a message, and as which of the types it takes.
  struct Target {
    int node = 0;
    size_t take = 0;
  };
  // Where messages of one emitted type go, in order of the pipeline.
  struct Outlet {
    const google::protobuf::Descriptor* type = nullptr;
    std::vector<Target> targets;
    std::vector<int> sinks;  // Indexes into PipelineSpec::sinks.
  };
  struct Node {
    const OperatorSpec* spec = nullptr;
    std::unique_ptr<OperatorBase> op;
    std::vector<Outlet> outlets;
  };
  struct TimerTarget {
    int node = 0;
    const Timer* timer = nullptr;
  };

  // Creates and configures the operators. InvalidArgument: an operator refuses its config.
  static absl::StatusOr<std::unique_ptr<Graph>> Build(const PipelineSpec& spec);

  // What becomes of a state or a timer that is stored and that no operator has.
  enum class Missing {
    kRefuse,  // Unless it is retired already.
    kRetire,  // What is stored of it stays.
  };

  // Gives every state and timer its id: the one it has in `existing`, or the next free one; an empty manifest stands
  // for a new application. Returns the manifest that holds from now on. FailedPrecondition: the pipeline does not
  // fit what is stored; the message lists each difference (a state that is gone, another type or shape, other
  // sources, another number of partitions) and what can be done. DataLoss: what is stored is damaged.
  absl::StatusOr<v1::Manifest> Bind(const v1::Manifest& existing, int32_t partitions,
                                    Missing missing = Missing::kRefuse);

  std::vector<Node>& nodes() { return nodes_; }
  // Who takes the events of a source, by index into PipelineSpec::sources.
  const std::vector<Target>& targets(size_t source) const { return source_targets_[source]; }
  // Null for an id that no operator has.
  const TimerTarget* timer(TimerId id) const;

 private:
  explicit Graph(const PipelineSpec& spec) : spec_(spec) {}

  // Who takes messages of `type` from the source or operator `from`.
  std::vector<Target> TakersOf(const std::string& from, const google::protobuf::Descriptor* type) const;

  const PipelineSpec& spec_;
  std::vector<Node> nodes_;
  std::vector<std::vector<Target>> source_targets_;
  std::vector<TimerTarget> timers_;  // By id.
};

}  // namespace ebb

#endif  // EBB_ENGINE_PIPELINE_GRAPH_H_
