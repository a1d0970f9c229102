#include "operators/churn/fit/report.h"

#include <set>
#include <string>
#include <string_view>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "operators/churn/feature_words.h"

namespace ebb {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Judgement JudgementOf(const std::string& name, bool are_risks) {
  Judgement judgement{name, 0.875, 0.5, std::nullopt, {}, {}};
  for (int tenth = 1; tenth <= 10; ++tenth) judgement.lift.push_back({tenth / 10.0, (tenth + 10) / 20.0, 1});
  if (!are_risks) return judgement;
  judgement.brier = 0.1;
  judgement.calibration = {{0.1, 0.11, 50, 0.04, true}, {0.6, 0.9, 50, 0.05, false}};
  return judgement;
}

ChurnFit Fitted() {
  ChurnFit fit;
  fit.model.set_id("churn <of> \"shop\" & more");
  fit.model.set_version("7");
  fit.model.set_horizon_days(28);
  fit.model.mutable_training()->add_cutoffs_ms(1'500'076'800'000);
  fit.model.mutable_training()->set_rows(400);
  fit.model.mutable_training()->set_fingerprint("00ff00ff00ff00ff");
  fit.judged_cutoff_ms = 1'506'816'000'000;
  fit.judged_horizon_days = 28;
  fit.judged_rows = 100;
  fit.left_share = 0.25;
  fit.generated_rows = 3;
  fit.judgements = {JudgementOf("logistic", true), JudgementOf("mbgnbd", true), JudgementOf("recency alone", false)};
  fit.features = {{"silence_days", 12, 0.8, 1}, {"days_4w", 2, 0.3, -0.9}};
  fit.remarks = {"It < that."};
  return fit;
}

int Count(const std::string& text, const std::string& what) {
  int count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(ReportTest, TellsWhatWasJudgedAndWhatItRestsOn) {
  const operators::ChurnReport report = ReportOf(Fitted());
  EXPECT_EQ(report.cutoff(), "2017-10-01");
  EXPECT_EQ(report.training().cutoffs(0), "2017-07-15");
  EXPECT_EQ(report.training().fingerprint(), "00ff00ff00ff00ff");
  EXPECT_EQ(report.judgements_size(), 3);
  EXPECT_TRUE(report.judgements(0).has_brier());
  EXPECT_FALSE(report.judgements(2).has_brier());
  EXPECT_EQ(report.features(0).words(), "days since the last purchase");
}

TEST(ReportTest, TheSummaryHasALineForEachWay) {
  const std::string summary = SummaryOf(ReportOf(Fitted()));
  EXPECT_THAT(summary, HasSubstr("judged on 100 customers as of 2017-10-01; 25.0 % bought nothing in 28 days"));
  EXPECT_THAT(summary, HasSubstr("logistic          0.875               50.0 %  0.100               1 of 2\n"));
  EXPECT_THAT(summary, HasSubstr("recency alone     0.875               50.0 % \n"));
  EXPECT_THAT(summary, HasSubstr("It < that."));
}

TEST(ReportTest, ThePageOpensByItself) {
  const std::string page = PageOf(ReportOf(Fitted()));
  for (const char* outside : {"http:", "https:", "src=", "href=", "url(", "@import", "<script"}) {
    EXPECT_THAT(page, Not(HasSubstr(outside)));
  }
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme: dark"));
}

TEST(ReportTest, ThePageShowsWhatIsJudgedAndBesideIt) {
  const std::string page = PageOf(ReportOf(Fitted()));
  // Two calibration plots, since recency gives no risks; one lift chart; one of features.
  EXPECT_EQ(Count(page, "<svg"), 4);
  EXPECT_EQ(Count(page, "</svg>"), 4);
  EXPECT_EQ(Count(page, "class=\"curve s2\" d=\"M46.0 314.0L"), 1) << "a lift curve of recency alone";
  EXPECT_EQ(Count(page, "<circle class=\"outside\""), 2) << "a tenth out of bounds in each plot";
  EXPECT_THAT(page, HasSubstr("Recency alone</td><td>0.875</td><td>50.0 %</td><td>–</td>"));
  EXPECT_THAT(page, HasSubstr("00ff00ff00ff00ff"));
  EXPECT_THAT(page, HasSubstr("days since the last purchase"));
}

TEST(ReportTest, HowEarlyAlertsComeIsToldWhereItIsKnown) {
  operators::ChurnReport report = ReportOf(Fitted());
  EXPECT_THAT(PageOf(report), Not(HasSubstr("How early")));
  EXPECT_THAT(SummaryOf(report), Not(HasSubstr("threshold")));
  AddTimeliness({{0.5, 40, 30, 12, 60}, {0.9, 40, 0, 0, 0}}, &report);
  EXPECT_THAT(SummaryOf(report), HasSubstr("     0.50      30 of   40          12                         2.00\n"
                                           "     0.90       0 of   40           0                            -\n"));
  const std::string page = PageOf(report);
  EXPECT_EQ(Count(page, "<svg"), 5);
  EXPECT_THAT(page, HasSubstr("<td>0.50</td><td>30 of 40</td><td>12</td><td>60</td><td>2.00</td>"));
}

TEST(ReportTest, NamesAreNoMarkup) {
  const std::string page = PageOf(ReportOf(Fitted()));
  EXPECT_THAT(page, HasSubstr("churn &lt;of&gt; &quot;shop&quot; &amp; more"));
  EXPECT_THAT(page, HasSubstr("It &lt; that."));
  EXPECT_THAT(page, Not(HasSubstr("<of>")));
}

TEST(FeatureWordsTest, EveryFeatureHasWordsOfItsOwn) {
  const auto& features = *v1::RiskFeatures::descriptor();
  std::set<std::string_view> seen;
  for (int i = 0; i < features.field_count(); ++i) {
    const std::string& name = features.field(i)->name();
    EXPECT_TRUE(seen.insert(FeatureWords(name)).second) << name;
    EXPECT_TRUE(name == "orders" || name == "categories" || FeatureWords(name) != name) << name;
  }
  EXPECT_EQ(FeatureWords("unheard_of"), "unheard_of");
}

}  // namespace
}  // namespace ebb
