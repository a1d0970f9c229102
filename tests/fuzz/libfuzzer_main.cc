// Hands libFuzzer the target that EBB_FUZZ_TARGET names.

#include <cstdlib>

#include "tests/fuzz/fuzz.h"

namespace {

ebb::fuzzing::Target chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*argc*/, char*** /*argv*/) {
  const char* name = std::getenv("EBB_FUZZ_TARGET");
  const auto& targets = ebb::fuzzing::Targets();
  const auto found = targets.find(name == nullptr ? "" : name);
  ebb::fuzzing::Require(found != targets.end(), "EBB_FUZZ_TARGET names a target", name == nullptr ? "nothing" : name);
  chosen = found->second;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  chosen({reinterpret_cast<const char*>(data), size});
  return 0;
}
