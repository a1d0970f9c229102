#include "operators/churn/risk_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "operators/artefact.h"
#include "operators/churn/models/calibration.h"
#include "operators/churn/models/purchase_model.h"
#include "operators/features/event_history.h"
#include "state/text.h"

namespace ebb {
namespace {

using Tree = v1::ChurnModel::Trees::Tree;

constexpr int kFormat = 1;
constexpr double kMaxHorizonDays = 3650;
constexpr size_t kMaxNameBytes = 100;

// What purchase models look at.
constexpr char kRepeatDays[] = "repeat_days";
constexpr char kSilenceDays[] = "silence_days";

template <class... Pieces>
absl::Status Refused(Pieces... pieces) {
  return absl::InvalidArgumentError(Text(pieces...));
}

double Logistic(double score) { return 1 / (1 + std::exp(-score)); }

PurchaseModel PurchaseModelOf(const v1::ChurnModel::Purchases& purchases) {
  const PurchaseModelKind kind = purchases.model() == "bg-nbd"    ? PurchaseModelKind::kBgNbd
                                 : purchases.model() == "mbg-nbd" ? PurchaseModelKind::kMbgNbd
                                                                  : PurchaseModelKind::kParetoNbd;
  return {kind, purchases.r(), purchases.alpha(), purchases.a(), purchases.b(), purchases.s(), purchases.beta()};
}

PurchaseHistory HistoryOf(const v1::RiskFeatures& features) {
  return {features.repeat_days(), features.repeat_days() > 0 ? features.span_days() / kDaysPerWeek : 0,
          features.age_days() / kDaysPerWeek};
}

double LogOddsOfSilence(const v1::ChurnModel::Purchases& purchases, double horizon_days,
                        const PurchaseHistory& history) {
  return LogOdds(RiskOfNoPurchase(PurchaseModelOf(purchases), history, horizon_days / kDaysPerWeek));
}

absl::Status CheckPurchases(const v1::ChurnModel::Purchases& purchases, const char* path) {
  const std::string& name = purchases.model();
  if (name != "bg-nbd" && name != "mbg-nbd" && name != "pareto-nbd") {
    return Refused(path, ".model: expected bg-nbd, mbg-nbd or pareto-nbd, got ", name);
  }
  const absl::Status valid = ValidateParameters(PurchaseModelOf(purchases));
  return valid.ok() ? valid : Refused(path, ": ", valid.message());
}

absl::Status CheckTerm(const v1::ChurnModel::Logistic::Term& term, const std::string& path) {
  const bool finite = std::isfinite(term.weight()) && std::isfinite(term.mean()) && std::isfinite(term.scale());
  if (finite && term.scale() > 0) return absl::OkStatus();
  return Refused(path, ": expected finite numbers and a scale above 0");
}

// Adds to what the feature is responsible for already.
void Attribute(std::string_view feature, double value, double usual, double contribution,
               std::vector<Contribution>* contributions) {
  const auto found = std::find_if(contributions->begin(), contributions->end(),
                                  [&](const Contribution& c) { return c.feature == feature; });
  if (found != contributions->end()) {
    found->contribution += contribution;
  } else {
    contributions->push_back({feature, value, usual, contribution});
  }
}

absl::Status CheckTree(const Tree& tree, const std::string& path, int features) {
  const int nodes = tree.feature_size();
  if (nodes == 0) return Refused(path, ": expected at least one node, got none");
  if (tree.threshold_size() != nodes || tree.left_size() != nodes || tree.value_size() != nodes) {
    return Refused(path, ": expected columns of equal length, got ", nodes, " features, ", tree.threshold_size(),
                   " thresholds, ", tree.left_size(), " children and ", tree.value_size(), " values");
  }
  for (int node = 0; node < nodes; ++node) {
    if (!std::isfinite(tree.value(node)) || std::isnan(tree.threshold(node))) {
      return Refused(path, ".value[", node, "]: expected finite numbers");
    }
    if (tree.feature(node) == -1) continue;
    if (tree.feature(node) < 0 || tree.feature(node) >= features) {
      return Refused(path, ".feature[", node, "]: expected -1 or the number of one of the ", features,
                     " features, got ", tree.feature(node));
    }
    // Children after their parents: a way from the root comes to an end.
    if (tree.left(node) <= node || tree.left(node) >= nodes - 1) {
      return Refused(path, ".left[", node, "]: expected a node after it that has one behind, got ", tree.left(node));
    }
  }
  return absl::OkStatus();
}

}  // namespace

double LogOddsOfNoPurchase(const v1::ChurnModel::Purchases& purchases, double horizon_days,
                           const v1::RiskFeatures& features) {
  return LogOddsOfSilence(purchases, horizon_days, HistoryOf(features));
}

absl::StatusOr<std::shared_ptr<const RiskModel>> RiskModel::Make(v1::ChurnModel model) {
  std::shared_ptr<RiskModel> made(new RiskModel(std::move(model)));
  if (auto status = made->Check(); !status.ok()) return status;
  return made;
}

absl::Status RiskModel::Check() {
  if (model_.format() != kFormat) return Refused("format: expected ", kFormat, ", got ", model_.format());
  for (const auto& [field, text] : {std::pair("id", model_.id()), std::pair("version", model_.version())}) {
    if (text.empty() || text.size() > kMaxNameBytes) {
      return Refused(field, ": expected 1 to ", kMaxNameBytes, " bytes, got ", text.size());
    }
  }
  if (!(model_.horizon_days() > 0 && model_.horizon_days() <= kMaxHorizonDays)) {
    return Refused("horizon_days: expected more than 0 and at most ", kMaxHorizonDays, ", got ", model_.horizon_days());
  }
  if (!(model_.typical_gap_days() > 0) || !std::isfinite(model_.typical_gap_days())) {
    return Refused("typical_gap_days: expected more than 0, got ", model_.typical_gap_days());
  }
  if (auto status = CheckFeatures(); !status.ok()) return status;
  if (auto status = CheckCalibration(); !status.ok()) return status;
  switch (model_.kind_case()) {
    case v1::ChurnModel::kPurchases:
      if (!fields_.empty()) return Refused("features: expected none, since a purchase model chooses its own");
      return CheckPurchases(model_.purchases(), "purchases");
    case v1::ChurnModel::kLogistic: return CheckLogistic();
    case v1::ChurnModel::kTrees: return CheckTrees();
    case v1::ChurnModel::KIND_NOT_SET: break;
  }
  return Refused("expected one of purchases, logistic and trees, got none");
}

absl::Status RiskModel::CheckFeatures() {
  const auto& known = *v1::RiskFeatures::descriptor();
  for (int i = 0; i < model_.features_size(); ++i) {
    const v1::ChurnModel::Feature& feature = model_.features(i);
    const auto* field = known.FindFieldByName(feature.name());
    if (field == nullptr) {
      return Refused("features[", i, "].name: ", feature.name(), " is no feature that this version of Ebb computes");
    }
    if (std::find(fields_.begin(), fields_.end(), field) != fields_.end()) {
      return Refused("features[", i, "].name: ", feature.name(), " is listed twice");
    }
    if (!std::isfinite(feature.median())) return Refused("features[", i, "].median: expected a finite number");
    fields_.push_back(field);
  }
  return absl::OkStatus();
}

absl::Status RiskModel::CheckLogistic() const {
  const v1::ChurnModel::Logistic& logistic = model_.logistic();
  if (logistic.terms_size() != model_.features_size() || logistic.terms().empty()) {
    return Refused("logistic.terms: expected one for each of the ", model_.features_size(), " features, got ",
                   logistic.terms_size());
  }
  if (!std::isfinite(logistic.intercept())) return Refused("logistic.intercept: expected a finite number");
  for (int i = 0; i < logistic.terms_size(); ++i) {
    const absl::Status sound = CheckTerm(logistic.terms(i), Text("logistic.terms[", i, "]"));
    if (!sound.ok()) return sound;
  }
  if (logistic.has_purchases() != logistic.has_purchases_term()) {
    return Refused("logistic: expected purchases and purchases_term, or neither");
  }
  if (!logistic.has_purchases()) return absl::OkStatus();
  const absl::Status sound = CheckPurchases(logistic.purchases(), "logistic.purchases");
  return sound.ok() ? CheckTerm(logistic.purchases_term(), "logistic.purchases_term") : sound;
}

absl::Status RiskModel::CheckTrees() const {
  const v1::ChurnModel::Trees& trees = model_.trees();
  if (trees.trees().empty() || trees.trees_size() > kMaxTrees) {
    return Refused("trees.trees: expected 1 to ", kMaxTrees, ", got ", trees.trees_size());
  }
  if (!std::isfinite(trees.base())) return Refused("trees.base: expected a finite number");
  int nodes = 0;
  for (int i = 0; i < trees.trees_size(); ++i) {
    nodes += trees.trees(i).feature_size();
    if (nodes > kMaxNodes) return Refused("trees.trees[", i, "]: more than ", kMaxNodes, " nodes in all");
    const absl::Status sound = CheckTree(trees.trees(i), Text("trees.trees[", i, "]"), model_.features_size());
    if (!sound.ok()) return sound;
  }
  return absl::OkStatus();
}

absl::Status RiskModel::CheckCalibration() const {
  const v1::ChurnModel::Calibration& calibration = model_.calibration();
  if (calibration.has_platt()) {
    if (!std::isfinite(calibration.platt().slope()) || !std::isfinite(calibration.platt().intercept())) {
      return Refused("calibration.platt: expected finite numbers");
    }
    if (!calibration.steps().empty()) return Refused("calibration: expected platt or steps, got both");
  }
  if (calibration.steps_size() > kMaxSteps) {
    return Refused("calibration.steps: expected at most ", kMaxSteps, ", got ", calibration.steps_size());
  }
  double least_score = -std::numeric_limits<double>::infinity();
  double least_risk = 0;
  for (int i = 0; i < calibration.steps_size(); ++i) {
    const auto& step = calibration.steps(i);
    const bool rises = step.lowest_score() > least_score && step.highest_score() >= step.lowest_score() &&
                       step.risk() >= least_risk && step.risk() <= 1 && std::isfinite(step.highest_score());
    if (!rises) return Refused("calibration.steps[", i, "]: expected rising scores, and rising risks from 0 to 1");
    least_score = step.highest_score();
    least_risk = step.risk();
  }
  return absl::OkStatus();
}

double RiskModel::ValueOf(const v1::RiskFeatures& features, size_t feature) const {
  return features.GetReflection()->GetDouble(features, fields_[feature]);
}

template <class Visit>
double RiskModel::Descend(const Tree& tree, const v1::RiskFeatures& features, Visit visit) const {
  int node = 0;
  while (tree.feature(node) >= 0) {
    const auto feature = static_cast<size_t>(tree.feature(node));
    // As the trees were grown: in single precision.
    const bool right = static_cast<float>(ValueOf(features, feature)) >= tree.threshold(node);
    const int child = tree.left(node) + (right ? 1 : 0);
    visit(feature, static_cast<double>(tree.value(child)) - static_cast<double>(tree.value(node)));
    node = child;
  }
  return tree.value(node);
}

double RiskModel::Score(const v1::RiskFeatures& features) const {
  if (model_.has_purchases()) return LogOddsOfNoPurchase(model_.purchases(), model_.horizon_days(), features);
  if (model_.has_logistic()) {
    double score = model_.logistic().intercept();
    for (size_t i = 0; i < fields_.size(); ++i) {
      const auto& term = model_.logistic().terms(static_cast<int>(i));
      score += term.weight() * (std::log1p(ValueOf(features, i)) - term.mean()) / term.scale();
    }
    if (model_.logistic().has_purchases()) {
      const auto& term = model_.logistic().purchases_term();
      const double x = LogOddsOfNoPurchase(model_.logistic().purchases(), model_.horizon_days(), features);
      score += term.weight() * (x - term.mean()) / term.scale();
    }
    return score;
  }
  double score = model_.trees().base();
  for (const Tree& tree : model_.trees().trees()) score += Descend(tree, features, [](size_t, double) {});
  return score;
}

double RiskModel::Calibrated(double score) const {
  const v1::ChurnModel::Calibration& calibration = model_.calibration();
  if (calibration.has_platt()) return Logistic(calibration.platt().slope() * score + calibration.platt().intercept());
  const auto& steps = calibration.steps();
  if (steps.empty()) return Logistic(score);
  const auto next = std::lower_bound(steps.begin(), steps.end(), score,
                                     [](const auto& step, double of) { return step.highest_score() < of; });
  if (next == steps.end()) return steps.rbegin()->risk();
  if (next == steps.begin() || score >= next->lowest_score()) return next->risk();
  const auto& before = *(next - 1);
  const double share = (score - before.highest_score()) / (next->lowest_score() - before.highest_score());
  return before.risk() + share * (next->risk() - before.risk());
}

double RiskModel::Risk(const v1::RiskFeatures& features) const { return Calibrated(Score(features)); }

void RiskModel::ExplainPurchases(const v1::RiskFeatures& features, std::vector<Contribution>* contributions) const {
  const v1::ChurnModel::Purchases& purchases = model_.purchases();
  const PurchaseHistory now = HistoryOf(features);
  PurchaseHistory then = now;
  then.T = now.t_x;
  // A customer with as many purchases as the model expects of anyone, who has just bought.
  const double usual_days = ExpectedPurchases(PurchaseModelOf(purchases), {}, then.T);
  const double score = LogOddsOfSilence(purchases, model_.horizon_days(), now);
  const double at_purchase = LogOddsOfSilence(purchases, model_.horizon_days(), then);
  const double usual_score = LogOddsOfSilence(purchases, model_.horizon_days(), {usual_days, then.t_x, then.T});
  contributions->push_back({kSilenceDays, features.silence_days(), 0, score - at_purchase});
  contributions->push_back({kRepeatDays, features.repeat_days(), usual_days, at_purchase - usual_score});
}

void RiskModel::ExplainLogistic(const v1::RiskFeatures& features, std::vector<Contribution>* contributions) const {
  const v1::ChurnModel::Logistic& logistic = model_.logistic();
  for (size_t i = 0; i < fields_.size(); ++i) {
    const auto& term = logistic.terms(static_cast<int>(i));
    (*contributions)[i].contribution =
        term.weight() * (std::log1p((*contributions)[i].value) - term.mean()) / term.scale();
  }
  if (!logistic.has_purchases()) return;
  const auto& term = logistic.purchases_term();
  const PurchaseHistory now = HistoryOf(features);
  PurchaseHistory then = now;
  then.T = now.t_x;
  const double score = LogOddsOfSilence(logistic.purchases(), model_.horizon_days(), now);
  const double at_purchase = LogOddsOfSilence(logistic.purchases(), model_.horizon_days(), then);
  const double unit = term.weight() / term.scale();
  Attribute(kSilenceDays, features.silence_days(), 0, unit * (score - at_purchase), contributions);
  Attribute(kRepeatDays, features.repeat_days(), 0, unit * (at_purchase - term.mean()), contributions);
}

std::vector<Contribution> RiskModel::Explain(const v1::RiskFeatures& features) const {
  std::vector<Contribution> contributions;
  if (model_.has_purchases()) {
    ExplainPurchases(features, &contributions);
  } else {
    for (size_t i = 0; i < fields_.size(); ++i) {
      const double median = model_.features(static_cast<int>(i)).median();
      contributions.push_back({fields_[i]->name(), ValueOf(features, i), median, 0});
    }
    if (model_.has_logistic()) ExplainLogistic(features, &contributions);
    for (const Tree& tree : model_.trees().trees()) {
      Descend(tree, features, [&](size_t feature, double change) { contributions[feature].contribution += change; });
    }
  }
  std::erase_if(contributions, [](const Contribution& c) { return c.contribution == 0; });
  std::stable_sort(contributions.begin(), contributions.end(), [](const Contribution& a, const Contribution& b) {
    return std::abs(a.contribution) > std::abs(b.contribution);
  });
  return contributions;
}

absl::StatusOr<v1::ChurnModel> ParseChurnModel(std::string_view json) {
  return ParseArtefact<v1::ChurnModel>(json, "not a model of churn");
}

}  // namespace ebb
