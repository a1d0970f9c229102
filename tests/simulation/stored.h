#ifndef EBB_TESTS_SIMULATION_STORED_H_
#define EBB_TESTS_SIMULATION_STORED_H_

// Customers as they are found: in the rows of a changelog or a store, and in what the engine describes. Reads the
// documented layout by means of its own.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ebb/v1/changelog.pb.h"

namespace ebb::simulation {

using Rows = std::map<std::string, std::string, std::less<>>;

// The customer of a key; nothing for keys of another kind.
std::optional<std::string> CustomerOfKey(std::string_view key);
bool IsDocument(std::string_view key);
bool IsEpoch(std::string_view key);
bool IsControl(std::string_view key);
bool IsWake(std::string_view key);

struct Found {
  bool has_document = false;
  bool has_rows = false;
  uint64_t stamp = 0;
  std::optional<int64_t> earliest_ms;  // The first deadline.
  std::string line;                    // As GhostCustomer::Render.
  std::string wrong;                   // Why it cannot be read, or empty.
};
Found Find(const v1::Manifest& manifest, const Rows& rows, const std::string& customer);

// The line for a description in JSON.
std::string LineOfJson(const std::string& json);

// The rows of the time index that the documents ask for.
std::map<std::string, std::string> WakesOf(const v1::Manifest& manifest, const Rows& rows);

}  // namespace ebb::simulation

#endif  // EBB_TESTS_SIMULATION_STORED_H_
