#include "tests/simulation/faults.h"

namespace ebb::simulation {
namespace {

using Fate = MemoryBroker::Fate;
using Step = MemoryBroker::Step;

const char* NameOf(Step step) {
  switch (step) {
    case Step::kRecover: return "recover";
    case Step::kBegin: return "begin";
    case Step::kAppend: return "append";
    case Step::kOffsets: return "offsets";
    case Step::kCommit: return "commit";
    case Step::kAbort: return "abort";
    case Step::kMarker: return "marker";
    case Step::kFetch: return "fetch";
    case Step::kCommittedOffsets: return "committed offsets";
    case Step::kBounds: return "bounds";
    case Step::kOffsetAt: return "offset at";
    case Step::kPartitionCount: return "partition count";
    case Step::kSettings: return "settings";
    case Step::kGroupPoll: return "group";
  }
  return "?";
}

}  // namespace

Faults::Faults(const Profile* profile, Chance* chance, Situations* situations, Trace* trace)
    : profile_(*profile), chance_(*chance), situations_(*situations), trace_(*trace) {}

void Faults::set_deaf(const std::string& instance, bool deaf) {
  if (deaf) {
    deaf_.insert(instance);
  } else {
    deaf_.erase(instance);
  }
}

Fate Faults::Decide(Step step, std::string_view who) {
  if (quiet_) return Fate::kHappens;
  if (step == Step::kGroupPoll && deaf_.contains(who)) return Fate::kWaits;
  if (step == Step::kFetch) {
    if (auto silent = silent_.find(who); silent != silent_.end()) {
      if (--silent->second <= 0) silent_.erase(silent);
      return Fate::kWaits;
    }
  }
  if (step == Step::kMarker) {
    if (!chance_.PerMillion(profile_.marker_waits)) return Fate::kHappens;
    situations_.Met("marker delayed");
    return Fate::kWaits;
  }
  if (chance_.PerMillion(profile_.waits)) return Fate::kWaits;
  const bool changes = step == Step::kRecover || step == Step::kAppend || step == Step::kOffsets ||
                       step == Step::kCommit || step == Step::kAbort;
  const bool asks = step == Step::kCommittedOffsets || step == Step::kBounds || step == Step::kOffsetAt;
  Fate fate = Fate::kHappens;
  if (chance_.PerMillion(changes ? profile_.refused : step == Step::kBegin ? profile_.refused_begin
                                                      : asks               ? profile_.refused_question
                                                                           : 0)) {
    fate = Fate::kRefused;
  } else if (changes && chance_.PerMillion(profile_.request_lost)) {
    fate = Fate::kRequestLost;
  } else if (changes && chance_.PerMillion(profile_.reply_lost)) {
    fate = Fate::kReplyLost;
  }
  if (fate == Fate::kHappens && step == Step::kAppend && chance_.PerMillion(profile_.later)) {
    situations_.Met("results after the offsets");
    return Fate::kLater;
  }
  if (fate == Fate::kHappens) return fate;
  const char* const what = fate == Fate::kRefused       ? " refused"
                           : fate == Fate::kRequestLost ? ": request lost"
                                                        : ": reply lost";
  trace_.Line(NameOf(step), " of ", who, what);
  if (step == Step::kCommit && fate == Fate::kRefused) situations_.Met("commit refused");
  if (step == Step::kCommit && fate == Fate::kRequestLost) {
    situations_.Met("commit of unknown outcome that had not happened");
  }
  if (step == Step::kCommit && fate == Fate::kReplyLost) situations_.Met("commit of unknown outcome that had happened");
  if (step == Step::kOffsets && fate != Fate::kRefused) situations_.Met("offsets of unknown outcome");
  if (step == Step::kAbort) situations_.Met("abort of unknown outcome");
  if (step == Step::kRecover) situations_.Met("producer's recovery disturbed");
  if (step == Step::kAppend) situations_.Met("result lost or refused on its way");
  return fate;
}

}  // namespace ebb::simulation
