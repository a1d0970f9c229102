#ifndef EBB_OPERATORS_CHURN_FIT_TRAINING_DATA_H_
#define EBB_OPERATORS_CHURN_FIT_TRAINING_DATA_H_

// The rows that `ebb replay --features-at` has written, read again.

#include <cstdint>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/training_row.pb.h"

namespace ebb {

// Rows of one or several cut-offs, in order of cut-off and customer, so that a fit does not depend on theirs in the
// file.
using TrainingRowList = std::vector<v1::TrainingRow>;

// Reads CSV (RFC 4180) with the names of the columns first: every field of ebb.v1.TrainingRow and of its features has
// one, in any order; others are passed over. `name` is for messages. InvalidArgument: "name:line:column: what is
// wrong", such as a column that is missing, a number that is none or not finite, a customer twice at one cut-off, rows
// of different horizons.
absl::StatusOr<TrainingRowList> ReadTrainingRows(std::istream& in, const std::string& name);
// NotFound: the file cannot be read.
absl::StatusOr<TrainingRowList> ReadTrainingFile(const std::string& path);

// The cut-offs of the rows, ascending, each once.
std::vector<int64_t> CutoffsOf(const TrainingRowList& rows);

// The rows of the last cut-off, which are taken out of *rows.
TrainingRowList TakeLastCutoff(TrainingRowList* rows);

// Of everything in them: the same for the same rows on any machine.
std::string FingerprintOf(const TrainingRowList& rows);
// What is fitted to rows with this fingerprint is of this version where nobody names one.
std::string DefaultVersion(const std::string& fingerprint);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_FIT_TRAINING_DATA_H_
