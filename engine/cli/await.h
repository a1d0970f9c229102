#ifndef EBB_ENGINE_CLI_AWAIT_H_
#define EBB_ENGINE_CLI_AWAIT_H_

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "engine/cli/command.h"

namespace ebb {

// Asks Kafka again until the answer is another than Unavailable; the cluster itself bounds how long that takes.
// Cancelled: the process was told to stop meanwhile. Blocks its thread.
template <class Question>
auto Await(Question ask) -> decltype(ask()) {
  for (;;) {
    auto answer = ask();
    if (!absl::IsUnavailable(answer.status())) return answer;
    if (StopRequested()) return absl::CancelledError("told to stop while it waited for Kafka");
    absl::SleepFor(absl::Milliseconds(10));
  }
}

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_AWAIT_H_
