#include "engine/log/file_log.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

int32_t ByFirstByte(std::string_view value) { return value.empty() ? 0 : (value.front() - 'a') % 2; }

class FileLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "/file_log_XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  absl::StatusOr<std::unique_ptr<FileInput>> Open(const std::string& name, const std::string& bytes) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return FileInput::Open({{"in", {path, ByFirstByte}}}, 2);
  }
  std::string Read(const std::string& name) {
    std::ostringstream bytes;
    bytes << std::ifstream(directory_ + "/" + name, std::ios::binary).rdbuf();
    return bytes.str();
  }
  // The records from `offset` to the end, as "value@offset".
  static std::vector<std::string> ReadToEnd(FileInput& input, int32_t partition, int64_t offset) {
    EXPECT_EQ(input.Start({"in", partition}, offset), absl::OkStatus());
    RecordBatch batch;
    while (true) {
      const absl::StatusOr<Input::Polled> polled = input.Poll({"in", partition}, 2, &batch);
      EXPECT_EQ(polled.status(), absl::OkStatus());
      if (!polled.ok() || polled->at_end) break;
    }
    std::vector<std::string> read;
    for (size_t i = 0; i < batch.size(); ++i) {
      read.push_back(absl::StrCat(std::string(*batch[i].value), "@", batch[i].offset));
    }
    return read;
  }

  std::string directory_;
};

TEST_F(FileLogTest, LinesAreSharedOutToPartitionsInOrder) {
  auto input = Open("in.jsonl", "a1\nb1\r\n\n\na2\na3\nb2");
  ASSERT_EQ(input.status(), absl::OkStatus());
  EXPECT_THAT(ReadToEnd(**input, 0, 0), ElementsAre("a1@0", "a2@1", "a3@2"));
  EXPECT_THAT(ReadToEnd(**input, 1, 0), ElementsAre("b1@0", "b2@1"));
  EXPECT_THAT(ReadToEnd(**input, 0, 2), ElementsAre("a3@2"));
  EXPECT_THAT(ReadToEnd(**input, 1, 2), IsEmpty());
  EXPECT_EQ((*input)->Start({"in", 1}, 3).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ((*input)->records(), 5);
}

TEST_F(FileLogTest, DelimitedRecordsMayHoldAnyBytes) {
  const std::string big(300, 'a');
  auto input = Open("in.pb", "\x03" "a\n\0"s + "\0"s + "\xAC\x02" + big);
  ASSERT_EQ(input.status(), absl::OkStatus());
  EXPECT_THAT(ReadToEnd(**input, 0, 0), ElementsAre("a\n\0@0"s, "@1", big + "@2"));
}

TEST_F(FileLogTest, BrokenFilesAreRefused) {
  const absl::Status cut = Open("cut.pb", "\x01" "a\x05" "bcd").status();
  EXPECT_EQ(cut.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(cut.message()), HasSubstr("cut.pb"));
  EXPECT_EQ(Open("length.pb", std::string(6, '\xFF')).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(FileInput::Open({{"in", {directory_ + "/none", ByFirstByte}}}, 2).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(FileLogTest, PartitionThatThereIsNotIsRefused) {
  const std::string path = directory_ + "/in.jsonl";
  std::ofstream(path) << "a\n";
  const auto wrong = [](std::string_view) { return 2; };
  const absl::Status status = FileInput::Open({{"in", {path, wrong}}}, 2).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected a partition from 0 to 1"));
}

TEST_F(FileLogTest, ClusterKnowsWhatTheFilesHold) {
  auto input = Open("in.jsonl", "a1\nb1\na2\n");
  ASSERT_EQ(input.status(), absl::OkStatus());
  FileCluster cluster(input->get(), 2);
  EXPECT_EQ(cluster.WrittenBounds({"in", 0})->end, 2);
  EXPECT_EQ(cluster.WrittenBounds({"in", 1})->end, 1);
  EXPECT_EQ(cluster.WrittenBounds({"changelog", 0})->end, 0);
  EXPECT_THAT(*cluster.CommittedOffsets({{"in", 0}}), ElementsAre(std::nullopt));
}

TEST_F(FileLogTest, OutputWritesWhatIsCommittedALineARecord) {
  auto output = FileOutput::Open(directory_ + "/out", {"alerts"});
  ASSERT_EQ(output.status(), absl::OkStatus());
  (*output)->Recover();
  ASSERT_EQ((*output)->Begin(), absl::OkStatus());
  const std::vector<Header> json = {{"content-type", "application/json"}};
  EXPECT_EQ((*output)->Append({"alerts", 0, "c\"1", "{\n\"risk\": 0.5}", json}), absl::OkStatus());
  EXPECT_EQ((*output)->Append({"alerts", 0, "c2", "te\nxt", {{"ce_id", "1"}, {"ce_type", "x"}}}), absl::OkStatus());
  EXPECT_EQ((*output)->Append({"alerts", 0, "c3", "\xFF", {}}), absl::OkStatus());
  EXPECT_EQ((*output)->Append({"alerts", 0, "c4", std::nullopt, {}}), absl::OkStatus());
  EXPECT_EQ(Read("out/alerts.jsonl"), "");
  (*output)->Commit({{{"in", 0}, 1}}, nullptr);
  EXPECT_EQ((*output)->State(), TransactionState::kCommitted);
  ASSERT_EQ((*output)->Begin(), absl::OkStatus());
  EXPECT_EQ((*output)->Append({"alerts", 0, "lost", "1", {}}), absl::OkStatus());
  (*output)->Abort();
  EXPECT_EQ((*output)->State(), TransactionState::kAborted);
  EXPECT_EQ(Read("out/alerts.jsonl"),
            R"({"key":"c\"1","headers":{"content-type":"application/json"},"value":{ "risk": 0.5}})"
            "\n"
            R"({"key":"c2","headers":{"ce_id":"1","ce_type":"x"},"value":"te\u000axt"})"
            "\n"
            R"({"key":"c3","headers":{},"value_base64":"/w=="})"
            "\n"
            R"({"key":"c4","headers":{},"value":null})"
            "\n");
}

}  // namespace
}  // namespace ebb
