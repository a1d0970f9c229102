#include "engine/kafka/topics.h"

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"

namespace ebb {
namespace {

using NewTopicPtr = std::unique_ptr<rd_kafka_NewTopic_t, Destroyer<rd_kafka_NewTopic_destroy>>;
using DeleteRecordsPtr = std::unique_ptr<rd_kafka_DeleteRecords_t, Destroyer<rd_kafka_DeleteRecords_destroy>>;
using ConfigResourcePtr = std::unique_ptr<rd_kafka_ConfigResource_t, Destroyer<rd_kafka_ConfigResource_destroy>>;
using AdminOptionsPtr = std::unique_ptr<rd_kafka_AdminOptions_t, Destroyer<rd_kafka_AdminOptions_destroy>>;

constexpr int kAttemptMs = 5000;

AdminOptionsPtr Options(const Client& client, rd_kafka_admin_op_t operation, int timeout_ms) {
  AdminOptionsPtr options(rd_kafka_AdminOptions_new(client.get(), operation));
  rd_kafka_AdminOptions_set_request_timeout(options.get(), timeout_ms, nullptr, 0);
  return options;
}

// The one event that answers an administrative request.
absl::StatusOr<EventPtr> AwaitAnswer(rd_kafka_queue_t* queue, const std::string& what, int timeout_ms) {
  constexpr int kGraceMs = 1000;  // The library itself ends the request at the timeout.
  EventPtr event(rd_kafka_queue_poll(queue, timeout_ms + kGraceMs));
  if (event == nullptr) return absl::DeadlineExceededError(absl::StrCat(what, ": no answer"));
  if (absl::Status status = ToStatus(rd_kafka_event_error(event.get()), what); !status.ok()) return status;
  return event;
}

absl::Status Create(const Client& client, const TopicSpec& spec) {
  const std::string what = absl::StrCat("creation of topic ", spec.name);
  char reason[512] = "";
  const NewTopicPtr topic(
      rd_kafka_NewTopic_new(spec.name.c_str(), spec.partitions, spec.replication, reason, sizeof(reason)));
  if (topic == nullptr) return absl::InvalidArgumentError(absl::StrCat(what, ": ", reason));
  for (const auto& [name, value] : spec.settings) {
    rd_kafka_NewTopic_set_config(topic.get(), name.c_str(), value.c_str());
  }
  const QueuePtr queue(rd_kafka_queue_new(client.get()));
  const AdminOptionsPtr options = Options(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, kAttemptMs);
  rd_kafka_NewTopic_t* topics[] = {topic.get()};
  rd_kafka_CreateTopics(client.get(), topics, 1, options.get(), queue.get());
  const absl::StatusOr<EventPtr> event = AwaitAnswer(queue.get(), what, kAttemptMs);
  if (!event.ok()) return event.status();
  size_t count = 0;
  const rd_kafka_topic_result_t* const* results =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event->get()), &count);
  const rd_kafka_resp_err_t error = rd_kafka_topic_result_error(results[0]);
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) return absl::OkStatus();
  const char* detail = rd_kafka_topic_result_error_string(results[0]);
  return ToStatus(error, detail == nullptr ? what : absl::StrCat(what, ": ", detail));
}

}  // namespace

