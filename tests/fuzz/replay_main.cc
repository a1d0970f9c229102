// Plays kept cases back: every file in DIRECTORY/TARGET, for each target of this program, without libFuzzer.
// Usage: fuzz_replay DIRECTORY | fuzz_replay --list | fuzz_replay TARGET FILE...

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

// GCC and clang say it differently.
#ifdef __SANITIZE_ADDRESS__
#define EBB_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EBB_ADDRESS_SANITIZER
#endif
#endif

namespace {

namespace fs = std::filesystem;
using ebb::fuzzing::Target;
using ebb::fuzzing::Targets;

// A case that takes longer ends the program: none may be slow.
constexpr unsigned kMostSeconds = 10;
constexpr rlim_t kMostBytes = rlim_t{4} << 30;

void Play(const std::string& name, Target target, const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  // Whatever ends the program, this is the last line that was written.
  std::fprintf(stderr, "%s %s\n", name.c_str(), path.c_str());
  alarm(kMostSeconds);
  target(bytes);
  alarm(0);
}

int PlayAll(const fs::path& corpus) {
  size_t played = 0;
  for (const auto& [name, target] : Targets()) {
    std::vector<fs::path> paths;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(corpus / name, error)) paths.push_back(entry.path());
    if (paths.empty()) {
      std::fprintf(stderr, "%s has no cases\n", (corpus / name).c_str());
      return 1;
    }
    std::sort(paths.begin(), paths.end());
    for (const fs::path& path : paths) Play(name, target, path);
    Play(name, target, "/dev/null");
    played += paths.size();
  }
  std::fprintf(stderr, "%zu cases of %zu targets\n", played, Targets().size());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
#ifndef EBB_ADDRESS_SANITIZER
  // The address sanitizer reserves far more than it uses.
  const rlimit memory{kMostBytes, kMostBytes};
  setrlimit(RLIMIT_AS, &memory);
#endif
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments == std::vector<std::string>{"--list"}) {
    for (const auto& [name, target] : Targets()) std::puts(name.c_str());
    return 0;
  }
  if (arguments.size() == 1) return PlayAll(arguments[0]);
  if (arguments.size() < 2 || !Targets().contains(arguments[0])) {
    std::fprintf(stderr, "usage: fuzz_replay DIRECTORY | fuzz_replay --list | fuzz_replay TARGET FILE...\n");
    return 2;
  }
  for (size_t i = 1; i < arguments.size(); ++i) Play(arguments[0], Targets()[arguments[0]], arguments[i]);
  return 0;
}
