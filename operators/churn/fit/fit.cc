#include "operators/churn/fit/fit.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "absl/time/time.h"
#include "operators/churn/fit/learn.h"
#include "operators/churn/models/calibration.h"
#include "operators/churn/models/fit.h"
#include "operators/churn/risk_model.h"
#include "operators/features/event_history.h"
#include "state/text.h"

namespace ebb {
namespace {

using Rows = TrainingRowPointers;

constexpr int64_t kMinCustomers = kMinCustomersToFit;
// Below it two points of a calibration curve say more about chance than about risk.
constexpr int64_t kMinRowsToCalibrate = 200;

template <class... Pieces>
absl::Status Refused(Pieces... pieces) {
  return absl::InvalidArgumentError(Text(pieces...));
}

std::string DateOf(int64_t ms) { return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(ms), absl::UTCTimeZone()); }

int64_t EndOf(const v1::TrainingRow& row) {
  return row.cutoff_ms() + static_cast<int64_t>(row.horizon_days() * static_cast<double>(kMillisPerDay));
}

double LeftShare(const Rows& rows) {
  const auto left = std::count_if(rows.begin(), rows.end(), [](const auto* row) { return !row->bought(); });
  return static_cast<double>(left) / static_cast<double>(rows.size());
}

double TypicalGapDays(const Rows& rows) {
  std::vector<double> gaps;
  for (const auto* row : rows) {
    if (row->features().repeat_days() > 0) gaps.push_back(row->features().gap_mean_days());
  }
  return std::max(1.0, Median(std::move(gaps)));
}

void Sign(const ChurnFitOptions& options, const Rows& rows, double horizon_days, v1::ChurnModel* model) {
  model->set_format(1);
  model->set_id(options.id);
  model->set_version(options.version);
  model->set_horizon_days(horizon_days);
  model->set_typical_gap_days(TypicalGapDays(rows));
}

void DescribeTraining(const Rows& rows, v1::ChurnModel* model) {
  v1::ChurnModel::Training& training = *model->mutable_training();
  TrainingRowList copies;
  std::set<std::string_view> customers;
  for (const auto* row : rows) {
    copies.push_back(*row);
    customers.insert(row->customer_id());
  }
  for (int64_t cutoff_ms : CutoffsOf(copies)) training.add_cutoffs_ms(cutoff_ms);
  training.set_rows(static_cast<int64_t>(rows.size()));
  training.set_customers(static_cast<int64_t>(customers.size()));
  training.set_left_share(LeftShare(rows));
  training.set_fingerprint(FingerprintOf(copies));
}

absl::StatusOr<std::vector<Prediction>> Predict(const v1::ChurnModel& model, const Rows& rows) {
  auto made = RiskModel::Make(model);
  if (!made.ok())
    return absl::InternalError(Text("the model that was fitted does not hold: ", made.status().message()));
  std::vector<Prediction> predictions;
  for (const auto* row : rows) predictions.push_back({(*made)->Risk(row->features()), !row->bought()});
  return predictions;
}

absl::StatusOr<Judgement> Judge(std::string name, const std::vector<Prediction>& predictions, bool are_risks) {
  Judgement judgement;
  judgement.name = std::move(name);
  auto auc = RocAuc(predictions);
  if (!auc.ok()) return auc.status();
  auto precision = PrecisionInTopDecile(predictions);
  if (!precision.ok()) return precision.status();
  auto lift = LiftChart(predictions);
  if (!lift.ok()) return lift.status();
  judgement.auc = *auc;
  judgement.precision_in_top_decile = *precision;
  judgement.lift = *std::move(lift);
  if (!are_risks) return judgement;
  auto brier = BrierScore(predictions);
  if (!brier.ok()) return brier.status();
  auto calibration = CalibrationTable(predictions);
  if (!calibration.ok()) return calibration.status();
  judgement.brier = *brier;
  judgement.calibration = *std::move(calibration);
  return judgement;
}

// Running sums over the customers to whose score a feature added something.
struct FeatureSums {
  double n = 0;
  double usual = 0;
  double strength = 0;
  double x = 0, y = 0, xx = 0, yy = 0, xy = 0;

