#include "tests/simulation/ghost.h"

#include <algorithm>

#include "state/text.h"

namespace ebb::simulation {

GhostTask::GhostTask(int32_t partition, const GhostRules* rules, const TrueInput* input, Situations* situations)
    : partition_(partition), rules_(*rules), input_(*input), situations_(*situations) {
  ends_.push_back(std::vector<int64_t>(rules_.topics.size(), 0));
  position_ = ends_[0];
  max_event_time_ms_.assign(rules_.topics.size(), kBeforeTime);
}

std::string GhostTask::Do(const v1::EpochRecord& record) {
  results_.clear();
  taken_.assign(position_.size(), 0);
  timers_ = 0;
  last_ = {};
  if (record.epoch() != epoch() + 1) return Text("epoch ", record.epoch(), " follows epoch ", epoch());
  if (record.slices_size() != static_cast<int>(position_.size())) return "an epoch record does not list every source";
  for (size_t i = 0; i < position_.size(); ++i) {
    if (record.slices(static_cast<int>(i)).from() == position_[i]) continue;
    return Text("epoch ", record.epoch(), " begins at ", record.slices(static_cast<int>(i)).from(), " of ",
                rules_.topics[i], ", the one before ended at ", position_[i]);
  }
  if (auto wrong = Sweep(record); !wrong.empty()) return Text("epoch ", record.epoch(), ": ", wrong);
  for (int i = 0; i < record.rounds_size(); ++i) {
    if (auto wrong = DoRound(record, i); !wrong.empty()) {
      return Text("epoch ", record.epoch(), ", round ", i, ": ", wrong);
    }
  }
  return CheckEnd(record);
}

std::string GhostTask::DoRound(const v1::EpochRecord& record, int number) {
  const v1::EpochRecord::Round& round = record.rounds(number);
  const uint64_t all = (uint64_t{1} << position_.size()) - 1;
  if (round.advance_size() != static_cast<int>(position_.size())) return "it does not list every source";
  if (round.floor_ms() < watermark_ms_) return Text("time goes back from ", watermark_ms_, " to ", round.floor_ms());
  if (round.floor_ms() > watermark_ms_) {
    const int64_t lateness_ms = *std::max_element(rules_.lateness_ms.begin(), rules_.lateness_ms.end());
    const bool by_clock = rules_.idle_wall_clock && round.floor_ms() <= record.committed_at_ms() - lateness_ms;
    const auto& editions = rules_.publisher->editions();
    const bool to_edition = std::any_of(editions.begin(), editions.end(), [&](const auto& edition) {
      return edition.second.valid_from_ms == round.floor_ms() + 1;
    });
    if (round.idle() != all || (!by_clock && !to_edition && round.floor_ms() != rules_.until_ms)) {
      return Text("the clock carried time to ", round.floor_ms(), " where it may not");
    }
    situations_.Met(to_edition ? "time carried to an edition"
                    : by_clock ? "time carried by the clock"
                               : "time carried to `until`");
    watermark_ms_ = round.floor_ms();
  }
  std::vector<int64_t> end = position_;
  for (size_t i = 0; i < end.size(); ++i) end[i] += static_cast<int64_t>(round.advance(static_cast<int>(i)));
  for (;;) {
    const size_t none = position_.size();
    size_t next = none;
    for (size_t i = 0; i < end.size(); ++i) {
      auto head = input_[i].lower_bound(position_[i]);
      if (head == input_[i].end() || head->first >= end[i]) continue;
      if ((round.idle() >> i & 1) != 0) return Text("records of ", rules_.topics[i], " were taken though it was idle");
      if (!head->second.refused.empty()) {
        next = i;
        break;
      }
      if (next == none || head->second.event.header().event_time_ms() <
                              input_[next].lower_bound(position_[next])->second.event.header().event_time_ms()) {
        next = i;
      }
    }
    if (next == none) break;
    const auto& [offset, taken] = *input_[next].lower_bound(position_[next]);
    if (taken.refused.empty()) Follow(next, taken.event.header().event_time_ms(), round.idle());
    if (taken.refused.empty() && watermark_ms_ < edition_from_ms_) {
      return Text("edition ", edition_, " holds from ", edition_from_ms_, " and was at work at ", watermark_ms_);
    }
    Handle(next, offset, taken);
    position_[next] = offset + 1;
    ++taken_[next];
  }
  for (size_t i = 0; i < end.size(); ++i) position_[i] = end[i];
  return "";
}

void GhostTask::Follow(size_t source, int64_t time_ms, uint64_t idle) {
  max_event_time_ms_[source] = std::max(max_event_time_ms_[source], time_ms);
  int64_t least = INT64_MAX;
  for (size_t i = 0; i < position_.size(); ++i) {
    if ((idle >> i & 1) == 0) least = std::min(least, std::max(max_event_time_ms_[i], time_ms) - rules_.lateness_ms[i]);
  }
  watermark_ms_ = std::max(watermark_ms_, least);
}

bool GhostTask::Earliest(Due* due) const {
  bool any = false;
  for (const auto& [id, known] : customers_) {
    for (const auto& [timer, deadline_ms] : known.now.timers()) {
      if (any && (due->deadline_ms < deadline_ms || (due->deadline_ms == deadline_ms && due->customer <= id))) continue;
      *due = {deadline_ms, id, timer};
      any = true;
    }
  }
  return any;
}

bool GhostTask::AnyDue() const {
  Due due;
  return Earliest(&due) && due.deadline_ms <= watermark_ms_;
}

// A customer's timers that are due go before its record, and those that the record arms in the past follow it.
void GhostTask::FireOwn(const std::string& customer, int64_t until_ms) {
  const Known& known = Find(customer);
  const auto earlier = [](const auto& a, const auto& b) { return a.second < b.second; };
  for (;;) {
    const auto& timers = known.now.timers();
    const auto first = std::min_element(timers.begin(), timers.end(), earlier);
    if (first == timers.end() || first->second > until_ms) return;
    Fire({first->second, customer, first->first});
  }
}

// The others fire whenever it suits the task, up to the place that the record names.
void GhostTask::FireDue(const v1::EpochRecord& record) {
  const auto place = std::pair(record.left_over().time_ms(), record.left_over().customer());
  for (Due due; Earliest(&due) && due.deadline_ms <= watermark_ms_;) {
    if (record.has_left_over() && std::pair(due.deadline_ms, due.customer) >= place) return;
    if (!unvisited_.contains(due.customer)) {
      Fire(due);
      continue;
    }
    // What the visit arms before goes with it.
    Visit(due.customer);
    FireOwn(due.customer, due.deadline_ms);
  }
}

void GhostTask::Fire(const Due& due) {
  std::vector<Expected> results;
  Find(due.customer).now.Fire(due.timer, {due.deadline_ms, edition_}, &results);
  Leave(results);
  ++timers_;
  situations_.Met(due.timer == GhostCustomer::kEcho ? "timer armed in the past fired" : "timer fired");
  if (due.customer == last_.customer && due.deadline_ms == last_.deadline_ms) {
    situations_.Met("two timers of a customer at one moment");
  }
  last_ = due;
}

void GhostTask::Handle(size_t source, int64_t offset, const TrueRecord& record) {
  if (!record.refused.empty()) return Reject(source, offset, record.refused);
  const v1::EventHeader& header = record.event.header();
  if (header.event_time_ms() < watermark_ms_) {
    situations_.Met("late event");
    const std::string& policy = rules_.late[source];
    if (policy == "dead_letter") Reject(source, offset, "late");
    if (policy != "process") return;
  }
  if (unvisited_.contains(header.customer_id())) situations_.Met("customer visited before its record");
  Visit(header.customer_id());
  FireOwn(header.customer_id(), watermark_ms_);
  std::vector<Expected> results;
  if (!Find(header.customer_id()).now.On(record.event, {watermark_ms_, edition_}, &results))
    Reject(source, offset, "unwanted");
  Leave(results);
  FireOwn(header.customer_id(), watermark_ms_);
}

void GhostTask::Reject(size_t source, int64_t offset, const std::string& reason) {
  situations_.Met("dead letter");
  results_.push_back({"", Text("dead ", rules_.topics[source], "-", partition_, "@", offset, " ", reason), INT64_MAX});
}

GhostTask::Known& GhostTask::Find(const std::string& customer) {
  Known& known = customers_.try_emplace(customer, customer).first->second;
  known.changed = true;
  return known;
}

void GhostTask::Leave(const std::vector<Expected>& results) {
  for (const Expected& result : results) {
    if (result.time_ms >= rules_.emit_from_ms) {
      results_.push_back(result);
    } else {
      situations_.Met("result from before `emit_from`");
    }
  }
}

std::string GhostTask::CheckEnd(const v1::EpochRecord& record) {
  const auto differs = [&](std::string_view what, int64_t claimed, int64_t right) {
    return Text("epoch ", record.epoch(), " claims ", what, " ", claimed, "; it must be ", right);
  };
  FireDue(record);
  if (record.timers() != timers_) {
    return differs("so many timers:", static_cast<int64_t>(record.timers()), static_cast<int64_t>(timers_));
  }
  if (auto wrong = TakeEdition(record); !wrong.empty()) return Text("epoch ", record.epoch(), ": ", wrong);
  if (record.watermark_ms() != watermark_ms_) return differs("the watermark", record.watermark_ms(), watermark_ms_);
  if (record.outputs() != results_.size()) {
    return differs("so many results:", static_cast<int64_t>(record.outputs()), static_cast<int64_t>(results_.size()));
  }
  uint64_t taken = 0;
  for (size_t i = 0; i < position_.size(); ++i) {
    const auto& slice = record.slices(static_cast<int>(i));
    if (slice.records() != taken_[i]) {
      return differs(Text("records of ", rules_.topics[i]), static_cast<int64_t>(slice.records()),
                     static_cast<int64_t>(taken_[i]));
    }
    if (slice.max_event_time_ms() != max_event_time_ms_[i]) {
      return differs("the latest event", slice.max_event_time_ms(), max_event_time_ms_[i]);
    }
    taken += taken_[i];
  }
  if (AnyDue() && !record.control().has_holds_from_ms()) {
    situations_.Met("epoch closed with timers left over");
    if (taken > 0) situations_.Met("records taken beside timers left over");
  }
  if (taken == 0) situations_.Met(record.timers() > 0 ? "epoch of timers only" : "epoch without input");
  ends_.push_back(position_);
  for (auto& [id, known] : customers_) {
    if (!std::exchange(known.changed, false)) continue;
    std::string line = known.now.Render();
    if (known.history.empty() || known.history.back().second != line) {
      known.history.emplace_back(epoch(), std::move(line));
    }
  }
  return "";
}

std::string GhostTask::TakeEdition(const v1::EpochRecord& record) {
  const std::optional<int64_t> claimed =
      record.has_control() ? rules_.publisher->EditionOf(record.control().digest()) : 0;
  if (!claimed) return "what is said to be in force was never published";
  if (!record.control().has_holds_from_ms()) {
    return *claimed == edition_ ? "" : Text("edition ", *claimed, " is in force, and it must be ", edition_);
  }
  const int64_t from_ms = record.control().holds_from_ms();
  if (*claimed <= edition_) return Text("edition ", *claimed, " follows ", edition_);
  if (record.low_water() != record.epoch()) return "an edition was taken in with work left to be redone";
  if (from_ms != watermark_ms_ + 1 || AnyDue()) return Text("an edition was not taken in right before ", from_ms);
  const int64_t valid_from_ms = rules_.publisher->editions().at(*claimed).valid_from_ms;
  if (valid_from_ms != 0 && from_ms < valid_from_ms) return "an edition holds too soon";
  situations_.Met(from_ms == valid_from_ms ? "edition that holds as published" : "edition that holds later");
  if (!unvisited_.empty()) return "an edition was taken in before everybody was visited because of the last one";
  const v1::EpochRecord::Sweep& sweep = record.sweep();
  if (sweep.since_epoch() != record.epoch() || sweep.at_ms() != from_ms || !sweep.done().empty()) {
    return "an edition was taken in, and nobody is to be visited";
  }
  edition_ = *claimed;
  edition_from_ms_ = from_ms;
  edition_epoch_ = record.epoch();
  watermark_ms_ = from_ms;
  for (const auto& [id, known] : customers_) {
    if (known.now.has_document()) unvisited_.insert(id);
  }
  return "";
}

std::string GhostTask::Sweep(const v1::EpochRecord& record) {
  const bool goes_on = record.has_sweep() && record.sweep().since_epoch() == edition_epoch_;
  const std::set<std::string> left = unvisited_;
  for (const std::string& customer : left) {
    if (!goes_on || customer <= record.sweep().done()) Visit(customer);
  }
  if (!left.empty()) situations_.Met(goes_on ? "customers visited over several epochs" : "customers visited");
  if (record.has_sweep() && !goes_on && record.sweep().since_epoch() != record.epoch()) return "an unknown sweep";
  return "";
}

void GhostTask::Visit(const std::string& customer) {
  if (unvisited_.erase(customer) == 0) return;
  std::vector<Expected> results;
  Find(customer).now.Visit({edition_from_ms_, edition_}, &results);
  Leave(results);
}

const std::string& GhostTask::At(const std::string& customer, uint64_t epoch) const {
  static const std::string kNothing;
  auto known = customers_.find(customer);
  if (known == customers_.end()) return kNothing;
  const auto& history = known->second.history;
  auto after = std::upper_bound(history.begin(), history.end(), epoch,
                                [](uint64_t e, const auto& entry) { return e < entry.first; });
  return after == history.begin() ? kNothing : std::prev(after)->second;
}

}  // namespace ebb::simulation
