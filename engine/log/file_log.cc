#include "engine/log/file_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "engine/log/truncation.h"
#include "state/text.h"
#include "state/utf8.h"

namespace ebb {
namespace {

bool IsLines(const std::string& path) { return path.ends_with(".jsonl"); }

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      absl::StrAppend(&out, "\\u", absl::Hex(byte, absl::kZeroPad4));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

std::string Base64(std::string_view bytes) {
  return Text("\"", absl::Base64Escape(absl::string_view(bytes.data(), bytes.size())), "\"");
}

// A member of an object: text, or, under its name and "_base64", bytes that are none.
std::string Member(std::string_view name, std::string_view bytes) {
  if (IsUtf8(bytes)) return Text(Quoted(name), ":", Quoted(bytes));
  return Text(Quoted(Text(name, "_base64")), ":", Base64(bytes));
}

// Headers that are text as one object; the others, which no object can name, as pairs in base64.
std::string Headers(const std::vector<Header>& headers) {
  std::string texts, others;
  for (const auto& [name, value] : headers) {
    if (IsUtf8(name) && IsUtf8(value)) {
      absl::StrAppend(&texts, texts.empty() ? "" : ",", Quoted(name), ":", Quoted(value));
    } else {
      absl::StrAppend(&others, others.empty() ? "" : ",", "[", Base64(name), ",", Base64(value), "]");
    }
  }
  return Text("\"headers\":{", texts, "}", others.empty() ? "" : Text(",\"headers_base64\":[", others, "]"));
}

std::string Line(const OutputRecord& record) {
  const auto& headers = record.headers;
  const bool is_json =
      std::find(headers.begin(), headers.end(), Header("content-type", "application/json")) != headers.end();
  std::string value = "\"value\":null";
  if (record.value && is_json) {
    // A line break in JSON can only be space between tokens.
    value = Text("\"value\":", absl::StrReplaceAll(*record.value, {{"\n", " "}, {"\r", " "}}));
  } else if (record.value) {
    value = Member("value", *record.value);
  }
  return Text("{", Member("key", record.key), ",", Headers(headers), ",", value, "}\n");
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileInput>> FileInput::Open(std::map<std::string, FileTopic> topics,
                                                           int32_t partitions) {
  auto files = std::make_shared<Files>();
  for (const auto& [topic, of] : topics) {
    Contents& contents = files->topics[topic];
    contents.path = of.path;
    contents.lines = IsLines(of.path);
    contents.limits = of.limits;
    contents.counts.resize(static_cast<size_t>(partitions));
    std::ifstream file(of.path, std::ios::binary);
    if (!file) return absl::NotFoundError(Text("cannot read ", of.path, ": ", std::strerror(errno)));
    for (;;) {
      auto record = ReadRecord(file, contents.lines, of.limits, of.path);
      if (!record.ok()) return record.status();
      if (!*record) break;
      const int32_t partition = (*record)->cut() ? 0 : of.partition_of((*record)->value);
      if (partition < 0 || partition >= partitions) {
        return absl::InvalidArgumentError(
            Text(of.path, ": expected a partition from 0 to ", partitions - 1, " for a record, got ", partition));
      }
      contents.partitions.push_back(static_cast<uint16_t>(partition));
      ++contents.counts[static_cast<size_t>(partition)];
      ++files->records;
    }
  }
  return std::unique_ptr<FileInput>(new FileInput(std::move(files)));
}

std::unique_ptr<FileInput> FileInput::Another() const { return std::unique_ptr<FileInput>(new FileInput(files_)); }

int64_t FileInput::Count(const TopicPartition& partition) const {
  auto it = files_->topics.find(partition.topic);
  return it == files_->topics.end() ? 0 : it->second.counts[static_cast<size_t>(partition.partition)];
}

absl::Status FileInput::Start(const TopicPartition& partition, int64_t offset) {
  Reader& reader = readers_[partition];
  reader = Reader();
  auto it = files_->topics.find(partition.topic);
  if (it == files_->topics.end()) return absl::OkStatus();
  reader.contents = &it->second;
  reader.file.open(it->second.path, std::ios::binary);
  RecordBatch skipped;
  while (reader.offset < offset) {
    auto polled = Poll(partition, 1, &skipped);
    if (!polled.ok()) return polled.status();
    if (polled->at_end && reader.offset < offset) {
      return absl::OutOfRangeError(Text(it->second.path, " has no record ", offset));
    }
    skipped.Clear();
  }
  return absl::OkStatus();
}

void FileInput::Stop(const TopicPartition& partition) { readers_.erase(partition); }

absl::StatusOr<Input::Polled> FileInput::Poll(const TopicPartition& partition, size_t max_records, RecordBatch* batch) {
  Polled polled;
  Reader& reader = readers_[partition];
  if (reader.contents != nullptr) {
    const std::vector<uint16_t>& owners = reader.contents->partitions;
    while (polled.records < max_records && reader.offset < Count(partition)) {
      auto record = ReadRecord(reader.file, reader.contents->lines, reader.contents->limits, reader.contents->path);
      if (!record.ok()) return record.status();
      if (!*record || reader.record >= owners.size()) {
        return absl::DataLossError(Text(reader.contents->path, " has changed while it was read"));
      }
      if (owners[reader.record++] != partition.partition) continue;
      batch->Add(reader.offset++, 0, "", (*record)->value);
      if ((*record)->cut()) {
        batch->AddHeader(kTruncatedBytesHeader, Text((*record)->bytes));
        batch->AddHeader(kTruncatedDigestHeader, Text(absl::Hex((*record)->digest, absl::kZeroPad16)));
      }
      ++polled.records;
    }
    files_->records_read += static_cast<int64_t>(polled.records);
  }
  polled.at_end = reader.offset >= Count(partition);
  polled.end_offset = reader.offset;
  return polled;
}

std::optional<int64_t> FileInput::KnownEnd(const TopicPartition& partition) const {
  if (!readers_.contains(partition)) return std::nullopt;
  return Count(partition);
}

absl::StatusOr<std::unique_ptr<FileOutput>> FileOutput::Open(const std::string& directory,
                                                             const std::set<std::string>& topics,
                                                             std::map<std::string, FileTable> tables) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  auto files = std::make_shared<Files>();
  files->tables = std::move(tables);
  for (const std::string& topic : topics) {
    const auto table = files->tables.find(topic);
    const bool is_table = table != files->tables.end();
    const std::string path = Text(directory, "/", files->NameOf(topic));
    std::ofstream& file = files->streams[topic];
    file.open(path, std::ios::binary | std::ios::trunc);
    if (is_table) file << table->second.head << std::flush;
    if (!file) return absl::PermissionDeniedError(Text("cannot write ", path));
  }
  return std::unique_ptr<FileOutput>(new FileOutput(std::move(files)));
}

std::string FileOutput::Files::NameOf(const std::string& topic) const {
  const auto table = tables.find(topic);
  return table == tables.end() ? topic + ".jsonl" : table->second.file;
}

std::unique_ptr<FileOutput> FileOutput::Another() const { return std::unique_ptr<FileOutput>(new FileOutput(files_)); }

absl::Status FileOutput::Begin() {
  if (!error_.ok()) return error_;
  if (state_ == TransactionState::kOpen) return absl::FailedPreconditionError("a transaction is open");
  state_ = TransactionState::kOpen;
  return absl::OkStatus();
}

absl::Status FileOutput::Append(const OutputRecord& record) {
  if (!files_->streams.contains(record.topic)) return absl::OkStatus();
  const auto table = files_->tables.find(record.topic);
  const bool is_row = table != files_->tables.end() && record.value;
  pending_[record.topic] += is_row ? table->second.row(*record.value) : Line(record);
  return absl::OkStatus();
}

void FileOutput::Commit(std::vector<CommittedOffset>, std::shared_ptr<const GroupToken>) {
  state_ = TransactionState::kCommitted;
  const std::lock_guard lock(files_->mutex);
  for (auto& [topic, text] : pending_) {
    std::ofstream& file = files_->streams[topic];
    file << text << std::flush;
    text.clear();
    if (file) continue;
    error_ = absl::ResourceExhaustedError(Text("cannot write ", files_->NameOf(topic), "; is the disk full?"));
    state_ = TransactionState::kAborted;
  }
}

void FileOutput::Abort() {
  pending_.clear();
  state_ = TransactionState::kAborted;
}

absl::StatusOr<std::vector<std::optional<int64_t>>> FileCluster::CommittedOffsets(
    const std::vector<TopicPartition>& partitions) {
  return std::vector<std::optional<int64_t>>(partitions.size());
}

absl::StatusOr<Cluster::Bounds> FileCluster::WrittenBounds(const TopicPartition& partition) {
  return Bounds{0, input_->Count(partition)};
}

absl::StatusOr<int64_t> FileCluster::OffsetAt(const TopicPartition&, absl::Time) { return 0; }

absl::StatusOr<int32_t> FileCluster::PartitionCount(const std::string&) { return partitions_; }

absl::StatusOr<std::map<std::string, std::string>> FileCluster::TopicSettings(const std::string&) {
  return absl::UnimplementedError("files have no settings");
}

}  // namespace ebb
