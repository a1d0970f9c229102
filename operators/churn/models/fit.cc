#include "operators/churn/models/fit.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "operators/churn/models/maximise.h"

namespace ebb {
namespace {

FitSummary Summarise(const Optimum& optimum, int64_t customers) {
  return {.log_likelihood = optimum.mean * static_cast<double>(customers),
          .customers = customers,
          .evaluations = optimum.evaluations,
          .converged = optimum.converged,
          .at_edge = optimum.at_edge};
}

auto Order(const PurchaseHistory& history) { return std::tie(history.x, history.t_x, history.T); }
auto Order(const SpendHistory& history) { return std::tie(history.x, history.mean); }

// Sorted, each history once.
template <typename Counted>
std::vector<Counted> Group(std::vector<Counted> all) {
  std::sort(all.begin(), all.end(),
            [](const Counted& a, const Counted& b) { return Order(a.history) < Order(b.history); });
  std::vector<Counted> groups;
  for (const Counted& each : all) {
    if (!groups.empty() && Order(groups.back().history) == Order(each.history)) {
      groups.back().count += each.count;
    } else {
      groups.push_back(each);
    }
  }
  return groups;
}

template <typename Counted>
int64_t CustomersIn(const std::vector<Counted>& groups) {
  int64_t customers = 0;
  for (const Counted& group : groups) customers += group.count;
  return customers;
}

template <typename Model, typename Counted>
double Mean(const Model& model, const std::vector<Counted>& groups, int64_t customers) {
  double sum = 0;
  for (const Counted& group : groups) sum += static_cast<double>(group.count) * LogLikelihood(model, group.history);
  return sum / static_cast<double>(customers);
}

bool IsAmount(double value) { return std::isfinite(value) && value >= 0; }

absl::Status CheckCount(absl::string_view what, size_t number, int64_t count) {
  if (count >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("fit: ", what, " ", number, ": expected a count of customers of at least 0, got ", count));
}

absl::Status CheckHistory(size_t number, const PurchaseHistory& history) {
  const auto wrong = [&](absl::string_view expected) {
    return absl::InvalidArgumentError(absl::StrCat("fit: history ", number, ": expected ", expected, ", got x ",
                                                   history.x, ", t_x ", history.t_x, ", T ", history.T));
  };
  if (!IsAmount(history.x) || !IsAmount(history.t_x) || !IsAmount(history.T)) {
    return wrong("finite numbers of at least 0");
  }
  if (history.T < history.t_x) {
    return wrong("T, the weeks since the first purchase, to be at least t_x, those from the first to the last");
  }
  if ((history.x > 0) != (history.t_x > 0)) {
    return wrong("t_x to be above 0 just when x, the days with a repeat purchase, is");
  }
  return absl::OkStatus();
}

absl::Status CheckSpend(size_t number, const SpendHistory& history) {
  if (IsAmount(history.x) && (history.x == 0 || (IsAmount(history.mean) && history.mean > 0))) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("fit: spend ", number, ": expected a finite x of at least 0 and a mean spend above 0, got x ",
                   history.x, ", mean ", history.mean, "; leave out customers who paid nothing"));
}

absl::Status CheckEnough(absl::string_view who, int64_t customers) {
  if (customers >= kMinCustomersToFit) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("fit: expected at least ", kMinCustomersToFit, " ", who, ", got ",
                                                 customers, "; take more customers or a longer time"));
}

absl::Status CheckPurchases(const std::vector<CountedHistory>& groups, int64_t customers) {
  if (auto s = CheckEnough("customers", customers); !s.ok()) return s;
  // Sorted by x.
  const double least = groups.front().history.x;
  const double most = groups.back().history.x;
  if (most == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "fit: expected some customers to buy again, but none of ", customers,
        " does; take a longer time, or see whether all purchases of a customer carry the same customer id"));
  }
  if (least == most) {
    return absl::InvalidArgumentError(
        absl::StrCat("fit: expected customers to differ in how often they buy again, but all ", customers, " do on ",
                     most, " days; take all customers of a time, not a selection by purchases"));
  }
  return absl::OkStatus();
}

PurchaseModel ModelOf(PurchaseModelKind kind, const Parameters& values) {
  PurchaseModel model{.kind = kind, .r = values[0], .alpha = values[1]};
  const bool pareto = kind == PurchaseModelKind::kParetoNbd;
  (pareto ? model.s : model.a) = values[2];
  (pareto ? model.beta : model.b) = values[3];
  return model;
}

