#include "operators/churn/fit/boosting.h"

#include <dlfcn.h>
#include <xgboost/c_api.h>

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/numbers.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "state/text.h"

namespace ebb {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Struct;
using google::protobuf::Value;
using Tree = v1::ChurnModel::Trees::Tree;
using Parameters = std::vector<std::pair<const char*, const char*>>;

// Whatever is not told below is the library's default.
const Parameters kAlways = {
    {"objective", "binary:logistic"}, {"base_score", "0.5"}, {"nthread", "1"}, {"seed", "1"}, {"verbosity", "0"}};

// Enough for weights to settle. The penalty is a mean per row: below .002 the weights of a small shop run apart where
// features tell nearly the same, such as the days of 13 and of 26 weeks do in a young one; from there to .3 the AUC at
// earlier cut-offs of a grocer and of a music shop moves by .001.
constexpr int kLogisticRounds = 300;
const Parameters kLogistic = {{"booster", "gblinear"},
                              {"updater", "coord_descent"},
                              {"feature_selector", "cyclic"},
                              {"eta", "1"},
                              {"lambda", "0.02"}};

const Parameters kForest = {{"booster", "gbtree"}, {"tree_method", "exact"},  {"num_parallel_tree", "300"},
                            {"eta", "1"},          {"subsample", "0.63"},     {"colsample_bynode", "0.4"},
                            {"max_depth", "8"},    {"min_child_weight", "5"}, {"lambda", "1"}};

constexpr int kBoostedRounds = 300;
const Parameters kBoosted = {{"booster", "gbtree"},      {"tree_method", "exact"}, {"eta", "0.03"},
                             {"max_depth", "3"},         {"subsample", "0.7"},     {"colsample_bytree", "0.7"},
                             {"min_child_weight", "10"}, {"lambda", "5"}};

// The library, loaded when something is fitted: linked, it would add 15 ms and 4 MB to the start of every command.
class XgBoost {
 public:
  // Loaded once, for good. Unavailable: it is not here, with what to install.
  static absl::StatusOr<const XgBoost*> Get() {
    static const auto* const loaded = new absl::StatusOr<XgBoost>(Load());
    if (!loaded->ok()) return loaded->status();
    return &**loaded;
  }

  decltype(&XGBGetLastError) last_error = nullptr;
  decltype(&XGDMatrixCreateFromMat) matrix_create = nullptr;
  decltype(&XGDMatrixSetFloatInfo) matrix_set_float_info = nullptr;
  decltype(&XGDMatrixFree) matrix_free = nullptr;
  decltype(&XGBoosterCreate) booster_create = nullptr;
  decltype(&XGBoosterSetParam) booster_set_param = nullptr;
  decltype(&XGBoosterUpdateOneIter) booster_update = nullptr;
  decltype(&XGBoosterDumpModelEx) booster_dump = nullptr;
  decltype(&XGBoosterFree) booster_free = nullptr;

  absl::Status Checked(int code, std::string_view what) const {
    if (code == 0) return absl::OkStatus();
    return absl::InternalError(Text("XGBoost, ", what, ": ", last_error()));
  }

 private:
  static absl::StatusOr<XgBoost> Load() {
    void* const library = dlopen(EBB_XGBOOST_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      return absl::UnavailableError(Text("cannot load XGBoost, which this kind of model is fitted with: ", dlerror(),
                                         "; on Debian: apt-get install libxgboost0"));
    }
    XgBoost xgboost;
    const bool complete = Find(library, "XGBGetLastError", &xgboost.last_error) &&
                          Find(library, "XGDMatrixCreateFromMat", &xgboost.matrix_create) &&
                          Find(library, "XGDMatrixSetFloatInfo", &xgboost.matrix_set_float_info) &&
                          Find(library, "XGDMatrixFree", &xgboost.matrix_free) &&
                          Find(library, "XGBoosterCreate", &xgboost.booster_create) &&
                          Find(library, "XGBoosterSetParam", &xgboost.booster_set_param) &&
                          Find(library, "XGBoosterUpdateOneIter", &xgboost.booster_update) &&
                          Find(library, "XGBoosterDumpModelEx", &xgboost.booster_dump) &&
                          Find(library, "XGBoosterFree", &xgboost.booster_free);
    if (complete) return xgboost;
    return absl::UnavailableError(Text("expected the XGBoost that ebb was built with, got another: ", dlerror()));
  }

