// The models fitted to the data set that they were published with. Run it with with_cdnow.py, which says what is in the
// file.

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <vector>

#include "operators/churn/models/fit.h"
#include "operators/churn/models/quality.h"

namespace ebb {
namespace {

constexpr double kHorizonWeeks = 39;

struct Customer {
  PurchaseHistory history;
  SpendHistory spend;
  bool active = false;
};

std::vector<Customer> ReadCustomers() {
  const char* path = std::getenv("EBB_CDNOW_HISTORIES");
  std::ifstream file(path != nullptr ? path : "");
  std::vector<Customer> customers;
  double x, t_x, T, cents;
  int active;
  while (file >> x >> t_x >> T >> cents >> active) {
    customers.push_back({{x, t_x / 7, T / 7}, {x, x > 0 ? cents / x / 100 : 0}, active == 1});
  }
  return customers;
}

class CdnowFitTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    customers_ = ReadCustomers();
    ASSERT_EQ(customers_.size(), 2357u) << "run it with with_cdnow.py";
  }

  static PurchaseModelFit Fit(PurchaseModelKind kind) {
    std::vector<CountedHistory> histories;
    for (const Customer& customer : customers_) histories.push_back({customer.history, 1});
    const auto fit = FitPurchaseModel(kind, histories);
    EXPECT_TRUE(fit.ok()) << fit.status();
    EXPECT_TRUE(fit->summary.converged);
    EXPECT_FALSE(fit->summary.at_edge);
    RecordProperty("evaluations", fit->summary.evaluations);
    return *fit;
  }

  // What `score` says of each customer, and whether the customer then bought.
  template <typename F>
  static std::vector<Prediction> Score(const F& score) {
    std::vector<Prediction> predictions;
    for (const Customer& customer : customers_) predictions.push_back({score(customer.history), customer.active});
    return predictions;
  }

  static double AucOfRisk(const PurchaseModel& model) {
    return *RocAuc(Score([&](const PurchaseHistory& h) { return -RiskOfNoPurchase(model, h, kHorizonWeeks); }));
  }

  static std::vector<Customer> customers_;
};

std::vector<Customer> CdnowFitTest::customers_;

TEST_F(CdnowFitTest, BgNbdIsAsPublished) {
  const PurchaseModelFit fit = Fit(PurchaseModelKind::kBgNbd);
  EXPECT_NEAR(fit.model.r, 0.243, 0.0005);
  EXPECT_NEAR(fit.model.alpha, 4.414, 0.0005);
  EXPECT_NEAR(fit.model.a, 0.793, 0.0005);
  EXPECT_NEAR(fit.model.b, 2.426, 0.0005);
  EXPECT_NEAR(fit.summary.log_likelihood, -9582.4, 0.05);
  EXPECT_NEAR(AucOfRisk(fit.model), 0.757, 0.0005);
  const auto brier =
      BrierScore(Score([&](const PurchaseHistory& h) { return 1 - RiskOfNoPurchase(fit.model, h, kHorizonWeeks); }));
  EXPECT_NEAR(*brier, 0.161, 0.0005);
}

TEST_F(CdnowFitTest, MbgNbdIsTheDefaultOfMailOrder) {
  const PurchaseModelFit fit = Fit(PurchaseModelKind::kMbgNbd);
  EXPECT_NEAR(fit.model.r / kMailOrderMbgNbd.r, 1, 1e-4);
  EXPECT_NEAR(fit.model.alpha / kMailOrderMbgNbd.alpha, 1, 1e-4);
  EXPECT_NEAR(fit.model.a / kMailOrderMbgNbd.a, 1, 1e-4);
  EXPECT_NEAR(fit.model.b / kMailOrderMbgNbd.b, 1, 1e-4);
  EXPECT_NEAR(AucOfRisk(fit.model), 0.760, 0.0005);
}

TEST_F(CdnowFitTest, ParetoNbdIsAsPublished) {
  const PurchaseModelFit fit = Fit(PurchaseModelKind::kParetoNbd);
  // Published to four digits, where the likelihood is flat.
  EXPECT_NEAR(fit.model.r / 0.5533, 1, 0.005);
  EXPECT_NEAR(fit.model.alpha / 10.578, 1, 0.005);
  EXPECT_NEAR(fit.model.s / 0.6061, 1, 0.005);
  EXPECT_NEAR(fit.model.beta / 11.669, 1, 0.005);
  EXPECT_NEAR(fit.summary.log_likelihood, -9595.0, 0.05);
  EXPECT_NEAR(fit.model.alpha / kMailOrderParetoNbd.alpha, 1, 1e-4);
  EXPECT_NEAR(fit.model.beta / kMailOrderParetoNbd.beta, 1, 1e-4);
  const auto by_expected =
      RocAuc(Score([&](const PurchaseHistory& h) { return ExpectedPurchases(fit.model, h, kHorizonWeeks); }));
  EXPECT_NEAR(*by_expected, 0.779, 0.0005);
}

TEST_F(CdnowFitTest, GammaGammaIsAsPublished) {
  std::vector<CountedSpend> spends;
  for (const Customer& customer : customers_) {
    if (customer.spend.mean > 0) spends.push_back({customer.spend, 1});
  }
  const auto fit = FitGammaGamma(spends);
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_NEAR(fit->model.p / 6.25, 1, 0.005);
  EXPECT_NEAR(fit->model.q / 3.74, 1, 0.005);
  EXPECT_NEAR(fit->model.v / 15.44, 1, 0.005);
  EXPECT_EQ(fit->summary.customers, 946);
}

TEST_F(CdnowFitTest, RanksNoWorseThanRecencyDoesByExpectedPurchases) {
  const double recency = *RocAuc(Score([](const PurchaseHistory& h) { return h.t_x - h.T; }));
  EXPECT_NEAR(recency, 0.771, 0.0005);
  const double expected =
      *RocAuc(Score([](const PurchaseHistory& h) { return ExpectedPurchases(kMailOrderBgNbd, h, kHorizonWeeks); }));
  EXPECT_NEAR(expected, 0.773, 0.0005);
}

}  // namespace
}  // namespace ebb
