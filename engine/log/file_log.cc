#include "engine/log/file_log.h"

#include <filesystem>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "state/text.h"

namespace ebb {
namespace {

bool IsLines(const std::string& path) { return path.ends_with(".jsonl"); }

// The next record of a file; nothing at its end.
absl::StatusOr<std::optional<std::string>> ReadRecord(std::ifstream& file, bool lines, const std::string& path) {
  std::string value;
  if (lines) {
    while (std::getline(file, value)) {
      if (value.size() > FileInput::kMaxRecordBytes) break;
      if (!value.empty() && value.back() == '\r') value.pop_back();
      if (!value.empty()) return value;
    }
    if (value.size() <= FileInput::kMaxRecordBytes) return std::nullopt;
    return absl::DataLossError(Text(path, " has a line of more than ", FileInput::kMaxRecordBytes, " bytes"));
  }
  uint64_t size = 0;
  int shift = 0;
  for (;; shift += 7) {
    const int byte = file.get();
    if (byte == std::char_traits<char>::eof() && shift == 0) return std::nullopt;
    if (byte == std::char_traits<char>::eof() || shift > 28) {
      return absl::DataLossError(Text(path, " is not a file of messages behind their lengths"));
    }
    size |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  if (size > FileInput::kMaxRecordBytes) {
    return absl::DataLossError(Text(path, " has a record of ", size, " bytes; at most ", FileInput::kMaxRecordBytes,
                                    " are taken"));
  }
  value.resize(size);
  if (!file.read(value.data(), static_cast<std::streamsize>(size))) {
    return absl::DataLossError(Text(path, " ends in the middle of a record"));
  }
  return value;
}

// Whether bytes are text that JSON can carry. Source: RFC 3629.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = lead < 0x80 ? 0 : lead >> 5 == 6 ? 1 : lead >> 4 == 14 ? 2 : lead >> 3 == 30 ? 3 : -1;
    if (more < 0 || i + static_cast<size_t>(more) >= text.size()) return false;
    for (int k = 1; k <= more; ++k) {
      if ((static_cast<unsigned char>(text[i + static_cast<size_t>(k)]) & 0xc0) != 0x80) return false;
    }
    i += static_cast<size_t>(more) + 1;
  }
  return true;
}

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

std::string Line(const OutputRecord& record) {
  std::string line = Text("{\"key\":", Quoted(record.key), ",\"headers\":{");
  bool is_json = false;
  const char* separator = "";
  for (const auto& [name, value] : record.headers) {
    absl::StrAppend(&line, separator, Quoted(name), ":", Quoted(value));
    is_json |= name == "content-type" && value == "application/json";
    separator = ",";
  }
  line += "},";
  if (!record.value) {
    line += "\"value\":null";
  } else if (is_json) {
    // A line break in JSON can only be space between tokens.
    absl::StrAppend(&line, "\"value\":", absl::StrReplaceAll(*record.value, {{"\n", " "}, {"\r", " "}}));
  } else if (IsUtf8(*record.value)) {
    absl::StrAppend(&line, "\"value\":", Quoted(*record.value));
  } else {
    absl::StrAppend(&line, "\"value_base64\":\"", absl::Base64Escape(*record.value), "\"");
  }
  return line + "}\n";
}

}  // namespace

absl::StatusOr<std::unique_ptr<FileInput>> FileInput::Open(std::map<std::string, FileTopic> topics,
                                                           int32_t partitions) {
  std::unique_ptr<FileInput> input(new FileInput);
  for (const auto& [topic, of] : topics) {
    Contents& contents = input->topics_[topic];
    contents.path = of.path;
    contents.lines = IsLines(of.path);
    contents.counts.resize(static_cast<size_t>(partitions));
    std::ifstream file(of.path, std::ios::binary);
    if (!file) return absl::NotFoundError(Text("cannot read ", of.path));
    for (;;) {
      auto record = ReadRecord(file, contents.lines, of.path);
      if (!record.ok()) return record.status();
      if (!*record) break;
      const int32_t partition = of.partition_of(**record);
      if (partition < 0 || partition >= partitions) {
        return absl::InvalidArgumentError(Text(of.path, ": expected a partition from 0 to ", partitions - 1,
                                               " for a record, got ", partition));
      }
      contents.partitions.push_back(static_cast<uint16_t>(partition));
      ++contents.counts[static_cast<size_t>(partition)];
      ++input->records_;
    }
  }
  return input;
}

int64_t FileInput::Count(const TopicPartition& partition) const {
  auto it = topics_.find(partition.topic);
  return it == topics_.end() ? 0 : it->second.counts[static_cast<size_t>(partition.partition)];
}

absl::Status FileInput::Start(const TopicPartition& partition, int64_t offset) {
  Reader& reader = readers_[partition];
  reader = Reader();
  auto it = topics_.find(partition.topic);
  if (it == topics_.end()) return absl::OkStatus();
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

absl::StatusOr<Input::Polled> FileInput::Poll(const TopicPartition& partition, size_t max_records,
                                              RecordBatch* batch) {
  Polled polled;
  Reader& reader = readers_[partition];
  if (reader.contents != nullptr) {
    const std::vector<uint16_t>& owners = reader.contents->partitions;
    while (polled.records < max_records && reader.offset < Count(partition)) {
      auto record = ReadRecord(reader.file, reader.contents->lines, reader.contents->path);
      if (!record.ok()) return record.status();
      if (!*record || reader.record >= owners.size()) {
        return absl::DataLossError(Text(reader.contents->path, " has changed while it was read"));
      }
      if (owners[reader.record++] != partition.partition) continue;
      batch->Add(reader.offset++, 0, "", **record);
      ++polled.records;
      ++records_read_;
    }
  }
  polled.at_end = reader.offset >= Count(partition);
  polled.end_offset = reader.offset;
  return polled;
}

absl::StatusOr<std::unique_ptr<FileOutput>> FileOutput::Open(const std::string& directory,
                                                             const std::set<std::string>& topics) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  std::unique_ptr<FileOutput> output(new FileOutput);
  for (const std::string& topic : topics) {
    const std::string path = directory + "/" + topic + ".jsonl";
    std::ofstream& file = output->files_[topic];
    file.open(path, std::ios::binary | std::ios::trunc);
    if (!file) return absl::PermissionDeniedError(Text("cannot write ", path));
  }
  return output;
}

absl::Status FileOutput::Begin() {
  if (state_ == TransactionState::kOpen) return absl::FailedPreconditionError("a transaction is open");
  state_ = TransactionState::kOpen;
  return absl::OkStatus();
}

absl::Status FileOutput::Append(const OutputRecord& record) {
  if (files_.contains(record.topic)) pending_[record.topic] += Line(record);
  return absl::OkStatus();
}

void FileOutput::Commit(std::vector<CommittedOffset>, std::shared_ptr<const GroupToken>) {
  state_ = TransactionState::kCommitted;
  for (auto& [topic, text] : pending_) {
    std::ofstream& file = files_[topic];
    file << text << std::flush;
    text.clear();
    if (file) continue;
    error_ = absl::ResourceExhaustedError(Text("cannot write ", topic, ".jsonl; is the disk full?"));
    state_ = TransactionState::kFenced;
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
