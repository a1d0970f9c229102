#include "engine/kafka/sender.h"

#include <map>
#include <string>
#include <thread>

#include "engine/kafka/cluster.h"
#include "engine/kafka/mock_cluster.h"
#include "engine/log/record.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

TEST(SenderTest, RecordsGoWhereTheirKeysBelong) {
  constexpr int32_t kPartitions = 3;
  constexpr int kRecords = 1000;
  auto broker = MockCluster::Start();
  ASSERT_TRUE(broker.ok()) << broker.status();
  ASSERT_TRUE((*broker)->CreateTopic("events", kPartitions).ok());
  KafkaConnection connection;
  connection.bootstrap_servers = (*broker)->bootstrap_servers();
  auto sender = Sender::Open(connection);
  ASSERT_TRUE(sender.ok()) << sender.status();
  std::map<int32_t, int64_t> expected;
  for (int i = 0; i < kRecords; ++i) {
    const std::string key = "customer-" + std::to_string(i);
    ++expected[PartitionOf(key, kPartitions)];
    ASSERT_TRUE((*sender)->Send("events", key, "value").ok());
  }
  ASSERT_TRUE((*sender)->Flush().ok());
  EXPECT_EQ((*sender)->acknowledged(), kRecords);

  auto cluster = OpenKafkaCluster(connection, {.group = "test"});
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  std::map<int32_t, int64_t> written;
  for (int32_t partition = 0; partition < kPartitions; ++partition) {
    auto bounds = (*cluster)->WrittenBounds({"events", partition});
    while (absl::IsUnavailable(bounds.status())) {
      std::this_thread::yield();
      bounds = (*cluster)->WrittenBounds({"events", partition});
    }
    ASSERT_TRUE(bounds.ok()) << bounds.status();
    written[partition] = bounds->end - bounds->begin;
  }
  EXPECT_EQ(written, expected);
}

TEST(SenderTest, BrokerThatIsAwayIsAnErrorInTime) {
  KafkaConnection connection;
  connection.bootstrap_servers = "127.0.0.1:1";
  auto sender = Sender::Open(connection, absl::Milliseconds(200));
  ASSERT_TRUE(sender.ok()) << sender.status();
  const absl::Status status = (*sender)->Send("events", "key", "value");
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("no answer from Kafka"));
}

}  // namespace
}  // namespace ebb
