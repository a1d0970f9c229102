// The ports over Kafka against the broker that EBB_KAFKA names, as deploy/kafka/kafka.sh start prints it.

#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "engine/kafka/client.h"
#include "engine/kafka/cluster.h"
#include "engine/kafka/connection.h"
#include "engine/kafka/input.h"
#include "engine/kafka/membership.h"
#include "engine/kafka/mock_cluster.h"
#include "engine/kafka/output.h"
#include "engine/kafka/topics.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/engine/log/ports_suite.h"

namespace ebb {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// Lines of librdkafka's log.
class Lines {
 public:
  KafkaLog Sink() {
    return [this](int, std::string_view line) {
      const std::lock_guard<std::mutex> lock(mutex_);
      lines_.emplace_back(line);
    };
  }
  std::vector<std::string> Get() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

class KafkaWorld final : public PortsWorld {
 public:
  KafkaWorld() {
    const char* servers = std::getenv("EBB_KAFKA");
    EXPECT_NE(servers, nullptr) << "set EBB_KAFKA to what deploy/kafka/kafka.sh start prints";
    if (servers != nullptr) connection_.bootstrap_servers = servers;
    connection_.log = lines_.Sink();
  }
  const KafkaConnection& connection() const { return connection_; }

  std::string NewTopic(int32_t partitions) override {
    std::string name = NewName();
    EXPECT_EQ(EnsureTopic(connection_, {name, partitions}), absl::OkStatus());
    return name;
  }
  std::string NewName() override {
    static int names = 0;
    return absl::StrCat("ports-", absl::ToUnixMillis(absl::Now()), "-", getpid(), "-", ++names);
  }
  std::unique_ptr<Input> NewInput() override { return *OpenKafkaInput(connection_, {}); }
  std::unique_ptr<Output> NewOutput(const std::string& transactional_id) override {
    return *OpenKafkaOutput(connection_, {transactional_id});
  }
  std::unique_ptr<Cluster> NewCluster(const std::string& group) override {
    return *OpenKafkaCluster(connection_, {group});
  }
  std::unique_ptr<Membership> NewMembership(const std::string& group, const std::string& instance) override {
    return *OpenKafkaMembership(connection_, {group, instance, absl::Seconds(6)});
  }
  void Trim(const TopicPartition& partition, int64_t begin) override {
    EXPECT_EQ(TrimPartition(connection_, partition, begin), absl::OkStatus());
  }

 private:
  Lines lines_;
  KafkaConnection connection_;
};

bool Await(const std::function<bool()>& step) {
  const absl::Time deadline = absl::Now() + absl::Seconds(45);
  while (!step()) {
    if (absl::Now() > deadline) return false;
  }
  return true;
}

TransactionState Settle(Output& output) {
  TransactionState state = TransactionState::kPending;
  Await([&] { return (state = output.State()) != TransactionState::kPending; });
  return state;
}

// Appends, waiting where the queue is full. How often it was.
int AppendAll(Output& output, const OutputRecord& record, int count) {
  int full = 0;
  for (int i = 0; i < count;) {
    const absl::Status status = output.Append(record);
    if (status.ok()) {
      ++i;
    } else if (absl::IsResourceExhausted(status)) {
      ++full;
      output.State();
    } else {
      ADD_FAILURE() << status;
      break;
    }
  }
  return full;
}

std::shared_ptr<const GroupToken> JoinAlone(Membership& membership, const std::string& topic) {
  EXPECT_EQ(membership.Join({topic}), absl::OkStatus());
  std::optional<GroupEvent> event;
  EXPECT_TRUE(Await([&] { return (event = membership.Poll(absl::Milliseconds(10))).has_value(); }));
  return event.has_value() ? event->token : nullptr;
}

TEST(KafkaConnectionTest, EveryWrongPropertyIsNamed) {
  KafkaConnection connection;
  connection.properties = {{"security.protocoll", "ssl"}, {"enable.idempotence", "false"}};
  connection.consumer = {{"fetch.wait.max.ms", "soon"}};
  connection.producer = {{"linger.ms", "10"}};
  const absl::Status status = CheckProperties(connection);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("security.protocoll"), HasSubstr("enable.idempotence"), HasSubstr("fetch.wait.max.ms"),
                    Not(HasSubstr("linger.ms"))));
  EXPECT_EQ(OpenKafkaInput(connection, {}).status(), status);
  EXPECT_EQ(OpenKafkaOutput(connection, {"id"}).status(), status);
}

