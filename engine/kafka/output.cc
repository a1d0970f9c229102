#include "engine/kafka/output.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"
#include "engine/kafka/errands.h"
#include "state/step.h"

namespace ebb {
namespace {

constexpr absl::Duration kRetryPause = absl::Milliseconds(100);
constexpr int kSliceMs = 1000;  // Of calls that destruction must not wait for when the cluster is away.
constexpr int kFlushSliceMs = 1;
constexpr int kFlushSlices = 100;
constexpr int kNotice = 5;
constexpr size_t kRecordOverheadBytes = 1024;  // What a queued record takes beside key and value: mostly six headers.

// Waits, though not for long, until what is queued has been acknowledged. The commit waits for that too, but looks
// only every 10 ms where no delivery reports wake it.
void Flush(rd_kafka_t* client, int slices) {
  for (int slice = 0; slice < slices; ++slice) {
    if (rd_kafka_flush(client, kFlushSliceMs) != RD_KAFKA_RESP_ERR__TIMED_OUT) return;
  }
}

// How an errand of the output ended.
struct Outcome {
  TransactionState state = TransactionState::kUnknown;
  absl::Status error;
};

// The last offset of one partition.
struct Position {
  std::atomic<int64_t> acknowledged = -1;  // Of the open transaction; written by the broker's thread.
  int64_t committed = -1;
};

// What is known of one topic that is written to.
struct Target {
  TopicPtr topic;
  std::vector<Position*> positions;  // One for each partition, null until one is written to by number.
};

// A producer with its topics, replaced as a whole when it can no longer be trusted.
struct Producer {
  std::unique_ptr<Client> client;
  absl::flat_hash_map<std::string, Target> targets;  // Freed before the client, as librdkafka wants it.

