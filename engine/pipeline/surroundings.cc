#include "engine/pipeline/surroundings.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace ebb {
namespace {

// What ${file:…} names is a password or a certificate, not a device that never ends.
constexpr size_t kMaxFileBytes = 1 << 20;

absl::StatusOr<std::string> ReadFile(std::string_view path) {
  std::ifstream in{std::string(path), std::ios::binary};
  if (!in) return absl::NotFoundError(std::strerror(errno));
  std::string content(kMaxFileBytes + 1, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (in.bad()) return absl::UnavailableError(std::strerror(errno));
  content.resize(static_cast<size_t>(in.gcount()));
  if (content.size() > kMaxFileBytes) {
    return absl::OutOfRangeError(absl::StrCat("more than ", kMaxFileBytes, " bytes"));
  }
  return content;
}

}  // namespace

Surroundings Surroundings::OfProcess() {
  Surroundings process;
  process.variable = [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  process.file = ReadFile;
  return process;
}

Surroundings Surroundings::OfPublished() {
  Surroundings none;
  none.variable = [](std::string_view) { return std::nullopt; };
  none.file = [](std::string_view) { return absl::NotFoundError("what was published stands for itself"); };
  return none;
}

}  // namespace ebb