TEST(KafkaOutputTest, RecoverWaitsForAClusterThatIsAwayAndLetsGoAtOnce) {
  KafkaConnection nowhere;
  nowhere.bootstrap_servers = "127.0.0.1:1";
  std::unique_ptr<Output> output = *OpenKafkaOutput(nowhere, {"nobody"});
  output->Recover();
  EXPECT_EQ(output->State(), TransactionState::kPending);
  const absl::Time before = absl::Now();
  output.reset();
  EXPECT_LT(absl::Now() - before, absl::Seconds(5));
}

TEST(KafkaOutputTest, ProducerIsReplacedWhenTheReplyOfACommitIsLost) {
  constexpr int16_t kEndTxn = 26;
  std::unique_ptr<MockCluster> mock = *MockCluster::Start();
  ASSERT_EQ(mock->CreateTopic("in", 1), absl::OkStatus());
  ASSERT_EQ(mock->CreateTopic("out", 1), absl::OkStatus());
  Lines lines;
  KafkaConnection connection;
  connection.bootstrap_servers = mock->bootstrap_servers();
  connection.log = lines.Sink();
  std::unique_ptr<Membership> membership = *OpenKafkaMembership(connection, {"app", "one"});
  const std::shared_ptr<const GroupToken> token = JoinAlone(*membership, "in");
  std::unique_ptr<Output> output = *OpenKafkaOutput(connection, {"app-one-0"});
  output->Recover();
  ASSERT_EQ(Settle(*output), TransactionState::kNone);
  for (const bool cut : {false, true, false}) {
    const size_t lines_before = lines.Get().size();
    ASSERT_EQ(output->Begin(), absl::OkStatus());
    AppendAll(*output, {"out", 0, "key", "value", {}}, 1);
    if (cut) mock->CutNextRequest(kEndTxn);
    output->Commit({{{"in", 0}, 1}}, token);
    EXPECT_EQ(Settle(*output), TransactionState::kCommitted) << output->LastError();
    std::vector<std::string> said = lines.Get();
    said.erase(said.begin(), said.begin() + static_cast<ptrdiff_t>(lines_before));
    const auto replaced = Contains(HasSubstr("producer app-one-0 is replaced"));
    if (cut) {
      EXPECT_THAT(said, replaced);
    } else {
      EXPECT_THAT(said, Not(replaced));
    }
  }
  membership->Leave(true);
}

TEST(KafkaOutputTest, FullQueueHoldsTheWriterBack) {
  KafkaWorld world;
  const std::string in = world.NewTopic(1);
  const std::string out = world.NewTopic(1);
  std::unique_ptr<Membership> membership = world.NewMembership(world.NewName(), world.NewName());
  const std::shared_ptr<const GroupToken> token = JoinAlone(*membership, in);
  std::unique_ptr<Output> output =
      *OpenKafkaOutput(world.connection(), {world.NewName(), absl::Seconds(30), /*queue_bytes=*/64 << 10});
  output->Recover();
  ASSERT_EQ(Settle(*output), TransactionState::kNone);
  ASSERT_EQ(output->Begin(), absl::OkStatus());
  EXPECT_GT(AppendAll(*output, {out, 0, "key", std::string(1000, 'v'), {}}, 2000), 1);
  output->Commit({{{in, 0}, 1}}, token);
  EXPECT_EQ(Settle(*output), TransactionState::kCommitted) << output->LastError();
  EXPECT_EQ(output->LastOffset({out, 0}), 1999);
  membership->Leave(true);
}

