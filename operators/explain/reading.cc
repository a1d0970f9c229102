#include "operators/explain/reading.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/time/clock.h"
#include "engine/codec/event_decoder.h"
#include "engine/wording/wording.h"
#include "operators/intake/normalise.h"
#include "operators/intake/validate.h"
#include "state/text.h"

namespace ebb {
namespace {

constexpr std::string_view kIdHeader = "ce_id";
constexpr absl::Duration kQuietFor = absl::Milliseconds(1500);
constexpr absl::Duration kShowEvery = absl::Milliseconds(200);
constexpr int64_t kRecordsBetweenLooks = 1000;  // At the clock.

bool IsOf(const SinkSpec& sink, const google::protobuf::Message& message) {
  return sink.prototype->GetDescriptor() == message.GetDescriptor();
}

template <class Message>
std::optional<Decision> Decode(std::string_view bytes, std::string_view format) {
  Message message;
  if (!DecodeMessage(bytes, format, &message)) return std::nullopt;
  return message;
}

// None when the bytes are no such message.
std::optional<Decision> DecodeDecision(const SinkSpec& sink, const RecordBatch::View& record) {
  if (!record.value) return std::nullopt;
  const std::string& format = sink.config.format();
  if (IsOf(sink, v1::ChurnAlert::default_instance())) return Decode<v1::ChurnAlert>(*record.value, format);
  if (IsOf(sink, v1::WithheldTrigger::default_instance())) return Decode<v1::WithheldTrigger>(*record.value, format);
  return Decode<v1::MarketingTrigger>(*record.value, format);
}

bool HasId(const RecordBatch::View& record, std::string_view id) {
  bool found = false;
  record.VisitHeaders([&](std::string_view name, std::string_view value) {
    if (name == kIdHeader && value == id) found = true;
  });
  return found;
}

// What intake makes of the event, in place; why it refuses it, if it does.
template <class Event>
bool PassIntake(google::protobuf::Message* message, std::string* refused) {
  auto* event = dynamic_cast<Event*>(message);
  if (event == nullptr) return false;
  Event scratch;
  const Event& normalised = Normalised(*event, &scratch);
  if (const auto fault = FindFault(normalised)) *refused = Text("for intake refuses it: ", fault->text);
  if (&normalised == &scratch) event->Swap(&scratch);
  return true;
}

void PassIntake(google::protobuf::Message* message, std::string* refused) {
  (void)(PassIntake<v1::Purchase>(message, refused) || PassIntake<v1::Browse>(message, refused) ||
         PassIntake<v1::Support>(message, refused) || PassIntake<v1::Member>(message, refused) ||
         PassIntake<v1::Engagement>(message, refused));
}

bool GoesThroughIntake(const PipelineSpec& spec, const SourceSpec& source) {
  return std::any_of(spec.operators.begin(), spec.operators.end(), [&](const OperatorSpec& op) {
    return op.type == "intake" && std::find(op.inputs.begin(), op.inputs.end(), source.name) != op.inputs.end();
  });
}

}  // namespace

bool HasDecisions(const SinkSpec& sink) {
  return IsOf(sink, v1::ChurnAlert::default_instance()) || IsOf(sink, v1::WithheldTrigger::default_instance()) ||
         IsOf(sink, v1::MarketingTrigger::default_instance());
}

Reading::Reading(const PipelineSpec& spec, TopicReader* reader, std::ostream* progress)
    : spec_(spec), reader_(*reader), progress_(progress), began_(absl::Now()), shown_at_(began_ + kQuietFor) {}

absl::Status Reading::Read(const TopicPartition& partition, absl::Time since, const Visit& visit) {
  if (cut_off_at_) return absl::OkStatus();
  topics_.insert(partition.topic);
  const auto status = reader_.ReadSince(partition, since, [&](const RecordBatch::View& record) {
    if (++records_ % kRecordsBetweenLooks == 0) ShowProgress(partition.topic, false);
    if (records_ >= kMostRecords) cut_off_at_ = absl::FromUnixMillis(record.timestamp_ms);
    return visit(record) && !cut_off_at_;
  });
  ShowProgress(partition.topic, true);
  return status;
}

void Reading::ShowProgress(const std::string& topic, bool is_over) {
  constexpr std::string_view kClear = "\r\x1b[K";
  if (progress_ == nullptr) return;
  const absl::Time now = absl::Now();
  const bool is_shown = shown_at_ != began_ + kQuietFor;
  if (is_over && is_shown) *progress_ << kClear << std::flush;
  if (is_over || now < shown_at_) return;
  *progress_ << kClear << "looked through " << records_ << " records, now in " << topic << std::flush;
  shown_at_ = now + kShowEvery;
}

absl::StatusOr<std::vector<TopicPartition>> Reading::PartitionsOf(const std::string& topic, const std::string& customer,
                                                                  bool any) {
  const auto count = reader_.PartitionCount(topic);
  if (!count.ok()) return count.status();
  if (!any) return std::vector<TopicPartition>{{topic, PartitionOf(customer, *count)}};
  std::vector<TopicPartition> partitions;
  for (int32_t p = 0; p < *count; ++p) partitions.push_back({topic, p});
  return partitions;
}

absl::StatusOr<std::optional<Decision>> Reading::FindDecision(const std::string& id, absl::Time since) {
  std::optional<Decision> found;
  for (const SinkSpec& sink : spec_.sinks) {
    if (!HasDecisions(sink)) continue;
    const auto partitions = PartitionsOf(sink.config.topic(), "", true);
    if (!partitions.ok()) return partitions.status();
    for (const TopicPartition& partition : *partitions) {
      bool is_there = false;
      const auto status = Read(partition, since, [&](const RecordBatch::View& record) {
        is_there = HasId(record, id);
        if (is_there) found = DecodeDecision(sink, record);
        return !is_there;
      });
      if (!status.ok()) return status;
      if (is_there && !found) {
        return absl::DataLossError(Text("decision ", id, " is in ", ToString(partition), ", but not as ",
                                        sink.config.type(), " in ", sink.config.format(),
                                        "; was the type or format of the sink another when it was written?"));
      }
      if (found) return found;
    }
  }
  return found;
}

absl::Status Reading::ReadDecisions(const SinkSpec& sink, const std::string& customer, absl::Time since,
                                    const std::function<void(int32_t partition, int64_t offset, Decision)>& take) {
  const auto partitions = PartitionsOf(sink.config.topic(), customer, false);
  if (!partitions.ok()) return partitions.status();
  for (const TopicPartition& partition : *partitions) {
    const auto status = Read(partition, since, [&](const RecordBatch::View& record) {
      if (record.key != customer) return true;
      if (auto decision = DecodeDecision(sink, record)) take(partition.partition, record.offset, *std::move(decision));
      return true;
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Decision>> Reading::FindAlert(const std::string& id, const std::string& customer,
                                                           absl::Time since) {
  std::optional<Decision> found;
  for (const SinkSpec& sink : spec_.sinks) {
    if (!IsOf(sink, v1::ChurnAlert::default_instance())) continue;
    const auto status = ReadDecisions(sink, customer, since, [&](int32_t, int64_t, Decision decision) {
      if (IdOf(decision) == id) found = std::move(decision);
    });
    if (!status.ok()) return status;
  }
  return found;
}

absl::StatusOr<std::vector<Decision>> Reading::DecisionsOf(const std::string& customer, absl::Time since) {
  std::vector<Decision> decisions;
  for (const SinkSpec& sink : spec_.sinks) {
    if (!HasDecisions(sink)) continue;
    const auto status = ReadDecisions(
        sink, customer, since, [&](int32_t, int64_t, Decision decision) { decisions.push_back(std::move(decision)); });
    if (!status.ok()) return status;
  }
  std::stable_sort(decisions.begin(), decisions.end(),
                   [](const Decision& a, const Decision& b) { return MomentOf(a) < MomentOf(b); });
  return decisions;
}

absl::Status Reading::ReadEvents(const SourceSpec& source, const std::string& customer, absl::Time since,
                                 std::vector<CustomerEvent>* events) {
  const std::string& topic = source.config.topic();
  const bool any = source.config.partitioner() == "any";
  const auto partitions = PartitionsOf(topic, customer, any);
  if (!partitions.ok()) return partitions.status();
  const auto count = reader_.PartitionCount(topic);
  if (!count.ok()) return count.status();
  const bool through_intake = GoesThroughIntake(spec_, source);
  for (const TopicPartition& partition : *partitions) {
    EventDecoder decoder(source, partition.partition, *count);
    const auto status = Read(partition, since, [&](const RecordBatch::View& record) {
      if (decoder.Decode(record) || decoder.customer() != customer) return true;
      CustomerEvent event;
      event.topic = topic;
      event.position.set_source(source.name);
      event.position.set_partition(partition.partition);
      event.position.set_offset(record.offset);
      event.position.set_event_id(decoder.header().event_id());
      std::unique_ptr<google::protobuf::Message> message(decoder.message().New());
      message->CopyFrom(decoder.message());
      if (through_intake) PassIntake(message.get(), &event.refused);
      event.message = std::move(message);
      events->push_back(std::move(event));
      return true;
    });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<CustomerEvent>> Reading::EventsOf(const std::string& customer, absl::Time since) {
  std::vector<CustomerEvent> events;
  for (const SourceSpec& source : spec_.sources) {
    if (auto status = ReadEvents(source, customer, since, &events); !status.ok()) return status;
  }
  for (const SinkSpec& sink : spec_.sinks) {
    if (!IsOf(sink, v1::ChurnAlert::default_instance())) continue;
    const auto status = ReadDecisions(sink, customer, since, [&](int32_t partition, int64_t offset, Decision decision) {
      CustomerEvent event;
      event.topic = sink.config.topic();
      event.position.set_partition(partition);
      event.position.set_offset(offset);
      event.position.set_event_id(IdOf(decision));
      event.message = std::make_shared<v1::ChurnAlert>(std::get<v1::ChurnAlert>(std::move(decision)));
      events.push_back(std::move(event));
    });
    if (!status.ok()) return status;
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const CustomerEvent& a, const CustomerEvent& b) { return HappenedAt(a) < HappenedAt(b); });
  return events;
}

absl::StatusOr<std::string> Reading::EventAt(const v1::Position& position) {
  const auto source = std::find_if(spec_.sources.begin(), spec_.sources.end(),
                                   [&](const SourceSpec& known) { return known.name == position.source(); });
  if (source == spec_.sources.end()) return "the pipeline has no such source any more";
  const auto count = reader_.PartitionCount(source->config.topic());
  if (!count.ok()) return count.status();
  if (position.partition() < 0 || position.partition() >= *count) return "the topic has no such partition any more";
  // As it came, from whichever partition it is.
  SourceSpec trusting = *source;
  trusting.config.set_partitioner("any");
  EventDecoder decoder(trusting, position.partition(), *count);
  std::string found = "no longer kept";
  const auto status = reader_.Read({source->config.topic(), position.partition()}, position.offset(),
                                   [&](const RecordBatch::View& record) {
                                     if (record.offset != position.offset()) return false;
                                     const auto rejection = decoder.Decode(record);
                                     found = rejection ? rejection->text : EncodeMessage(decoder.message(), "json");
                                     if (!rejection && decoder.header().event_id() != position.event_id()) {
                                       found = Text("no longer kept: event ", decoder.header().event_id(),
                                                    " has its place, in a topic that was made anew");
                                     }
                                     return false;
                                   });
  if (!status.ok()) return status;
  return Printable(found);
}

std::string Reading::TopicOf(const std::string& source) const {
  for (const SourceSpec& known : spec_.sources) {
    if (known.name == source) return known.config.topic();
  }
  return "";
}

absl::StatusOr<int32_t> Reading::TaskOf(const std::string& customer) {
  const auto count = reader_.PartitionCount(spec_.sources.front().config.topic());
  if (!count.ok()) return count.status();
  return PartitionOf(customer, *count);
}

}  // namespace ebb
