#include "operators/churn/models/maximise.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <nlopt.hpp>

namespace ebb {
namespace {

constexpr double kEdge = 12;
constexpr double kNearEdge = 1e-3;
constexpr double kFirstStep = 1;
constexpr double kLastStep = 0.05;

constexpr double kSearchTolerance = 1e-10;
constexpr int kMaxSearchEvaluations = 600;
constexpr double kPolishTolerance = 1e-14;
constexpr double kParameterTolerance = 1e-7;
constexpr int kMaxPolishEvaluations = 2'000;

// Climbs from where it stands. Keeps the best point itself, since a search that ends by rounding reports none.
class Climb {
 public:
  Climb(const MeanLogLikelihood& function, const Parameters& start) : function_(function) {
    for (double value : start) logs_.push_back(std::clamp(std::log(value), -kEdge, kEdge));
  }

  // Whether a tolerance ended it, not the bound of evaluations.
  bool Go(nlopt::algorithm algorithm, double step, double tolerance, double parameter_tolerance, int max_evaluations) {
    nlopt::opt search(algorithm, static_cast<unsigned>(logs_.size()));
    search.set_lower_bounds(-kEdge);
    search.set_upper_bounds(kEdge);
    search.set_initial_step(step);
    search.set_ftol_abs(tolerance);
    search.set_xtol_abs(parameter_tolerance);
    search.set_maxeval(max_evaluations);
    search.set_max_objective(&Climb::Evaluate, this);
    std::vector<double> point = logs_;
    double value = 0;
    try {
      return search.optimize(point, value) != nlopt::MAXEVAL_REACHED;
    } catch (const nlopt::roundoff_limited&) {
      return true;
    } catch (const std::exception&) {
      return false;
    }
  }

  double mean() const { return mean_; }
  int evaluations() const { return evaluations_; }
  Parameters parameters() const { return Exponentials(logs_); }
  bool AtEdge() const {
    return std::any_of(logs_.begin(), logs_.end(), [](double log) { return kEdge - std::abs(log) < kNearEdge; });
  }

 private:
  static Parameters Exponentials(const std::vector<double>& logs) {
    Parameters values;
    for (double log : logs) values.push_back(std::exp(log));
    return values;
  }

  static double Evaluate(const std::vector<double>& logs, std::vector<double>&, void* self) {
    auto& climb = *static_cast<Climb*>(self);
    ++climb.evaluations_;
    const double mean = climb.function_(Exponentials(logs));
    if (mean > climb.mean_) {
      climb.mean_ = mean;
      climb.logs_ = logs;
    }
    return mean;
  }

  const MeanLogLikelihood& function_;
  std::vector<double> logs_;
  double mean_ = -std::numeric_limits<double>::infinity();
  int evaluations_ = 0;
};

}  // namespace

Optimum Maximise(const MeanLogLikelihood& function, const std::vector<Parameters>& starts) {
  Optimum optimum;
  for (const Parameters& start : starts) {
    Climb climb(function, start);
    climb.Go(nlopt::LN_BOBYQA, kFirstStep, kSearchTolerance, 0, kMaxSearchEvaluations);
    optimum.evaluations += climb.evaluations();
    if (!(climb.mean() > optimum.mean)) continue;
    optimum.mean = climb.mean();
    optimum.parameters = climb.parameters();
  }
  Climb polish(function, optimum.parameters);
  optimum.converged =
      polish.Go(nlopt::LN_NELDERMEAD, kLastStep, kPolishTolerance, kParameterTolerance, kMaxPolishEvaluations);
  optimum.evaluations += polish.evaluations();
  optimum.mean = polish.mean();
  optimum.parameters = polish.parameters();
  optimum.at_edge = polish.AtEdge();
  return optimum;
}

}  // namespace ebb
