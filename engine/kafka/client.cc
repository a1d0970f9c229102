#include "engine/kafka/client.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace ebb {
namespace {

absl::StatusCode CodeOf(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT: return absl::StatusCode::kDeadlineExceeded;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__SSL:  // Also of a broker that goes down amid a handshake.
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR__WAIT_CACHE:
    case RD_KAFKA_RESP_ERR__IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR__RETRY:
    case RD_KAFKA_RESP_ERR__NODE_UPDATE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS:
    case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS:
    case RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT: return absl::StatusCode::kUnavailable;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return absl::StatusCode::kNotFound;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH: return absl::StatusCode::kPermissionDenied;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR__NO_OFFSET: return absl::StatusCode::kOutOfRange;
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return absl::StatusCode::kResourceExhausted;
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION: return absl::StatusCode::kInvalidArgument;
    case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION:
    case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
    case RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS: return absl::StatusCode::kAborted;
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION: return absl::StatusCode::kUnimplemented;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return absl::StatusCode::kAlreadyExists;
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG: return absl::StatusCode::kDataLoss;
    default: return absl::StatusCode::kInternal;
  }
}

// The requests of a transaction: what they change on the broker outlives the connection that they came on.
bool IsTransactional(int16_t api_key) {
  constexpr int16_t kProduce = 0, kAddPartitionsToTxn = 24, kAddOffsetsToTxn = 25, kEndTxn = 26, kTxnOffsetCommit = 28;
  return api_key == kProduce || api_key == kAddPartitionsToTxn || api_key == kAddOffsetsToTxn || api_key == kEndTxn ||
         api_key == kTxnOffsetCommit;
}

}  // namespace

absl::Status ToStatus(rd_kafka_resp_err_t error, std::string_view what) {
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return absl::OkStatus();
  return absl::Status(CodeOf(error), absl::StrCat(std::string(what), ": ", rd_kafka_err2str(error), " (",
                                                  rd_kafka_err2name(error), ")"));
}

absl::Status ToStatus(const ErrorPtr& error, std::string_view what) {
  if (error == nullptr) return absl::OkStatus();
  return absl::Status(CodeOf(rd_kafka_error_code(error.get())),
                      absl::StrCat(std::string(what), ": ", rd_kafka_error_string(error.get()), " (",
                                   rd_kafka_error_name(error.get()), ")"));
}

bool IsPassing(const absl::Status& status) { return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status); }

absl::Status SetProperty(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char reason[512] = "";
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof(reason)) == RD_KAFKA_CONF_OK) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("Kafka property ", name, ": ", reason));
}

bool LibraryKnows(const std::string& property) {
  const ConfPtr conf(rd_kafka_conf_new());
  size_t size = 0;
  return rd_kafka_conf_get(conf.get(), property.c_str(), nullptr, &size) == RD_KAFKA_CONF_OK;
}

PartitionsPtr ToList(const std::vector<TopicPartition>& partitions) {
  PartitionsPtr list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& p : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), p.topic.c_str(), p.partition);
  }
  return list;
}

std::vector<TopicPartition> FromList(const rd_kafka_topic_partition_list_t* list) {
  std::vector<TopicPartition> partitions;
  if (list == nullptr) return partitions;
  for (int i = 0; i < list->cnt; ++i) partitions.push_back({list->elems[i].topic, list->elems[i].partition});
  return partitions;
}

absl::StatusOr<std::unique_ptr<Client>> Client::Open(rd_kafka_type_t type, const KafkaConnection& connection,
                                                     const KafkaProperties& defaults, const KafkaProperties& own,
                                                     Callbacks callbacks) {
  if (absl::Status status = CheckProperties(connection); !status.ok()) return status;
  std::unique_ptr<Client> client(new Client(connection.log, std::move(callbacks)));
  ConfPtr conf(rd_kafka_conf_new());
  const KafkaProperties of_connection = {{"bootstrap.servers", connection.bootstrap_servers},
                                         {"client.id", connection.client_id},
                                         {"socket.nagle.disable", "true"},
                                         {"log.connection.close", "false"}};
  const KafkaProperties& of_type = type == RD_KAFKA_PRODUCER ? connection.producer : connection.consumer;
  for (const KafkaProperties* properties : {&of_connection, &defaults, &connection.properties, &of_type, &own}) {
    for (const auto& [name, value] : *properties) {
      if (absl::Status status = SetProperty(conf.get(), name, value); !status.ok()) return status;
    }
  }
  RegisterCallbacks(conf.get(), client.get());
  char reason[512] = "";
  client->client_ = rd_kafka_new(type, conf.get(), reason, sizeof(reason));
  if (client->client_ == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("librdkafka cannot open a client: ", reason));
  }
  conf.release();  // The client owns it now.
  return client;
}

