// What it costs to make an event of a record's bytes.

#include "benchmark/benchmark.h"
#include "benchmarks/micro/events.h"
#include "engine/codec/event_decoder.h"

namespace ebb::bench {
namespace {

constexpr uint64_t kRecords = 1000;

template <class Event>
void Decode(benchmark::State& state, Event (*make)(uint64_t, uint64_t)) {
  SourceSpec spec{"in", {}, &Event::default_instance()};
  spec.config.set_type(Event::default_instance().GetTypeName());
  spec.config.set_format("protobuf");
  spec.config.set_max_bytes(1 << 20);
  spec.config.set_not_after(kFirstEventMs * 2);
  spec.config.mutable_max_ahead()->set_seconds(3600);
  RecordBatch batch;
  for (uint64_t i = 0; i < kRecords; ++i) {
    const Event event = make(i, kRecords);
    batch.Add(static_cast<int64_t>(i), event.header().event_time_ms(), event.header().customer_id(),
              event.SerializeAsString());
  }
  EventDecoder decoder(spec, 0, 1);
  size_t next = 0;
  for (auto _ : state) {
    if (decoder.Decode(batch[next])) state.SkipWithError("an event was refused");
    next = (next + 1) % kRecords;
  }
}

BENCHMARK_CAPTURE(Decode, purchase, &MakePurchase);
BENCHMARK_CAPTURE(Decode, browse, &MakeBrowse);
BENCHMARK_CAPTURE(Decode, support, &MakeSupport);

}  // namespace
}  // namespace ebb::bench
