#include "operators/churn/models/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

namespace ebb {
namespace {

using testing::HasSubstr;

// Customers as a model tells their story, first seen 20 to 80 weeks ago.
class Simulation {
 public:
  explicit Simulation(unsigned seed) : random_(seed) {}

  std::vector<CountedHistory> Customers(const PurchaseModel& model, int count) {
    std::vector<CountedHistory> customers;
    for (int n = 0; n < count; ++n) customers.push_back({Customer(model), 1});
    return customers;
  }

  std::vector<CountedSpend> Spends(const GammaGamma& model, int count) {
    std::vector<CountedSpend> spends;
    for (int n = 0; n < count; ++n) {
      const double x = 1 + std::floor(5 * Uniform());
      const double rate = Gamma(model.q) / model.v;
      spends.push_back({{x, Gamma(model.p * x) / rate / x}, 1});
    }
    return spends;
  }

  std::mt19937_64& random() { return random_; }

 private:
  double Uniform() { return std::uniform_real_distribution<double>()(random_); }
  double Gamma(double shape) { return std::gamma_distribution<double>(shape, 1)(random_); }
  double Exponential(double rate) { return std::exponential_distribution<double>(rate)(random_); }

  PurchaseHistory Customer(const PurchaseModel& model) {
    PurchaseHistory history{.T = 20 + 60 * Uniform()};
    const double rate = Gamma(model.r) / model.alpha;
    double leaves = INFINITY;
    double leaves_after_purchase = 0;
    if (model.kind == PurchaseModelKind::kParetoNbd) {
      leaves = Exponential(Gamma(model.s) / model.beta);
    } else {
      const double a = Gamma(model.a);
      leaves_after_purchase = a / (a + Gamma(model.b));
    }
    if (model.kind == PurchaseModelKind::kMbgNbd && Uniform() < leaves_after_purchase) return history;
    for (double now = Exponential(rate); now < std::min(history.T, leaves); now += Exponential(rate)) {
      history.x += 1;
      history.t_x = now;
      if (Uniform() < leaves_after_purchase) break;
    }
    return history;
  }