  ~Producer() { targets.clear(); }
};

void Acknowledged(const rd_kafka_message_t* message) {
  auto* position = static_cast<Position*>(message->_private);
  if (position != nullptr && message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    position->acknowledged.store(message->offset, std::memory_order_relaxed);
  }
}

bool IsFenced(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__FENCED || error == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
         error == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

class KafkaOutput final : public Output {
 public:
  KafkaOutput(const KafkaConnection& connection, KafkaOutputOptions options)
      : connection_(connection), options_(std::move(options)) {}

  absl::StatusOr<std::unique_ptr<Client>> OpenClient() const;

  absl::Status Begin() override;
  absl::Status Append(const OutputRecord& record) override;
  void Commit(std::vector<CommittedOffset> offsets, std::shared_ptr<const GroupToken> token) override;
  void Abort() override;
  void Recover() override;
  TransactionState State() override;
  int64_t LastOffset(const TopicPartition& partition) const override;
  absl::Status LastError() const override { return last_error_; }

 private:
  void Start(std::function<Outcome()> errand);
  void Finish(Outcome outcome);
  absl::Status AskForTopic(const std::string& topic);
  absl::Status Produce(const Target& target, int32_t partition, const OutputRecord& record, Position* position);

  // On the errands' thread, while the worker's keeps off the producer.
  Outcome RunCommit(const rd_kafka_topic_partition_list_t* offsets, const KafkaGroupToken& token);
  Outcome RunAbort(absl::Status reason, bool commit_was_tried);
  Outcome RunRecover();
  Outcome RunTopicLookup(const std::string& topic);
  Outcome Classify(const ErrorPtr& error, std::string_view what, bool commit_was_tried);
  TransactionState StateAfter(const ErrorPtr& error) const;
  Outcome Renewed(Outcome outcome);
  int MsUntil(std::chrono::steady_clock::time_point deadline) const;
  std::chrono::steady_clock::time_point Deadline() const;

  const KafkaConnection connection_;
  const KafkaOutputOptions options_;
  std::map<TopicPartition, Position> positions_;  // Outlives the producer, which writes to it.
  Producer producer_;
  TransactionState state_ = TransactionState::kUnknown;
  absl::Status last_error_;
  std::future<Outcome> under_way_;
  Errands errands_;
};

absl::StatusOr<std::unique_ptr<Client>> KafkaOutput::OpenClient() const {
  const int64_t timeout_ms = absl::ToInt64Milliseconds(options_.transaction_timeout);
  const KafkaProperties defaults = {
      {"linger.ms", "5"},
      {"batch.size", "1000000"},
      {"compression.type", "lz4"},
      {"retry.backoff.ms", "5"},  // The first request of a transaction often meets the end of the one before.
      {"socket.timeout.ms", absl::StrCat(std::min<int64_t>(timeout_ms, 60'000))},
  };
  const KafkaProperties own = {
      {"transactional.id", options_.transactional_id},
      {"enable.idempotence", "true"},
      {"transaction.timeout.ms", absl::StrCat(timeout_ms)},
      // Two limits, since that of bytes leaves out headers and what the library keeps beside each record.
      {"queue.buffering.max.messages",
       absl::StrCat(std::max<size_t>(1, options_.queue_bytes / 2 / kRecordOverheadBytes))},
      {"queue.buffering.max.kbytes", absl::StrCat(std::max<size_t>(1, options_.queue_bytes / 2 >> 10))},
  };
  return Client::Open(RD_KAFKA_PRODUCER, connection_, defaults, own, {nullptr, nullptr, &Acknowledged});
}

absl::Status KafkaOutput::Begin() {
  if (state_ != TransactionState::kNone && state_ != TransactionState::kCommitted &&
      state_ != TransactionState::kAborted) {
    return absl::FailedPreconditionError("a transaction is open or pending, or its outcome is not known: Recover");
  }
  if (auto status = AtStep(Step::kTransactionBegins); !status.ok()) {
    Finish({TransactionState::kUnknown, std::move(status)});
    return last_error_;
  }
  const ErrorPtr error(rd_kafka_begin_transaction(producer_.client->get()));
  if (error != nullptr) {
    Finish({StateAfter(error), ToStatus(error, "begin of a transaction")});
    return last_error_;
  }
  if (auto status = AtStep(Step::kTransactionBegun); !status.ok()) {
    Finish({TransactionState::kUnknown, std::move(status)});
    return last_error_;
  }
  state_ = TransactionState::kOpen;
  for (auto& [partition, position] : positions_) position.acknowledged.store(-1, std::memory_order_relaxed);
  return absl::OkStatus();
}

absl::Status KafkaOutput::Append(const OutputRecord& record) {
  if (state_ != TransactionState::kOpen) return absl::FailedPreconditionError("no transaction is open: Begin first");
  if (under_way_.valid()) return absl::ResourceExhaustedError("a topic is being looked up: call again after State()");
  const auto found = producer_.targets.find(record.topic);
  if (found == producer_.targets.end()) return AskForTopic(record.topic);
  Target& target = found->second;
  const auto count = static_cast<int32_t>(target.positions.size());
  if (count == 0) return absl::NotFoundError(absl::StrCat("topic ", record.topic, " does not exist: create it"));
  if (record.partition == OutputRecord::kByKey) {
    return Produce(target, PartitionOf(record.key, count), record, nullptr);
  }
  if (record.partition < 0 || record.partition >= count) {
    return absl::NotFoundError(absl::StrCat("topic ", record.topic, ": expected a partition from 0 to ", count - 1,
                                            ", got ", record.partition));
  }
  Position*& position = target.positions[record.partition];
  if (position == nullptr) position = &positions_[{record.topic, record.partition}];
  return Produce(target, record.partition, record, position);
}

absl::Status KafkaOutput::Produce(const Target& target, int32_t partition, const OutputRecord& record,
                                  Position* position) {
  rd_kafka_headers_t* headers = nullptr;
  if (!record.headers.empty()) {
    headers = rd_kafka_headers_new(record.headers.size());
    for (const auto& [name, value] : record.headers) {
      rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                          static_cast<ssize_t>(value.size()));
    }
  }
  rd_kafka_vu_t fields[7];
  size_t count = 0;
  const auto add = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    fields[count].vtype = type;
    return fields[count++];
  };
  add(RD_KAFKA_VTYPE_RKT).u.rkt = target.topic.get();
  add(RD_KAFKA_VTYPE_PARTITION).u.i32 = partition;
  add(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  add(RD_KAFKA_VTYPE_KEY).u.mem = {const_cast<char*>(record.key.data()), record.key.size()};
  if (record.value.has_value()) {
    add(RD_KAFKA_VTYPE_VALUE).u.mem = {const_cast<char*>(record.value->data()), record.value->size()};
  }
  if (headers != nullptr) add(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
  if (position != nullptr) add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = position;
  const ErrorPtr error(rd_kafka_produceva(producer_.client->get(), fields, count));
  if (error == nullptr) return absl::OkStatus();
  if (headers != nullptr) rd_kafka_headers_destroy(headers);
  if (rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    return absl::ResourceExhaustedError("the queue is full: call again after State()");
  }
  last_error_ = ToStatus(error, absl::StrCat("a record for topic ", record.topic));
  return last_error_;
}

void KafkaOutput::Commit(std::vector<CommittedOffset> offsets, std::shared_ptr<const GroupToken> token) {
  if (state_ != TransactionState::kOpen) return;
  const auto group = std::dynamic_pointer_cast<const KafkaGroupToken>(std::move(token));
  if (offsets.empty() || group == nullptr) {
    const absl::Status reason = absl::InvalidArgumentError(
        "expected the offsets that the epoch has reached and the token of the assignment, got none");
    return Start([this, reason] { return RunAbort(reason, false); });
  }
  const std::shared_ptr<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())), &rd_kafka_topic_partition_list_destroy);
  for (const CommittedOffset& offset : offsets) {
    const TopicPartition& partition = offset.partition;
    rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.partition)->offset = offset.offset;
  }
  Start([this, list, group] { return RunCommit(list.get(), *group); });
}

void KafkaOutput::Abort() {
  if (state_ != TransactionState::kOpen) return;
  Start([this] { return RunAbort(absl::OkStatus(), false); });
}

void KafkaOutput::Recover() {
  Start([this] { return RunRecover(); });
}

TransactionState KafkaOutput::State() {
  if (under_way_.valid()) {
    if (under_way_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) Finish(under_way_.get());
  } else if (producer_.client != nullptr) {
    rd_kafka_poll(producer_.client->get(), 0);
  }
  return state_;
}

int64_t KafkaOutput::LastOffset(const TopicPartition& partition) const {
  const auto found = positions_.find(partition);
  return found == positions_.end() ? -1 : found->second.committed;
}

void KafkaOutput::Start(std::function<Outcome()> errand) {
  state_ = TransactionState::kPending;
  const auto task = std::make_shared<std::packaged_task<Outcome()>>(std::move(errand));
  under_way_ = task->get_future();  // The look-up of a topic may be before it; its outcome matters no more.
  errands_.Post([task] { (*task)(); });
}

void KafkaOutput::Finish(Outcome outcome) {
  state_ = outcome.state;
  if (!outcome.error.ok()) last_error_ = std::move(outcome.error);
  if (state_ != TransactionState::kCommitted) return;
  for (auto& [partition, position] : positions_) {
    const int64_t offset = position.acknowledged.load(std::memory_order_relaxed);
    if (offset >= 0) position.committed = offset;
  }
}

absl::Status KafkaOutput::AskForTopic(const std::string& topic) {
  Start([this, topic] { return RunTopicLookup(topic); });
  state_ = TransactionState::kOpen;
  return absl::ResourceExhaustedError(absl::StrCat("topic ", topic, " is being looked up: call again after State()"));
}

Outcome KafkaOutput::RunTopicLookup(const std::string& topic) {
  Target target{TopicPtr(rd_kafka_topic_new(producer_.client->get(), topic.c_str(), nullptr)), {}};
  const auto deadline = Deadline();
  absl::Status status;
  do {
    const rd_kafka_metadata_t* found = nullptr;
    rd_kafka_resp_err_t error = rd_kafka_metadata(producer_.client->get(), 0, target.topic.get(), &found, kSliceMs);
    const MetadataPtr metadata(found);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = metadata->topics[0].err;
    status = ToStatus(error, absl::StrCat("look-up of topic ", topic));
    if (status.ok()) target.positions.resize(metadata->topics[0].partition_cnt);
  } while (IsPassing(status) && MsUntil(deadline) > 0 && errands_.Pause(kRetryPause));
  // A topic without partitions stands for one that does not exist, until the producer is replaced.
  if (!IsPassing(status)) producer_.targets[topic] = std::move(target);
  return {TransactionState::kOpen, status};
}

Outcome KafkaOutput::RunCommit(const rd_kafka_topic_partition_list_t* offsets, const KafkaGroupToken& token) {
  rd_kafka_t* const client = producer_.client->get();
  const auto deadline = Deadline();
  if (auto status = AtStep(Step::kOffsetsAsked); !status.ok()) return RunAbort(std::move(status), false);
  Flush(client, 1);  // Nothing more will come that sending could wait for.
  ErrorPtr error;
  do {
    error.reset(rd_kafka_send_offsets_to_transaction(client, offsets, token.metadata.get(), MsUntil(deadline)));
  } while (error != nullptr && rd_kafka_error_is_retriable(error.get()) && MsUntil(deadline) > 0 &&
           errands_.Pause(kRetryPause));
  if (error != nullptr) return Classify(error, "offsets of a transaction", false);
  if (auto status = AtStep(Step::kCommitAsked); !status.ok()) return {TransactionState::kUnknown, std::move(status)};
  Flush(client, kFlushSlices);
  do {
    error.reset(rd_kafka_commit_transaction(client, MsUntil(deadline)));
  } while (error != nullptr && rd_kafka_error_is_retriable(error.get()) && MsUntil(deadline) > 0 &&
           errands_.Pause(kRetryPause));
  if (error != nullptr) return Classify(error, "commit of a transaction", true);
  if (auto status = AtStep(Step::kCommitKnown); !status.ok()) return {TransactionState::kUnknown, std::move(status)};
  return Renewed({TransactionState::kCommitted, absl::OkStatus()});
}

Outcome KafkaOutput::RunAbort(absl::Status reason, bool commit_was_tried) {
  const auto deadline = Deadline();
  if (auto status = AtStep(Step::kAbortAsked); !status.ok()) return {TransactionState::kUnknown, std::move(status)};
  ErrorPtr error;
  do {
    error.reset(rd_kafka_abort_transaction(producer_.client->get(), MsUntil(deadline)));
  } while (error != nullptr && rd_kafka_error_is_retriable(error.get()) && MsUntil(deadline) > 0 &&
           errands_.Pause(kRetryPause));
  if (error == nullptr) {
    if (auto status = AtStep(Step::kAbortKnown); !status.ok()) return {TransactionState::kUnknown, std::move(status)};
    return Renewed({TransactionState::kAborted, std::move(reason)});
  }
  Outcome outcome{StateAfter(error), ToStatus(error, "abort of a transaction")};
  if (outcome.state == TransactionState::kFenced || commit_was_tried) return outcome;
  // The broker may not have heard of the transaction yet, which makes it refuse the abort, and fatally. Nobody can
  // have committed it, so that it is known to be aborted once a new producer has settled what there is of it.
  producer_.client->Log(kNotice, std::string(outcome.error.message()));
  const Outcome recovered = RunRecover();
  return recovered.state == TransactionState::kNone ? Outcome{TransactionState::kAborted, outcome.error} : recovered;
}

// What an error makes of the transaction: aborted where that is all it asks for, else fenced or unknown.
Outcome KafkaOutput::Classify(const ErrorPtr& error, std::string_view what, bool commit_was_tried) {
  absl::Status status = ToStatus(error, what);
  if (rd_kafka_error_txn_requires_abort(error.get())) return RunAbort(std::move(status), commit_was_tried);
  return {StateAfter(error), std::move(status)};
}

TransactionState KafkaOutput::StateAfter(const ErrorPtr& error) const {
  char reason[512] = "";
  const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(producer_.client->get(), reason, sizeof(reason));
  const bool fenced = IsFenced(rd_kafka_error_code(error.get())) || IsFenced(fatal);
  return fenced ? TransactionState::kFenced : TransactionState::kUnknown;
}

// A producer of which a request was lost is replaced before it opens another transaction: that request may still
// arrive, and would end it.
Outcome KafkaOutput::Renewed(Outcome outcome) {
  if (!producer_.client->dirty()) return outcome;
  producer_.client->Log(kNotice, absl::StrCat("producer ", options_.transactional_id,
                                              " is replaced: a request of its last transaction may come late"));
  const Outcome recovered = RunRecover();
  return recovered.state == TransactionState::kNone ? outcome : recovered;
}

Outcome KafkaOutput::RunRecover() {
  absl::Status status;
  do {
    producer_.targets.clear();
    producer_.client.reset();
    absl::StatusOr<std::unique_ptr<Client>> client = OpenClient();
    if (!client.ok()) return {TransactionState::kUnknown, client.status()};
    producer_.client = *std::move(client);
    if (status = AtStep(Step::kProducerOpened); !status.ok()) continue;
    const auto deadline = Deadline();
    ErrorPtr error;
    do {
      error.reset(rd_kafka_init_transactions(producer_.client->get(), std::min(kSliceMs, MsUntil(deadline))));
    } while (error != nullptr && rd_kafka_error_is_retriable(error.get()) && MsUntil(deadline) > 0 &&
             errands_.Pause(kRetryPause));
    if (error == nullptr) {
      if (status = AtStep(Step::kProducerReady); !status.ok()) continue;
      return {TransactionState::kNone, absl::OkStatus()};
    }
    status = ToStatus(error, absl::StrCat("recovery of transactional id ", options_.transactional_id));
    producer_.client->Log(kNotice, std::string(status.message()));
  } while (!absl::IsInvalidArgument(status) && !absl::IsUnimplemented(status) && errands_.Pause(kRetryPause));
  return {TransactionState::kUnknown, status};
}

std::chrono::steady_clock::time_point KafkaOutput::Deadline() const {
  return std::chrono::steady_clock::now() +
         std::chrono::milliseconds(absl::ToInt64Milliseconds(options_.transaction_timeout));
}

int KafkaOutput::MsUntil(std::chrono::steady_clock::time_point deadline) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::max<int64_t>(0, left.count()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Output>> OpenKafkaOutput(const KafkaConnection& connection, KafkaOutputOptions options) {
  auto output = std::make_unique<KafkaOutput>(connection, std::move(options));
  // Opened once and dropped, so that what is wrong with the settings is said now.
  if (absl::StatusOr<std::unique_ptr<Client>> client = output->OpenClient(); !client.ok()) return client.status();
  return output;
}

}  // namespace ebb
