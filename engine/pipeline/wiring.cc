#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/pipeline/checks.h"

namespace ebb {
namespace {

using google::protobuf::Descriptor;

std::vector<std::string> NamesOf(const OperatorBase::Prototypes& prototypes) {
  std::vector<std::string> names;
  for (const auto* prototype : prototypes) names.push_back(prototype->GetDescriptor()->full_name());
  return names;
}

bool Contains(const OperatorBase::Prototypes& prototypes, const Descriptor* type) {
  return std::any_of(prototypes.begin(), prototypes.end(),
                     [&](const auto* prototype) { return prototype->GetDescriptor() == type; });
}

// Where an input leads.
struct Origin {
  const SourceSpec* source = nullptr;
  const OperatorBase* op = nullptr;  // Null for a source, and for an operator of unknown type.
  bool known = false;
};

class Wiring {
 public:
  explicit Wiring(Draft& draft) : draft_(draft) {
    for (size_t i = 0; i < draft.spec.operators.size(); ++i) index_.try_emplace(draft.spec.operators[i].id, i);
  }

  Origin Find(const std::string& name) const {
    for (const SourceSpec& source : draft_.spec.sources) {
      if (source.name == name) return {&source, nullptr, true};
    }
    const auto found = index_.find(name);
    return found == index_.end() ? Origin() : Origin{nullptr, draft_.operators[found->second].get(), true};
  }

  // The operators other than that one which emit such messages; without any, the sources that carry them.
  std::vector<std::string> SendersTo(size_t taker, const Descriptor* type) const {
    std::vector<std::string> operators, sources;
    for (size_t i = 0; i < draft_.operators.size(); ++i) {
      const bool sends = i != taker && draft_.operators[i] && Contains(draft_.operators[i]->emits(), type);
      if (sends) operators.push_back(draft_.spec.operators[i].id);
    }
    for (const SourceSpec& source : draft_.spec.sources) {
      if (source.prototype && source.prototype->GetDescriptor() == type) sources.push_back(source.name);
    }
    return operators.empty() ? sources : operators;
  }

  // Reports unknown and repeated names of the list at `path`; calls `visit` for the others.
  void ForEachInput(const std::string& path, const std::vector<std::string>& inputs, bool of_sink,
                    const std::function<void(Place, const std::string&, const Origin&)>& visit) const {
    std::set<std::string> seen;
    for (const std::string& input : inputs) {
      const Place place = draft_.ItemAt(path, input);
      const Origin origin = Find(input);
      if (!seen.insert(input).second) {
        draft_.mistakes.Add(place, absl::StrCat("input ", Quoted(input), " is listed twice"));
      } else if (!origin.known) {
        draft_.mistakes.Add(place, absl::StrCat("unknown input ", Quoted(input), KnownHint(input, Names(of_sink))));
      } else {
        visit(place, input, origin);
      }
    }
  }

 private:
  std::vector<std::string> Names(bool of_sink) const {
    std::vector<std::string> names;
    const auto add = [&](const std::string& name) {
      if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    };
    for (const OperatorSpec& op : draft_.spec.operators) add(op.id);
    if (of_sink) return names;
    for (const SourceSpec& source : draft_.spec.sources) add(source.name);
    return names;
  }

