#include "engine/kafka/cluster.h"

#include <any>
#include <chrono>
#include <functional>
#include <future>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"
#include "engine/kafka/errands.h"
#include "engine/kafka/topics.h"

namespace ebb {
namespace {

constexpr int kAttemptMs = 1000;
constexpr absl::Duration kRetryPause = absl::Milliseconds(50);
// How long a broker, one that has just started or become a leader, may not have heard of a topic that others know.
constexpr std::chrono::seconds kNewsPatience{5};

class KafkaCluster final : public Cluster {
 public:
  KafkaCluster(std::unique_ptr<Client> group, std::unique_ptr<Client> log, absl::Duration patience)
      : group_(std::move(group)), log_(std::move(log)), patience_(absl::ToChronoMilliseconds(patience)) {}

  absl::StatusOr<std::vector<std::optional<int64_t>>> CommittedOffsets(
      const std::vector<TopicPartition>& partitions) override;
  absl::StatusOr<Bounds> WrittenBounds(const TopicPartition& partition) override;
  absl::StatusOr<int64_t> OffsetAt(const TopicPartition& partition, absl::Time time) override;
  absl::StatusOr<int32_t> PartitionCount(const std::string& topic) override;
  absl::StatusOr<std::map<std::string, std::string>> TopicSettings(const std::string& topic) override;
  void Forget() override { questions_.clear(); }

 private:
  template <typename T>
  struct Question {
    std::function<absl::StatusOr<T>()> ask;
    std::chrono::steady_clock::time_point deadline;
    std::chrono::steady_clock::time_point news_deadline;  // Until then a topic that is not known may become so.
    std::string trouble;  // What kept the last attempts from an answer.
    std::promise<absl::StatusOr<T>> promise;
    std::future<absl::StatusOr<T>> answer = promise.get_future();
  };

  // The answer if it is there; else asks unless that is under way already.
  template <typename T>
  absl::StatusOr<T> Ask(const std::string& name, std::chrono::seconds news_patience,
                        std::function<absl::StatusOr<T>()> question);
  // Asks once and, where trouble may pass, queues up again behind other questions.
  template <typename T>
  void Attempt(const std::weak_ptr<Question<T>>& asked);

  absl::StatusOr<std::vector<std::optional<int64_t>>> AskCommittedOffsets(
      const std::vector<TopicPartition>& partitions);
  absl::StatusOr<Bounds> AskBounds(const TopicPartition& partition);
  // The first offset at `time_ms`, RD_KAFKA_OFFSET_BEGINNING or _END; absent when nothing is so late.
  absl::StatusOr<std::optional<int64_t>> AskOffset(const TopicPartition& partition, int64_t time_ms);
  absl::StatusOr<int64_t> AskOffsetAt(const TopicPartition& partition, int64_t time_ms);

