#ifndef EBB_ENGINE_LOG_MEMORY_GROUP_H_
#define EBB_ENGINE_LOG_MEMORY_GROUP_H_

// A consumer group of the broker in memory: the eager protocol with range assignment and static members.

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/log/cluster.h"
#include "engine/log/output.h"
#include "engine/log/record.h"

namespace ebb {

// One thread. A part of MemoryBroker.
class MemoryGroup {
 public:
  // How one life of an instance stands in the group.
  enum class Standing {
    kMember,
    kReplaced,  // A later incarnation of the same instance has joined.
    kGone,      // Its session has ended.
  };

  // `partition_count` tells how many partitions a topic has.
  explicit MemoryGroup(std::function<int32_t(const std::string&)> partition_count)
      : partition_count_(std::move(partition_count)) {}

  // Makes `instance` a member and returns its new incarnation. A member that returns within its session finds its
  // assignment as it was, in the same generation, and its earlier incarnation is fenced. Source: KIP-345.
  int Join(const std::string& instance, std::vector<std::string> topics);
  Standing StandingOf(const std::string& instance, int incarnation) const;
  // The next change for a member. None when there is none.
  std::optional<GroupEvent> NextEvent(const std::string& instance);
  // The member has let go what was revoked. Assignments follow when every member has.
  void Release(const std::string& instance);
  // Removes a member, whether it leaves or its session ends.
  void Remove(const std::string& instance);
  // Whether a token belongs to the present generation and incarnation.
  bool IsCurrent(const GroupToken* token) const;

 private:
  struct Member {
    int incarnation = 0;
    std::vector<std::string> topics;
    std::vector<TopicPartition> assigned;
    bool holds = false;  // Has an assignment of some generation and has not released it.
    std::deque<GroupEvent> events;
  };

  void Rebalance();
  void CompleteRebalance();
  GroupEvent Assigned(const std::string& instance, const Member& member) const;

  const std::function<int32_t(const std::string&)> partition_count_;
  int generation_ = 0;
  int incarnations_ = 0;
  bool rebalancing_ = false;
  std::map<std::string, Member> members_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_MEMORY_GROUP_H_
