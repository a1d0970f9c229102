#include "state/soundness.h"

#include "absl/container/flat_hash_map.h"

namespace ebb {
namespace {

using Check = bool (*)(const google::protobuf::Message&);

absl::flat_hash_map<const google::protobuf::Message*, Check>& Checks() {
  static auto* checks = new absl::flat_hash_map<const google::protobuf::Message*, Check>();
  return *checks;
}

}  // namespace

void RegisterStateCheck(const google::protobuf::Message& prototype, Check check) { Checks()[&prototype] = check; }

bool IsSoundState(const google::protobuf::Message& prototype, const google::protobuf::Message& message) {
  const auto found = Checks().find(&prototype);
  return found == Checks().end() || found->second(message);
}

}  // namespace ebb
