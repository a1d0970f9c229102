#include "engine/log/record.h"

#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"

namespace ebb {
namespace {

// Source: the hashes in org.apache.kafka.common.utils.UtilsTest.testMurmur2, made positive by & 0x7fffffff.
TEST(PartitionOfTest, AgreesWithKafkaJavaClients) {
  const std::pair<std::string, int32_t> hashes[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [key, hash] : hashes) {
    EXPECT_EQ(PartitionOf(key, 0x7fffffff), (hash & 0x7fffffff) % 0x7fffffff) << key;
    EXPECT_EQ(PartitionOf(key, 12), (hash & 0x7fffffff) % 12) << key;
  }
}

TEST(RecordBatchTest, KeepsKeysValuesAndTombstonesApart) {
  RecordBatch batch;
  batch.Add(3, 30, "a", "one");
  batch.Add(5, 50, "", std::nullopt);
  batch.Add(6, 60, "c", "");
  ASSERT_EQ(batch.size(), 3u);
  EXPECT_EQ(batch[0].offset, 3);
  EXPECT_EQ(batch[0].timestamp_ms, 30);
  EXPECT_EQ(batch[0].key, "a");
  EXPECT_EQ(batch[0].value, "one");
  EXPECT_EQ(batch[1].key, "");
  EXPECT_EQ(batch[1].value, std::nullopt);
  EXPECT_EQ(batch[2].key, "c");
  EXPECT_EQ(batch[2].value, "");
}

std::string HeadersOf(const RecordBatch::View& record) {
  std::string text;
  record.VisitHeaders([&](std::string_view name, std::string_view value) {
    text.append(name).append("=").append(value).append(";");
  });
  return text;
}

TEST(RecordBatchTest, HeadersStayWithTheirRecordInOrder) {
  RecordBatch batch;
  batch.Add(0, 0, "a", "one");
  batch.AddHeader("trace", "1");
  batch.AddHeader("trace", "2");
  batch.AddHeader("", "");
  batch.Add(1, 0, "b", "two");
  batch.Add(2, 0, "c", std::nullopt);
  batch.AddHeader("empty", "");
  EXPECT_EQ(HeadersOf(batch[0]), "trace=1;trace=2;=;");
  EXPECT_EQ(HeadersOf(batch[1]), "");
  EXPECT_EQ(HeadersOf(batch[2]), "empty=;");
  EXPECT_EQ(batch[0].value, "one");
  EXPECT_EQ(batch[1].value, "two");
  EXPECT_EQ(batch[2].value, std::nullopt);
}

TEST(RecordBatchTest, ClearKeepsTheMemoryForTheNextRecords) {
  RecordBatch batch;
  for (int i = 0; i < 100; ++i) batch.Add(i, 0, "key", std::string(100, 'v'));
  const size_t bytes = batch.bytes();
  EXPECT_GE(bytes, 100u * 103u);
  batch.Clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(batch.bytes(), bytes);
}

}  // namespace
}  // namespace ebb
