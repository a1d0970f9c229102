#include "engine/log/memory_group.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace ebb {
namespace {

struct MemoryGroupToken final : GroupToken {
  MemoryGroupToken(const MemoryGroup* of, std::string member, int life, int number)
      : group(of), instance(std::move(member)), incarnation(life), generation(number) {}
  const MemoryGroup* const group;
  const std::string instance;
  const int incarnation;
  const int generation;
};

}  // namespace

int MemoryGroup::Join(const std::string& instance, std::vector<std::string> topics) {
  const bool returns = members_.contains(instance) && members_[instance].topics == topics;
  Member& member = members_[instance];
  member.incarnation = ++incarnations_;
  member.topics = std::move(topics);
  member.events.clear();
  if (returns && !rebalancing_) {
    member.events.push_back(Assigned(instance, member));
  } else {
    member.holds = false;
    Rebalance();
  }
  return member.incarnation;
}

MemoryGroup::Standing MemoryGroup::StandingOf(const std::string& instance, int incarnation) const {
  const auto member = members_.find(instance);
  if (member == members_.end()) return Standing::kGone;
  return member->second.incarnation == incarnation ? Standing::kMember : Standing::kReplaced;
}

std::optional<GroupEvent> MemoryGroup::NextEvent(const std::string& instance) {
  std::deque<GroupEvent>& events = members_.at(instance).events;
  if (events.empty()) return std::nullopt;
  GroupEvent event = std::move(events.front());
  events.pop_front();
  return event;
}

void MemoryGroup::Release(const std::string& instance) {
  members_.at(instance).holds = false;
  CompleteRebalance();
}

void MemoryGroup::Remove(const std::string& instance) {
  if (members_.erase(instance) > 0) Rebalance();
}

bool MemoryGroup::IsCurrent(const GroupToken* token) const {
  const auto* mine = dynamic_cast<const MemoryGroupToken*>(token);
  return mine != nullptr && mine->group == this && mine->generation == generation_ &&
         StandingOf(mine->instance, mine->incarnation) == Standing::kMember;
}

void MemoryGroup::Rebalance() {
  if (!rebalancing_) {
    rebalancing_ = true;
    for (auto& [instance, member] : members_) {
      if (!member.holds) continue;
      member.events.push_back({GroupEvent::Kind::kRevoked, member.assigned, nullptr, absl::OkStatus()});
    }
  }
  CompleteRebalance();
}

void MemoryGroup::CompleteRebalance() {
  const auto holds = [](const auto& entry) { return entry.second.holds; };
  if (!rebalancing_ || std::any_of(members_.begin(), members_.end(), holds)) return;
  rebalancing_ = false;
  ++generation_;
  std::set<std::string> topics;
  for (auto& [instance, member] : members_) {
    member.assigned.clear();
    topics.insert(member.topics.begin(), member.topics.end());
  }
  for (const std::string& topic : topics) {
    std::vector<Member*> readers;
    for (auto& [instance, member] : members_) {
      if (std::count(member.topics.begin(), member.topics.end(), topic) > 0) readers.push_back(&member);
    }
    const auto many = static_cast<int32_t>(readers.size());
    const int32_t partitions = partition_count_(topic);
    int32_t next = 0;
    for (int32_t i = 0; i < many; ++i) {
      const int32_t share = partitions / many + (i < partitions % many ? 1 : 0);
      for (int32_t end = next + share; next < end; ++next) readers[i]->assigned.push_back({topic, next});
    }
  }
  for (auto& [instance, member] : members_) {
    member.holds = true;
    member.events.push_back(Assigned(instance, member));
  }
}

GroupEvent MemoryGroup::Assigned(const std::string& instance, const Member& member) const {
  return {GroupEvent::Kind::kAssigned, member.assigned,
          std::make_shared<MemoryGroupToken>(this, instance, member.incarnation, generation_), absl::OkStatus()};
}

}  // namespace ebb
