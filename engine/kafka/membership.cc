#include "engine/kafka/membership.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"
#include "engine/kafka/topics.h"

namespace ebb {
namespace {

// Members learn of a change of the group by the answer to their next heartbeat, and those that learn first stand still
// until the last one does.
constexpr int64_t kHeartbeatsPerSession = 20;

constexpr int kNotice = 5;
constexpr int kMetadataMs = 10'000;
constexpr std::chrono::seconds kLeaveLimit(5);
constexpr int kStepMs = 50;

class KafkaMembership final : public Membership {
 public:
  absl::Status Open(const KafkaConnection& connection, const KafkaMembershipOptions& options);

  absl::Status Join(const std::vector<std::string>& topics) override;
  std::optional<GroupEvent> Poll(absl::Duration wait) override;
  void Release() override;
  void Leave(bool for_good) override;

 private:
  void OnRebalance(rd_kafka_resp_err_t event, const rd_kafka_topic_partition_list_t* partitions);
  void OnError(rd_kafka_resp_err_t error, const char* reason);
  void Fail(absl::Status error);
  void Unassign();

  std::unique_ptr<Client> client_;
  std::deque<GroupEvent> events_;
  std::vector<TopicPartition> assigned_;
  bool to_release_ = false;
  bool leaving_ = false;
};

absl::Status KafkaMembership::Open(const KafkaConnection& connection, const KafkaMembershipOptions& options) {
  const int64_t session_ms = absl::ToInt64Milliseconds(options.session_timeout);
  KafkaProperties own = {
      {"group.id", options.group},
      {"partition.assignment.strategy", "range"},
      {"session.timeout.ms", absl::StrCat(session_ms)},
      {"heartbeat.interval.ms", absl::StrCat(std::max<int64_t>(1, session_ms / kHeartbeatsPerSession))},
      {"max.poll.interval.ms", absl::StrCat(10 * session_ms)},
      {"enable.auto.commit", "false"},
      {"enable.auto.offset.store", "false"},
  };
  if (!options.instance.empty()) own["group.instance.id"] = options.instance;
  Client::Callbacks callbacks;
  callbacks.rebalance = [this](rd_kafka_resp_err_t event, rd_kafka_topic_partition_list_t* partitions) {
    OnRebalance(event, partitions);
  };
  callbacks.error = [this](rd_kafka_resp_err_t error, const char* reason) { OnError(error, reason); };
  absl::StatusOr<std::unique_ptr<Client>> client =
      Client::Open(RD_KAFKA_CONSUMER, connection, {}, own, std::move(callbacks));
  if (!client.ok()) return client.status();
  client_ = *std::move(client);
  rd_kafka_poll_set_consumer(client_->get());
  return absl::OkStatus();
}

absl::Status KafkaMembership::Join(const std::vector<std::string>& topics) {
  const PartitionsPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
  for (const std::string& topic : topics) {
    const absl::StatusOr<int32_t> count = FetchPartitionCount(*client_, topic, kMetadataMs);
    if (absl::IsNotFound(count.status())) {
      return absl::FailedPreconditionError(absl::StrCat("topic ", topic, " does not exist: create it"));
    }
    if (!count.ok()) return count.status();
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  return ToStatus(rd_kafka_subscribe(client_->get(), list.get()), "joining the group");
}

std::optional<GroupEvent> KafkaMembership::Poll(absl::Duration wait) {
  if (events_.empty()) {
    // Nothing is assigned, so a message can only be an error; callbacks come from in here.
    rd_kafka_message_t* message =
        rd_kafka_consumer_poll(client_->get(), static_cast<int>(std::max<int64_t>(0, absl::ToInt64Milliseconds(wait))));
    if (message != nullptr) {
      if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) OnError(message->err, rd_kafka_message_errstr(message));
      rd_kafka_message_destroy(message);
    }
  }
  if (events_.empty()) return std::nullopt;
  GroupEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void KafkaMembership::OnRebalance(rd_kafka_resp_err_t event, const rd_kafka_topic_partition_list_t* partitions) {
  if (leaving_) {
    assigned_.clear();
    return Unassign();
  }
  if (event == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    GroupEvent assigned;
    assigned.kind = GroupEvent::Kind::kAssigned;
    assigned.partitions = assigned_ = FromList(partitions);
    std::sort(assigned.partitions.begin(), assigned.partitions.end());
    assigned.token =
        std::make_shared<KafkaGroupToken>(GroupMetadataPtr(rd_kafka_consumer_group_metadata(client_->get())));
    events_.push_back(std::move(assigned));
    // Takes the assignment on without fetching any of it.
    const PartitionsPtr none(rd_kafka_topic_partition_list_new(0));
    rd_kafka_assign(client_->get(), none.get());
    return;
  }
  const bool lost = rd_kafka_assignment_lost(client_->get()) != 0;
  GroupEvent revoked;
  revoked.kind = lost ? GroupEvent::Kind::kLost : GroupEvent::Kind::kRevoked;
  revoked.partitions = std::exchange(assigned_, {});
  std::sort(revoked.partitions.begin(), revoked.partitions.end());
  events_.push_back(std::move(revoked));
  to_release_ = true;
}

void KafkaMembership::OnError(rd_kafka_resp_err_t error, const char* reason) {
  const absl::Status status = ToStatus(error, reason == nullptr ? "the group" : reason);
  if (rd_kafka_fatal_error(client_->get(), nullptr, 0) != RD_KAFKA_RESP_ERR_NO_ERROR ||
      absl::IsPermissionDenied(status) || error == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID) {
    Fail(status);
  } else {
    client_->Log(kNotice, std::string(status.message()));
  }
}

void KafkaMembership::Fail(absl::Status error) {
  GroupEvent failed;
  failed.kind = GroupEvent::Kind::kFailed;
  failed.error = std::move(error);
  events_.push_back(std::move(failed));
}

void KafkaMembership::Release() {
  if (std::exchange(to_release_, false)) Unassign();
}

void KafkaMembership::Unassign() { rd_kafka_assign(client_->get(), nullptr); }

void KafkaMembership::Leave(bool for_good) {
  if (client_ == nullptr || std::exchange(leaving_, true)) return;
  const auto deadline = std::chrono::steady_clock::now() + kLeaveLimit;
  Release();
  // Closing does not take a static member out of the group; giving up the subscription does, once all is let go.
  if (for_good) {
    rd_kafka_unsubscribe(client_->get());
    while (!assigned_.empty() && std::chrono::steady_clock::now() < deadline) Poll(absl::Milliseconds(kStepMs));
  }
  const QueuePtr queue(rd_kafka_queue_new(client_->get()));
  ErrorPtr(rd_kafka_consumer_close_queue(client_->get(), queue.get()));
  while (rd_kafka_consumer_closed(client_->get()) == 0 && std::chrono::steady_clock::now() < deadline) {
    EventPtr event(rd_kafka_queue_poll(queue.get(), kStepMs));
    if (event != nullptr && rd_kafka_event_type(event.get()) == RD_KAFKA_EVENT_REBALANCE) Unassign();
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Membership>> OpenKafkaMembership(const KafkaConnection& connection,
                                                                const KafkaMembershipOptions& options) {
  auto membership = std::make_unique<KafkaMembership>();
  if (absl::Status status = membership->Open(connection, options); !status.ok()) return status;
  return membership;
}

}  // namespace ebb
