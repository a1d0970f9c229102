#ifndef EBB_ENGINE_CLI_CUSTOMER_STATE_H_
#define EBB_ENGINE_CLI_CUSTOMER_STATE_H_

// What is remembered of customers, as a command comes by it.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/pipeline/spec.h"
#include "state/rocksdb_store.h"
#include "state/store.h"

namespace ebb {

struct CustomerState {
  std::string json;  // As DescribeCustomer has it.
  std::string from;  // Who said so: "the process at 127.0.0.1:9464", "the files in /var/lib/ebb".
};

// Asks the running process at the pipeline's admin.listen and, when nothing answers there, reads the files of the
// stopped one, to which a clean stop has written everything. Blocks for some seconds at most. NotFound: nothing is
// known of the customer, or whoever was asked has not got the task; others: it cannot be read.
absl::StatusOr<CustomerState> ReadCustomerState(const PipelineSpec& spec, const std::string& customer);

// The tasks of a stopped process, by partition.
struct StoppedState {
  std::unique_ptr<RocksDbStores> stores;
  std::vector<std::pair<int32_t, std::unique_ptr<Store>>> tasks;
};

// Opens its files to read. While a process runs, they are its own: FailedPrecondition.
absl::StatusOr<StoppedState> OpenStopped(const PipelineSpec& spec);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_CUSTOMER_STATE_H_
