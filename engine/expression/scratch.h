#ifndef EBB_ENGINE_EXPRESSION_SCRATCH_H_
#define EBB_ENGINE_EXPRESSION_SCRATCH_H_

// The memory that evaluations use again and again.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace ebb::expression {

// What one evaluation may make anew, and so what a scratch keeps; an evaluation fails beyond it.
inline constexpr size_t kMaxScratchBytes = 1 << 20;
// Time zones that a scratch remembers.
inline constexpr size_t kMaxZones = 256;

// Used by one thread, by one evaluation at a time, of any expression.
class Scratch {
 public:
  // What was allocated is free again.
  void Reset();
  // `size` bytes, aligned for any value, valid until Reset; null beyond kMaxScratchBytes.
  char* Allocate(size_t size);
  // The zone of that name, or null. A name that is new is looked for in the zones' files.
  const absl::TimeZone* Zone(std::string_view name);
  // Where protobuf might put a string that it does not hold as one.
  std::string& text() { return text_; }

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size;
  };

  std::vector<Block> blocks_;
  size_t block_ = 0;      // The one in use.
  size_t used_ = 0;       // Of that block.
  size_t allocated_ = 0;  // Since Reset.
  absl::flat_hash_map<std::string, std::unique_ptr<absl::TimeZone>> zones_;
  std::string text_;
};

// The zone that `name` names in the IANA database, or as a distance from UTC such as +02:00 or -08:00. False for any
// other. Reads the zone's file when the process does so for the first time.
bool FindZone(std::string_view name, absl::TimeZone* zone);

}  // namespace ebb::expression

#endif  // EBB_ENGINE_EXPRESSION_SCRATCH_H_
