#include "state/layout.h"

namespace ebb::layout {
namespace {

void AppendCustomer(std::string* key, std::string_view customer) {
  key->reserve(key->size() + customer.size() + 8);
  for (char c : customer) {
    key->push_back(c);
    if (c == 0) key->push_back('\xff');
  }
  key->push_back('\0');
  key->push_back('\x01');
}

template <class Unsigned>
void AppendBigEndian(std::string* key, Unsigned value) {
  for (int shift = 8 * (static_cast<int>(sizeof(value)) - 1); shift >= 0; shift -= 8) {
    key->push_back(static_cast<char>(value >> shift));
  }
}

// Where the customer's part of a key ends, or npos when it does not, or is spelled in a way that nothing writes.
size_t CustomerEnd(std::string_view key) {
  for (size_t i = 1; i + 1 < key.size(); ++i) {
    if (key[i] != 0) continue;
    if (key[i + 1] == '\x01') return i + 2;
    if (key[i + 1] != '\xff') return std::string_view::npos;
    ++i;
  }
  return std::string_view::npos;
}

}  // namespace

std::string ManifestKey() { return std::string(1, kMeta) + "manifest"; }
std::string PositionKey() { return std::string(1, kMeta) + "position"; }

std::string ControlKey(std::string_view name) { return std::string(1, kMeta).append("control/").append(name); }

std::string EpochKey(uint32_t slot) {
  std::string key(1, kEpoch);
  AppendBigEndian(&key, slot);
  return key;
}

std::string DocumentKey(std::string_view customer) {
  std::string key(1, kCustomer);
  AppendCustomer(&key, customer);
  return key;
}

std::string RowKey(std::string_view customer, StateId state, std::string_view sub_key) {
  std::string key = DocumentKey(customer);
  AppendBigEndian(&key, state);
  key.append(sub_key);
  return key;
}

std::string WakeKey(int64_t time_ms, std::string_view customer) {
  std::string key(1, kWake);
  // Flipping the sign bit makes the order of bytes the order of numbers.
  AppendBigEndian(&key, static_cast<uint64_t>(time_ms) ^ (uint64_t{1} << 63));
  key.append(customer);
  return key;
}

RowKind KindOf(std::string_view key) {
  if (key.empty()) return RowKind::kUnknown;
  switch (key[0]) {
    case kMeta: return RowKind::kMeta;
    case kEpoch: return RowKind::kEpoch;
    case kWake: return RowKind::kWake;
    case kCustomer: {
      const size_t end = CustomerEnd(key);
      if (end == std::string_view::npos) return RowKind::kUnknown;
      return end == key.size() ? RowKind::kDocument : RowKind::kRow;
    }
    default: return RowKind::kUnknown;
  }
}

std::optional<std::string> CustomerOf(std::string_view key) {
  if (key.empty() || key[0] != kCustomer) return std::nullopt;
  const size_t end = CustomerEnd(key);
  if (end == std::string_view::npos) return std::nullopt;
  std::string customer;
  customer.reserve(end - 3);
  for (size_t i = 1; i < end - 2; ++i) {
    customer.push_back(key[i]);
    if (key[i] == 0) ++i;
  }
  return customer;
}

std::string_view SubKeyOf(std::string_view key, std::string_view customer) {
  const size_t begin = DocumentKey(customer).size() + sizeof(StateId);
  return key.size() < begin ? std::string_view() : key.substr(begin);
}

std::optional<std::pair<int64_t, std::string>> WakeOf(std::string_view key) {
  if (key.size() < 9 || key[0] != kWake) return std::nullopt;
  uint64_t bits = 0;
  for (size_t i = 1; i < 9; ++i) bits = bits << 8 | static_cast<unsigned char>(key[i]);
  return std::pair(static_cast<int64_t>(bits ^ (uint64_t{1} << 63)), std::string(key.substr(9)));
}

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

}  // namespace ebb::layout
