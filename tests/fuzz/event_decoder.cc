// Records as anybody may send them: into a batch, through the decoder, and, where refused, to dead letters.

#include "engine/codec/event_decoder.h"

#include <memory>
#include <set>
#include <vector>

#include "engine/pipeline/spec.h"
#include "engine/runtime/dead_letter.h"
#include "tests/fuzz/fuzz.h"

namespace ebb::fuzzing {
namespace {

constexpr int32_t kPartitions = 3;

// A source of every type, format and partitioner.
std::shared_ptr<const PipelineSpec> MakeSpec() {
  std::string sources;
  std::string names;
  for (const char* type : {"Browse", "Engagement", "Member", "Purchase", "Support"}) {
    for (const char* format : {"json", "protobuf"}) {
      for (const char* partitioner : {"any", "murmur2"}) {
        const std::string name = Text("source-", names.size());
        sources += Text("  ", name, ": {topic: ", name, ", type: ebb.v1.", type, ", format: ", format,
                        ", partitioner: ", partitioner, ", late: dead_letter, max_bytes: 2KiB}\n");
        names += Text(names.empty() ? "" : ", ", name);
      }
    }
  }
  auto spec = LoadPipeline(Text("application: fuzz\nsources:\n", sources, "operators:\n  - {id: intake, type: intake, ",
                                "inputs: [", names, "]}\nsinks:\n  out: {topic: out, type: ebb.v1.Purchase, inputs: ",
                                "[intake]}\ndead_letters: {topic: dead, max_bytes: 1KiB}\n"),
                           "fuzz.yaml", NoSurroundings());
  Require(spec.ok(), "the pipeline is sound", Text(spec.status().message()));
  return *spec;
}

// What was accepted keeps the decoder's promises, and is the same event when it is sent again in either format.
void CheckAccepted(const EventDecoder& decoder, const SourceSpec& source, int32_t partition,
                   const RecordBatch::View& record) {
  const v1::Source& config = source.config;
  const std::string customer(decoder.customer());
  Require(!customer.empty() && customer.size() <= EventDecoder::kMaxCustomerBytes, "a customer has an id", customer);
  Require(config.partitioner() == "any" || PartitionOf(customer, kPartitions) == partition, "its partition is right");
  Require(decoder.time_ms() >= config.not_before() && decoder.time_ms() <= config.not_after(),
          "its time is believable");
  Require(record.value && record.value->size() <= static_cast<size_t>(config.max_bytes()), "its size is bounded");
  for (const char* format : {"json", "protobuf"}) {
    SourceSpec again = source;
    again.config.set_format(format);
    again.config.set_max_bytes(int64_t{64} << 20);
    EventDecoder second(again, partition, kPartitions);
    RecordBatch batch;
    batch.Add(1, record.timestamp_ms, "", EncodeMessage(decoder.message(), format));
    const auto rejection = second.Decode(batch[0]);
    Require(!rejection, "what was accepted is accepted again", rejection ? rejection->text : "");
    Require(second.customer() == customer, "of the same customer", second.customer());
    Require(Canonical(second.message()) == Canonical(decoder.message()), "and the same", format);
  }
}

void CheckRefused(const Rejection& rejection, const PipelineSpec& spec, const RecordBatch::View& record) {
  static const std::set<std::string> kReasons = {"empty",       "too-large",   "truncated",      "unparsable",
                                                 "absurd-time", "no-customer", "wrong-partition"};
  Require(kReasons.contains(rejection.reason), "the reason is one that is known", rejection.reason);
  RequireExplains(rejection.text);
  const OutputRecord letter =
      MakeDeadLetter(spec.config.dead_letters(), {"t", 1}, record, rejection.reason, rejection.text);
  const size_t limit = static_cast<size_t>(spec.config.dead_letters().max_bytes());
  Require(letter.value.has_value() == record.value.has_value(), "a dead letter has a value where the record had one");
  Require(!letter.value || letter.value == record.value->substr(0, limit), "and as much of it as is allowed");
  Require(letter.headers.size() <= 64 + 9, "its headers are bounded");
}

}  // namespace

EBB_FUZZ_TARGET(event_decoder) {
  static const std::shared_ptr<const PipelineSpec> spec = MakeSpec();
  Bytes in(bytes);
  const SourceSpec& source = spec->sources[in.Below(spec->sources.size())];
  const int32_t partition = static_cast<int32_t>(in.Below(kPartitions));
  const int64_t timestamp_ms = in.Flag() ? static_cast<int64_t>(in.Number()) : 0;
  const bool tombstone = in.Byte() == 255;
  std::vector<Header> headers(in.Below(4));
  for (Header& header : headers)
    header = {in.Flag() ? "ebb.truncated.bytes" : std::string(in.Piece()), std::string(in.Piece())};
  const std::string key(in.Piece());
  const std::string_view value = in.Rest();

  RecordBatch batch;
  batch.Add(7, 1, "before", "it");
  batch.Add(8, timestamp_ms, key, tombstone ? std::nullopt : std::optional(value));
  for (const auto& [name, content] : headers) batch.AddHeader(name, content);
  batch.Add(9, 1, "after", "it");
  const RecordBatch::View record = batch[1];
  Require(record.key == key && record.timestamp_ms == timestamp_ms, "a batch gives back the key");
  Require(tombstone ? !record.value : record.value == value, "and the value");
  std::vector<Header> seen;
  record.VisitHeaders([&](std::string_view name, std::string_view content) { seen.emplace_back(name, content); });
  Require(seen == headers, "and the headers");

  EventDecoder decoder(source, partition, kPartitions);
  const std::optional<Rejection> rejection = decoder.Decode(record);
  rejection ? CheckRefused(*rejection, *spec, record) : CheckAccepted(decoder, source, partition, record);
}

}  // namespace ebb::fuzzing
