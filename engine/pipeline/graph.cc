#include "engine/pipeline/graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace ebb {
namespace {

using google::protobuf::Descriptor;

bool IsIn(const std::string& name, const std::vector<std::string>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::string_view ShapeName(StateShape shape) {
  switch (shape) {
    case StateShape::kValue:
      return "value";
    case StateShape::kMap:
      return "map";
    case StateShape::kList:
      return "list";
  }
  return "";
}

std::string NameOf(const std::string& op, std::string_view state) { return absl::StrCat(op, "/", std::string(state)); }

// Ids are given one after the other, each once.
constexpr uint32_t kMaxId = 1 << 16;

template <class Entries>
absl::Status CheckIds(const Entries& entries) {
  std::set<uint32_t> ids;
  for (const auto& entry : entries) {
    if (entry.id() > 0 && entry.id() <= kMaxId && ids.insert(entry.id()).second) continue;
    return absl::DataLossError(absl::StrCat("the manifest has ", entry.name(), " under the number ", entry.id(),
                                            ", which it cannot have: it is damaged"));
  }
  return absl::OkStatus();
}

// Fits a pipeline to what is stored, one kind of thing after the other.
class Fitting {
 public:
  Fitting(const v1::Manifest& existing, const PipelineSpec& spec, int32_t partitions)
      : is_new_(existing.application().empty()), manifest_(existing) {
    if (is_new_) {
      manifest_.set_application(spec.config.application());
      manifest_.set_partitions(partitions);
      for (const SourceSpec& source : spec.sources) manifest_.add_sources(source.name);
    }
    Compare("application", manifest_.application(), spec.config.application());
    Compare("number of partitions", absl::StrCat(manifest_.partitions()), absl::StrCat(partitions));
    std::vector<std::string> sources;
    for (const SourceSpec& source : spec.sources) sources.push_back(source.name);
    Compare("sources", absl::StrJoin(manifest_.sources(), ", "), absl::StrJoin(sources, ", "));
  }

  void AddState(const std::string& name, const StateHandle& handle) {
    const std::string type = handle.prototype().GetTypeName();
    const std::string shape(ShapeName(handle.shape()));
    v1::Manifest::State* state = Place(name, *manifest_.mutable_states());
    if (state->type().empty()) {
      state->set_type(type);
      state->set_shape(shape);
    }
    state->set_retired(false);
    Compare(absl::StrCat("state ", name), absl::StrCat(state->shape(), " of ", state->type()),
            absl::StrCat(shape, " of ", type));
    state_ids_[name] = state->id();
  }

  void AddTimer(const std::string& name) {
    v1::Manifest::Timer* timer = Place(name, *manifest_.mutable_timers());
    timer->set_retired(false);
    timer_ids_[name] = timer->id();
  }

  // After all states and timers have been added.
  absl::Status Finish(Graph::Missing missing) {
    const auto look = [&](absl::string_view what, auto& stored, const auto& ids) {
      for (auto& entry : stored) {
        if (ids.count(entry.name())) continue;
        if (missing == Graph::Missing::kRetire) entry.set_retired(true);
        if (!entry.retired()) differences_.push_back(absl::StrCat("the ", what, " ", entry.name(), " is gone"));
      }
    };
    look("state", *manifest_.mutable_states(), state_ids_);
    look("timer", *manifest_.mutable_timers(), timer_ids_);
    if (differences_.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("the pipeline does not fit the state that is stored for the application \"",
                     manifest_.application(), "\":\n  ", absl::StrJoin(differences_, "\n  "),
                     "\nUndo these changes, or give the application another name to begin anew with empty state."));
  }

  const v1::Manifest& manifest() const { return manifest_; }
  StateId state_id(const std::string& name) const { return state_ids_.at(name); }
  TimerId timer_id(const std::string& name) const { return timer_ids_.at(name); }

 private:
  // The entry of that name, added with the next id when there is none.
  template <class Entries>
  static typename Entries::value_type* Place(const std::string& name, Entries& entries) {
    uint32_t last = 0;
    for (auto& entry : entries) {
      if (entry.name() == name) return &entry;
      last = std::max(last, entry.id());
    }
    auto* added = entries.Add();
    added->set_id(last + 1);
    added->set_name(name);
    return added;
  }

  void Compare(absl::string_view what, const std::string& stored, const std::string& now) {
    if (stored != now) differences_.push_back(absl::StrCat(what, ": stored ", stored, ", in the pipeline ", now));
  }

  bool is_new_;
  v1::Manifest manifest_;
  std::map<std::string, StateId> state_ids_;
  std::map<std::string, TimerId> timer_ids_;
  std::vector<std::string> differences_;
};

}  // namespace

std::vector<Graph::Target> Graph::TakersOf(const std::string& from, const Descriptor* type) const {
  std::vector<Target> targets;
  for (size_t node = 0; node < nodes_.size(); ++node) {
    if (!IsIn(from, nodes_[node].spec->inputs)) continue;
    const OperatorBase::Prototypes takes = nodes_[node].op->takes();
    for (size_t take = 0; take < takes.size(); ++take) {
      if (takes[take]->GetDescriptor() == type) targets.push_back({static_cast<int>(node), take});
    }
  }
  return targets;
}

absl::StatusOr<std::unique_ptr<Graph>> Graph::Build(const PipelineSpec& spec) {
  std::unique_ptr<Graph> graph(new Graph(spec));
  for (const OperatorSpec& op : spec.operators) {
    Node node{&op, OperatorRegistry::Get().Create(op.type), {}};
    if (!node.op) return absl::InvalidArgumentError(absl::StrCat("unknown operator type \"", op.type, "\""));
    if (absl::Status status = node.op->SetConfig(*op.config); !status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("operator \"", op.id, "\": ", status.message()));
    }
    graph->nodes_.push_back(std::move(node));
  }
  for (Node& node : graph->nodes_) {
    for (const auto* emitted : node.op->emits()) {
      Outlet outlet{emitted->GetDescriptor(), graph->TakersOf(node.spec->id, emitted->GetDescriptor()), {}};
      for (size_t i = 0; i < spec.sinks.size(); ++i) {
        const SinkSpec& sink = spec.sinks[i];
        const bool takes = std::find(sink.config.inputs().begin(), sink.config.inputs().end(), node.spec->id) !=
                           sink.config.inputs().end();
        if (takes && sink.prototype->GetDescriptor() == outlet.type) outlet.sinks.push_back(static_cast<int>(i));
      }
      node.outlets.push_back(std::move(outlet));
    }
  }
  for (const SourceSpec& source : spec.sources) {
    graph->source_targets_.push_back(graph->TakersOf(source.name, source.prototype->GetDescriptor()));
  }
  return graph;
}

