// Finds the parameters that make a likelihood largest. All that knows NLopt.
//
// The search is over the logarithms of the parameters, within -12 to 12, and without derivatives: from each start by
// BOBYQA until the function moves by less than 1e-10 or 600 evaluations, then from the best by Nelder and Mead until it
// moves by less than 1e-14 and the logarithms by less than 1e-7, or 2,000 evaluations. No randomness: any thread, and
// the same bits on every run.
//
// Sources: Powell (2009), "The BOBYQA algorithm for bound constrained optimization without derivatives"; Nelder and
// Mead (1965), "A simplex method for function minimization"; both as NLopt has them.
#ifndef EBB_OPERATORS_CHURN_MODELS_MAXIMISE_H_
#define EBB_OPERATORS_CHURN_MODELS_MAXIMISE_H_

#include <functional>
#include <limits>
#include <vector>

namespace ebb {

using Parameters = std::vector<double>;

// Of parameters above 0: the mean over customers, so that tolerances mean the same for few and for many.
using MeanLogLikelihood = std::function<double(const Parameters&)>;

struct Optimum {
  Parameters parameters;
  double mean = -std::numeric_limits<double>::infinity();
  int evaluations = 0;
  bool converged = false;  // not ended by the bound of evaluations
  bool at_edge = false;    // of the search, in at least one parameter
};

// Needs at least one start; all within the search.
[[nodiscard]] Optimum Maximise(const MeanLogLikelihood& function, const std::vector<Parameters>& starts);

}  // namespace ebb

#endif  // EBB_OPERATORS_CHURN_MODELS_MAXIMISE_H_
