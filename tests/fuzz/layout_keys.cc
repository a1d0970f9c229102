// Keys of the store and the changelog: whatever they are, they are read in one way only.

#include "state/layout.h"
#include "tests/fuzz/fuzz.h"

namespace ebb::fuzzing {
namespace {

void CheckAnyKey(std::string_view key) {
  const layout::RowKind kind = layout::KindOf(key);
  const std::optional<std::string> customer = layout::CustomerOf(key);
  const bool has_customer = kind == layout::RowKind::kDocument || kind == layout::RowKind::kRow;
  Require(customer.has_value() == has_customer, "a document or row, and nothing else, has a customer");
  if (kind == layout::RowKind::kDocument) {
    Require(layout::DocumentKey(*customer) == key, "one customer has one document", key);
  }
  if (kind == layout::RowKind::kRow) {
    const std::string document = layout::DocumentKey(*customer);
    Require(key.starts_with(document), "a row stands behind its customer's document", key);
    Require(key < layout::PrefixEnd(document), "and before the next customer's", key);
    Require(key.ends_with(layout::SubKeyOf(key, *customer)), "a sub-key is the end of its key", key);
  }
  if (const auto wake = layout::WakeOf(key)) {
    Require(kind == layout::RowKind::kWake, "a wake-up is of the time index");
    Require(layout::WakeKey(wake->first, wake->second) == key, "one wake-up has one key", key);
  }
  const std::string end = layout::PrefixEnd(std::string(key));
  Require(end.empty() || end > key, "the end of a prefix is behind it", key);
}

template <class Value>
int Order(const Value& a, const Value& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

EBB_FUZZ_TARGET(layout_keys) {
  CheckAnyKey(bytes);
  Bytes in(bytes);
  const std::string a(in.Piece());
  const std::string b(in.Piece());
  const auto state = static_cast<StateId>(in.Number());
  const auto time_a = static_cast<int64_t>(in.Number());
  const auto time_b = static_cast<int64_t>(in.Number());
  const std::string sub_key(in.Rest());

  const std::string row = layout::RowKey(a, state, sub_key);
  Require(layout::KindOf(row) == layout::RowKind::kRow, "a row's key is a row's");
  Require(layout::CustomerOf(row) == a && layout::SubKeyOf(row, a) == sub_key, "and tells customer and sub-key");
  Require(layout::KindOf(layout::DocumentKey(a)) == layout::RowKind::kDocument, "a document's key is a document's");
  const std::string other = layout::DocumentKey(b);
  const bool within = other <= row && row < layout::PrefixEnd(other);
  Require(within == (a == b), "a row is within the range of its own customer and of no other");
  Require(Order(layout::WakeKey(time_a, a), layout::WakeKey(time_b, b)) ==
              Order(std::pair(time_a, a), std::pair(time_b, b)),
          "wake-ups stand in order of time, then customer");
  CheckAnyKey(row);
  CheckAnyKey(layout::WakeKey(time_a, a));
}

}  // namespace ebb::fuzzing