absl::Status EnsureTopic(const KafkaConnection& connection, const TopicSpec& spec, absl::Duration patience) {
  // A reader, for a writer's questions would let brokers create topics of themselves.
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(RD_KAFKA_CONSUMER, connection, {}, {}, {});
  if (!client.ok()) return client.status();
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(patience);
  bool created = false;
  while (true) {
    const absl::StatusOr<int32_t> partitions = FetchPartitionCount(**client, spec.name, kAttemptMs);
    if (partitions.ok()) {
      if (*partitions == spec.partitions) return absl::OkStatus();
      return absl::FailedPreconditionError(absl::StrCat("topic ", spec.name, ": expected ", spec.partitions,
                                                        " partitions, found ", *partitions));
    }
    absl::Status status = partitions.status();
    if (absl::IsNotFound(status) && !created) {
      status = Create(**client, spec);
      created = status.ok();
    }
    // A topic that was created takes a moment to be known everywhere.
    const bool goes_on = status.ok() || IsPassing(status) || (created && absl::IsNotFound(status));
    if (!goes_on) return status;
    if (std::chrono::steady_clock::now() > deadline) {
      return absl::DeadlineExceededError(absl::StrCat("topic ", spec.name, " could not be made sure of: ",
                                                      partitions.status().ToString()));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

absl::Status TrimPartition(const KafkaConnection& connection, const TopicPartition& partition, int64_t offset,
                           absl::Duration patience) {
  const absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(RD_KAFKA_CONSUMER, connection, {}, {}, {});
  if (!client.ok()) return client.status();
  const std::string what = absl::StrCat("trimming of ", ToString(partition));
  const auto timeout_ms = static_cast<int>(absl::ToInt64Milliseconds(patience));
  const PartitionsPtr list = ToList({partition});
  list->elems[0].offset = offset;
  const DeleteRecordsPtr request(rd_kafka_DeleteRecords_new(list.get()));
  const QueuePtr queue(rd_kafka_queue_new((*client)->get()));
  const AdminOptionsPtr options = Options(**client, RD_KAFKA_ADMIN_OP_DELETERECORDS, timeout_ms);
  rd_kafka_DeleteRecords_t* requests[] = {request.get()};
  rd_kafka_DeleteRecords((*client)->get(), requests, 1, options.get(), queue.get());
  const absl::StatusOr<EventPtr> event = AwaitAnswer(queue.get(), what, timeout_ms);
  if (!event.ok()) return event.status();
  const rd_kafka_topic_partition_list_t* answers =
      rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event->get()));
  return ToStatus(answers->elems[0].err, what);
}

absl::StatusOr<int32_t> FetchPartitionCount(const Client& client, const std::string& topic, int timeout_ms) {
  const TopicPtr handle(rd_kafka_topic_new(client.get(), topic.c_str(), nullptr));
  const rd_kafka_metadata_t* found = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(client.get(), 0, handle.get(), &found, timeout_ms);
  const std::string what = absl::StrCat("topic ", topic);
  if (absl::Status status = ToStatus(error, what); !status.ok()) return status;
  const MetadataPtr metadata(found);
  if (metadata->topic_cnt != 1) return absl::NotFoundError(absl::StrCat(what, ": the brokers do not know it"));
  const rd_kafka_metadata_topic& answer = metadata->topics[0];
  if (absl::Status status = ToStatus(answer.err, what); !status.ok()) return status;
  for (int i = 0; i < answer.partition_cnt; ++i) {
    if (answer.partitions[i].leader < 0) {
      return absl::UnavailableError(absl::StrCat(what, ": a partition has no leader"));
    }
  }
  return answer.partition_cnt;
}

absl::StatusOr<std::map<std::string, std::string>> FetchTopicSettings(const Client& client, const std::string& topic,
                                                                      int timeout_ms) {
  const std::string what = absl::StrCat("settings of topic ", topic);
  const ConfigResourcePtr resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const QueuePtr queue(rd_kafka_queue_new(client.get()));
  const AdminOptionsPtr options = Options(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
  rd_kafka_ConfigResource_t* resources[] = {resource.get()};
  rd_kafka_DescribeConfigs(client.get(), resources, 1, options.get(), queue.get());
  const absl::StatusOr<EventPtr> event = AwaitAnswer(queue.get(), what, timeout_ms);
  if (!event.ok()) return event.status();
  size_t count = 0;
  const rd_kafka_ConfigResource_t* const* answers =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event->get()), &count);
  if (absl::Status status = ToStatus(rd_kafka_ConfigResource_error(answers[0]), what); !status.ok()) return status;
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(answers[0], &count);
  std::map<std::string, std::string> settings;
  for (size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    settings[rd_kafka_ConfigEntry_name(entries[i])] = value == nullptr ? "" : value;
  }
  return settings;
}

}  // namespace ebb
