#ifndef EBB_ENGINE_LOG_TRUNCATION_H_
#define EBB_ENGINE_LOG_TRUNCATION_H_

// Headers of a record of whose value only the beginning is there: in a dead letter, and from a file with a record that
// is too large to be held.

namespace ebb {

inline constexpr char kTruncatedBytesHeader[] = "ebb.truncated.bytes";   // The size of the whole value, in decimal.
inline constexpr char kTruncatedDigestHeader[] = "ebb.truncated.xxh64";  // Its XXH64, in 16 digits of hexadecimal.

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_TRUNCATION_H_