  const std::unique_ptr<Client> group_;  // Of the group, read_committed. Joins nothing.
  const std::unique_ptr<Client> log_;    // Of no group, read_uncommitted.
  const std::chrono::milliseconds patience_;
  std::map<std::string, std::any> questions_;  // Of std::shared_ptr<Question>; one that goes is asked no more.
  Errands errands_;
};

template <typename T>
absl::StatusOr<T> KafkaCluster::Ask(const std::string& name, std::chrono::seconds news_patience,
                                    std::function<absl::StatusOr<T>()> question) {
  using QuestionPtr = std::shared_ptr<Question<T>>;
  std::any& entry = questions_[name];
  if (!entry.has_value()) {
    const auto asked = std::make_shared<Question<T>>();
    asked->ask = std::move(question);
    const auto now = std::chrono::steady_clock::now();
    asked->deadline = now + patience_;
    asked->news_deadline = now + news_patience;
    entry = asked;
    errands_.Post([this, weak = std::weak_ptr(asked)] { Attempt(weak); });
  }
  const QuestionPtr asked = std::any_cast<QuestionPtr>(entry);
  if (asked->answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return absl::UnavailableError("the answer is on its way");
  }
  questions_.erase(name);
  return asked->answer.get();
}

template <typename T>
void KafkaCluster::Attempt(const std::weak_ptr<Question<T>>& asked) {
  const std::shared_ptr<Question<T>> question = asked.lock();
  if (question == nullptr) return;
  absl::StatusOr<T> answer = question->ask();
  rd_kafka_poll(log_->get(), 0);
  rd_kafka_poll(group_->get(), 0);
  const bool news_may_come =
      absl::IsNotFound(answer.status()) && std::chrono::steady_clock::now() < question->news_deadline;
  if (!IsPassing(answer.status()) && !news_may_come) return question->promise.set_value(std::move(answer));
  for (Client* client : {group_.get(), log_.get()}) {
    const absl::Status trouble = client->TakeTrouble();
    if (absl::IsPermissionDenied(trouble)) {
      return question->promise.set_value(absl::PermissionDeniedError(
          absl::StrCat("the brokers refuse these credentials: ", std::string(trouble.message()),
                       "; check security.protocol and the sasl properties of kafka")));
    }
    if (!trouble.ok()) question->trouble = std::string(trouble.message());
  }
  if (std::chrono::steady_clock::now() >= question->deadline) {
    return question->promise.set_value(absl::DeadlineExceededError(
        question->trouble.empty() ? std::string(answer.status().message()) : question->trouble));
  }
  errands_.Pause(kRetryPause);
  errands_.Post([this, asked] { Attempt(asked); });
}

absl::StatusOr<std::vector<std::optional<int64_t>>> KafkaCluster::CommittedOffsets(
    const std::vector<TopicPartition>& partitions) {
  std::string name = "committed";
  for (const TopicPartition& partition : partitions) absl::StrAppend(&name, " ", ToString(partition));
  return Ask<std::vector<std::optional<int64_t>>>(name, kNewsPatience,
                                                  [=, this] { return AskCommittedOffsets(partitions); });
}

absl::StatusOr<Cluster::Bounds> KafkaCluster::WrittenBounds(const TopicPartition& partition) {
  return Ask<Bounds>(absl::StrCat("bounds ", ToString(partition)), kNewsPatience,
                     [=, this] { return AskBounds(partition); });
}

absl::StatusOr<int64_t> KafkaCluster::OffsetAt(const TopicPartition& partition, absl::Time time) {
  const int64_t time_ms = absl::ToUnixMillis(time);
  return Ask<int64_t>(absl::StrCat("at ", time_ms, " ", ToString(partition)), kNewsPatience,
                      [=, this] { return AskOffsetAt(partition, time_ms); });
}

absl::StatusOr<int32_t> KafkaCluster::PartitionCount(const std::string& topic) {
  // Asked first of all, often of a topic whose name is wrong: that is to be said at once.
  return Ask<int32_t>(absl::StrCat("partitions ", topic), std::chrono::seconds(0),
                      [=, this] { return FetchPartitionCount(*log_, topic, kAttemptMs); });
}

absl::StatusOr<std::map<std::string, std::string>> KafkaCluster::TopicSettings(const std::string& topic) {
  return Ask<std::map<std::string, std::string>>(absl::StrCat("settings ", topic), kNewsPatience,
                                                 [=, this] { return FetchTopicSettings(*log_, topic, kAttemptMs); });
}

absl::StatusOr<std::vector<std::optional<int64_t>>> KafkaCluster::AskCommittedOffsets(
    const std::vector<TopicPartition>& partitions) {
  const PartitionsPtr list = ToList(partitions);
  absl::Status status = ToStatus(rd_kafka_committed(group_->get(), list.get(), kAttemptMs), "committed offsets");
  std::vector<std::optional<int64_t>> offsets(partitions.size());
  for (int i = 0; status.ok() && i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& answer = list->elems[i];
    status = ToStatus(answer.err, absl::StrCat("committed offset of ", ToString(partitions[i])));
    if (answer.offset >= 0) offsets[i] = answer.offset;
  }
  if (!status.ok()) return status;
  return offsets;
}

absl::StatusOr<Cluster::Bounds> KafkaCluster::AskBounds(const TopicPartition& partition) {
  const auto begin = AskOffset(partition, RD_KAFKA_OFFSET_BEGINNING);
  if (!begin.ok()) return begin.status();
  const auto end = AskOffset(partition, RD_KAFKA_OFFSET_END);
  if (!end.ok()) return end.status();
  return Bounds{begin->value_or(0), end->value_or(0)};
}

absl::StatusOr<std::optional<int64_t>> KafkaCluster::AskOffset(const TopicPartition& partition, int64_t time_ms) {
  const PartitionsPtr list = ToList({partition});
  list->elems[0].offset = time_ms;
  const std::string what = absl::StrCat("offsets of ", ToString(partition));
  // Of the ways to ask, the one that keeps to its time when the leader does not answer.
  absl::Status status = ToStatus(rd_kafka_offsets_for_times(log_->get(), list.get(), kAttemptMs), what);
  if (status.ok()) status = ToStatus(list->elems[0].err, what);
  if (!status.ok()) {
    // The library goes by what it has heard of the topic, if anything, until somebody makes it ask anew.
    (void)FetchPartitionCount(*log_, partition.topic, kAttemptMs);
    return status;
  }
  if (list->elems[0].offset < 0) return std::nullopt;
  return list->elems[0].offset;
}

absl::StatusOr<int64_t> KafkaCluster::AskOffsetAt(const TopicPartition& partition, int64_t time_ms) {
  const auto offset = AskOffset(partition, time_ms);
  if (!offset.ok()) return offset.status();
  if (*offset) return **offset;
  const absl::StatusOr<Bounds> bounds = AskBounds(partition);
  if (!bounds.ok()) return bounds.status();
  return bounds->end;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Cluster>> OpenKafkaCluster(const KafkaConnection& connection,
                                                          const KafkaClusterOptions& options) {
  // Read as stable, which librdkafka does for readers of what is committed.
  const KafkaProperties stable = {
      {"group.id", options.group}, {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"}};
  absl::StatusOr<std::unique_ptr<Client>> group = Client::Open(RD_KAFKA_CONSUMER, connection, {}, stable, {});
  if (!group.ok()) return group.status();
  absl::StatusOr<std::unique_ptr<Client>> log = Client::Open(
      RD_KAFKA_CONSUMER, connection, {}, {{"isolation.level", "read_uncommitted"}, {"enable.auto.commit", "false"}},
      {});
  if (!log.ok()) return log.status();
  return std::make_unique<KafkaCluster>(*std::move(group), *std::move(log), options.patience);
}

}  // namespace ebb
