#include "engine/kafka/mock_cluster.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/kafka/client.h"
#include "librdkafka/rdkafka_mock.h"

namespace ebb {

struct MockCluster::Parts {
  std::unique_ptr<Client> client;  // Carries the brokers' thread; connects to nothing.
  std::unique_ptr<rd_kafka_mock_cluster_t, Destroyer<rd_kafka_mock_cluster_destroy>> cluster;
};

absl::StatusOr<std::unique_ptr<MockCluster>> MockCluster::Start() {
  absl::StatusOr<std::unique_ptr<Client>> client = Client::Open(RD_KAFKA_PRODUCER, {}, {}, {}, {});
  if (!client.ok()) return client.status();
  auto parts = std::make_unique<Parts>();
  parts->client = *std::move(client);
  parts->cluster.reset(rd_kafka_mock_cluster_new(parts->client->get(), 1));
  if (parts->cluster == nullptr) return absl::InternalError("librdkafka cannot start its mock cluster");
  return std::unique_ptr<MockCluster>(new MockCluster(std::move(parts)));
}

MockCluster::MockCluster(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
MockCluster::~MockCluster() = default;

std::string MockCluster::bootstrap_servers() const { return rd_kafka_mock_cluster_bootstraps(parts_->cluster.get()); }

absl::Status MockCluster::CreateTopic(const std::string& topic, int32_t partitions) {
  constexpr int kReplication = 1;
  // What is asked of the brokers' thread while it finishes the request before, it notices only a second later.
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return ToStatus(rd_kafka_mock_topic_create(parts_->cluster.get(), topic.c_str(), partitions, kReplication),
                  absl::StrCat("creation of topic ", topic));
}

void MockCluster::CutNextRequest(int16_t api_key) {
  rd_kafka_mock_push_request_errors(parts_->cluster.get(), api_key, 1, RD_KAFKA_RESP_ERR__TRANSPORT);
}

}  // namespace ebb
