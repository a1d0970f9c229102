#ifndef EBB_STATE_HASH_H_
#define EBB_STATE_HASH_H_

// A hash that may be remembered: the same in every process, on every machine, in every release. Stateless; any thread.

#include <cstdint>
#include <string_view>

namespace ebb {

// XXH64 of the bytes. Source: xxHash, "XXH64 algorithm description", version 0.1.1.
uint64_t StableHash64(std::string_view bytes, uint64_t seed = 0);

}  // namespace ebb

#endif  // EBB_STATE_HASH_H_
