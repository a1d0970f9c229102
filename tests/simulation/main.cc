// Runs seeds of the simulation; see README.md.

#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "tests/simulation/world.h"

namespace ebb::simulation {
namespace {

struct Order {
  uint64_t from = 1;
  uint64_t seeds = 1;
  bool rocksdb = false;
  bool trace = false;
  bool twice = false;
  bool complete = false;
};

char running[64];  // What is said when the program itself crashes.

void OnCrash(int signal) {
  (void)!write(STDOUT_FILENO, running, std::char_traits<char>::length(running));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

constexpr char kUsage[] =
    "Usage: simulation [--seeds N] [--from S] [--store memory|rocksdb] [--trace] [--twice] [--complete]\n"
    "\n"
    "  --seeds N    so many seeds, 1 if not given\n"
    "  --from S     the first one, 1 if not given\n"
    "  --store      memory unless told otherwise\n"
    "  --trace      prints everything that happens\n"
    "  --twice      runs every seed twice and compares the digests of what happened\n"
    "  --complete   fails when a rare situation was never met\n";

bool Parse(int argc, char** argv, Order* order) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const std::string_view value = i + 1 < argc ? argv[i + 1] : "";
    if (flag == "--trace") {
      order->trace = true;
    } else if (flag == "--twice") {
      order->twice = true;
    } else if (flag == "--complete") {
      order->complete = true;
    } else if (flag == "--store" && (value == "memory" || value == "rocksdb")) {
      order->rocksdb = value == "rocksdb";
      ++i;
    } else if ((flag == "--seeds" || flag == "--from") && !value.empty()) {
      (flag == "--seeds" ? order->seeds : order->from) = std::strtoull(argv[++i], nullptr, 10);
    } else {
      return false;
    }
  }
  return true;
}

void Tell(uint64_t seed, const World::Outcome& outcome, const Order& order) {
  std::printf("seed %llu (%s) fails after %lld steps: %s\n\nWhat happened last:\n",
              static_cast<unsigned long long>(seed), outcome.theme.c_str(), static_cast<long long>(outcome.steps),
              outcome.violation.c_str());
  for (const std::string& line : outcome.trace) std::printf("  %s\n", line.c_str());
  std::printf("\nAgain, with everything that happens: tests/simulation/run --from %llu --seeds 1%s --trace\n",
              static_cast<unsigned long long>(seed), order.rocksdb ? " --store rocksdb" : "");
}

int Main(int argc, char** argv) {
  Order order;
  if (!Parse(argc, argv, &order)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  for (int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS}) std::signal(signal, OnCrash);
  Situations situations;
  std::map<std::string, uint64_t> themes;
  uint64_t failed = 0, commits = 0;
  int64_t steps = 0;
  for (uint64_t seed = order.from; seed < order.from + order.seeds; ++seed) {
    World::Options options{seed, order.rocksdb, order.trace};
    std::snprintf(running, sizeof(running), "\nseed %llu crashes\n", static_cast<unsigned long long>(seed));
    World::Outcome outcome = World::Run(options);
    if (order.twice && outcome.violation.empty()) {
      const World::Outcome again = World::Run(options);
      if (again.digest != outcome.digest) outcome.violation = "the same seed gave two courses of events";
    }
    ++themes[outcome.theme];
    situations.Add(outcome.situations);
    commits += outcome.commits;
    steps += outcome.steps;
    if (outcome.violation.empty()) continue;
    ++failed;
    Tell(seed, outcome, order);
    std::fflush(stdout);
  }
  std::printf("%llu seeds, %lld steps, %llu epochs, %llu seeds failed.\n\nThemes:\n",
              static_cast<unsigned long long>(order.seeds), static_cast<long long>(steps),
              static_cast<unsigned long long>(commits), static_cast<unsigned long long>(failed));
  for (const auto& [theme, seeds] : themes) {
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(seeds), theme.c_str());
  }
  std::printf("\nRare situations:\n%s", situations.Table().c_str());
  int exit_code = failed == 0 ? 0 : 1;
  for (const std::string& missing : situations.Missing()) {
    if (!order.complete) break;
    std::printf("never met: %s\n", missing.c_str());
    exit_code = 1;
  }
  return exit_code;
}

}  // namespace
}  // namespace ebb::simulation

int main(int argc, char** argv) { return ebb::simulation::Main(argc, argv); }
