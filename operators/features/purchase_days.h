#ifndef EBB_OPERATORS_FEATURES_PURCHASE_DAYS_H_
#define EBB_OPERATORS_FEATURES_PURCHASE_DAYS_H_

// Distinct days and the gaps between them. Pure functions; any thread. Days may come in any order and more than once.

#include <cstdint>
#include <vector>

#include "operators/features/customer_profile.pb.h"

namespace ebb {

// What the moments of gaps need: days, and the sum of the squares of the gaps between successive ones.
struct DaySums {
  int64_t count = 0;
  int64_t first = 0;
  int64_t last = 0;
  int64_t gap_squares = 0;

  // Adds a day; one that is not after the last is taken as known.
  void Append(int64_t day);
};

DaySums SumsOf(const operators::CustomerProfile::PurchaseDays& days);

// Adds a day, of which the latest `max_gaps` gaps are kept one by one. False, and no change, when the day lies among
// those that are no longer: whether it is new cannot be told.
bool AddDay(int64_t day, int64_t max_gaps, operators::CustomerProfile::PurchaseDays* days);

// Adds to *list the days that are kept one by one, ascending, and before them the first of all, whose successors may be
// missing.
void ListDays(const operators::CustomerProfile::PurchaseDays& days, std::vector<int64_t>* list);

// Whether the gaps kept one by one are as many as is said, and none leads back before the first day.
bool GapsAreWhole(const operators::CustomerProfile::PurchaseDays& days);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_PURCHASE_DAYS_H_
