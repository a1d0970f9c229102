#include "engine/log/file_log.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "state/hash.h"

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

  absl::StatusOr<std::unique_ptr<FileInput>> Open(const std::string& name, const std::string& bytes,
                                                  FileRecordLimits limits = {}) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return FileInput::Open({{"in", {path, ByFirstByte, limits}}}, 2);
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
      batch[i].VisitHeaders([&](std::string_view name, std::string_view value) {
        absl::StrAppend(&read.back(), " ", std::string(name), "=", std::string(value));
      });
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

// What is told of a record of which only the first bytes are held.
std::string Cut(const std::string& record, size_t kept, int64_t offset) {
  return absl::StrCat(record.substr(0, kept), "@", offset, " ebb.truncated.bytes=", record.size(),
                      " ebb.truncated.xxh64=", absl::Hex(StableHash64(record), absl::kZeroPad16));
}

TEST_F(FileLogTest, OnlyTheBeginningOfALargeRecordIsHeldWithItsTrueSizeAndDigest) {
  const std::string large = "a" + std::string(300'000, 'x') + "\r" + std::string(70'000, 'y');
  for (const std::string& line_break : {"\n"s, "\r\n"s}) {
    const std::string bytes = absl::StrJoin({"a123"s, large, "b1234"s, "b123"s}, line_break);
    auto lines = Open("in.jsonl", bytes, {4, 3});
    ASSERT_EQ(lines.status(), absl::OkStatus());
    EXPECT_THAT(ReadToEnd(**lines, 0, 0), ElementsAre("a123@0", Cut(large, 3, 1), Cut("b1234", 3, 2)));
    EXPECT_THAT(ReadToEnd(**lines, 1, 0), ElementsAre("b123@0"));
  }
  auto last = Open("last.jsonl", large, {3, 4});
  ASSERT_EQ(last.status(), absl::OkStatus());
  EXPECT_THAT(ReadToEnd(**last, 0, 0), ElementsAre(Cut(large, 4, 0)));
  const std::string record = "a" + std::string(299, 'x');
  auto delimited = Open("in.pb", "\xAC\x02" + record + "\x01" "a", {4, 4});
  ASSERT_EQ(delimited.status(), absl::OkStatus());
  EXPECT_THAT(ReadToEnd(**delimited, 0, 0), ElementsAre(Cut(record, 4, 0), "a@1"));
}

TEST_F(FileLogTest, LinesOfEveryLengthAroundTheChunkAreReadWhole) {
  std::string bytes;
  std::vector<std::string> expected;
  for (size_t size = (64 << 10) - 3; size < (64 << 10) + 3; ++size) {
    const std::string start(size, 'a');
    for (const std::string& line : {start, start + "\rb"}) {
      absl::StrAppend(&bytes, line, size % 2 == 0 ? "\r\n" : "\n");
      expected.push_back(absl::StrCat(line, "@", expected.size()));
    }
  }
  auto input = Open("in.jsonl", bytes);
  ASSERT_EQ(input.status(), absl::OkStatus());
  EXPECT_EQ(ReadToEnd(**input, 0, 0), expected);
}

TEST_F(FileLogTest, BytesThatAreNoTextAreReadAsTheyAre) {
  auto input = Open("in.jsonl", "a\xFF\xC0\x80\0z\n"s);
  ASSERT_EQ(input.status(), absl::OkStatus());
  EXPECT_THAT(ReadToEnd(**input, 0, 0), ElementsAre("a\xFF\xC0\x80\0z@0"s));
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

TEST_F(FileLogTest, EndIsKnownOfWhatIsBeingRead) {
  auto input = Open("in.jsonl", "a1\nb1\na2\n");
  ASSERT_EQ(input.status(), absl::OkStatus());
  EXPECT_EQ((*input)->KnownEnd({"in", 0}), std::nullopt);
  ASSERT_EQ((*input)->Start({"in", 0}, 0), absl::OkStatus());
  EXPECT_EQ((*input)->KnownEnd({"in", 0}), 2);
  (*input)->Stop({"in", 0});
  EXPECT_EQ((*input)->KnownEnd({"in", 0}), std::nullopt);
}

TEST_F(FileLogTest, OutputThatCannotWriteBeginsNothingMore) {
  std::filesystem::create_symlink("/dev/full", directory_ + "/alerts.jsonl");
  auto output = FileOutput::Open(directory_, {"alerts"});
  ASSERT_EQ(output.status(), absl::OkStatus());
  (*output)->Recover();
  ASSERT_EQ((*output)->Begin(), absl::OkStatus());
  EXPECT_EQ((*output)->Append({"alerts", 0, "key", "value", {}}), absl::OkStatus());
  (*output)->Commit({{{"in", 0}, 1}}, nullptr);
  EXPECT_NE((*output)->State(), TransactionState::kCommitted);
  (*output)->Recover();
  const absl::Status status = (*output)->Begin();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot write alerts.jsonl"));
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

TEST_F(FileLogTest, SeveralOutputsWriteToTheSameFilesAndEachTransactionStandsTogether) {
  auto one = FileOutput::Open(directory_ + "/out", {"alerts"});
  ASSERT_EQ(one.status(), absl::OkStatus());
  const std::unique_ptr<FileOutput> other = (*one)->Another();
  ASSERT_EQ((*one)->Begin(), absl::OkStatus());
  ASSERT_EQ(other->Begin(), absl::OkStatus());
  EXPECT_EQ((*one)->Append({"alerts", 0, "c1", std::nullopt, {}}), absl::OkStatus());
  EXPECT_EQ(other->Append({"alerts", 1, "c2", std::nullopt, {}}), absl::OkStatus());
  EXPECT_EQ((*one)->Append({"alerts", 0, "c3", std::nullopt, {}}), absl::OkStatus());
  other->Commit({}, nullptr);
  (*one)->Commit({}, nullptr);
  EXPECT_EQ(Read("out/alerts.jsonl"),
            "{\"key\":\"c2\",\"headers\":{},\"value\":null}\n"
            "{\"key\":\"c1\",\"headers\":{},\"value\":null}\n"
            "{\"key\":\"c3\",\"headers\":{},\"value\":null}\n");
}

TEST_F(FileLogTest, KeysAndHeadersThatAreNoTextAreWrittenInBase64) {
  auto output = FileOutput::Open(directory_ + "/out", {"alerts"});
  ASSERT_EQ(output.status(), absl::OkStatus());
  ASSERT_EQ((*output)->Begin(), absl::OkStatus());
  const std::vector<Header> headers = {{"a", "\xFF"}, {"b", "ü"}, {"\xC0\x80", "c"}};
  EXPECT_EQ((*output)->Append({"alerts", 0, "k\xED\xA0\x80", "v", headers}), absl::OkStatus());
  (*output)->Commit({}, nullptr);
  EXPECT_EQ(Read("out/alerts.jsonl"),
            R"({"key_base64":"a+2ggA==","headers":{"b":"ü"},"headers_base64":[["YQ==","/w=="],["wIA=","Yw=="]],)"
            R"("value":"v"})"
            "\n");
}

}  // namespace
}  // namespace ebb
