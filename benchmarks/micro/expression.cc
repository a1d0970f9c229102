// What it costs to ask whether a rule holds for an event.

#include "engine/expression/expression.h"

#include <string>
#include <vector>

#include "benchmark/benchmark.h"
#include "benchmarks/micro/events.h"
#include "ebb/v1/customer_features.pb.h"

namespace ebb::bench {
namespace {

constexpr uint64_t kRecords = 1000;

v1::CustomerFeatures MakeFeatures() {
  v1::CustomerFeatures features;
  features.set_orders(7);
  features.set_purchase_gap_mean_days(21.5);
  features.set_last_purchase_ms(kFirstEventMs - 40 * 86'400'000LL);
  for (const char* category : {"category-3", "category-17", "category-5"}) {
    v1::CustomerFeatures::Affinity& affinity = *features.add_categories();
    affinity.set_category(category);
    affinity.set_weight(2.5);
  }
  return features;
}

void Evaluate(benchmark::State& state, const char* rule) {
  expression::Environment environment;
  environment.AddMessage("event", v1::Purchase::default_instance())
      .AddMessage("customer", v1::CustomerFeatures::default_instance())
      .AddScalar("now", expression::Kind::kTimestamp);
  const auto compiled = expression::Compile(rule, environment);
  if (!compiled.ok()) return state.SkipWithError(std::string(compiled.status().message()).c_str());
  std::vector<v1::Purchase> events;
  for (uint64_t i = 0; i < kRecords; ++i) events.push_back(MakePurchase(i, kRecords));
  const v1::CustomerFeatures customer = MakeFeatures();
  expression::Scratch scratch;
  size_t next = 0;
  for (auto _ : state) {
    const expression::Input inputs[] = {&events[next], &customer, absl::FromUnixMillis(kFirstEventMs)};
    benchmark::DoNotOptimize(compiled->Evaluate(inputs, scratch));
    next = next + 1 == kRecords ? 0 : next + 1;
  }
}

BENCHMARK_CAPTURE(Evaluate, constant, "true");
BENCHMARK_CAPTURE(Evaluate, number, "event.header.event_time_ms > 50");
BENCHMARK_CAPTURE(Evaluate, enum_and_text, "event.kind == ORDER && event.currency in [\"EUR\", \"USD\", \"GBP\"]");
BENCHMARK_CAPTURE(Evaluate, features,
                  "customer.orders >= 5 && customer.purchase_gap_mean_days * 1.5 < 40.0 && "
                  "event.header.event_time_ms - customer.last_purchase_ms > 30 * 86400000");
BENCHMARK_CAPTURE(Evaluate, lines, "event.lines.exists(l, l.category == \"category-3\" && l.price_minor > 500)");
BENCHMARK_CAPTURE(Evaluate, hour, "now.getHours(\"Europe/Berlin\") >= 18");

}  // namespace
}  // namespace ebb::bench
