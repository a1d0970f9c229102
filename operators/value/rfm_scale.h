#ifndef EBB_OPERATORS_VALUE_RFM_SCALE_H_
#define EBB_OPERATORS_VALUE_RFM_SCALE_H_

// Scores of recency, frequency and money, and the segments that they make.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ebb/v1/rfm_cutoffs.pb.h"
#include "operators/value/rfm.pb.h"

namespace ebb {

// What is scored of a customer who has bought.
struct RfmValues {
  int64_t silence_ms = 0;  // Since the last purchase; at least 0.
  double orders = 0;
  double spent = 0;  // In major units.
};

// 1 to 5 each.
struct RfmScores {
  int recency = 0;
  int frequency = 0;
  int monetary = 0;
};

// Cut-offs, checked. A value that equals a cut-off has the score below it; where cut-offs are equal, as when most
// customers bought once, scores between them are not given. Immutable; any thread.
class RfmScale {
 public:
  static constexpr int kCutoffs = 4;

  // InvalidArgument: "recency_days: what is wrong", such as another number of cut-offs than four, one that is not
  // finite or below 0, one that is less than the one before it, no version.
  static absl::StatusOr<std::shared_ptr<const RfmScale>> Make(const v1::RfmCutoffs& cutoffs);

  const std::string& version() const { return version_; }
  RfmScores Scores(const RfmValues& values) const;
  // The least silence, above `silence_ms`, at which the score of recency is lower; none when it is the lowest.
  std::optional<int64_t> NextFall(int64_t silence_ms) const;

 private:
  RfmScale() = default;

  std::string version_;
  std::array<int64_t, kCutoffs> recency_ms_{};
  std::array<double, kCutoffs> orders_{};
  std::array<double, kCutoffs> spent_{};
};

// Reads cut-offs as `ebb fit rfm` writes them. InvalidArgument: no JSON of them, or another format.
absl::StatusOr<v1::RfmCutoffs> ParseRfmCutoffs(std::string_view json);

// The segment of every score. Immutable; any thread.
class RfmSegments {
 public:
  static constexpr int kMaxSegments = 32;
  static constexpr int kMaxTriggers = 16;

  // InvalidArgument: "segments[2]: what is wrong": a row that can never be taken, scores that no row takes, a trigger
  // for a segment that there is none of, too many rows.
  static absl::StatusOr<std::shared_ptr<const RfmSegments>> Make(const operators::RfmConfig& config);

  const std::string& version() const { return version_; }
  // The segments' names in order of the table, each once.
  const std::vector<std::string>& names() const { return names_; }
  const std::string& Of(const RfmScores& scores) const;
  // In order of the table.
  const std::vector<operators::RfmConfig::EntryTrigger>& triggers() const { return triggers_; }

 private:
  static constexpr int kScores = 5;

  RfmSegments() = default;

  static size_t Place(int recency, int frequency, int monetary) {
    return static_cast<size_t>(((recency - 1) * kScores + frequency - 1) * kScores + monetary - 1);
  }
  // True when the row takes scores that none before it takes.
  bool Add(const operators::RfmConfig::Segment& segment);
  absl::Status CheckTriggers() const;

  std::string version_;
  std::vector<std::string> names_;
  std::array<int, kScores * kScores * kScores> name_of_{};  // By place; -1 where there is none.
  std::vector<operators::RfmConfig::EntryTrigger> triggers_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_RFM_SCALE_H_