  template <class Function>
  static bool Find(void* library, const char* name, Function* function) {
    *function = reinterpret_cast<Function>(dlsym(library, name));
    return *function != nullptr;
  }
};

struct FreeMatrix {
  const XgBoost* xgboost;
  void operator()(void* matrix) const { xgboost->matrix_free(matrix); }
};
struct FreeBooster {
  const XgBoost* xgboost;
  void operator()(void* booster) const { xgboost->booster_free(booster); }
};
using MatrixPtr = std::unique_ptr<void, FreeMatrix>;
using BoosterPtr = std::unique_ptr<void, FreeBooster>;

absl::StatusOr<MatrixPtr> MakeMatrix(const XgBoost& xgboost, const Examples& examples) {
  DMatrixHandle raw = nullptr;
  const int made =
      xgboost.matrix_create(examples.values.data(), examples.rows(), examples.columns, std::nanf(""), &raw);
  if (auto status = xgboost.Checked(made, "taking the rows"); !status.ok()) return status;
  MatrixPtr matrix(raw, FreeMatrix{&xgboost});
  const int labelled = xgboost.matrix_set_float_info(raw, "label", examples.labels.data(), examples.rows());
  if (auto status = xgboost.Checked(labelled, "taking what happened"); !status.ok()) return status;
  return matrix;
}

// A model for each tree, or one for all weights, as XGBoost writes them in JSON.
absl::StatusOr<std::vector<Struct>> Dump(const XgBoost& xgboost, BoosterHandle booster) {
  bst_ulong count = 0;
  const char** texts = nullptr;
  const int dumped = xgboost.booster_dump(booster, "", 1, "json", &count, &texts);
  if (auto status = xgboost.Checked(dumped, "writing the model"); !status.ok()) return status;
  std::vector<Struct> models(count);
  for (bst_ulong i = 0; i < count; ++i) {
    const auto parsed = google::protobuf::util::JsonStringToMessage(texts[i], &models[i]);
    if (!parsed.ok()) return absl::InternalError(Text("XGBoost wrote what is no JSON: ", parsed.ToString()));
  }
  return models;
}

absl::StatusOr<std::vector<Struct>> Train(const Examples& examples, const Parameters& parameters, int rounds) {
  const auto loaded = XgBoost::Get();
  if (!loaded.ok()) return loaded.status();
  const XgBoost& xgboost = **loaded;
  auto matrix = MakeMatrix(xgboost, examples);
  if (!matrix.ok()) return matrix.status();
  const DMatrixHandle rows = matrix->get();
  BoosterHandle raw = nullptr;
  auto status = xgboost.Checked(xgboost.booster_create(&rows, 1, &raw), "making a model");
  if (!status.ok()) return status;
  const BoosterPtr booster(raw, FreeBooster{&xgboost});
  for (const Parameters* list : {&kAlways, &parameters}) {
    for (const auto& [name, value] : *list) {
      status = xgboost.Checked(xgboost.booster_set_param(raw, name, value), name);
      if (!status.ok()) return status;
    }
  }
  for (int round = 0; round < rounds; ++round) {
    status = xgboost.Checked(xgboost.booster_update(raw, round, rows), "fitting");
    if (!status.ok()) return status;
  }
  return Dump(xgboost, raw);
}

double NumberOf(const Struct& object, const char* name) {
  const auto found = object.fields().find(name);
  return found == object.fields().end() ? 0 : found->second.number_value();
}

// Its children stand one behind the other, the one for lesser values first.
const ListValue* ChildrenOf(const Struct& node) {
  const auto found = node.fields().find("children");
  return found == node.fields().end() ? nullptr : &found->second.list_value();
}

// Columns have no names of their own: the library calls them f0, f1 and so on.
int ColumnOf(const Struct& node) {
  int column = -1;
  const auto found = node.fields().find("split");
  if (found != node.fields().end()) (void)absl::SimpleAtoi(found->second.string_value().substr(1), &column);
  return column;
}

// The mean of the leaves below a node, by the weight of the rows that come there.
double MeanValue(const Struct& node) {
  const ListValue* const children = ChildrenOf(node);
  if (children == nullptr) return NumberOf(node, "leaf");
  double sum = 0;
  double weights = 0;
  for (const Value& child : children->values()) {
    const double weight = NumberOf(child.struct_value(), "cover");
    sum += weight * MeanValue(child.struct_value());
    weights += weight;
  }
  return weights > 0 ? sum / weights : 0;
}

// A child comes after its parent, and the two of one parent together.
Tree TreeOf(const Struct& root) {
  Tree tree;
  std::vector<const Struct*> nodes = {&root};
  for (size_t i = 0; i < nodes.size(); ++i) {
    const Struct& node = *nodes[i];
    const ListValue* const children = ChildrenOf(node);
    tree.add_value(static_cast<float>(MeanValue(node)));
    tree.add_feature(children == nullptr ? -1 : ColumnOf(node));
    tree.add_threshold(children == nullptr ? 0 : static_cast<float>(NumberOf(node, "split_condition")));
    tree.add_left(children == nullptr ? 0 : static_cast<int>(nodes.size()));
    if (children == nullptr) continue;
    const double first = NumberOf(children->values(0).struct_value(), "nodeid");
    const int lesser = first == NumberOf(node, "yes") ? 0 : 1;
    nodes.push_back(&children->values(lesser).struct_value());
    nodes.push_back(&children->values(1 - lesser).struct_value());
  }
  return tree;
}

absl::StatusOr<v1::ChurnModel::Trees> FitTrees(const char* name, const Examples& examples, const Parameters& parameters,
                                               int rounds) {
  auto grown = Train(examples, parameters, rounds);
  if (!grown.ok()) return grown.status();
  v1::ChurnModel::Trees trees;
  trees.set_model(name);
  for (const Struct& root : *grown) *trees.add_trees() = TreeOf(root);
  return trees;
}

}  // namespace

absl::StatusOr<v1::ChurnModel::Logistic> FitLogistic(const Examples& examples) {
  auto fitted = Train(examples, kLogistic, kLogisticRounds);
  if (!fitted.ok()) return fitted.status();
  const auto list = [&](const char* name) { return fitted->front().fields().at(name).list_value().values(); };
  v1::ChurnModel::Logistic logistic;
  logistic.set_intercept(list("bias").Get(0).number_value());
  for (const Value& weight : list("weight")) logistic.add_terms()->set_weight(weight.number_value());
  return logistic;
}

absl::StatusOr<v1::ChurnModel::Trees> FitForest(const Examples& examples) {
  return FitTrees("forest", examples, kForest, 1);
}

absl::StatusOr<v1::ChurnModel::Trees> FitBoosted(const Examples& examples) {
  return FitTrees("boosted", examples, kBoosted, kBoostedRounds);
}

}  // namespace ebb