  Draft& draft_;
  absl::flat_hash_map<std::string, size_t> index_;
};

// What comes from an origin; nothing when that is not known.
OperatorBase::Prototypes SentBy(const Origin& origin) {
  if (origin.op) return origin.op->emits();
  return origin.source && origin.source->prototype ? OperatorBase::Prototypes{origin.source->prototype}
                                                   : OperatorBase::Prototypes();
}

void CheckOperatorInput(Draft& draft, size_t index, Place place, const std::string& input, const Origin& origin) {
  const OperatorBase* op = draft.operators[index].get();
  const OperatorBase::Prototypes sent = SentBy(origin);
  if (!op || sent.empty()) return;
  const OperatorBase::Prototypes taken = op->takes();
  if (std::any_of(sent.begin(), sent.end(), [&](const auto* m) { return Contains(taken, m->GetDescriptor()); })) return;
  draft.mistakes.Add(place, absl::StrCat("an operator of type ", Quoted(draft.spec.operators[index].type), " takes ",
                                         Listed(NamesOf(taken), "and"), ", but ", Quoted(input),
                                         origin.source ? " carries " : " emits ", Listed(NamesOf(sent), "and")));
}

void CheckNeeds(Draft& draft, const Wiring& wiring, size_t index) {
  if (!draft.operators[index]) return;
  OperatorBase::Prototypes sent;
  for (const std::string& input : draft.spec.operators[index].inputs) {
    const OperatorBase::Prototypes more = SentBy(wiring.Find(input));
    if (more.empty()) return;
    sent.insert(sent.end(), more.begin(), more.end());
  }
  for (const auto* needed : draft.operators[index]->needs()) {
    const Descriptor* type = needed->GetDescriptor();
    if (Contains(sent, type)) continue;
    const std::vector<std::string> senders = wiring.SendersTo(index, type);
    draft.mistakes.Add(
        draft.At(OperatorPath(index) + ".inputs"),
        absl::StrCat("with its config it needs ", type->full_name(), ", which none of its inputs sends; ",
                     senders.empty() ? "nothing in this pipeline does" : absl::StrCat("add ", Listed(senders, "or"))));
  }
}

void CheckSinkInput(Draft& draft, const SinkSpec& sink, Place place, const std::string& input, const Origin& origin) {
  if (origin.source) {
    draft.mistakes.Add(place, absl::StrCat(Quoted(input), " is a source; a sink takes from operators"));
  } else if (origin.op && sink.prototype && !Contains(origin.op->emits(), sink.prototype->GetDescriptor())) {
    draft.mistakes.Add(place, absl::StrCat("the sink takes ", sink.config.type(), ", but ", Quoted(input), " emits ",
                                           Listed(NamesOf(origin.op->emits()), "and")));
  }
}

// Finds the order of operators: which come before which, by index.
class Order {
 public:
  explicit Order(Draft& draft) : draft_(draft), count_(draft.spec.operators.size()), inputs_(count_) {
    absl::flat_hash_map<std::string, size_t> index;
    for (size_t i = 0; i < count_; ++i) index.try_emplace(draft.spec.operators[i].id, i);
    for (const SourceSpec& source : draft.spec.sources) index.erase(source.name);
    for (size_t i = 0; i < count_; ++i) {
      for (const std::string& input : draft.spec.operators[i].inputs) {
        if (auto found = index.find(input); found != index.end()) inputs_[i].insert(found->second);
      }
    }
    before_ = inputs_;
  }

  std::vector<size_t> Find() {
    for (size_t i = 0; i < count_; ++i) FindReads(i);
    ranks_.assign(count_, kUnknown);
    for (size_t i = 0; i < count_; ++i) Rank(i);
    if (has_circle_) return {};
    std::vector<size_t> order(count_);
    for (size_t i = 0; i < count_; ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ranks_[a] < ranks_[b]; });
    return order;
  }

 private:
  static constexpr int kUnknown = -1;
  static constexpr int kUnderway = -2;

  std::set<size_t> Upstream(size_t index) const {
    std::set<size_t> found;
    std::vector<size_t> open(inputs_[index].begin(), inputs_[index].end());
    while (!open.empty()) {
      const size_t next = open.back();
      open.pop_back();
      if (found.insert(next).second) open.insert(open.end(), inputs_[next].begin(), inputs_[next].end());
    }
    return found;
  }

  void FindReads(size_t reader) {
    if (!draft_.operators[reader]) return;
    for (const StateHandle* handle : draft_.operators[reader]->states()) {
      if (handle->foreign_operator().empty()) continue;
      const std::optional<size_t> owner = FindOwner(reader, *handle);
      if (!owner) continue;
      draft_.spec.operators[reader].reads.push_back(draft_.spec.operators[*owner].id);
      const std::set<size_t> above_owner = Upstream(*owner);
      before_[reader].insert(*owner);
      for (size_t on_the_way : Upstream(reader)) {
        if (on_the_way != *owner && !above_owner.count(on_the_way)) before_[on_the_way].insert(*owner);
      }
    }
  }

