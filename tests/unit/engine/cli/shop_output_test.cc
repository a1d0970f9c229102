#include "engine/cli/shop_output.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "ebb/v1/purchase.pb.h"
#include "engine/kafka/mock_cluster.h"
#include "gmock/gmock.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using testing::HasSubstr;

ShopOptions Small() {
  ShopOptions options;
  options.customers = 10;
  options.days = 30;
  return options;
}

std::string FreshDirectory(const std::string& name) {
  const std::string path = testing::TempDir() + "/shop_output_test/" + name;
  std::filesystem::remove_all(path);
  return path;
}

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// Writes a small shop, and returns the purchases in it.
std::vector<std::string> WriteAll(ShopOutput& output) {
  std::vector<std::string> purchases;
  Shop shop(Small());
  while (const auto event = shop.Next()) {
    if (event->source == ShopSource::kPurchases) purchases.push_back(event->message->SerializeAsString());
    EXPECT_TRUE(output.Write(*event).ok());
  }
  EXPECT_TRUE(output.Finish().ok());
  EXPECT_FALSE(purchases.empty());
  return purchases;
}

TEST(ShopFilesTest, JsonLinesHoldTheEventsInOrder) {
  const std::string directory = FreshDirectory("json/new");
  auto output = OpenShopFiles(directory, "json");
  ASSERT_TRUE(output.ok()) << output.status();
  const std::vector<std::string> written = WriteAll(**output);
  std::vector<std::string> read;
  std::istringstream lines(Read(directory + "/purchases.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    v1::Purchase purchase;
    ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(line, &purchase).ok()) << line;
    read.push_back(purchase.SerializeAsString());
  }
  EXPECT_EQ(read, written);
}

TEST(ShopFilesTest, ProtobufComesAfterItsLength) {
  const std::string directory = FreshDirectory("protobuf");
  auto output = OpenShopFiles(directory, "protobuf");
  ASSERT_TRUE(output.ok()) << output.status();
  const std::vector<std::string> written = WriteAll(**output);
  const std::string bytes = Read(directory + "/purchases.pb");
  google::protobuf::io::ArrayInputStream array(bytes.data(), static_cast<int>(bytes.size()));
  google::protobuf::io::CodedInputStream stream(&array);
  std::vector<std::string> read;
  for (uint32_t size = 0; stream.ReadVarint32(&size);) {
    ASSERT_TRUE(stream.ReadString(&read.emplace_back(), static_cast<int>(size)));
  }
  EXPECT_EQ(read, written);
}

TEST(ShopFilesTest, DirectoryThatCannotBeIsAnError) {
  const std::string directory = FreshDirectory("file");
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path());
  std::ofstream(directory) << "in the way";
  EXPECT_THAT(std::string(OpenShopFiles(directory, "json").status().message()),
              HasSubstr("cannot make the directory " + directory));
}

TEST(ShopTruthTest, TellsWhoLeft) {
  Shop shop(Small());
  while (shop.Next()) {
  }
  const std::string path = testing::TempDir() + "/shop_truth_test.jsonl";
  const auto counts = WriteShopTruth(shop, path);
  ASSERT_TRUE(counts.ok()) << counts.status();
  std::istringstream lines(Read(path));
  int64_t customers = 0, left = 0;
  for (std::string line; std::getline(lines, line); ++customers) {
    const auto truth = shop.TruthOf(static_cast<int32_t>(customers));
    ASSERT_TRUE(truth);
    EXPECT_THAT(line, HasSubstr("\"customer\":\"" + truth->customer + "\""));
    EXPECT_THAT(line, HasSubstr(truth->left_at_ms ? "\"left\":true,\"leftAtMs\":" + std::to_string(*truth->left_at_ms)
                                                  : "\"left\":false}"));
    left += truth->left_at_ms.has_value();
  }
  EXPECT_EQ(customers, counts->customers);
  EXPECT_EQ(left, counts->left);
  EXPECT_GT(left, 0);
}

TEST(ShopTopicsTest, TopicsTakeThePrefix) {
  auto broker = MockCluster::Start();
  ASSERT_TRUE(broker.ok()) << broker.status();
  KafkaConnection connection;
  connection.bootstrap_servers = (*broker)->bootstrap_servers();
  for (const char* topic : {"shop.purchases", "shop.browses", "shop.supports", "shop.members", "shop.engagements"}) {
    ASSERT_TRUE((*broker)->CreateTopic(topic, 4).ok());
  }
  auto output = OpenShopTopics(connection, "shop.", "protobuf");
  ASSERT_TRUE(output.ok()) << output.status();
  WriteAll(**output);
  EXPECT_EQ((*output)->PlaceOf(ShopSource::kMembers), "shop.members");
}

}  // namespace
}  // namespace ebb