  std::mt19937_64 random_;
};

double TotalLogLikelihood(const PurchaseModel& model, const std::vector<CountedHistory>& customers) {
  double sum = 0;
  for (const auto& [history, count] : customers) sum += static_cast<double>(count) * LogLikelihood(model, history);
  return sum;
}

// Twice the gain in log-likelihood over the truth is distributed as chi-squared with four degrees of freedom; beyond 26
// once in 30,000.
constexpr double kMaxGain = 13;

class FitTest : public testing::TestWithParam<PurchaseModel> {};

TEST_P(FitTest, FindsTheParametersOfSimulatedCustomers) {
  const PurchaseModel& truth = GetParam();
  const std::vector<CountedHistory> customers = Simulation(7).Customers(truth, 6'000);
  const auto fit = FitPurchaseModel(truth.kind, customers);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_TRUE(fit->summary.converged);
  EXPECT_FALSE(fit->summary.at_edge);
  EXPECT_EQ(fit->summary.customers, 6'000);
  EXPECT_LE(fit->summary.evaluations, 3 * 600 + 2'000);
  EXPECT_NEAR(fit->summary.log_likelihood, TotalLogLikelihood(fit->model, customers), 1e-6);
  const double gain = fit->summary.log_likelihood - TotalLogLikelihood(truth, customers);
  EXPECT_GT(gain, 0);
  EXPECT_LT(gain, kMaxGain);
  EXPECT_NEAR(fit->model.r / truth.r, 1, 0.15);
  EXPECT_NEAR(fit->model.alpha / truth.alpha, 1, 0.15);
  // How many leave, and when, is told less well than how many buy.
  const auto leaving = [](const PurchaseModel& model) {
    return model.kind == PurchaseModelKind::kParetoNbd ? model.s / model.beta : model.a / (model.a + model.b);
  };
  EXPECT_NEAR(leaving(fit->model) / leaving(truth), 1, 0.25);
  // No neighbour is better.
  for (double factor : {0.99, 1.01}) {
    for (double PurchaseModel::*parameter : {&PurchaseModel::r, &PurchaseModel::alpha, &PurchaseModel::a,
                                             &PurchaseModel::b, &PurchaseModel::s, &PurchaseModel::beta}) {
      PurchaseModel beside = fit->model;
      beside.*parameter *= factor;
      EXPECT_LE(TotalLogLikelihood(beside, customers), fit->summary.log_likelihood + 1e-6);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, FitTest,
    testing::Values(PurchaseModel{.kind = PurchaseModelKind::kBgNbd, .r = 0.8, .alpha = 6, .a = 0.8, .b = 2.5},
                    PurchaseModel{.kind = PurchaseModelKind::kMbgNbd, .r = 1.4, .alpha = 3, .a = 0.6, .b = 4},
                    PurchaseModel{.kind = PurchaseModelKind::kParetoNbd, .r = 0.9, .alpha = 8, .s = 0.7, .beta = 14}),
    [](const testing::TestParamInfo<PurchaseModel>& model) {
      switch (model.param.kind) {
        case PurchaseModelKind::kBgNbd: return "BgNbd";
        case PurchaseModelKind::kMbgNbd: return "MbgNbd";
        case PurchaseModelKind::kParetoNbd: return "ParetoNbd";
      }
      return "";
    });

TEST(FitPurchaseModelTest, NeitherOrderNorGroupingChangesABit) {
  Simulation simulation(3);
  std::vector<CountedHistory> customers = simulation.Customers(kMailOrderMbgNbd, 500);
  const auto once = FitPurchaseModel(PurchaseModelKind::kMbgNbd, customers);
  std::shuffle(customers.begin(), customers.end(), simulation.random());
  const CountedHistory first = customers.front();
  customers.front() = {first.history, 0};
  customers.push_back(first);
  const auto again = FitPurchaseModel(PurchaseModelKind::kMbgNbd, customers);
  ASSERT_TRUE(once.ok() && again.ok());
  EXPECT_EQ(once->model.r, again->model.r);
  EXPECT_EQ(once->model.alpha, again->model.alpha);
  EXPECT_EQ(once->model.a, again->model.a);
  EXPECT_EQ(once->model.b, again->model.b);
  EXPECT_EQ(once->summary.log_likelihood, again->summary.log_likelihood);
  EXPECT_EQ(once->summary.evaluations, again->summary.evaluations);
}

std::string WhyNot(const std::vector<CountedHistory>& histories) {
  const absl::Status status = FitPurchaseModel(PurchaseModelKind::kBgNbd, histories).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(FitPurchaseModelTest, SaysInWordsWhyPurchasesTellNothing) {
  EXPECT_THAT(WhyNot({}), HasSubstr("expected at least 100 customers, got 0"));
  EXPECT_THAT(WhyNot({{{0, 0, 9}, 50}, {{2, 3, 9}, 49}}), HasSubstr("expected at least 100 customers, got 99"));
  EXPECT_THAT(WhyNot({{{0, 0, 9}, 5000}, {{0, 0, 8}, 100}}),
              HasSubstr("expected some customers to buy again, but none of 5100 does"));
  EXPECT_THAT(WhyNot({{{3, 5, 9}, 50}, {{3, 8, 9}, 50}}),
              HasSubstr("expected customers to differ in how often they buy again, but all 100 do on 3 days"));
}

TEST(FitPurchaseModelTest, SaysWhichHistoryIsNone) {
  const CountedHistory good{{2, 3, 9}, 200};
  EXPECT_THAT(WhyNot({good, {{NAN, 3, 9}, 1}}),
              HasSubstr("history 1: expected finite numbers of at least 0, got x nan"));
  EXPECT_THAT(WhyNot({good, good, {{1, INFINITY, INFINITY}, 1}}), HasSubstr("history 2: expected finite numbers"));
  EXPECT_THAT(WhyNot({{{-1, 3, 9}, 1}}), HasSubstr("history 0: expected finite numbers of at least 0, got x -1"));
  EXPECT_THAT(WhyNot({{{1, 3, 2}, 1}}), HasSubstr("T, the weeks since the first purchase, to be at least t_x"));
  EXPECT_THAT(WhyNot({{{0, 3, 9}, 1}}), HasSubstr("t_x to be above 0 just when x"));
  EXPECT_THAT(WhyNot({{{1, 0, 9}, 1}}), HasSubstr("t_x to be above 0 just when x"));
  EXPECT_THAT(WhyNot({{{1, 2, 9}, -5}}), HasSubstr("history 0: expected a count of customers of at least 0, got -5"));
}

TEST(FitPurchaseModelTest, TellsOfAParameterThatThePurchasesDoNot) {
  // Nobody leaves: the probability to leave goes to 0, and its spread means nothing.
  PurchaseModel nobody_leaves{.kind = PurchaseModelKind::kBgNbd, .r = 2, .alpha = 2, .a = 1e-9, .b = 1e3};
  const auto fit = FitPurchaseModel(PurchaseModelKind::kBgNbd, Simulation(11).Customers(nobody_leaves, 1'000));
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_TRUE(fit->summary.at_edge);
  EXPECT_NEAR(fit->model.r / fit->model.alpha, 1, 0.1);
}

TEST(FitGammaGammaTest, FindsTheParametersOfSimulatedCustomersInAnyUnitOfMoney) {
  const GammaGamma truth{.p = 6.25, .q = 3.74, .v = 15.44};
  std::vector<CountedSpend> spends = Simulation(5).Spends(truth, 6'000);
  double truth_log_likelihood = 0;
  for (const auto& [history, count] : spends) truth_log_likelihood += LogLikelihood(truth, history);
  const auto fit = FitGammaGamma(spends);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_TRUE(fit->summary.converged);
  EXPECT_FALSE(fit->summary.at_edge);
  EXPECT_GT(fit->summary.log_likelihood - truth_log_likelihood, 0);
  EXPECT_LT(fit->summary.log_likelihood - truth_log_likelihood, kMaxGain);
  EXPECT_NEAR(fit->model.p / truth.p, 1, 0.15);
  EXPECT_NEAR(fit->model.q / truth.q, 1, 0.15);
  EXPECT_NEAR(*PopulationSpend(fit->model) / *PopulationSpend(truth), 1, 0.03);
  EXPECT_NEAR(fit->correlation, 0, 0.05);

  for (CountedSpend& spend : spends) spend.history.mean *= 100;
  const auto in_cents = FitGammaGamma(spends);
  ASSERT_TRUE(in_cents.ok());
  EXPECT_NEAR(in_cents->model.v / fit->model.v, 100, 1e-2);
  EXPECT_NEAR(in_cents->summary.log_likelihood, fit->summary.log_likelihood - 6'000 * std::log(100), 1e-4);
}

TEST(FitGammaGammaTest, SaysInWordsWhySpendsTellNothing) {
  const auto why = [](const std::vector<CountedSpend>& spends) {
    const absl::Status status = FitGammaGamma(spends).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  EXPECT_THAT(why({}), HasSubstr("expected at least 100 customers who bought again, got 0"));
  EXPECT_THAT(why({{{0, 0}, 5000}, {{1, 20}, 99}}), HasSubstr("customers who bought again, got 99"));
  EXPECT_THAT(why({{{1, 20}, 50}, {{2, 20}, 50}}), HasSubstr("differ in their mean spend, but all 100 have 20"));
  EXPECT_THAT(why({{{1, NAN}, 1}}), HasSubstr("spend 0: expected a finite x of at least 0 and a mean spend above 0"));
  EXPECT_THAT(why({{{1, 0}, 1}}), HasSubstr("leave out customers who paid nothing"));
  EXPECT_THAT(why({{{1, 5}, -1}}), HasSubstr("spend 0: expected a count of customers of at least 0, got -1"));
}

}  // namespace
}  // namespace ebb
