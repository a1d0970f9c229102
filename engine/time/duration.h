#ifndef EBB_ENGINE_TIME_DURATION_H_
#define EBB_ENGINE_TIME_DURATION_H_

// Durations as configs hold them. Stateless; any thread.

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

namespace ebb {

inline absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

inline int64_t ToMillis(const google::protobuf::Duration& duration) {
  return absl::ToInt64Milliseconds(ToDuration(duration));
}

}  // namespace ebb

#endif  // EBB_ENGINE_TIME_DURATION_H_
