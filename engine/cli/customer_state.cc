#include "engine/cli/customer_state.h"

#include <algorithm>

#include "engine/log/record.h"
#include "engine/observe/admin_client.h"
#include "engine/runtime/describe.h"
#include "engine/runtime/epoch_record.h"
#include "state/document.h"
#include "state/layout.h"
#include "state/text.h"

namespace ebb {
namespace {

absl::StatusOr<v1::Manifest> ReadManifest(Store* store) {
  auto row = store->Get(layout::ManifestKey());
  if (!row.ok()) return row.status();
  v1::Manifest manifest;
  if (!*row || !manifest.ParseFromString(**row)) return absl::NotFoundError("the files hold no state");
  return manifest;
}

// What the files of a stopped process say of one customer. Written state only: a clean stop wrote everything.
absl::StatusOr<std::string> DescribeStopped(const PipelineSpec& spec, const std::string& customer) {
  auto state = OpenStopped(spec);
  if (!state.ok()) return state.status();
  for (auto& [partition, store] : state->tasks) {
    auto manifest = ReadManifest(store.get());
    if (!manifest.ok()) return manifest.status();
    if (PartitionOf(customer, manifest->partitions()) != partition) continue;
    auto records = ReadEpochRecords(store.get());
    if (!records.ok()) return records.status();
    auto row = store->Get(layout::DocumentKey(customer));
    if (!row.ok()) return row.status();
    const uint64_t low_water = records->empty() ? 0 : records->rbegin()->second.low_water();
    if (!*row) return absl::NotFoundError(Text("nothing is known of customer ", customer, " as of epoch ", low_water));
    auto document = ReadStampedRow(**row);
    if (!document) return absl::DataLossError("the customer's document cannot be read");
    return DescribeCustomer(*manifest, customer, document->body, std::max(document->stamp, low_water), store.get());
  }
  return absl::NotFoundError(Text("the task of customer ", customer, " has no files in ",
                                  spec.config.runtime().state_dir(), "; another process may have it"));
}

}  // namespace

absl::StatusOr<StoppedState> OpenStopped(const PipelineSpec& spec) {
  RocksDbOptions options;
  options.directory = spec.config.runtime().state_dir();
  options.read_only = true;
  auto stores = RocksDbStores::OpenDirectory(options);
  if (!stores.ok()) return stores.status();
  StoppedState state;
  state.stores = *std::move(stores);
  for (int32_t partition : state.stores->Partitions()) {
    auto store = state.stores->Open(partition);
    if (!store.ok()) return store.status();
    state.tasks.emplace_back(partition, *std::move(store));
  }
  return state;
}

absl::StatusOr<CustomerState> ReadCustomerState(const PipelineSpec& spec, const std::string& customer) {
  // A running process knows best; when none answers, its files do.
  const std::string& address = spec.config.admin().listen();
  auto described = AskAdmin(address, "/state/", customer);
  if (described.ok()) return CustomerState{*std::move(described), Text("the process at ", address)};
  if (!absl::IsUnavailable(described.status())) return described.status();
  described = DescribeStopped(spec, customer);
  if (!described.ok()) return described.status();
  return CustomerState{*std::move(described), Text("the files in ", spec.config.runtime().state_dir())};
}

}  // namespace ebb
