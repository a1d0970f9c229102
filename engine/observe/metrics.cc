#include "engine/observe/metrics.h"

#include <cstdint>
#include <limits>

#include "prometheus/metric_family.h"
#include "prometheus/text_serializer.h"

namespace ebb {
namespace {

prometheus::MetricType TypeOf(MetricFamily::Kind kind) {
  switch (kind) {
    case MetricFamily::Kind::kCounter: return prometheus::MetricType::Counter;
    case MetricFamily::Kind::kGauge: return prometheus::MetricType::Gauge;
    case MetricFamily::Kind::kHistogram: return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::ClientMetric::Histogram Convert(const DurationHistogram& histogram) {
  prometheus::ClientMetric::Histogram out;
  uint64_t count = 0;
  for (size_t i = 0; i < histogram.counts().size(); ++i) {
    count += histogram.counts()[i];
    const bool last = i == DurationHistogram::kBoundsSeconds.size();
    out.bucket.push_back(
        {count, last ? std::numeric_limits<double>::infinity() : DurationHistogram::kBoundsSeconds[i]});
  }
  out.sample_count = count;
  out.sample_sum = histogram.sum_seconds();
  return out;
}

prometheus::ClientMetric Convert(const MetricFamily::Sample& sample) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
  metric.counter.value = metric.gauge.value = sample.value;
  if (sample.histogram) metric.histogram = Convert(*sample.histogram);
  return metric;
}

}  // namespace

std::string RenderText(const std::vector<MetricFamily>& families) {
  std::vector<prometheus::MetricFamily> converted;
  for (const MetricFamily& family : families) {
    if (family.samples.empty()) continue;
    prometheus::MetricFamily& out = converted.emplace_back();
    out.name = family.name;
    out.help = family.help;
    out.type = TypeOf(family.kind);
    for (const MetricFamily::Sample& sample : family.samples) out.metric.push_back(Convert(sample));
  }
  return prometheus::TextSerializer().Serialize(converted);
}

}  // namespace ebb
