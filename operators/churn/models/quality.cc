#include "operators/churn/models/quality.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "operators/churn/models/tied_scores.h"

namespace ebb {
namespace {

constexpr int64_t kDeciles = 10;

// How far a row may be off.
constexpr double kLeastTolerance = 0.03;
constexpr double kStandardErrors = 2.6;

absl::Status CheckScores(absl::Span<const Prediction> predictions) {
  if (predictions.empty()) {
    return absl::InvalidArgumentError("quality: expected predictions with their outcomes, got none");
  }
  for (const Prediction& prediction : predictions) {
    if (std::isfinite(prediction.score)) continue;
    return absl::InvalidArgumentError(absl::StrCat("quality: expected scores to be numbers, got ", prediction.score));
  }
  return absl::OkStatus();
}

absl::Status CheckRisks(absl::Span<const Prediction> predictions) {
  if (auto s = CheckScores(predictions); !s.ok()) return s;
  for (const Prediction& prediction : predictions) {
    if (prediction.score >= 0 && prediction.score <= 1) continue;
    return absl::InvalidArgumentError(absl::StrCat("quality: expected risks from 0 to 1, got ", prediction.score,
                                                   "; turn scores into risks with a calibrator"));
  }
  return absl::OkStatus();
}

// Of those with the highest `customers` scores, how many it happened to; a fraction where ties are cut.
double Found(const std::vector<TiedScores>& rising, double customers) {
  double found = 0;
  for (auto tied = rising.rbegin(); tied != rising.rend() && customers > 0; ++tied) {
    const double taken = std::min(customers, tied->count);
    found += tied->happened * taken / tied->count;
    customers -= taken;
  }
  return found;
}

double CountHappened(const std::vector<TiedScores>& groups) {
  double happened = 0;
  for (const TiedScores& tied : groups) happened += tied.happened;
  return happened;
}

}  // namespace

absl::StatusOr<std::pair<std::vector<Prediction>, std::vector<Prediction>>> SplitAt(
    absl::Span<const Prediction> predictions, absl::Time moment) {
  std::pair<std::vector<Prediction>, std::vector<Prediction>> split;
  for (const Prediction& prediction : predictions) {
    if (!prediction.at) {
      return absl::InvalidArgumentError("quality: expected each prediction to have a time, to split them at one");
    }
    (*prediction.at < moment ? split.first : split.second).push_back(prediction);
  }
  return split;
}

absl::StatusOr<double> RocAuc(absl::Span<const Prediction> predictions) {
  if (auto s = CheckScores(predictions); !s.ok()) return s;
  const std::vector<TiedScores> rising = GroupTiedScores(predictions);
  const double happened = CountHappened(rising);
  const double did_not = static_cast<double>(predictions.size()) - happened;
  if (happened == 0 || did_not == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("quality: expected both outcomes, to tell how well scores part them, but of ", predictions.size(),
                     " customers it happened to ", happened == 0 ? "nobody" : "all"));
  }
  double won = 0;
  double below = 0;  // to whom it did not happen
  for (const TiedScores& tied : rising) {
    const double others = tied.count - tied.happened;
    won += tied.happened * (below + others / 2);
    below += others;
  }
  return won / (happened * did_not);
}

absl::StatusOr<double> PrecisionInTopDecile(absl::Span<const Prediction> predictions) {
  if (auto s = CheckScores(predictions); !s.ok()) return s;
  const double top = std::max(1.0, std::floor(static_cast<double>(predictions.size()) / kDeciles));
  return Found(GroupTiedScores(predictions), top) / top;
}

absl::StatusOr<double> BrierScore(absl::Span<const Prediction> predictions) {
  if (auto s = CheckRisks(predictions); !s.ok()) return s;
  double sum = 0;
  for (const TiedScores& tied : GroupTiedScores(predictions)) {
    sum += tied.happened * (1 - tied.score) * (1 - tied.score) + (tied.count - tied.happened) * tied.score * tied.score;
  }
  return sum / static_cast<double>(predictions.size());
}

absl::StatusOr<std::vector<CalibrationRow>> CalibrationTable(absl::Span<const Prediction> predictions) {
  if (auto s = CheckRisks(predictions); !s.ok()) return s;
  const double customers = static_cast<double>(predictions.size());
  struct Sums {
    double count = 0;
    double predicted = 0;
    double happened = 0;
    double variance = 0;
  };
  Sums deciles[kDeciles];
  double before = 0;
  for (const TiedScores& tied : GroupTiedScores(predictions)) {
    // The middle of those who tie decides for all of them.
    Sums& sums = deciles[static_cast<int64_t>((before + tied.count / 2) * kDeciles / customers)];
    sums.count += tied.count;
    sums.predicted += tied.count * tied.score;
    sums.happened += tied.happened;
    sums.variance += tied.count * tied.score * (1 - tied.score);
    before += tied.count;
  }
  std::vector<CalibrationRow> rows;
  for (const Sums& sums : deciles) {
    if (sums.count == 0) continue;
    CalibrationRow row{.mean_predicted = sums.predicted / sums.count,
                       .observed_rate = sums.happened / sums.count,
                       .count = static_cast<int64_t>(sums.count),
                       .standard_error = std::sqrt(sums.variance) / sums.count};
    row.within_bounds = std::abs(row.mean_predicted - row.observed_rate) <=
                        std::max(kLeastTolerance, kStandardErrors * row.standard_error);
    rows.push_back(row);
  }
  return rows;
}

absl::StatusOr<std::vector<LiftPoint>> LiftChart(absl::Span<const Prediction> predictions) {
  if (auto s = CheckScores(predictions); !s.ok()) return s;
  const std::vector<TiedScores> rising = GroupTiedScores(predictions);
  const double happened = CountHappened(rising);
  if (happened == 0) {
    return absl::InvalidArgumentError(absl::StrCat("quality: expected it to have happened to somebody, but of ",
                                                   predictions.size(), " customers it happened to nobody"));
  }
  std::vector<LiftPoint> points;
  for (int64_t decile = 1; decile <= kDeciles; ++decile) {
    LiftPoint point;
    point.share_of_customers = static_cast<double>(decile) / kDeciles;
    point.share_found = Found(rising, point.share_of_customers * static_cast<double>(predictions.size())) / happened;
    point.lift = point.share_found / point.share_of_customers;
    points.push_back(point);
  }
  return points;
}

}  // namespace ebb