absl::StatusOr<v1::Manifest> Graph::Bind(const v1::Manifest& existing, int32_t partitions, Missing missing) {
  if (auto status = CheckIds(existing.states()); !status.ok()) return status;
  if (auto status = CheckIds(existing.timers()); !status.ok()) return status;
  Fitting fitting(existing, spec_, partitions);
  for (const Node& node : nodes_) {
    for (const StateHandle* state : node.op->states()) {
      if (state->foreign_operator().empty()) fitting.AddState(NameOf(node.spec->id, state->name()), *state);
    }
    for (const Timer* timer : node.op->timers()) fitting.AddTimer(NameOf(node.spec->id, timer->name()));
  }
  if (absl::Status status = fitting.Finish(missing); !status.ok()) return status;
  timers_.clear();
  for (size_t index = 0; index < nodes_.size(); ++index) {
    const Node& node = nodes_[index];
    size_t reads = 0;
    for (StateHandle* state : node.op->states()) {
      const std::string& owner = state->foreign_operator().empty() ? node.spec->id : node.spec->reads[reads++];
      state->Bind(fitting.state_id(NameOf(owner, state->name())));
    }
    for (Timer* timer : node.op->timers()) {
      const TimerId id = fitting.timer_id(NameOf(node.spec->id, timer->name()));
      timer->Bind(id);
      if (timers_.size() <= id) timers_.resize(id + 1);
      timers_[id] = {static_cast<int>(index), timer};
    }
  }
  return fitting.manifest();
}

const Graph::TimerTarget* Graph::timer(TimerId id) const {
  return id < timers_.size() && timers_[id].timer ? &timers_[id] : nullptr;
}

}  // namespace ebb