  // The operator whose state `handle` reads; none after reporting.
  std::optional<size_t> FindOwner(size_t reader, const StateHandle& handle) {
    std::vector<size_t> owners;
    bool all_known = true;
    for (size_t i = 0; i < count_; ++i) {
      all_known = all_known && draft_.operators[i];
      if (i != reader && draft_.operators[i] && draft_.spec.operators[i].type == handle.foreign_operator()) {
        owners.push_back(i);
      }
    }
    if (owners.size() > 1) {
      const std::set<size_t> upstream = Upstream(reader);
      owners.erase(std::remove_if(owners.begin(), owners.end(), [&](size_t i) { return !upstream.count(i); }),
                   owners.end());
    }
    const Place place = draft_.At(OperatorPath(reader) + ".type");
    const std::string reads = absl::StrCat(
        "an operator of type ", Quoted(draft_.spec.operators[reader].type), " reads the state ",
        Quoted(std::string(handle.name())), " of one of type ", Quoted(std::string(handle.foreign_operator())));
    if (owners.size() != 1) {
      if (all_known) draft_.mistakes.Add(place, absl::StrCat(reads, ", of which exactly one must be upstream"));
      return std::nullopt;
    }
    for (const StateHandle* state : draft_.operators[owners[0]]->states()) {
      if (state->foreign_operator().empty() && state->name() == handle.name() && state->shape() == handle.shape() &&
          state->prototype().GetDescriptor() == handle.prototype().GetDescriptor()) {
        return owners[0];
      }
    }
    draft_.mistakes.Add(place,
                        absl::StrCat(reads, " as ", handle.prototype().GetTypeName(), ", which keeps no such value"));
    return std::nullopt;
  }

  // The greatest number of operators that come before one after the other.
  int Rank(size_t index) {
    if (ranks_[index] != kUnknown) return ranks_[index];
    ranks_[index] = kUnderway;
    path_.push_back(index);
    int rank = 0;
    for (size_t earlier : before_[index]) {
      if (ranks_[earlier] == kUnderway) {
        ReportCircle(earlier);
      } else {
        rank = std::max(rank, Rank(earlier) + 1);
      }
    }
    path_.pop_back();
    return ranks_[index] = rank;
  }

  // `first` comes before the end of the path, on which it stands.
  void ReportCircle(size_t first) {
    has_circle_ = true;
    const auto& operators = draft_.spec.operators;
    std::vector<std::string> names = {operators[first].id};
    for (size_t i = path_.size(); path_[--i] != first;) names.push_back(operators[path_[i]].id);
    names.push_back(operators[first].id);
    const size_t last = path_.back();
    const Place place = inputs_[last].count(first)
                            ? draft_.ItemAt(OperatorPath(last) + ".inputs", operators[first].id)
                            : draft_.At(OperatorPath(last) + ".type");
    draft_.mistakes.Add(place,
                        absl::StrCat("operators depend on each other in a circle: ", absl::StrJoin(names, " → ")));
  }

  Draft& draft_;
  size_t count_;
  std::vector<std::set<size_t>> inputs_;  // Operators whose messages one takes.
  std::vector<std::set<size_t>> before_;  // Those and all others that must come before it.
  std::vector<int> ranks_;
  std::vector<size_t> path_;
  bool has_circle_ = false;
};

}  // namespace

void CheckInputs(Draft& draft) {
  const Wiring wiring(draft);
  for (size_t i = 0; i < draft.spec.operators.size(); ++i) {
    wiring.ForEachInput(OperatorPath(i) + ".inputs", draft.spec.operators[i].inputs, false,
                        [&](Place place, const std::string& input, const Origin& origin) {
                          CheckOperatorInput(draft, i, place, input, origin);
                        });
    CheckNeeds(draft, wiring, i);
  }
  for (const SinkSpec& sink : draft.spec.sinks) {
    const std::vector<std::string> inputs(sink.config.inputs().begin(), sink.config.inputs().end());
    wiring.ForEachInput(absl::StrCat("sinks.", sink.name, ".inputs"), inputs, true,
                        [&](Place place, const std::string& input, const Origin& origin) {
                          CheckSinkInput(draft, sink, place, input, origin);
                        });
  }
}

std::vector<size_t> CheckOrder(Draft& draft) { return Order(draft).Find(); }

}  // namespace ebb
