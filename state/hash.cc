#include "state/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace ebb {

uint64_t StableHash64(std::string_view bytes, uint64_t seed) { return XXH64(bytes.data(), bytes.size(), seed); }

}  // namespace ebb