// As after the process was suspended, or a disk stood still.
TEST(KafkaInputTest, QueueThatWasFullIsFilledAgainAtOnce) {
  KafkaWorld world;
  constexpr int kRecords = 200'000;
  const std::string topic = world.NewTopic(1);
  std::unique_ptr<Membership> membership = world.NewMembership(world.NewName(), world.NewName());
  const auto token = JoinAlone(*membership, topic);
  std::unique_ptr<Output> output = world.NewOutput(world.NewName());
  output->Recover();
  ASSERT_EQ(Settle(*output), TransactionState::kNone);
  ASSERT_EQ(output->Begin(), absl::OkStatus());
  AppendAll(*output, {topic, 0, "key", std::string(100, 'v'), {}}, kRecords);
  output->Commit({{{topic, 0}, 0}}, token);
  ASSERT_EQ(Settle(*output), TransactionState::kCommitted);
  KafkaInputOptions options;
  options.buffer_bytes = 64 << 10;
  std::unique_ptr<Input> input = *OpenKafkaInput(world.connection(), options);
  ASSERT_EQ(input->Start({topic, 0}, 0), absl::OkStatus());
  const absl::Time began = absl::Now();
  size_t read = 0;
  EXPECT_TRUE(Await([&] {
    RecordBatch batch;
    auto polled = input->Poll({topic, 0}, 100, &batch);
    EXPECT_TRUE(polled.ok()) << polled.status();
    read += batch.size();
    return read >= kRecords;
  })) << read;
  // It is full more than twenty times, and a second each is what the library would wait by itself.
  EXPECT_LT(absl::Now() - began, absl::Seconds(12));
}

TEST(KafkaOutputTest, TransactionThatOutlivedItsTimeOutIsFencedAndRecoverGoesOn) {
  KafkaWorld world;
  const std::string in = world.NewTopic(1);
  const std::string out = world.NewTopic(1);
  const std::string group = world.NewName();
  std::unique_ptr<Membership> membership = world.NewMembership(group, world.NewName());
  const std::shared_ptr<const GroupToken> token = JoinAlone(*membership, in);
  std::unique_ptr<Output> output = *OpenKafkaOutput(world.connection(), {world.NewName(), absl::Seconds(1)});
  output->Recover();
  ASSERT_EQ(Settle(*output), TransactionState::kNone) << output->LastError();
  ASSERT_EQ(output->Begin(), absl::OkStatus());
  AppendAll(*output, {out, 0, "late", "1", {}}, 1);
  std::unique_ptr<Cluster> cluster = world.NewCluster(group);
  ASSERT_TRUE(Await([&] {
    const absl::StatusOr<Cluster::Bounds> bounds = cluster->WrittenBounds({out, 0});
    return bounds.ok() && bounds->end == 2;
  })) << "the broker has not aborted the transaction";
  output->Commit({{{in, 0}, 1}}, token);
  EXPECT_EQ(Settle(*output), TransactionState::kFenced) << output->LastError();
  output->Recover();
  ASSERT_EQ(Settle(*output), TransactionState::kNone) << output->LastError();
  ASSERT_EQ(output->Begin(), absl::OkStatus());
  AppendAll(*output, {out, 0, "again", "1", {}}, 1);
  output->Commit({{{in, 0}, 1}}, token);
  EXPECT_EQ(Settle(*output), TransactionState::kCommitted) << output->LastError();
  EXPECT_EQ(output->LastOffset({out, 0}), 2);
  membership->Leave(true);
}

TEST(KafkaClusterTest, CommittedOffsetsWaitForAPendingTransaction) {
  KafkaWorld world;
  const std::string in = world.NewTopic(1);
  const std::string group = world.NewName();
  std::unique_ptr<Membership> membership = world.NewMembership(group, world.NewName());
  const auto token = std::dynamic_pointer_cast<const KafkaGroupToken>(JoinAlone(*membership, in));
  ASSERT_NE(token, nullptr);
  // A producer that has sent its offsets and not ended its transaction.
  const std::unique_ptr<Client> producer =
      *Client::Open(RD_KAFKA_PRODUCER, world.connection(), {}, {{"transactional.id", world.NewName()}}, {});
  const PartitionsPtr offsets = ToList({{in, 0}});
  offsets->elems[0].offset = 7;
  constexpr int kTimeoutMs = 20'000;
  const auto check = [](rd_kafka_error_t* error) {
    ASSERT_EQ(ToStatus(ErrorPtr(error), "producer"), absl::OkStatus());
  };
  check(rd_kafka_init_transactions(producer->get(), kTimeoutMs));
  check(rd_kafka_begin_transaction(producer->get()));
  check(rd_kafka_send_offsets_to_transaction(producer->get(), offsets.get(), token->metadata.get(), kTimeoutMs));

  std::unique_ptr<Cluster> cluster = *OpenKafkaCluster(world.connection(), {group, absl::Seconds(3)});
  using Offsets = absl::StatusOr<std::vector<std::optional<int64_t>>>;
  Offsets answer;
  const auto answered = [&] { return !absl::IsUnavailable((answer = cluster->CommittedOffsets({{in, 0}})).status()); };
  ASSERT_TRUE(Await(answered));
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kDeadlineExceeded) << answer.status();
  check(rd_kafka_commit_transaction(producer->get(), kTimeoutMs));
  ASSERT_TRUE(Await(answered));
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_THAT(*answer, ElementsAre(7));
  membership->Leave(true);
}

