#ifndef EBB_STATE_LAYOUT_H_
#define EBB_STATE_LAYOUT_H_

// Keys of rows, the same in the local store and, but for the time index and the position, in the changelog.
//
//   0x01 name                                  the manifest ("manifest"); local only: "position"
//   0x01 "control/" name                       a publication that was taken in or refused
//   0x02 slot(4, big-endian)                   epoch records, epoch mod the ring's size
//   0x03 customer                              the customer's document
//   0x03 customer state(4, big-endian) sub-key a row of a map or list state
//   0x04 time(8, ordered) customer             time index, local only: wakes the customer at or before a deadline
//
// A customer id ends in 0x00 0x01, and a zero byte within it is written 0x00 0xff, so that all rows of a customer
// are one range, the document first.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "state/access.h"

namespace ebb::layout {

enum class RowKind { kMeta, kEpoch, kDocument, kRow, kWake, kUnknown };

inline constexpr char kMeta = 0x01;
inline constexpr char kEpoch = 0x02;
inline constexpr char kCustomer = 0x03;
inline constexpr char kWake = 0x04;

std::string ManifestKey();
std::string PositionKey();
// With an empty name, what all of them begin with.
std::string ControlKey(std::string_view name);
std::string EpochKey(uint32_t slot);
std::string DocumentKey(std::string_view customer);
std::string RowKey(std::string_view customer, StateId state, std::string_view sub_key);
std::string WakeKey(int64_t time_ms, std::string_view customer);

RowKind KindOf(std::string_view key);
// The customer of a document or row key; nothing for other keys.
std::optional<std::string> CustomerOf(std::string_view key);
// What follows the state id in a row key of `customer`; empty for a document.
std::string_view SubKeyOf(std::string_view key, std::string_view customer);
// Time and customer of a key of the time index.
std::optional<std::pair<int64_t, std::string>> WakeOf(std::string_view key);
// The least key greater than every key that begins with `prefix`; empty when there is none.
std::string PrefixEnd(std::string prefix);

}  // namespace ebb::layout

#endif  // EBB_STATE_LAYOUT_H_
