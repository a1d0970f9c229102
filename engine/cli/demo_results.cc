#include "engine/cli/demo_results.h"

#include <utility>

#include "ebb/v1/withheld_trigger.pb.h"
#include "engine/codec/event_decoder.h"
#include "engine/kafka/input.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr size_t kMaxRecords = 1000;  // Of a partition, taken at once.

template <class Message>
bool Carries(const SinkSpec& sink) {
  return sink.config.type() == Message::descriptor()->full_name();
}

}  // namespace

uint64_t Total(const DemoCounts& counts) {
  uint64_t total = 0;
  for (const auto& [name, count] : counts) total += count;
  return total;
}

absl::StatusOr<std::unique_ptr<DemoResults>> DemoResults::Open(const KafkaConnection& connection,
                                                               const PipelineSpec& spec, int32_t partitions) {
  auto input = OpenKafkaInput(connection, {});
  if (!input.ok()) return input.status();
  std::unique_ptr<DemoResults> results(new DemoResults(*std::move(input)));
  const auto read = [&](const std::string& topic, const SinkSpec* sink) {
    for (int32_t p = 0; p < partitions; ++p) results->readings_.push_back({{topic, p}, sink});
  };
  for (const SinkSpec& sink : spec.sinks) {
    if (Carries<v1::ChurnAlert>(sink) || Carries<v1::MarketingTrigger>(sink) || Carries<v1::WithheldTrigger>(sink)) {
      read(sink.config.topic(), &sink);
    }
  }
  read(spec.config.dead_letters().topic(), nullptr);
  for (const Reading& reading : results->readings_) {
    if (auto status = results->input_->Start(reading.partition, 0); !status.ok()) return status;
  }
  return results;
}

absl::StatusOr<bool> DemoResults::Read(DemoScreen& screen) {
  bool at_end = true;
  for (const Reading& reading : readings_) {
    batch_.Clear();
    auto polled = input_->Poll(reading.partition, kMaxRecords, &batch_);
    if (absl::IsUnavailable(polled.status())) {
      at_end = false;
      continue;
    }
    if (!polled.ok()) return polled.status();
    at_end = at_end && polled->at_end;
    tally_.records += batch_.size();
    for (size_t i = 0; i < batch_.size(); ++i) {
      if (reading.sink == nullptr) {
        ++tally_.dead_letters;
      } else if (const auto value = batch_[i].value) {
        if (auto status = Take(*reading.sink, *value, screen); !status.ok()) return status;
      }
    }
  }
  return at_end;
}

absl::Status DemoResults::Take(const SinkSpec& sink, std::string_view value, DemoScreen& screen) {
  const auto broken = [&] {
    return absl::DataLossError(Text("topic ", sink.config.topic(), ": expected ", sink.config.type(), " as ",
                                    sink.config.format(), ", got ", value.size(),
                                    " bytes that are not; does someone else write to it?"));
  };
  if (Carries<v1::ChurnAlert>(sink)) {
    v1::ChurnAlert alert;
    if (!DecodeMessage(value, sink.config.format(), &alert)) return broken();
    ++tally_.alerts[Spoken(v1::ChurnAlert::Kind_Name(alert.kind()))];
    screen.Print(alert);
  } else if (Carries<v1::MarketingTrigger>(sink)) {
    v1::MarketingTrigger trigger;
    if (!DecodeMessage(value, sink.config.format(), &trigger)) return broken();
    ++tally_.triggers[trigger.type()];
    screen.Print(trigger);
  } else {
    v1::WithheldTrigger withheld;
    if (!DecodeMessage(value, sink.config.format(), &withheld)) return broken();
    ++tally_.withheld[Spoken(v1::WithheldTrigger::Cause_Name(withheld.cause()))];
  }
  return absl::OkStatus();
}

}  // namespace ebb