  void Add(const Contribution& c) {
    ++n;
    usual = c.usual;
    strength += std::abs(c.contribution);
    x += c.value;
    y += c.contribution;
    xx += c.value * c.value;
    yy += c.contribution * c.contribution;
    xy += c.value * c.contribution;
  }
  double Correlation() const {
    const double spread = (n * xx - x * x) * (n * yy - y * y);
    return spread > 0 ? (n * xy - x * y) / std::sqrt(spread) : 0;
  }
};

absl::StatusOr<std::vector<FeatureUse>> UseOfFeatures(const v1::ChurnModel& model, const Rows& rows) {
  auto made = RiskModel::Make(model);
  if (!made.ok()) return made.status();
  std::map<std::string_view, FeatureSums> sums;
  for (const auto* row : rows) {
    for (const Contribution& c : (*made)->Explain(row->features())) sums[c.feature].Add(c);
  }
  const auto n = static_cast<double>(rows.size());
  std::vector<FeatureUse> uses;
  for (const auto& [name, of] : sums) uses.push_back({std::string(name), of.usual, of.strength / n, of.Correlation()});
  std::stable_sort(uses.begin(), uses.end(),
                   [](const FeatureUse& a, const FeatureUse& b) { return a.strength > b.strength; });
  return uses;
}

class ChurnFitter {
 public:
  ChurnFitter(const TrainingRowList& training, const TrainingRowList& judged, const ChurnFitOptions& options)
      : options_(options) {
    for (const v1::TrainingRow& row : judged) judged_.push_back(&row);
    for (const v1::TrainingRow& row : training) {
      if (!judged.empty() && EndOf(row) <= judged.front().cutoff_ms()) usable_.push_back(&row);
    }
  }

  absl::StatusOr<ChurnFit> Fit() {
    if (auto status = Check(); !status.ok()) return status;
    fit_.judged_cutoff_ms = judged_.front()->cutoff_ms();
    fit_.judged_horizon_days = judged_.front()->horizon_days();
    fit_.judged_rows = static_cast<int64_t>(judged_.size());
    fit_.left_share = LeftShare(judged_);
    auto model = is_purchase_model() ? Purchases(options_.model) : Learnt();
    if (!model.ok()) return model.status();
    fit_.model = *std::move(model);
    fit_.generated_rows =
        std::count_if(judged_.begin(), judged_.end(), [](const auto* row) { return row->generated(); });
    if (auto status = JudgeAll(); !status.ok()) return status;
    auto features = UseOfFeatures(fit_.model, judged_);
    if (!features.ok()) return features.status();
    fit_.features = *std::move(features);
    return std::move(fit_);
  }

 private:
  bool is_purchase_model() const { return IsPurchaseModel(options_.model); }

  absl::Status Check() const {
    if (std::find(std::begin(kChurnModels), std::end(kChurnModels), options_.model) == std::end(kChurnModels)) {
      return Refused("--model: expected logistic, forest, boosted, bgnbd, mbgnbd or paretonbd, got ", options_.model);
    }
    if (judged_.empty()) return Refused("there is no row to judge the model on");
    if (judged_.front()->cutoff_ms() != judged_.back()->cutoff_ms()) {
      return Refused("expected rows of one cut-off to judge the model on, got ", DateOf(judged_.front()->cutoff_ms()),
                     " and ", DateOf(judged_.back()->cutoff_ms()));
    }
    if (static_cast<int64_t>(judged_.size()) < kMinCustomers) {
      return Refused("expected at least ", kMinCustomers, " customers to judge the model on, got ", judged_.size());
    }
    if (auto status = CheckOutcomes(judged_, "judge a model by"); !status.ok()) return status;
    if (is_purchase_model()) return absl::OkStatus();
    if (usable_.empty()) {
      return Refused("no cut-off to learn from: its horizon must end by ", DateOf(judged_.front()->cutoff_ms()),
                     ", the cut-off to judge on. Give earlier cut-offs to ebb replay --features-at, or a shorter "
                     "--horizon");
    }
    std::set<std::string_view> customers;
    for (const auto* row : usable_) customers.insert(row->customer_id());
    if (static_cast<int64_t>(customers.size()) < kMinCustomers) {
      return Refused("expected at least ", kMinCustomers, " customers to learn from, got ", customers.size());
    }
    return CheckOutcomes(usable_, "learn from");
  }

  static absl::Status CheckOutcomes(const Rows& rows, std::string_view purpose) {
    const double left = LeftShare(rows);
    if (left > 0 && left < 1) return absl::OkStatus();
    return Refused(left == 0 ? "every customer bought" : "nobody bought", " within the horizon of ",
                   rows.front()->horizon_days(), " days: nothing to ", purpose,
                   ". Give another --horizon to ebb replay --features-at");
  }

