#include "operators/churn/fit/learn.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "operators/churn/fit/boosting.h"
#include "operators/churn/models/fit.h"
#include "operators/churn/models/purchase_model.h"
#include "operators/churn/risk_model.h"
#include "operators/features/event_history.h"
#include "state/text.h"

namespace ebb {
namespace {

using google::protobuf::FieldDescriptor;

std::vector<const FieldDescriptor*> AllFeatures() {
  std::vector<const FieldDescriptor*> fields;
  const auto& type = *v1::RiskFeatures::descriptor();
  for (int i = 0; i < type.field_count(); ++i) fields.push_back(type.field(i));
  return fields;
}

double ValueOf(const v1::TrainingRow& row, const FieldDescriptor* field) {
  return row.features().GetReflection()->GetDouble(row.features(), field);
}

// What a logistic regression sees of a value, in single precision, in which models are fitted.
float Logarithm(double value) { return std::log1p(static_cast<float>(value)); }

// Those that differ between customers: of others nothing can be learnt.
std::vector<const FieldDescriptor*> FeaturesThatVary(const TrainingRowPointers& rows) {
  std::vector<const FieldDescriptor*> fields = AllFeatures();
  std::erase_if(fields, [&](const FieldDescriptor* field) {
    const float first = Logarithm(ValueOf(*rows.front(), field));
    return std::all_of(rows.begin(), rows.end(),
                       [&](const auto* row) { return Logarithm(ValueOf(*row, field)) == first; });
  });
  return fields;
}

void DescribeFeatures(const TrainingRowPointers& rows, const std::vector<const FieldDescriptor*>& fields,
                      v1::ChurnModel* model) {
  for (const FieldDescriptor* field : fields) {
    std::vector<double> values;
    for (const auto* row : rows) values.push_back(ValueOf(*row, field));
    v1::ChurnModel::Feature& feature = *model->add_features();
    feature.set_name(field->name());
    feature.set_median(Median(std::move(values)));
  }
}

Examples MakeExamples(const TrainingRowPointers& rows, const std::vector<const FieldDescriptor*>& fields) {
  Examples examples;
  examples.columns = fields.size();
  for (const auto* row : rows) {
    for (const FieldDescriptor* field : fields) examples.values.push_back(static_cast<float>(ValueOf(*row, field)));
    examples.labels.push_back(row->bought() ? 0 : 1);
  }
  return examples;
}

// Makes the mean of a column 0 and its deviation 1. False, and nothing is changed, when all its values are alike.
bool Standardise(size_t column, Examples* examples, v1::ChurnModel::Logistic::Term* term) {
  const auto rows = static_cast<double>(examples->rows());
  double sum = 0;
  for (size_t i = column; i < examples->values.size(); i += examples->columns) sum += examples->values[i];
  const double mean = sum / rows;
  double squares = 0;
  for (size_t i = column; i < examples->values.size(); i += examples->columns) {
    squares += (examples->values[i] - mean) * (examples->values[i] - mean);
  }
  const double scale = std::sqrt(squares / rows);
  if (!(scale > 0)) return false;
  for (size_t i = column; i < examples->values.size(); i += examples->columns) {
    examples->values[i] = static_cast<float>((examples->values[i] - mean) / scale);
  }
  term->set_mean(mean);
  term->set_scale(scale);
  return true;
}

// The rows of the last cut-off.
TrainingRowPointers Latest(const TrainingRowPointers& rows) {
  TrainingRowPointers latest = rows;
  std::erase_if(latest, [&](const auto* row) { return row->cutoff_ms() != rows.back()->cutoff_ms(); });
  return latest;
}

// Of the features' logarithms and, where there is one, of a purchase model's log-odds: how often, how long ago and for
// how long have a part in it that no sum of logarithms has.
absl::Status FitLogisticTo(const TrainingRowPointers& rows, const std::vector<const FieldDescriptor*>& fields,
                           const v1::ChurnModel::Purchases* purchases, v1::ChurnModel* model) {
  Examples examples;
  examples.columns = fields.size() + (purchases != nullptr ? 1 : 0);
  for (const auto* row : rows) {
    for (const FieldDescriptor* field : fields) examples.values.push_back(Logarithm(ValueOf(*row, field)));
    if (purchases != nullptr) {
      const double log_odds = LogOddsOfNoPurchase(*purchases, row->horizon_days(), row->features());
      examples.values.push_back(static_cast<float>(log_odds));
    }
    examples.labels.push_back(row->bought() ? 0 : 1);
  }
  v1::ChurnModel::Logistic& logistic = *model->mutable_logistic();
  for (size_t i = 0; i < fields.size(); ++i) {
    if (!Standardise(i, &examples, logistic.add_terms())) return absl::InternalError("a feature without variance");
  }
  if (purchases != nullptr) {
    if (!Standardise(fields.size(), &examples, logistic.mutable_purchases_term())) {
      logistic.Clear();
      return FitLogisticTo(rows, fields, nullptr, model);
    }
    *logistic.mutable_purchases() = *purchases;
  }
  auto fitted = FitLogistic(examples);
  if (!fitted.ok()) return fitted.status();
  logistic.set_intercept(fitted->intercept());
  for (int i = 0; i < logistic.terms_size(); ++i) logistic.mutable_terms(i)->set_weight(fitted->terms(i).weight());
  if (purchases != nullptr) logistic.mutable_purchases_term()->set_weight(fitted->terms().rbegin()->weight());
  return absl::OkStatus();
}

const std::map<std::string, std::pair<PurchaseModelKind, const char*>>& PurchaseModels() {
  static const auto* const kModels = new std::map<std::string, std::pair<PurchaseModelKind, const char*>>{
      {"bgnbd", {PurchaseModelKind::kBgNbd, "bg-nbd"}},
      {"mbgnbd", {PurchaseModelKind::kMbgNbd, "mbg-nbd"}},
      {"paretonbd", {PurchaseModelKind::kParetoNbd, "pareto-nbd"}}};
  return *kModels;
}

}  // namespace

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

bool IsPurchaseModel(const std::string& name) { return PurchaseModels().contains(name); }

absl::StatusOr<v1::ChurnModel> FitToOutcomes(const std::string& name, const TrainingRowPointers& rows) {
  v1::ChurnModel model;
  const auto fields = FeaturesThatVary(rows);
  if (fields.empty())
    return absl::InvalidArgumentError("all customers are alike in everything: there is nothing to learn from");
  DescribeFeatures(rows, fields, &model);
  if (name == "logistic") {
    // None where purchases do not tell it, such as of a shop where nobody has bought again.
    const auto purchases = FitToPurchases("mbgnbd", Latest(rows));
    auto status = FitLogisticTo(rows, fields, purchases.ok() ? &purchases->purchases() : nullptr, &model);
    if (!status.ok()) return status;
    return model;
  }
  const Examples examples = MakeExamples(rows, fields);
  auto trees = name == "forest" ? FitForest(examples) : FitBoosted(examples);
  if (!trees.ok()) return trees.status();
  *model.mutable_trees() = *std::move(trees);
  return model;
}

absl::StatusOr<v1::ChurnModel> FitToPurchases(const std::string& name, const TrainingRowPointers& rows) {
  std::map<std::tuple<double, double, double>, int64_t> counts;
  for (const auto* row : rows) {
    const double x = row->features().repeat_days();
    // Hours matter little to models in weeks, and equal histories are counted once.
    const double t_x = x > 0 ? std::round(row->features().span_days()) / kDaysPerWeek : 0;
    const double T = std::max(t_x, std::round(row->features().age_days()) / kDaysPerWeek);
    if (x > 0 && t_x == 0) continue;
    ++counts[{x, t_x, T}];
  }
  std::vector<CountedHistory> histories;
  for (const auto& [history, count] : counts) {
    histories.push_back({{std::get<0>(history), std::get<1>(history), std::get<2>(history)}, count});
  }
  const auto& [kind, full_name] = PurchaseModels().at(name);
  auto fitted = FitPurchaseModel(kind, histories);
  if (!fitted.ok()) return fitted.status();
  v1::ChurnModel model;
  v1::ChurnModel::Purchases& purchases = *model.mutable_purchases();
  purchases.set_model(full_name);
  purchases.set_r(fitted->model.r);
  purchases.set_alpha(fitted->model.alpha);
  purchases.set_a(fitted->model.a);
  purchases.set_b(fitted->model.b);
  purchases.set_s(fitted->model.s);
  purchases.set_beta(fitted->model.beta);
  return model;
}

}  // namespace ebb
