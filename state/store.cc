#include "state/store.h"

namespace ebb {

WriteBatch::Write WriteBatch::operator[](size_t index) const {
  const Entry& entry = entries_[index];
  const std::string_view bytes = bytes_;
  const std::string_view key = bytes.substr(entry.begin, entry.key_size);
  if (entry.value_size == kNoValue) return {key, std::nullopt};
  return {key, bytes.substr(entry.begin + entry.key_size, entry.value_size)};
}

std::vector<WriteBatch::Write> WriteBatch::writes() const {
  std::vector<Write> writes;
  writes.reserve(size());
  for (size_t i = 0; i < size(); ++i) writes.push_back((*this)[i]);
  return writes;
}

}  // namespace ebb
