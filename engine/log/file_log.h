#ifndef EBB_ENGINE_LOG_FILE_LOG_H_
#define EBB_ENGINE_LOG_FILE_LOG_H_

// The ports over files, for replay: files in, files out, no group and no time.

#include <atomic>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "engine/log/cluster.h"
#include "engine/log/file_record.h"
#include "engine/log/input.h"
#include "engine/log/output.h"

namespace ebb {

// A file that stands for a topic: JSON Lines, or, when its name does not end in .jsonl, messages each behind its length
// as a varint.
struct FileTopic {
  std::string path;
  // The partition of a record by its value, 0 to partitions − 1.
  std::function<int32_t(std::string_view value)> partition_of;
  // A record that is cut goes to partition 0, with the headers of truncation.h.
  FileRecordLimits limits = {};
};

// Offsets are places within the partition, from 0. Records have no key, and headers only when they are cut. One thread.
class FileInput final : public Input {
 public:
  // NotFound: a file cannot be read. DataLoss: a length is not one, or a file ends within a record.
  // Reads every file once, to learn which record belongs where.
  static absl::StatusOr<std::unique_ptr<FileInput>> Open(std::map<std::string, FileTopic> topics, int32_t partitions);

  // One more for the same files, for another thread: it knows what Open has learned, and counts with this one.
  std::unique_ptr<FileInput> Another() const;

  absl::Status Start(const TopicPartition& partition, int64_t offset) override;
  void Stop(const TopicPartition& partition) override;
  absl::StatusOr<Polled> Poll(const TopicPartition& partition, size_t max_records, RecordBatch* batch) override;
  std::optional<int64_t> KnownEnd(const TopicPartition& partition) const override;

  // Of all files, and of those read so far.
  int64_t records() const { return files_->records; }
  int64_t records_read() const { return files_->records_read; }
  // The records of a partition; 0 for a topic without a file.
  int64_t Count(const TopicPartition& partition) const;

 private:
  struct Contents {
    std::string path;
    bool lines = true;
    FileRecordLimits limits;
    std::vector<uint16_t> partitions;  // Of each record, in order.
    std::vector<int64_t> counts;       // By partition.
  };
  // What all inputs of the same files share.
  struct Files {
    std::map<std::string, Contents> topics;
    int64_t records = 0;
    std::atomic<int64_t> records_read = 0;
  };
  // One partition's own pass through the file: it buffers nothing of the others.
  struct Reader {
    const Contents* contents = nullptr;
    std::ifstream file;
    size_t record = 0;   // In the file.
    int64_t offset = 0;  // In the partition.
  };

  explicit FileInput(std::shared_ptr<Files> files) : files_(std::move(files)) {}

  const std::shared_ptr<Files> files_;  // Changed by Open alone, but for records_read.
  std::map<TopicPartition, Reader> readers_;
};

// A topic whose values become rows of a table.
struct FileTable {
  std::string file;  // Its name in the directory.
  std::string head;  // The first line, with its end.
  std::function<std::string(std::string_view value)> row;  // Any thread.
};

// Writes DIR/TOPIC.jsonl, a line a record: {"key":…,"headers":{…},"value":…}. The value stands as JSON when its
// content-type says so, else as text. What is not UTF-8 stands in base64: as "key_base64", as "value_base64", and
// headers as pairs of name and value in "headers_base64". What is not committed is not written; where writing fails,
// Begin says so ever after. One thread.
class FileOutput final : public Output {
 public:
  // Empties the files of `topics`, making the directory if need be; records of other topics are not kept. Those of
  // topics in `tables` become rows of these.
  static absl::StatusOr<std::unique_ptr<FileOutput>> Open(const std::string& directory,
                                                          const std::set<std::string>& topics,
                                                          std::map<std::string, FileTable> tables = {});
  // One more to the same files, for another thread: what one commits stands together.
  std::unique_ptr<FileOutput> Another() const;

  absl::Status Begin() override;
  absl::Status Append(const OutputRecord& record) override;
  void Commit(std::vector<CommittedOffset> offsets, std::shared_ptr<const GroupToken> token) override;
  void Abort() override;
  void Recover() override { state_ = TransactionState::kNone; }
  TransactionState State() override { return state_; }
  int64_t LastOffset(const TopicPartition&) const override { return -1; }
  absl::Status LastError() const override { return error_; }

 private:
  // What all outputs to the same files share.
  struct Files {
    std::mutex mutex;  // While writing; the maps stay as Open has made them.
    std::map<std::string, std::ofstream> streams;
    std::map<std::string, FileTable> tables;

    std::string NameOf(const std::string& topic) const;
  };

  explicit FileOutput(std::shared_ptr<Files> files) : files_(std::move(files)) {}

  TransactionState state_ = TransactionState::kNone;
  const std::shared_ptr<Files> files_;
  std::map<std::string, std::string> pending_;
  absl::Status error_;
};

// Files have no past: no committed offsets, an empty changelog.
class FileCluster final : public Cluster {
 public:
  // The input must outlive it.
  FileCluster(const FileInput* input, int32_t partitions) : input_(input), partitions_(partitions) {}

  absl::StatusOr<std::vector<std::optional<int64_t>>> CommittedOffsets(
      const std::vector<TopicPartition>& partitions) override;
  absl::StatusOr<Bounds> WrittenBounds(const TopicPartition& partition) override;
  absl::StatusOr<int64_t> OffsetAt(const TopicPartition& partition, absl::Time time) override;
  absl::StatusOr<int32_t> PartitionCount(const std::string& topic) override;
  absl::StatusOr<std::map<std::string, std::string>> TopicSettings(const std::string& topic) override;

 private:
  const FileInput* const input_;
  const int32_t partitions_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_LOG_FILE_LOG_H_
