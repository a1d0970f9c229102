#ifndef EBB_OPERATORS_VALUE_FIT_RFM_FIT_H_
#define EBB_OPERATORS_VALUE_FIT_RFM_FIT_H_

// Cut-offs of recency, frequency and money from a retailer's own customers. Pure functions; any thread.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/rfm_cutoffs.pb.h"
#include "operators/churn/fit/training_data.h"

namespace ebb {

struct RfmFit {
  v1::RfmCutoffs cutoffs;
  // Of the usual ten, how many of these customers are in each.
  std::vector<std::pair<std::string, int64_t>> segments;
  std::vector<std::string> remarks;  // What a person should know, a sentence each.
};

// The quantiles .2, .4, .6 and .8 over `rows`, which have one cut-off. InvalidArgument: fewer than 100 customers.
absl::StatusOr<RfmFit> FitRfm(const TrainingRowList& rows, const std::string& id, const std::string& version);

// A few lines for a terminal.
std::string SummaryOf(const RfmFit& fit);

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_FIT_RFM_FIT_H_