TEST(KafkaClusterTest, ForgottenQuestionsAreAskedAnew) {
  KafkaWorld world;
  const std::string in = world.NewTopic(1);
  std::unique_ptr<Cluster> cluster = world.NewCluster(world.NewName());
  EXPECT_TRUE(absl::IsUnavailable(cluster->WrittenBounds({in, 0}).status()));
  cluster->Forget();
  absl::StatusOr<Cluster::Bounds> bounds;
  ASSERT_TRUE(Await([&] { return !absl::IsUnavailable((bounds = cluster->WrittenBounds({in, 0})).status()); }));
  EXPECT_EQ(bounds.status(), absl::OkStatus());
}

TEST(KafkaMembershipTest, PartitionsOfACrashedMemberMoveAfterItsSession) {
  KafkaWorld world;
  const std::string in = world.NewTopic(2);
  const std::string group = world.NewName();
  std::unique_ptr<Membership> first = world.NewMembership(group, "first");
  JoinAlone(*first, in);
  std::unique_ptr<Membership> second = world.NewMembership(group, "second");
  ASSERT_EQ(second->Join({in}), absl::OkStatus());
  size_t owned = 0;
  ASSERT_TRUE(Await([&] {
    const std::optional<GroupEvent> event = first->Poll(absl::Milliseconds(10));
    if (event.has_value() && event->kind == GroupEvent::Kind::kRevoked) first->Release();
    const std::optional<GroupEvent> other = second->Poll(absl::Milliseconds(10));
    return other.has_value() && (owned = other->partitions.size()) == 1;
  }));
  first.reset();
  ASSERT_TRUE(Await([&] {
    const std::optional<GroupEvent> event = second->Poll(absl::Milliseconds(10));
    if (!event.has_value()) return false;
    if (event->kind != GroupEvent::Kind::kAssigned) second->Release();
    return event->kind == GroupEvent::Kind::kAssigned && event->partitions.size() == 2;
  }));
  second->Leave(true);
}

TEST(KafkaTopicsTest, TopicIsCreatedWithItsSettingsOnce) {
  KafkaWorld world;
  const TopicSpec spec{world.NewName(), 3, -1, {{"cleanup.policy", "compact"}}};
  EXPECT_EQ(EnsureTopic(world.connection(), spec), absl::OkStatus());
  EXPECT_EQ(EnsureTopic(world.connection(), spec), absl::OkStatus());
  std::unique_ptr<Cluster> cluster = world.NewCluster(world.NewName());
  absl::StatusOr<std::map<std::string, std::string>> settings;
  ASSERT_TRUE(Await([&] { return !absl::IsUnavailable((settings = cluster->TopicSettings(spec.name)).status()); }));
  ASSERT_EQ(settings.status(), absl::OkStatus());
  EXPECT_EQ(settings->at("cleanup.policy"), "compact");
  const absl::Status other = EnsureTopic(world.connection(), {spec.name, 4});
  EXPECT_EQ(other.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(other.message()), HasSubstr("expected 4 partitions, found 3"));
}

TEST(KafkaTopicsTest, MockClusterHasTheTopicsItIsGiven) {
  std::unique_ptr<MockCluster> mock = *MockCluster::Start();
  KafkaConnection connection;
  connection.bootstrap_servers = mock->bootstrap_servers();
  ASSERT_EQ(mock->CreateTopic("made", 2), absl::OkStatus());
  EXPECT_EQ(EnsureTopic(connection, {"made", 2}), absl::OkStatus());
}

}  // namespace

std::unique_ptr<PortsWorld> NewPortsWorld() { return std::make_unique<KafkaWorld>(); }

}  // namespace ebb
