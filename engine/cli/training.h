#ifndef EBB_ENGINE_CLI_TRAINING_H_
#define EBB_ENGINE_CLI_TRAINING_H_

// What `ebb replay --features-at` makes of a pipeline: rows that models are fitted to.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "engine/log/file_log.h"
#include "engine/pipeline/spec.h"

namespace ebb {

// The topic, which no broker has, of the rows.
inline constexpr char kTrainingTopic[] = "features";

// The cut-offs of a command line, dates or moments with commas between, in rising order. InvalidArgument: what is none.
absl::StatusOr<std::vector<absl::Time>> ParseCutoffs(const std::string& text);

// The pipeline as far as it leads to customers' profiles, with a row for each customer and cut-off, ebb.v1.TrainingRow
// in protobuf, as its only result. No record is waited for, so that none of a cut-off or later comes before it.
// InvalidArgument: not exactly one operator keeps profiles.
absl::StatusOr<std::shared_ptr<const PipelineSpec>> ForTraining(const PipelineSpec& spec,
                                                                const std::vector<absl::Time>& cutoffs,
                                                                absl::Duration horizon);

// The rows as CSV (RFC 4180) with the names of the columns first: features.csv. Truth is 1 or 0, numbers are as short
// as they can be without loss.
FileTable TrainingTable();

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_TRAINING_H_
