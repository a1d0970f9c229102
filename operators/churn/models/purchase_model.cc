#include "operators/churn/models/purchase_model.h"

#include <array>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "operators/churn/models/beta_geometric.h"
#include "operators/churn/models/pareto_nbd.h"

namespace ebb {
namespace {

bool IsPareto(const PurchaseModel& model) { return model.kind == PurchaseModelKind::kParetoNbd; }

}  // namespace

absl::Status ValidateParameters(const PurchaseModel& model) {
  using Parameters = std::array<std::pair<const char*, double>, 4>;
  const Parameters parameters =
      IsPareto(model) ? Parameters{{{"r", model.r}, {"alpha", model.alpha}, {"s", model.s}, {"beta", model.beta}}}
                      : Parameters{{{"r", model.r}, {"alpha", model.alpha}, {"a", model.a}, {"b", model.b}}};
  for (const auto& [name, value] : parameters) {
    if (std::isfinite(value) && value > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("purchase model: expected ", name, " to be a number above 0, got ", value,
                     "; leave all four out for the defaults, or fit them with deploy/data/fit_btyd.py"));
  }
  return absl::OkStatus();
}

PurchaseHistory HistoryAt(int64_t repeat_days, int64_t first_ms, int64_t last_ms, int64_t now_ms) {
  return {.x = static_cast<double>(repeat_days),
          .t_x = repeat_days > 0 ? static_cast<double>(last_ms - first_ms) / kMillisPerWeek : 0,
          .T = static_cast<double>(now_ms - first_ms) / kMillisPerWeek};
}

double PAlive(const PurchaseModel& model, const PurchaseHistory& history) {
  return IsPareto(model) ? pareto_nbd::PAlive(model, history) : beta_geometric::PAlive(model, history);
}

double RiskOfNoPurchase(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  return IsPareto(model) ? pareto_nbd::RiskOfNoPurchase(model, history, horizon_weeks)
                         : beta_geometric::RiskOfNoPurchase(model, history, horizon_weeks);
}

double WeeksUntilRisk(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks,
                      double threshold) {
  return IsPareto(model) ? pareto_nbd::WeeksUntilRisk(model, history, horizon_weeks, threshold)
                         : beta_geometric::WeeksUntilRisk(model, history, horizon_weeks, threshold);
}

double ExpectedPurchases(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks) {
  return IsPareto(model) ? pareto_nbd::ExpectedPurchases(model, history, horizon_weeks)
                         : beta_geometric::ExpectedPurchases(model, history, horizon_weeks);
}

double LogLikelihood(const PurchaseModel& model, const PurchaseHistory& history) {
  return IsPareto(model) ? pareto_nbd::LogLikelihood(model, history) : beta_geometric::LogLikelihood(model, history);
}

}  // namespace ebb
