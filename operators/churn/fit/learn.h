#ifndef EBB_OPERATORS_CHURN_FIT_LEARN_H_
#define EBB_OPERATORS_CHURN_FIT_LEARN_H_

// Fits one model, without calibrating or judging it. What comes out says what it computes (features and kind), not yet
// what it is called and what it was fitted to. Any thread; the same rows in the same order give the same bits.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/churn_model.pb.h"
#include "ebb/v1/training_row.pb.h"

namespace ebb {

// Rows that someone else keeps; at least one.
using TrainingRowPointers = std::vector<const v1::TrainingRow*>;

// Of an even number the upper of the two in the middle; 0 of none.
double Median(std::vector<double> values);

// Whether a name is that of a buy-till-you-die model: "bgnbd", "mbgnbd" or "paretonbd".
bool IsPurchaseModel(const std::string& name);

// "logistic", "forest" or "boosted", to the features that differ between rows and whether the customer then bought. The
// logistic regression also has the log-odds of MBG/NBD, fitted to the purchases before the last cut-off of the rows.
// InvalidArgument: none differs. Unavailable, Internal: as boosting.h says.
absl::StatusOr<v1::ChurnModel> FitToOutcomes(const std::string& name, const TrainingRowPointers& rows);

// A buy-till-you-die model to purchases before the rows' cut-off, in whole days; outcomes have no part in it.
// InvalidArgument: as FitPurchaseModel says.
absl::StatusOr<v1::ChurnModel> FitToPurchases(const std::string& name, const TrainingRowPointers& rows);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_FIT_LEARN_H_
