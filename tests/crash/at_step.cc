// The AtStep() of `ebb-crash`, which the linker finds before the library's.
//
//   EBB_CRASH=STEP:ACTION[:NTH][,...]  at the NTH time (the first, unless said) that STEP is taken: kill ends the process
//                                      as SIGKILL does; error lets the step fail; hang stops the whole process, as a
//                                      frozen machine would, until somebody sends SIGCONT
//   EBB_CRASH_LIST=1                   prints every step with the actions that it may be given, and ends
//   EBB_CRASH_SEEN=FILE                gets the name of each step when it is first taken

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "state/step.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr size_t kStepCount = std::size(kSteps);

constexpr bool TableIsInOrder() {
  for (size_t i = 0; i < kStepCount; ++i) {
    if (static_cast<size_t>(kSteps[i].step) != i) return false;
  }
  return static_cast<size_t>(Step::kStoresClosed) + 1 == kStepCount;
}
static_assert(TableIsInOrder(), "kSteps must list the steps of the enumeration, in its order");

enum class Action { kKill, kError, kHang };

struct Crash {
  Step step;
  Action action;
  int nth = 1;
};

void Say(int file, const std::string& line) {
  if (write(file, line.data(), line.size()) < 0) std::abort();
}

std::optional<Crash> ParseCrash(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  Crash crash;
  if (parts.size() == 3 && !absl::SimpleAtoi(parts[2], &crash.nth)) return std::nullopt;
  if (parts[1] == "kill") {
    crash.action = Action::kKill;
  } else if (parts[1] == "error") {
    crash.action = Action::kError;
  } else if (parts[1] == "hang") {
    crash.action = Action::kHang;
  } else {
    return std::nullopt;
  }
  for (const StepInfo& info : kSteps) {
    if (info.name != parts[0] || (crash.action == Action::kError && !info.can_fail)) continue;
    crash.step = info.step;
    return crash;
  }
  return std::nullopt;
}

class CrashPlan {
 public:
  CrashPlan() {
    if (const char* file = std::getenv("EBB_CRASH_SEEN"); file != nullptr) {
      seen_ = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    }
    const char* plan = std::getenv("EBB_CRASH");
    if (plan == nullptr) return;
    for (absl::string_view text : absl::StrSplit(plan, ',', absl::SkipEmpty())) {
      const std::optional<Crash> crash = ParseCrash(text);
      if (!crash) {
        std::fprintf(stderr, "EBB_CRASH has %s; expected STEP:ACTION[:NTH], see EBB_CRASH_LIST=1\n",
                     std::string(text).c_str());
        std::_Exit(2);
      }
      crashes_.push_back(*crash);
    }
  }

  absl::Status At(Step step) {
    const auto index = static_cast<size_t>(step);
    const std::string name(kSteps[index].name);
    const int time = ++taken_[index];
    if (time == 1 && seen_ >= 0) Say(seen_, name + "\n");
    for (const Crash& crash : crashes_) {
      if (crash.step != step || crash.nth != time) continue;
      Say(STDERR_FILENO, "crash point " + name + "\n");
      switch (crash.action) {
        case Action::kKill: kill(getpid(), SIGKILL); break;
        case Action::kHang: kill(getpid(), SIGSTOP); break;
        case Action::kError: return absl::InternalError(Text("crash point ", name));
      }
    }
    return absl::OkStatus();
  }

 private:
  std::vector<Crash> crashes_;
  std::array<std::atomic<int>, kStepCount> taken_{};
  int seen_ = -1;
};

// Before main(), so that no pipeline is needed for it.
const bool kListed = [] {
  if (std::getenv("EBB_CRASH_LIST") == nullptr) return false;
  for (const StepInfo& info : kSteps) {
    std::printf("%s kill%s hang\n", std::string(info.name).c_str(), info.can_fail ? " error" : "");
  }
  std::fflush(stdout);
  std::_Exit(0);
}();

}  // namespace

absl::Status AtStep(Step step) {
  static CrashPlan plan;
  return plan.At(step);
}

}  // namespace ebb
