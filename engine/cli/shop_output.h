#ifndef EBB_ENGINE_CLI_SHOP_OUTPUT_H_
#define EBB_ENGINE_CLI_SHOP_OUTPUT_H_

// Where the events of a simulated shop go: files or topics, one a source.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/cli/shop.h"
#include "engine/kafka/connection.h"

namespace ebb {

// One thread at a time.
class ShopOutput {
 public:
  virtual ~ShopOutput() = default;
  // Any error is final.
  virtual absl::Status Write(const ShopEvent& event) = 0;
  // To be called at the end: returns when everything has arrived.
  virtual absl::Status Finish() = 0;
  // For people: the file or topic of a source.
  virtual std::string PlaceOf(ShopSource source) const = 0;
};

// SOURCE.jsonl, an event a line, or SOURCE.pb, each event after its length as a varint, in `directory`, which is made
// if it is not there; files of these names are written anew. `format` is "json" or "protobuf".
absl::StatusOr<std::unique_ptr<ShopOutput>> OpenShopFiles(const std::string& directory, const std::string& format);

// Topics named `prefix` + source, records keyed by customer. NotFound: one of them is not there.
absl::StatusOr<std::unique_ptr<ShopOutput>> OpenShopTopics(const KafkaConnection& connection,
                                                           const std::string& prefix, const std::string& format);

// What became of each customer who joined, a JSON object a line: customer, joinedAtMs, lastPurchaseMs (absent without
// one), left, and for who left leftAtMs and why. Returns how many lines there are and how many of them left.
struct TruthCounts {
  int64_t customers = 0;
  int64_t left = 0;
};
absl::StatusOr<TruthCounts> WriteShopTruth(const Shop& shop, const std::string& path);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_SHOP_OUTPUT_H_