void Client::RegisterCallbacks(rd_kafka_conf_t* conf, Client* client) {
  rd_kafka_conf_set_opaque(conf, client);
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t* rk, int level, const char* facility, const char* line) {
    // Deprecated, but the only word for it to the legacy way of consuming, which KafkaInput takes.
    if (absl::StrContains(line, "auto.commit.enable is deprecated")) return;
    static_cast<const Client*>(rd_kafka_opaque(rk))->Log(level, absl::StrCat(facility, ": ", line));
  });
  rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t* rk, int error, const char* reason, void* opaque) {
    auto* self = static_cast<Client*>(opaque);
    constexpr int kWarning = 4;
    self->NoteTrouble(static_cast<rd_kafka_resp_err_t>(error), reason);
    self->Log(kWarning, absl::StrCat(rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)), ": ", reason));
    if (!self->callbacks_.error) return;
    char fatal[512] = "";
    const rd_kafka_resp_err_t cause = rd_kafka_fatal_error(rk, fatal, sizeof(fatal));
    if (cause != RD_KAFKA_RESP_ERR_NO_ERROR) return self->callbacks_.error(cause, fatal);
    self->callbacks_.error(static_cast<rd_kafka_resp_err_t>(error), reason);
  });
  if (client->callbacks_.rebalance) {
    rd_kafka_conf_set_rebalance_cb(conf, [](rd_kafka_t*, rd_kafka_resp_err_t event,
                                            rd_kafka_topic_partition_list_t* partitions, void* opaque) {
      static_cast<const Client*>(opaque)->callbacks_.rebalance(event, partitions);
    });
  }
  constexpr const char* kName = "ebb";
  const auto on_new = [](rd_kafka_t* rk, const rd_kafka_conf_t*, void* opaque, char*, size_t) {
    const auto on_response = [](rd_kafka_t*, int, const char*, int32_t, int16_t api_key, int16_t, int32_t, size_t,
                                int64_t, rd_kafka_resp_err_t error, void* self) {
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR && IsTransactional(api_key)) {
        static_cast<Client*>(self)->dirty_.store(true, std::memory_order_release);
      }
      return RD_KAFKA_RESP_ERR_NO_ERROR;
    };
    const auto on_acknowledged = [](rd_kafka_t*, rd_kafka_message_t* message, void* self) {
      static_cast<const Client*>(self)->callbacks_.acknowledged(message);
      return RD_KAFKA_RESP_ERR_NO_ERROR;
    };
    rd_kafka_interceptor_add_on_response_received(rk, kName, on_response, opaque);
    if (static_cast<const Client*>(opaque)->callbacks_.acknowledged != nullptr) {
      rd_kafka_interceptor_add_on_acknowledgement(rk, kName, on_acknowledged, opaque);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  rd_kafka_conf_interceptor_add_on_new(conf, kName, on_new, client);
}

void Client::NoteTrouble(rd_kafka_resp_err_t error, const char* reason) {
  // That all brokers are down only follows from what was said of each.
  if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
  const bool refused =
      error == RD_KAFKA_RESP_ERR__AUTHENTICATION || error == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (absl::IsPermissionDenied(trouble_)) return;
  trouble_ = refused ? absl::PermissionDeniedError(reason) : absl::UnavailableError(reason);
}

absl::Status Client::TakeTrouble() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(trouble_, absl::OkStatus());
}

Client::~Client() {
  if (client_ != nullptr) rd_kafka_destroy_flags(client_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void Client::Log(int level, std::string_view line) const {
  if (log_) log_(level, line);
}

}  // namespace ebb
