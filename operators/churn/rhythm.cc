#include "operators/churn/rhythm.h"

#include <algorithm>

namespace ebb {

double TypicalGapWeeks(const PurchaseHistory& history, double population_gap_weeks) {
  const double borrowed = std::max(0.0, kOwnRhythmGaps - history.x);
  return (history.t_x + borrowed * population_gap_weeks) / std::max(history.x, kOwnRhythmGaps);
}

double OverdueRatio(const PurchaseHistory& history, double population_gap_weeks) {
  return (history.T - history.t_x) / TypicalGapWeeks(history, population_gap_weeks);
}

double WeeksUntilOverdue(const PurchaseHistory& history, double population_gap_weeks, double ratio) {
  const double silence = history.T - history.t_x;
  return std::max(0.0, ratio * TypicalGapWeeks(history, population_gap_weeks) - silence);
}

}  // namespace ebb
