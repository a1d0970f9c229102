#include "operators/value/fit/cluster_fit.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/value/cluster_space.h"
#include "operators/value/fit/cluster_report.h"

namespace ebb {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// Three kinds of customers: regulars, those who bought once long ago, and big spenders of late.
TrainingRowList Rows(int customers) {
  TrainingRowList rows;
  for (int i = 0; i < customers; ++i) {
    v1::TrainingRow& row = rows.emplace_back();
    row.set_customer_id("c" + std::to_string(i));
    row.set_cutoff_ms(1'500'000'000'000);
    row.set_generated(i % 10 == 0);
    v1::RiskFeatures& features = *row.mutable_features();
    const double jitter = 1 + .001 * (i * 37 % 101);
    const int kind = i % 6 < 3 ? 0 : i % 6 < 5 ? 1 : 2;
    features.set_silence_days((kind == 0 ? 7 : kind == 1 ? 200 : 3) * jitter);
    features.set_age_days((kind == 0 ? 300 : kind == 1 ? 200 : 20) * jitter);
    features.set_orders(kind == 0 ? 40 : kind == 1 ? 1 : 2);
    features.set_spent((kind == 0 ? 800 : kind == 1 ? 20 : 5000) * jitter);
    features.set_order_value((kind == 0 ? 20 : kind == 1 ? 20 : 2500) * jitter);
    features.set_categories(3);
    features.set_browses_90d(kind == 2 ? 30 : 1);
  }
  return rows;
}
std::string Refused(const absl::StatusOr<ClusterFit>& fit) {
  return fit.ok() ? "taken" : std::string(fit.status().message());
}

TEST(ClusterFitTest, ChoosesTheNumberThatTheCustomersHave) {
  const auto fit = FitKMeans(Rows(120), 0, {});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->tried, SizeIs(9));
  ASSERT_THAT(fit->model.clusters(), SizeIs(3));
  EXPECT_EQ(fit->model.clusters(0).name(), "cluster-1");
  EXPECT_EQ(fit->model.clusters(0).customers(), 60);
  EXPECT_EQ(fit->model.clusters(1).customers(), 40);
  EXPECT_EQ(fit->model.clusters(2).customers(), 20);
  EXPECT_GT(fit->model.silhouette(), .9);
  EXPECT_THAT(fit->remarks, ElementsAre("All customers have the same categories, which is left out."));
}

TEST(ClusterFitTest, TheModelPlacesItsOwnCustomersAsTheFitDid) {
  const TrainingRowList rows = Rows(120);
  const auto fit = FitKMeans(rows, 5, {});
  ASSERT_TRUE(fit.ok()) << fit.status();
  const auto space = ClusterSpace::Make(fit->model);
  ASSERT_TRUE(space.ok()) << space.status();
  std::vector<double> point;
  for (size_t i = 0; i < rows.size(); ++i) {
    (*space)->Place(rows[i].features(), &point);
    EXPECT_EQ((*space)->Nearest(point).first, static_cast<size_t>(fit->group_of[i])) << i;
  }
}

TEST(ClusterFitTest, TheSameRowsAndSeedGiveTheSameModel) {
  const auto once = FitKMeans(Rows(120), 4, {});
  const auto again = FitKMeans(Rows(120), 4, {});
  EXPECT_EQ(once->model.SerializeAsString(), again->model.SerializeAsString());
}

TEST(ClusterFitTest, DbscanFindsTheSameThreeAndWhoIsLikeNobody) {
  TrainingRowList rows = Rows(120);
  rows[0].mutable_features()->set_spent(1e6);
  rows[0].mutable_features()->set_silence_days(900);
  EXPECT_GT(FitDbscan(rows, 0, 5, {})->distance, 0);
  const auto fit = FitDbscan(rows, .5, 5, {});
  ASSERT_TRUE(fit.ok()) << fit.status();
  EXPECT_THAT(fit->model.clusters(), SizeIs(3));
  EXPECT_EQ(fit->group_of[0], -1);
  EXPECT_EQ(ReportOf(*fit).in_none(), 1);
}

TEST(ClusterFitTest, RefusesWhatCannotBeTold) {
  EXPECT_THAT(Refused(FitKMeans(Rows(99), 0, {})), HasSubstr("at least 100 customers"));
  EXPECT_THAT(Refused(FitKMeans(Rows(120), 1, {})), HasSubstr("--clusters: expected 2 to 64, got 1"));
  ClusterOptions options;
  options.features = {"ordres"};
  EXPECT_THAT(Refused(FitKMeans(Rows(120), 0, options)),
              HasSubstr("--columns: unknown feature \"ordres\"; did you mean \"orders\"?"));
  options.features = {"categories"};
  EXPECT_THAT(Refused(FitKMeans(Rows(120), 0, options)), HasSubstr("alike in everything"));
  options.features = {"orders"};
  EXPECT_THAT(Refused(FitKMeans(Rows(120), 4, options)), HasSubstr("at least 4 customers who differ, got 3"));
  EXPECT_THAT(Refused(FitDbscan(Rows(120), -1, 5, {})), HasSubstr("--distance: "));
  EXPECT_THAT(Refused(FitDbscan(Rows(120), 1, 0, {})), HasSubstr("--least: "));
}

TEST(ClusterReportTest, SaysWhatSetsEachApart) {
  const operators::ClusterReport report = ReportOf(*FitKMeans(Rows(120), 0, {}));
  EXPECT_EQ(report.as_of(), "2017-07-14");
  EXPECT_EQ(report.generated_customers(), 12);
  EXPECT_NEAR(report.clusters(0).share(), .5, 1e-12);
  EXPECT_NEAR(report.clusters(0).values(2), 40, 1e-9);  // Orders.
  EXPECT_THAT(report.clusters(2).words(), HasSubstr("money per order"));
  EXPECT_THAT(SummaryOf(report), HasSubstr("3 clusters of 120 customers as of 2017-07-14 by k-means"));
  EXPECT_THAT(report.picture().x(), SizeIs(120));
  EXPECT_THAT(report.picture().centre_x(), SizeIs(3));
}

TEST(ClusterReportTest, ThePageHasAPictureAndNeedsNothingElse) {
  ClusterOptions options;
  options.id = "<who>";
  const std::string page = PageOf(ReportOf(*FitKMeans(Rows(120), 0, options)));
  EXPECT_THAT(page, HasSubstr("<svg "));
  EXPECT_THAT(page, HasSubstr("&lt;who&gt;"));
  for (const char* outside : {"<who>", "http://", "https://", "<script", "<link", "url(", "nan", "inf\""}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
}

}  // namespace
}  // namespace ebb
