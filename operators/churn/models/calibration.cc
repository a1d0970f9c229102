#include "operators/churn/models/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "operators/churn/models/special_functions.h"
#include "operators/churn/models/tied_scores.h"

namespace ebb {
namespace {

constexpr int kMaxNewtonSteps = 100;
constexpr double kGradientTolerance = 1e-10;
constexpr double kLeastStep = 1e-10;
constexpr double kSufficientDecrease = 1e-4;
constexpr double kRidge = 1e-12;

absl::Status CheckOutcomes(absl::Span<const Prediction> predictions) {
  if (predictions.empty()) {
    return absl::InvalidArgumentError("calibration: expected predictions with their outcomes, got none");
  }
  size_t happened = 0;
  for (const Prediction& prediction : predictions) {
    if (!std::isfinite(prediction.score)) {
      return absl::InvalidArgumentError(
          absl::StrCat("calibration: expected scores to be numbers, got ", prediction.score));
    }
    happened += prediction.happened ? 1 : 0;
  }
  if (happened > 0 && happened < predictions.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("calibration: expected both outcomes, but of ", predictions.size(),
                                                 " customers it happened to ", happened == 0 ? "nobody" : "all",
                                                 "; take more customers or another horizon"));
}

// Logistic regression on one standardised score.
class PlattSearch {
 public:
  explicit PlattSearch(const std::vector<TiedScores>& groups) : groups_(groups) {
    for (const TiedScores& tied : groups) {
      count_ += tied.count;
      happened_ += tied.happened;
    }
    for (const TiedScores& tied : groups) mean_ += tied.score * (tied.count / count_);
    for (const TiedScores& tied : groups) {
      spread_ += (tied.score - mean_) * (tied.score - mean_) * (tied.count / count_);
    }
    spread_ = spread_ > 0 ? std::sqrt(spread_) : 1;
    intercept_ = std::log((happened_ + 1) / (count_ - happened_ + 1));
  }

  PlattScaling Run() {
    for (int step = 0; step < kMaxNewtonSteps && Improve(); ++step) {
    }
    return {slope_ / spread_, intercept_ - slope_ * mean_ / spread_};
  }

 private:
  double Scaled(const TiedScores& tied) const { return (tied.score - mean_) / spread_; }

  // How many of those who tie are taken for such to whom it happened.
  double Target(const TiedScores& tied) const {
    const double others = count_ - happened_;
    return tied.happened * (happened_ + 1) / (happened_ + 2) + (tied.count - tied.happened) / (others + 2);
  }

  // A prediction's share of minus the log-likelihood.
  double Loss(double slope, double intercept) const {
    double loss = 0;
    for (const TiedScores& tied : groups_) {
      const double log_odds = slope * Scaled(tied) + intercept;
      loss += tied.count * SoftPlus(log_odds) - Target(tied) * log_odds;
    }
    return loss / count_;
  }

  // One step of Newton's; false when there is none left.
  bool Improve() {
    double by_slope = 0;
    double by_intercept = 0;
    double slope_slope = kRidge;
    double slope_intercept = 0;
    double intercept_intercept = kRidge;
    for (const TiedScores& tied : groups_) {
      const double score = Scaled(tied);
      const double risk = Logistic(slope_ * score + intercept_);
      const double error = (tied.count * risk - Target(tied)) / count_;
      const double weight = tied.count * risk * (1 - risk) / count_;
      by_slope += error * score;
      by_intercept += error;
      slope_slope += weight * score * score;
      slope_intercept += weight * score;
      intercept_intercept += weight;
    }
    if (std::abs(by_slope) < kGradientTolerance && std::abs(by_intercept) < kGradientTolerance) return false;
    const double determinant = slope_slope * intercept_intercept - slope_intercept * slope_intercept;
    const double slope_step = -(intercept_intercept * by_slope - slope_intercept * by_intercept) / determinant;
    const double intercept_step = -(slope_slope * by_intercept - slope_intercept * by_slope) / determinant;
    const double descent = by_slope * slope_step + by_intercept * intercept_step;
    const double loss = Loss(slope_, intercept_);
    for (double part = 1; part >= kLeastStep; part /= 2) {
      const double slope = slope_ + part * slope_step;
      const double intercept = intercept_ + part * intercept_step;
      if (!(Loss(slope, intercept) <= loss + kSufficientDecrease * part * descent)) continue;
      slope_ = slope;
      intercept_ = intercept;
      return true;
    }
    return false;
  }

  const std::vector<TiedScores>& groups_;
  double count_ = 0;
  double happened_ = 0;
  double mean_ = 0;
  double spread_ = 0;
  double slope_ = 0;
  double intercept_ = 0;
};

}  // namespace

double LogOdds(double probability) {
  constexpr double kEdge = 1e-12;
  const double inside = std::clamp(probability, kEdge, 1 - kEdge);
  return std::log(inside) - std::log1p(-inside);
}

absl::StatusOr<PlattScaling> PlattScaling::Fit(absl::Span<const Prediction> predictions) {
  if (auto s = CheckOutcomes(predictions); !s.ok()) return s;
  const std::vector<TiedScores> groups = GroupTiedScores(predictions);
  return PlattSearch(groups).Run();
}

double PlattScaling::Risk(double score) const { return Logistic(slope_ * score + intercept_); }

absl::StatusOr<IsotonicRegression> IsotonicRegression::Fit(absl::Span<const Prediction> predictions) {
  if (auto s = CheckOutcomes(predictions); !s.ok()) return s;
  struct Block {
    Step step;
    double count;
    double happened;
  };
  std::vector<Block> blocks;
  for (const TiedScores& tied : GroupTiedScores(predictions)) {
    Block block{{tied.score, tied.score, 0}, tied.count, tied.happened};
    // By products, so that equal rates are equal to the last bit.
    while (!blocks.empty() && blocks.back().happened * block.count >= block.happened * blocks.back().count) {
      block.step.lowest_score = blocks.back().step.lowest_score;
      block.count += blocks.back().count;
      block.happened += blocks.back().happened;
      blocks.pop_back();
    }
    blocks.push_back(block);
  }
  std::vector<Step> steps;
  for (const Block& block : blocks) {
    steps.push_back(block.step);
    steps.back().risk = block.happened / block.count;
  }
  return IsotonicRegression(std::move(steps));
}

double IsotonicRegression::Risk(double score) const {
  const auto above = std::lower_bound(steps_.begin(), steps_.end(), score,
                                      [](const Step& step, double value) { return step.highest_score < value; });
  if (above == steps_.end()) return steps_.back().risk;
  if (above == steps_.begin() || score >= above->lowest_score) return above->risk;
  const Step& below = *(above - 1);
  const double share = (score - below.highest_score) / (above->lowest_score - below.highest_score);
  return below.risk + share * (above->risk - below.risk);
}

}  // namespace ebb
