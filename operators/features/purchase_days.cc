#include "operators/features/purchase_days.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace ebb {
namespace {

using operators::CustomerProfile;

void AppendVarint(uint64_t value, std::string* bytes) {
  for (; value >= 0x80; value >>= 7) bytes->push_back(static_cast<char>(value | 0x80));
  bytes->push_back(static_cast<char>(value));
}

uint64_t ReadVarint(std::string_view* bytes) {
  uint64_t value = 0;
  for (int shift = 0; !bytes->empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return value;
}

void ForgetOldestGap(CustomerProfile::PurchaseDays* days) {
  std::string_view rest = days->gaps();
  ReadVarint(&rest);
  days->mutable_gaps()->erase(0, days->gaps().size() - rest.size());
  days->set_gaps_kept(days->gaps_kept() - 1);
}

// The days whose gaps are kept, ascending.
std::vector<int64_t> KeptDays(const CustomerProfile::PurchaseDays& days) {
  std::vector<int64_t> kept{0};
  for (std::string_view rest = days.gaps(); !rest.empty();) {
    kept.push_back(kept.back() + static_cast<int64_t>(ReadVarint(&rest)));
  }
  const int64_t shift = days.last() - kept.back();
  for (int64_t& day : kept) day += shift;
  return kept;
}

// Adds a day that is before the last. False when it is before those that are kept one by one.
bool Insert(int64_t day, CustomerProfile::PurchaseDays* days) {
  std::vector<int64_t> kept = KeptDays(*days);
  const bool all_kept = kept.front() == days->first();
  if (day < kept.front() && !all_kept) return false;
  const auto next = std::lower_bound(kept.begin(), kept.end(), day);
  if (*next == day) return true;
  int64_t squares = days->gap_squares() + (*next - day) * (*next - day);
  if (next == kept.begin()) {
    days->set_first(day);
  } else {
    const int64_t previous = *(next - 1);
    squares += (day - previous) * (day - previous) - (*next - previous) * (*next - previous);
  }
  days->set_gap_squares(squares);
  days->set_count(days->count() + 1);
  kept.insert(next, day);
  days->clear_gaps();
  for (size_t i = 1; i < kept.size(); ++i) {
    AppendVarint(static_cast<uint64_t>(kept[i] - kept[i - 1]), days->mutable_gaps());
  }
  days->set_gaps_kept(static_cast<int64_t>(kept.size()) - 1);
  return true;
}

}  // namespace

void ListDays(const CustomerProfile::PurchaseDays& days, std::vector<int64_t>* list) {
  if (days.count() == 0) return;
  const std::vector<int64_t> kept = KeptDays(days);
  if (kept.front() != days.first()) list->push_back(days.first());
  list->insert(list->end(), kept.begin(), kept.end());
}

bool GapsAreWhole(const CustomerProfile::PurchaseDays& days) {
  int64_t left = days.last() - days.first();
  int64_t count = 0;
  for (std::string_view rest = days.gaps(); !rest.empty(); ++count) {
    const uint64_t gap = ReadVarint(&rest);
    if (gap == 0 || gap > static_cast<uint64_t>(left)) return false;
    left -= static_cast<int64_t>(gap);
  }
  return count == days.gaps_kept();
}

void DaySums::Append(int64_t day) {
  if (count > 0 && day <= last) return;
  if (count == 0) {
    first = day;
  } else {
    gap_squares += (day - last) * (day - last);
  }
  last = day;
  ++count;
}

DaySums SumsOf(const CustomerProfile::PurchaseDays& days) {
  return {days.count(), days.first(), days.last(), days.gap_squares()};
}

bool AddDay(int64_t day, int64_t max_gaps, CustomerProfile::PurchaseDays* days) {
  DaySums sums = SumsOf(*days);
  if (sums.count > 0 && day == sums.last) return true;
  if (sums.count > 0 && day < sums.last) {
    if (!Insert(day, days)) return false;
  } else {
    if (sums.count > 0) {
      AppendVarint(static_cast<uint64_t>(day - sums.last), days->mutable_gaps());
      days->set_gaps_kept(days->gaps_kept() + 1);
    }
    sums.Append(day);
    days->set_count(sums.count);
    days->set_first(sums.first);
    days->set_last(sums.last);
    days->set_gap_squares(sums.gap_squares);
  }
  while (days->gaps_kept() > max_gaps) ForgetOldestGap(days);
  return true;
}

}  // namespace ebb
