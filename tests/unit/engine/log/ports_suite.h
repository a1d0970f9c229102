#ifndef EBB_TESTS_UNIT_ENGINE_LOG_PORTS_SUITE_H_
#define EBB_TESTS_UNIT_ENGINE_LOG_PORTS_SUITE_H_

// What every implementation of the ports promises the engine, as one suite: ports_suite.cc. A test program links it
// and says over which ports it runs by defining NewPortsWorld().

#include <cstdint>
#include <memory>
#include <string>

#include "engine/log/cluster.h"
#include "engine/log/input.h"
#include "engine/log/output.h"

namespace ebb {

// A cluster and the ways to reach it.
class PortsWorld {
 public:
  virtual ~PortsWorld() = default;
  // A fresh topic; its name.
  virtual std::string NewTopic(int32_t partitions) = 0;
  // A name that nothing else has: of a group, an instance, a transactional id.
  virtual std::string NewName() = 0;
  virtual std::unique_ptr<Input> NewInput() = 0;
  virtual std::unique_ptr<Output> NewOutput(const std::string& transactional_id) = 0;
  virtual std::unique_ptr<Cluster> NewCluster(const std::string& group) = 0;
  virtual std::unique_ptr<Membership> NewMembership(const std::string& group, const std::string& instance) = 0;
  // Forgets the records below an offset.
  virtual void Trim(const TopicPartition& partition, int64_t begin) = 0;
};

// One for each test.
std::unique_ptr<PortsWorld> NewPortsWorld();

}  // namespace ebb

#endif  // EBB_TESTS_UNIT_ENGINE_LOG_PORTS_SUITE_H_
