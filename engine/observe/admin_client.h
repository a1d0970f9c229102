#ifndef EBB_ENGINE_OBSERVE_ADMIN_CLIENT_H_
#define EBB_ENGINE_OBSERVE_ADMIN_CLIENT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ebb {

// Asks the admin endpoint of a running process: GET `path` followed by `argument`, percent-encoded. Blocks for some
// seconds at most. Unavailable: nothing listens at `address`, "host:port". NotFound and others: what it answered.
absl::StatusOr<std::string> AskAdmin(const std::string& address, std::string_view path, std::string_view argument);

}  // namespace ebb

#endif  // EBB_ENGINE_OBSERVE_ADMIN_CLIENT_H_