double Correlation(const std::vector<CountedSpend>& groups, double customers) {
  double x_mean = 0;
  double spend_mean = 0;
  for (const auto& [history, count] : groups) {
    x_mean += static_cast<double>(count) * history.x / customers;
    spend_mean += static_cast<double>(count) * history.mean / customers;
  }
  double xx = 0;
  double xm = 0;
  double mm = 0;
  for (const auto& [history, count] : groups) {
    const double x = history.x - x_mean;
    const double m = history.mean - spend_mean;
    xx += static_cast<double>(count) * x * x;
    xm += static_cast<double>(count) * x * m;
    mm += static_cast<double>(count) * m * m;
  }
  return xx > 0 && mm > 0 ? xm / std::sqrt(xx) / std::sqrt(mm) : 0;
}

}  // namespace

absl::StatusOr<PurchaseModelFit> FitPurchaseModel(PurchaseModelKind kind, absl::Span<const CountedHistory> histories) {
  std::vector<CountedHistory> kept;
  for (size_t number = 0; number < histories.size(); ++number) {
    if (auto s = CheckCount("history", number, histories[number].count); !s.ok()) return s;
    if (auto s = CheckHistory(number, histories[number].history); !s.ok()) return s;
    if (histories[number].count > 0) kept.push_back(histories[number]);
  }
  const std::vector<CountedHistory> groups = Group(std::move(kept));
  const int64_t customers = CustomersIn(groups);
  if (auto s = CheckPurchases(groups, customers); !s.ok()) return s;

  static const auto* const kBetaGeometricStarts =
      new std::vector<Parameters>{{0.2, 4, 0.8, 2.5}, {1, 1, 1, 1}, {2, 4, 0.1, 3}};
  static const auto* const kParetoStarts =
      new std::vector<Parameters>{{0.5, 10, 0.6, 12}, {1, 1, 1, 1}, {2, 4, 0.1, 10}};
  const Optimum optimum =
      Maximise([&](const Parameters& values) { return Mean(ModelOf(kind, values), groups, customers); },
               kind == PurchaseModelKind::kParetoNbd ? *kParetoStarts : *kBetaGeometricStarts);
  return PurchaseModelFit{ModelOf(kind, optimum.parameters), Summarise(optimum, customers)};
}

absl::StatusOr<GammaGammaFit> FitGammaGamma(absl::Span<const CountedSpend> spends) {
  std::vector<CountedSpend> kept;
  for (size_t number = 0; number < spends.size(); ++number) {
    if (auto s = CheckCount("spend", number, spends[number].count); !s.ok()) return s;
    if (auto s = CheckSpend(number, spends[number].history); !s.ok()) return s;
    if (spends[number].count > 0 && spends[number].history.x > 0) kept.push_back(spends[number]);
  }
  std::vector<CountedSpend> groups = Group(std::move(kept));
  const int64_t customers = CustomersIn(groups);
  if (auto s = CheckEnough("customers who bought again", customers); !s.ok()) return s;
  const auto [least, most] =
      std::minmax_element(groups.begin(), groups.end(),
                          [](const CountedSpend& a, const CountedSpend& b) { return a.history.mean < b.history.mean; });
  if (least->history.mean == most->history.mean) {
    return absl::InvalidArgumentError(absl::StrCat("fit: expected customers to differ in their mean spend, but all ",
                                                   customers, " have ", most->history.mean));
  }

  // In units of the mean spend, so that the starts fit any currency.
  const double correlation = Correlation(groups, static_cast<double>(customers));
  double unit = 0;
  for (const auto& [history, count] : groups) unit += history.mean * static_cast<double>(count) / customers;
  for (CountedSpend& group : groups) group.history.mean /= unit;

  static const auto* const kStarts = new std::vector<Parameters>{{6, 4, 0.5}, {1, 2, 1}, {20, 3, 0.1}};
  const auto model_of = [](const Parameters& values) { return GammaGamma{values[0], values[1], values[2]}; };
  Optimum optimum =
      Maximise([&](const Parameters& values) { return Mean(model_of(values), groups, customers); }, *kStarts);
  optimum.mean -= std::log(unit);  // the density in the caller's unit
  GammaGammaFit fit{model_of(optimum.parameters), Summarise(optimum, customers), correlation};
  fit.model.v *= unit;
  return fit;
}

}  // namespace ebb
