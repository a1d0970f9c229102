#ifndef EBB_OPERATORS_VALUE_QUANTILE_H_
#define EBB_OPERATORS_VALUE_QUANTILE_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace ebb {

// The quantile of values in rising order, at least one, for a share of 0 to 1: between the two nearest ones in
// proportion. Source: Hyndman, Fan (1996), "Sample Quantiles in Statistical Packages", type 7.
inline double Quantile(const std::vector<double>& ascending, double share) {
  const double place = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (place - static_cast<double>(below)) * (ascending[above] - ascending[below]);
}

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_QUANTILE_H_
