#ifndef EBB_ENGINE_OBSERVE_METRICS_H_
#define EBB_ENGINE_OBSERVE_METRICS_H_

// Figures as Prometheus reads them. metrics.cc is the only place that knows prometheus-cpp.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/runtime/duration_histogram.h"

namespace ebb {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// All figures of one name: plain values, built anew for every scrape.
struct MetricFamily {
  enum class Kind { kCounter, kGauge, kHistogram };
  struct Sample {
    MetricLabels labels;
    double value = 0;
    std::optional<DurationHistogram> histogram;  // Instead of the value, for kHistogram.
  };

  // A counter's name ends in _total; units are base units.
  Kind kind = Kind::kGauge;
  std::string name;
  std::string help;
  std::vector<Sample> samples;

  MetricFamily& Add(MetricLabels labels, double value) {
    samples.push_back({std::move(labels), value, std::nullopt});
    return *this;
  }
  MetricFamily& Add(double value) { return Add(MetricLabels(), value); }
};

// The text format. Families without samples are left out.
// Source: prometheus.io, exposition formats, text format 0.0.4.
std::string RenderText(const std::vector<MetricFamily>& families);

}  // namespace ebb

#endif  // EBB_ENGINE_OBSERVE_METRICS_H_
