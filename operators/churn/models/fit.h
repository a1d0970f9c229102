// Fits purchase and spend models to the histories of a retailer's own customers, by maximum likelihood.
//
// Calls from any thread; no state, no randomness: equal input gives equal bits, in whatever order it comes. Equal
// histories are counted once, so the cost is about evaluations * distinct histories * 1 us.
//
// Three fixed starts, 3,800 evaluations at most; maximise.h says how it searches and when it stops.
#ifndef EBB_OPERATORS_CHURN_MODELS_FIT_H_
#define EBB_OPERATORS_CHURN_MODELS_FIT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "operators/churn/models/purchase_model.h"
#include "operators/churn/models/spend_model.h"

namespace ebb {

// Fewer customers leave the parameters to chance.
inline constexpr int64_t kMinCustomersToFit = 100;

// So many customers have this history.
struct CountedHistory {
  PurchaseHistory history;
  int64_t count = 1;
};

struct CountedSpend {
  SpendHistory history;
  int64_t count = 1;
};

// How a fit went.
struct FitSummary {
  double log_likelihood = 0;  // of all customers
  int64_t customers = 0;      // those that counted
  int evaluations = 0;        // of the log-likelihood of all customers
  // False when the bound of evaluations ended the search.
  bool converged = false;
  // A parameter ran to the edge of the search: these purchases do not tell it, though the others may be good.
  bool at_edge = false;
};

struct PurchaseModelFit {
  PurchaseModel model;
  FitSummary summary;
};

struct GammaGammaFit {
  GammaGamma model;
  FitSummary summary;
  // Of purchase days and mean spend, over customers. The model takes it for 0.
  double correlation = 0;
};

// kInvalidArgument, naming what is wrong, when a history is not one (a number that is not finite or negative, T < t_x,
// a repeat purchase at t_x = 0, or t_x without one), with fewer than kMinCustomersToFit customers, when nobody buys
// again, and when all buy again equally often.
[[nodiscard]] absl::StatusOr<PurchaseModelFit> FitPurchaseModel(PurchaseModelKind kind,
                                                                absl::Span<const CountedHistory> histories);

// Customers with x = 0 tell nothing here and are left out. kInvalidArgument, naming what is wrong, when a history has a
// number that is not finite, negative, or a mean of 0, with fewer than kMinCustomersToFit customers who bought again,
// and when all of them have the same mean.
[[nodiscard]] absl::StatusOr<GammaGammaFit> FitGammaGamma(absl::Span<const CountedSpend> spends);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_FIT_H_
