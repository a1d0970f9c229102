#include "engine/observe/metrics.h"

#include "gtest/gtest.h"

namespace ebb {
namespace {

using Kind = MetricFamily::Kind;

TEST(MetricsTest, CountersAndGaugesAreOneLineASample) {
  MetricFamily bids{Kind::kCounter, "ebb_bids_total", "Bids taken.", {}};
  bids.Add({{"house", "north"}, {"kind", "by \"phone\""}}, 3).Add({{"house", "south"}}, 123456789012);
  MetricFamily price{Kind::kGauge, "ebb_price_ratio", "Price to estimate.", {}};
  price.Add(1.5);
  EXPECT_EQ(RenderText({bids, price}),
            "# HELP ebb_bids_total Bids taken.\n"
            "# TYPE ebb_bids_total counter\n"
            "ebb_bids_total{house=\"north\",kind=\"by \\\"phone\\\"\"} 3\n"
            "ebb_bids_total{house=\"south\"} 123456789012\n"
            "# HELP ebb_price_ratio Price to estimate.\n"
            "# TYPE ebb_price_ratio gauge\n"
            "ebb_price_ratio 1.5\n");
}

TEST(MetricsTest, BucketsOfAHistogramAreCumulative) {
  DurationHistogram durations;
  durations.Add(absl::Milliseconds(1));
  durations.Add(absl::Milliseconds(200));
  durations.Add(absl::Milliseconds(250));
  durations.Add(absl::Hours(1));
  durations.Add(-absl::Seconds(3));
  MetricFamily family{Kind::kHistogram, "ebb_call_seconds", "Length of calls.", {}};
  family.samples.push_back({{{"house", "north"}}, 0, durations});
  const std::string text = RenderText({family});
  const auto has = [&](const std::string& line) { return text.find("\n" + line + "\n") != std::string::npos; };
  EXPECT_TRUE(has("ebb_call_seconds_bucket{house=\"north\",le=\"0.001\"} 2")) << text;
  EXPECT_TRUE(has("ebb_call_seconds_bucket{house=\"north\",le=\"0.1\"} 2")) << text;
  EXPECT_TRUE(has("ebb_call_seconds_bucket{house=\"north\",le=\"0.25\"} 4")) << text;
  EXPECT_TRUE(has("ebb_call_seconds_bucket{house=\"north\",le=\"60\"} 4")) << text;
  EXPECT_TRUE(has("ebb_call_seconds_bucket{house=\"north\",le=\"+Inf\"} 5")) << text;
  EXPECT_TRUE(has("ebb_call_seconds_count{house=\"north\"} 5")) << text;
  EXPECT_TRUE(has("ebb_call_seconds_sum{house=\"north\"} 3600.451")) << text;
}

TEST(MetricsTest, HistogramsAddUp) {
  DurationHistogram one;
  DurationHistogram other;
  one.Add(absl::Milliseconds(3));
  other.Add(absl::Milliseconds(4));
  other.Add(absl::Minutes(2));
  one += other;
  EXPECT_EQ(one.counts()[2], 2u);
  EXPECT_EQ(one.counts().back(), 1u);
  EXPECT_DOUBLE_EQ(one.sum_seconds(), 120.007);
}

TEST(MetricsTest, FamilyWithoutSamplesIsLeftOut) {
  EXPECT_EQ(RenderText({MetricFamily{Kind::kGauge, "ebb_nothing", "Nothing.", {}}}), "");
}

}  // namespace
}  // namespace ebb
