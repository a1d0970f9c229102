// How overdue a customer is, measured against the customer's own rhythm: the silence since the last purchase divided
// by the customer's typical gap between days with a purchase.
//
// Who is little known borrows from the population: gaps missing to kOwnRhythmGaps are counted at the population's
// gap, so that one quick second purchase does not make a customer overdue the week after, and from the third gap on
// only the customer's own count:
//   typical gap = (t_x + max(0, 3 - x) * population gap) / max(x, 3)
//
// Pure functions: any thread, no state. Time is in weeks.
#ifndef EBB_OPERATORS_CHURN_RHYTHM_H_
#define EBB_OPERATORS_CHURN_RHYTHM_H_

#include "operators/churn/models/purchase_model.h"

namespace ebb {

inline constexpr double kOwnRhythmGaps = 3;

// Population gaps: the median over repeat customers of their mean gap, from the data and the script that the defaults
// of purchase_model.h come from.
inline constexpr double kGrocerGapWeeks = 1.1935;
inline constexpr double kMailOrderGapWeeks = 6.9524;

// The typical gap. Needs `population_gap_weeks` above 0; the result then is above 0 too.
[[nodiscard]] double TypicalGapWeeks(const PurchaseHistory& history, double population_gap_weeks);

// Silence / typical gap: 0 on the day of a purchase, 1 when the next one is due.
[[nodiscard]] double OverdueRatio(const PurchaseHistory& history, double population_gap_weeks);

// For how many more weeks after `history` the customer must stay silent until the overdue ratio reaches `ratio`; 0
// when it is there already. Exact but for rounding in the last digits; round up to the timer's unit.
[[nodiscard]] double WeeksUntilOverdue(const PurchaseHistory& history, double population_gap_weeks, double ratio);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_RHYTHM_H_