  absl::StatusOr<v1::ChurnModel> Purchases(const std::string& name) const {
    auto model = FitToPurchases(name, judged_);
    if (!model.ok()) return model;
    Sign(options_, judged_, fit_.judged_horizon_days, &*model);
    DescribeTraining(judged_, &*model);
    return model;
  }

  absl::StatusOr<v1::ChurnModel> Learnt() {
    auto model = FitToOutcomes(options_.model, usable_);
    if (!model.ok()) return model;
    Sign(options_, usable_, usable_.front()->horizon_days(), &*model);
    DescribeTraining(usable_, &*model);
    auto calibration = Calibrate();
    if (!calibration.ok()) return calibration.status();
    if (*calibration) *model->mutable_calibration() = **std::move(calibration);
    return model;
  }

  // Of a model that has seen all cut-offs but the last, on the last.
  absl::StatusOr<std::optional<v1::ChurnModel::Calibration>> Calibrate() {
    const int64_t last_ms = usable_.back()->cutoff_ms();
    Rows held_back;
    Rows earlier;
    for (const auto* row : usable_) {
      if (row->cutoff_ms() == last_ms) held_back.push_back(row);
      if (EndOf(*row) <= last_ms) earlier.push_back(row);
    }
    const auto tells = [](const Rows& rows) {
      return static_cast<int64_t>(rows.size()) >= kMinRowsToCalibrate && LeftShare(rows) > 0 && LeftShare(rows) < 1;
    };
    if (!tells(earlier) || !tells(held_back)) {
      fit_.remarks.push_back(
          "The model is not calibrated: that takes two cut-offs of which the first one's horizon ends "
          "before the second.");
      return std::nullopt;
    }
    auto model = FitToOutcomes(options_.model, earlier);
    if (!model.ok()) return model.status();
    Sign(options_, earlier, earlier.front()->horizon_days(), &*model);
    auto predictions = Predict(*model, held_back);
    if (!predictions.ok()) return predictions.status();
    for (Prediction& prediction : *predictions) prediction.score = LogOdds(prediction.score);
    auto platt = PlattScaling::Fit(*predictions);
    if (!platt.ok()) return platt.status();
    v1::ChurnModel::Calibration calibration;
    calibration.mutable_platt()->set_slope(platt->slope());
    calibration.mutable_platt()->set_intercept(platt->intercept());
    return calibration;
  }

  absl::Status JudgeAll() {
    const bool same_horizon = fit_.model.horizon_days() == fit_.judged_horizon_days;
    if (!same_horizon) {
      fit_.remarks.push_back(Text("The model was fitted for ", fit_.model.horizon_days(), " days and judged on ",
                                  fit_.judged_horizon_days,
                                  ": it ranks customers, and its risks are not compared with what happened."));
    }
    auto predictions = Predict(fit_.model, judged_);
    if (!predictions.ok()) return predictions.status();
    if (auto status = Add(options_.model, *predictions, same_horizon); !status.ok()) return status;
    if (!is_purchase_model()) {
      if (auto status = AddPurchaseModel(); !status.ok()) return status;
    }
    std::vector<Prediction> recency;
    for (const auto* row : judged_) recency.push_back({row->features().silence_days(), !row->bought()});
    return Add("recency alone", recency, false);
  }

  absl::Status AddPurchaseModel() {
    constexpr char kName[] = "mbgnbd";
    auto model = Purchases(kName);
    if (!model.ok()) {
      // Worth a remark, not the loss of the model.
      fit_.remarks.push_back(Text("No buy-till-you-die model beside it: ", model.status().message(), "."));
      return absl::OkStatus();
    }
    auto predictions = Predict(*model, judged_);
    if (!predictions.ok()) return predictions.status();
    return Add(kName, *predictions, true);
  }

  absl::Status Add(const std::string& name, const std::vector<Prediction>& predictions, bool are_risks) {
    auto judgement = Judge(name, predictions, are_risks);
    if (!judgement.ok()) return judgement.status();
    fit_.judgements.push_back(*std::move(judgement));
    return absl::OkStatus();
  }

  const ChurnFitOptions& options_;
  Rows judged_;
  Rows usable_;
  ChurnFit fit_;
};

}  // namespace

absl::StatusOr<ChurnFit> FitChurn(const TrainingRowList& training, const TrainingRowList& judged,
                                  const ChurnFitOptions& options) {
  return ChurnFitter(training, judged, options).Fit();
}

}  // namespace ebb
