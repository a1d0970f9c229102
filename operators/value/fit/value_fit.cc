#include "operators/value/fit/value_fit.h"

#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_format.h"
#include "operators/churn/fit/learn.h"
#include "operators/churn/models/fit.h"
#include "operators/features/orders.h"
#include "state/text.h"

namespace ebb {
namespace {

// The spend model takes it for 0; beyond this its expectations are wrong by more than they are worth.
constexpr double kNotableCorrelation = .3;

// All days with a purchase, the first one too, as the running engine has them. Who brought nothing has no part.
std::vector<CountedSpend> SpendsOf(const TrainingRowList& rows) {
  std::map<std::pair<double, double>, int64_t> counts;
  for (const v1::TrainingRow& row : rows) {
    const double days = row.features().repeat_days() + 1;
    if (row.features().spent() > 0) ++counts[{days, row.features().spent() / days}];
  }
  std::vector<CountedSpend> spends;
  for (const auto& [spend, count] : counts) spends.push_back({{spend.first, spend.second}, count});
  return spends;
}

}  // namespace

absl::StatusOr<ValueFit> FitValue(const TrainingRowList& rows, const ValueOptions& options) {
  if (!IsPurchaseModel(options.model)) {
    return absl::InvalidArgumentError(Text("--model: expected mbgnbd, bgnbd or paretonbd, got ", options.model));
  }
  if (PackCurrency(options.currency) == 0) {
    return absl::InvalidArgumentError(
        Text("--currency: expected three capital letters such as EUR, got ", options.currency));
  }
  if (rows.empty()) return absl::InvalidArgumentError("expected customers who bought before the cut-off, got none");
  TrainingRowPointers pointers;
  for (const v1::TrainingRow& row : rows) pointers.push_back(&row);
  const auto purchases = FitToPurchases(options.model, pointers);
  if (!purchases.ok()) return purchases.status();
  const auto spend = FitGammaGamma(SpendsOf(rows));
  if (!spend.ok()) return spend.status();
  const auto mean = PopulationSpend(spend->model);
  if (!mean) {
    return absl::InvalidArgumentError(Text("what a day brings has no mean: q is ", spend->model.q,
                                           ", expected above 1; a few customers who spend "
                                           "without measure are the usual cause"));
  }
  ValueFit fit;
  fit.population_spend = *mean;
  v1::ValueModel& model = fit.model;
  model.set_format(1);
  model.set_id(options.id);
  model.set_fingerprint(FingerprintOf(rows));
  model.set_version(options.version.empty() ? DefaultVersion(model.fingerprint()) : options.version);
  *model.mutable_purchases() = purchases->purchases();
  model.mutable_spend()->set_p(spend->model.p);
  model.mutable_spend()->set_q(spend->model.q);
  model.mutable_spend()->set_v(spend->model.v);
  model.mutable_spend()->set_currency(options.currency);
  model.set_as_of_ms(rows.front().cutoff_ms());
  model.set_customers(static_cast<int64_t>(rows.size()));
  if (std::abs(spend->correlation) > kNotableCorrelation) {
    fit.remarks.push_back(absl::StrFormat(
        "How often customers buy and what a day brings hang together (correlation %.2f), which the model takes for "
        "independent: expectations of the most frequent customers are off.",
        spend->correlation));
  }
  if (spend->summary.at_edge) fit.remarks.push_back("These purchases do not tell every parameter of spend.");
  return fit;
}

std::string SummaryOf(const ValueFit& fit) {
  const v1::ChurnModel::Purchases& purchases = fit.model.purchases();
  const v1::ValueModel::Spend& spend = fit.model.spend();
  std::string text =
      absl::StrFormat("%s %s, of %d customers\n\n%-12s r %.4g, alpha %.4g", fit.model.id(), fit.model.version(),
                      fit.model.customers(), purchases.model(), purchases.r(), purchases.alpha());
  text += purchases.model() == "pareto-nbd" ? absl::StrFormat(", s %.4g, beta %.4g\n", purchases.s(), purchases.beta())
                                            : absl::StrFormat(", a %.4g, b %.4g\n", purchases.a(), purchases.b());
  absl::StrAppendFormat(&text, "%-12s p %.4g, q %.4g, v %.4g: a day with a purchase brings %.2f %s on the mean\n",
                        "gamma-gamma", spend.p(), spend.q(), spend.v(), fit.population_spend, spend.currency());
  for (const std::string& remark : fit.remarks) absl::StrAppendFormat(&text, "\n%s\n", remark);
  return text;
}

}  // namespace ebb
