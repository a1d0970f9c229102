// How likely a customer is to buy again: the "buy till you die" models BG/NBD, MBG/NBD and Pareto/NBD.
//
// All assume that a customer buys at random at a rate of their own (gamma distributed over customers: shape `r`, rate
// `alpha`) until they leave for good. They differ in when that may happen:
//   BG/NBD      after each purchase but the first, with a probability of their own (beta distributed: `a`, `b`)
//   MBG/NBD     the same, and after the first purchase, too
//   Pareto/NBD  at any time, at a rate of their own (gamma distributed: shape `s`, rate `beta`)
//
// Pure functions of their arguments: any thread, no state, the same bits on every run. Time is in weeks. Arguments
// outside of what a function states give a meaningless number, never a crash; check settings once, with
// `ValidateParameters`. Within parameters from 1e-6 to 1e6, purchases up to 100,000 and a thousand years, every result
// is finite unless said otherwise: products of powers are kept as logarithms.
//
// Sources: Fader, Hardie, Lee (2005), "'Counting Your Customers' the Easy Way"; Batislam, Denizel, Filiztekin (2007),
// "Empirical validation and comparison of models for customer base analysis"; Schmittlein, Morrison, Colombo (1987),
// "Counting Your Customers: Who Are They and What Will They Do Next?"; Fader, Hardie (2005), "A Note on Deriving the
// Pareto/NBD Model and Related Expressions".
#ifndef EBB_OPERATORS_CHURN_MODELS_PURCHASE_MODEL_H_
#define EBB_OPERATORS_CHURN_MODELS_PURCHASE_MODEL_H_

#include <cstdint>

#include "absl/status/status.h"

namespace ebb {

inline constexpr double kMillisPerWeek = 604'800'000.0;

// A customer's purchases, as far as the models look at them; all of a day (UTC) count as one.
struct PurchaseHistory {
  double x = 0;    // days with a purchase, the first left out
  double t_x = 0;  // weeks from the first purchase to the last; 0 when x is 0
  double T = 0;    // weeks from the first purchase to now; at least t_x
};

enum class PurchaseModelKind { kBgNbd, kMbgNbd, kParetoNbd };

struct PurchaseModel {
  PurchaseModelKind kind = PurchaseModelKind::kMbgNbd;
  double r = 0;
  double alpha = 0;  // weeks
  // BG/NBD and MBG/NBD only.
  double a = 0;
  double b = 0;
  // Pareto/NBD only.
  double s = 0;
  double beta = 0;  // weeks
};

// Fitted with deploy/data/fit_btyd.py (see deploy/data/README.md) to purchases up to 30 September of the year. The test
// beside each: the nine months' customers scored against what they did next (AUC of being active; in brackets that of
// recency alone).
//
// A grocer's loyal households, a purchase every week or so: Complete Journey, 2,446 households, 2017; horizon 4 weeks:
// AUC .872 (.810), mean risk .167 where .180 did not buy. The default of the retail pipeline, with that horizon.
inline constexpr PurchaseModel kGrocerMbgNbd{PurchaseModelKind::kMbgNbd, 1.40452816, 1.36443879, 0.0344778264,
                                             34.1232385};
inline constexpr PurchaseModel kGrocerBgNbd{PurchaseModelKind::kBgNbd, 1.39981469, 1.36065391, 0.0295120744,
                                            26.7265165};
// New customers of a mail-order shop, most of whom buy once: CDNOW, 1/10 sample, 2,357 customers, 1997; horizon 39
// weeks: AUC .760 (.771), mean risk .760 where .710 did not buy.
inline constexpr PurchaseModel kMailOrderMbgNbd{PurchaseModelKind::kMbgNbd, 0.524843095, 6.18308483, 0.891359511,
                                                1.61400273};
inline constexpr PurchaseModel kMailOrderBgNbd{PurchaseModelKind::kBgNbd, 0.242594525, 4.41360202, 0.792921978,
                                               2.4259068};
// The same data, fitted with fit.h: AUC .771, mean risk .778.
inline constexpr PurchaseModel kMailOrderParetoNbd{
    .kind = PurchaseModelKind::kParetoNbd, .r = 0.553277149, .alpha = 10.5776873, .s = 0.606239779, .beta = 11.6687318};

// The silence that `WeeksUntilRisk` looks ahead: a thousand years. What lies beyond never happens.
inline constexpr double kMaxSilenceWeeks = 52'178;

// OK when the parameters of the model's kind are finite and above zero, otherwise kInvalidArgument naming the one that
// is not.
[[nodiscard]] absl::Status ValidateParameters(const PurchaseModel& model);

// The history of a customer at `now_ms`, from moments in milliseconds since 1970 and the number of repeat days.
// Needs first_ms <= last_ms <= now_ms.
[[nodiscard]] PurchaseHistory HistoryAt(int64_t repeat_days, int64_t first_ms, int64_t last_ms, int64_t now_ms);

// The probability, 0 to 1, that the customer has not left. BG/NBD gives 1 to all who bought once: a way to rank
// customers by churn that is worse than chance. Use `RiskOfNoPurchase` for that.
[[nodiscard]] double PAlive(const PurchaseModel& model, const PurchaseHistory& history);

// The probability, 0 to 1, of no purchase in the next `horizon_weeks` (at least 0), in closed form.
//
// Rises with T while x and t_x stay, in all models: for given rates the probability of silence since t_x is a positive
// sum of exponentials of T, which is log-convex, and a mixture of log-convex functions is one too; the risk is that
// probability at T + H divided by the one at T.
[[nodiscard]] double RiskOfNoPurchase(const PurchaseModel& model, const PurchaseHistory& history,
                                      double horizon_weeks);

// For how many more weeks after `history` the customer must stay silent until the risk reaches `threshold`. 0 when it
// is there already; infinity when it is not within kMaxSilenceWeeks, or the threshold is 1 or more. Exact to the
// rounding of T and of the risk itself: within one millisecond for thresholds from .001 to .999, and never early: the
// risk at the time returned is at or above the threshold. Round up to the timer's unit.
[[nodiscard]] double WeeksUntilRisk(const PurchaseModel& model, const PurchaseHistory& history, double horizon_weeks,
                                    double threshold);

// The expected number of purchase days in the next `horizon_weeks`. With an empty history: of a new customer since the
// first purchase. Relative error below 1e-8, and below 1e-10 for parameters of the usual size.
[[nodiscard]] double ExpectedPurchases(const PurchaseModel& model, const PurchaseHistory& history,
                                       double horizon_weeks);

// The logarithm of the likelihood of one customer's history; the sum over customers is what a fit maximises.
[[nodiscard]] double LogLikelihood(const PurchaseModel& model, const PurchaseHistory& history);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_PURCHASE_MODEL_H_
