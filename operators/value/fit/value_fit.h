#ifndef EBB_OPERATORS_VALUE_FIT_VALUE_FIT_H_
#define EBB_OPERATORS_VALUE_FIT_VALUE_FIT_H_

// How often a retailer's own customers buy, and what that brings. Pure functions; any thread.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/value_model.pb.h"
#include "operators/churn/fit/training_data.h"

namespace ebb {

struct ValueFit {
  v1::ValueModel model;
  double population_spend = 0;       // Of a day with a purchase, on the mean over customers.
  std::vector<std::string> remarks;  // What a person should know, a sentence each.
};

struct ValueOptions {
  std::string model = "mbgnbd";  // "bgnbd", "mbgnbd" or "paretonbd".
  std::string id = "value";
  std::string version;
  std::string currency;  // That of the rows' money.
};

// Fits to the purchases before the one cut-off of `rows`. InvalidArgument: a model or a currency that is none, no row,
// a spend without a mean, and as FitPurchaseModel and FitGammaGamma say.
absl::StatusOr<ValueFit> FitValue(const TrainingRowList& rows, const ValueOptions& options);

// A few lines for a terminal.
std::string SummaryOf(const ValueFit& fit);

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_FIT_VALUE_FIT_H_
