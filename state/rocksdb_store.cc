#include "state/rocksdb_store.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <mutex>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "rocksdb/cache.h"
#include "rocksdb/db.h"
#include "rocksdb/filter_policy.h"
#include "rocksdb/options.h"
#include "rocksdb/slice_transform.h"
#include "rocksdb/table.h"
#include "rocksdb/version.h"
#include "rocksdb/write_batch.h"
#include "rocksdb/write_buffer_manager.h"
#include "state/rocksdb_disk.h"
#include "state/rocksdb_watch.h"
#include "state/step.h"
#if ROCKSDB_MAJOR >= 8
#include "rocksdb/advanced_cache.h"
#endif

namespace ebb {
namespace {

constexpr char kFamilyPrefix[] = "task-";
constexpr int kMaxOpenFiles = 512;
constexpr uint64_t kFileBytes = 32 << 20;  // With the number of open files: 16 GB without reopening any.
constexpr uint64_t kMaxManifestBytes = 16 << 20;
constexpr size_t kMultiGetRows = 128;     // Bounds the blocks pinned at once.
constexpr size_t kRowOverheadBytes = 16;  // Of a row in RocksDB's own batch, at most: tag, family, two lengths.

std::string FamilyName(int32_t partition) { return absl::StrCat(kFamilyPrefix, partition); }

std::optional<int32_t> PartitionOf(absl::string_view family) {
  int32_t partition = 0;
  if (!absl::ConsumePrefix(&family, kFamilyPrefix) || !absl::SimpleAtoi(family, &partition)) return std::nullopt;
  return partition;
}

rocksdb::Slice ToSlice(std::string_view bytes) { return rocksdb::Slice(bytes.data(), bytes.size()); }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Rows in order reach a memtable in a fraction of the time: each is looked for from where the one before went. Writes
// to one key keep their order.
std::vector<WriteBatch::Write> InOrderOfKeys(const WriteBatch& batch) {
  std::vector<WriteBatch::Write> writes = batch.writes();
  std::stable_sort(writes.begin(), writes.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return writes;
}

rocksdb::Options DatabaseOptions(const RocksDbOptions& options) {
  rocksdb::Options db;
  db.create_if_missing = true;
  db.max_open_files = kMaxOpenFiles;
  db.max_background_jobs = 2;
  db.bytes_per_sync = 1 << 20;
  db.max_manifest_file_size = kMaxManifestBytes;
  db.info_log = std::make_shared<RocksDbSilence>();
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.max_bgerror_resume_count = 0;
  // With four memtables to the quota a task alone can use it, and one that flushes does not stop the others.
  db.write_buffer_size = std::clamp<uint64_t>(options.write_buffer_bytes / 4, 64 << 10, 64 << 20);
  db.arena_block_size = std::clamp<uint64_t>(db.write_buffer_size / 64, 4 << 10, 256 << 10);
  db.max_write_buffer_number = 3;
  // Remembers where the last row of each kind went.
  db.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewCappedPrefixTransform(1));
  // Most customers that are looked for in memtables are not there.
  db.memtable_whole_key_filtering = true;
  db.memtable_prefix_bloom_size_ratio = 0.05;
  db.target_file_size_base = kFileBytes;
  db.max_bytes_for_level_base = std::max<uint64_t>(4 * db.write_buffer_size, 2 * kFileBytes);
  db.level_compaction_dynamic_level_bytes = true;
  db.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression, rocksdb::kLZ4Compression};
  return db;
}

// Memtables and readers of files are charged to the cache, so that its capacity is the bound of them all.
rocksdb::BlockBasedTableOptions TableOptions(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
  table.cache_usage_options.options_overrides[rocksdb::CacheEntryRole::kBlockBasedTableReader].charged =
      rocksdb::CacheEntryRoleOptions::Decision::kEnabled;
  table.format_version = 5;  // Read by every release from 6.6 on, also after going back to an older distribution.
  return table;
}

}  // namespace

std::string RocksDbVersion() { return absl::StrCat(ROCKSDB_MAJOR, ".", ROCKSDB_MINOR, ".", ROCKSDB_PATCH); }

class RocksDbStores::Database {
 public:
  static absl::StatusOr<std::shared_ptr<Database>> Create(const RocksDbOptions& options) {
    if (absl::Status prepared = PrepareDirectory(options); !prepared.ok()) return prepared;
    if (absl::Status room = CheckRoom(options, 0); !room.ok()) return room;
    auto database = std::make_shared<Database>(options);
    if (absl::Status opened = database->OpenFiles(); !opened.ok()) return opened;
    if (absl::Status step = AtStep(Step::kStoresOpened); !step.ok()) return step;
    return database;
  }

  explicit Database(const RocksDbOptions& options) : options_(options) {
    rocksdb::LRUCacheOptions cache;
    cache.capacity = options.block_cache_bytes + options.write_buffer_bytes;
    cache_ = rocksdb::NewLRUCache(cache);
    memtables_ = std::make_shared<rocksdb::WriteBufferManager>(options.write_buffer_bytes, cache_, false);
    rocksdb_options_ = DatabaseOptions(options);
    rocksdb_options_.write_buffer_manager = memtables_;
    rocksdb_options_.listeners = {watch_};
    rocksdb_options_.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions(cache_)));
  }

  ~Database() {
    AtStep(Step::kStoresClose).IgnoreError();
    for (rocksdb::ColumnFamilyHandle* handle : others_) db_->DestroyColumnFamilyHandle(handle);
    for (const auto& [partition, task] : tasks_) db_->DestroyColumnFamilyHandle(task.handle);
    db_.reset();
    AtStep(Step::kStoresClosed).IgnoreError();
  }

  absl::StatusOr<rocksdb::ColumnFamilyHandle*> Acquire(int32_t partition) {
    const std::lock_guard lock(mutex_);
    auto task = tasks_.find(partition);
    if (task == tasks_.end()) {
      if (options_.read_only) {
        return absl::NotFoundError(absl::StrCat("state directory ", options_.directory, " has no task ", partition));
      }
      if (const absl::Status ready = ReadyToWrite(); !ready.ok()) return ready;
      rocksdb::ColumnFamilyHandle* handle = nullptr;
      const rocksdb::Status status = db_->CreateColumnFamily(rocksdb_options_, FamilyName(partition), &handle);
      if (!status.ok()) return Outcome(status);
      task = tasks_.emplace(partition, Task{handle}).first;
      if (const absl::Status step = AtStep(Step::kTaskCreated); !step.ok()) return step;
    }
    if (task->second.open) return IsOpen(partition);
    task->second.open = true;
    return task->second.handle;
  }

  void Release(int32_t partition) {
    const std::lock_guard lock(mutex_);
    tasks_.at(partition).open = false;
  }

  absl::Status Destroy(int32_t partition) {
    const std::lock_guard lock(mutex_);
    const auto task = tasks_.find(partition);
    if (task == tasks_.end()) return absl::OkStatus();
    if (task->second.open) return IsOpen(partition);
    const rocksdb::Status status = db_->DropColumnFamily(task->second.handle);
    if (!status.ok()) return Outcome(status);
    db_->DestroyColumnFamilyHandle(task->second.handle);
    tasks_.erase(task);
    return absl::OkStatus();
  }

  std::vector<int32_t> Partitions() const {
    const std::lock_guard lock(mutex_);
    std::vector<int32_t> partitions;
    for (const auto& [partition, task] : tasks_) partitions.push_back(partition);
    return partitions;
  }

  std::vector<std::pair<std::string, double>> Figures() const {
    using Properties = rocksdb::DB::Properties;
    const uint64_t cached = cache_->GetUsage();
    return {{"block_cache_bytes", cached - std::min<uint64_t>(cached, memtables_->dummy_entries_in_cache_usage())},
            {"memtable_bytes", memtables_->memory_usage()},
            {"file_bytes", Total(Properties::kLiveSstFilesSize)},
            {"pending_compaction_bytes", Total(Properties::kEstimatePendingCompactionBytes)},
            {"background_errors_total", watch_->errors()},
            {"write_stopped", Whole(Properties::kIsWriteStopped)},
            {"write_stalls_total", watch_->stalls()}};
  }

  // What a call gave, or the failed background write behind it.
  absl::Status Outcome(const rocksdb::Status& status) const {
    return FromRocksDb(watch_->Failure(status), options_.directory);
  }

  // Whether nothing has failed so far and the disk has room, also for what is still in memory.
  absl::Status ReadyToWrite() const {
    if (const absl::Status failed = Outcome(rocksdb::Status::OK()); !failed.ok()) return failed;
    return CheckRoom(options_, memtables_->memory_usage());
  }

  // Whether writers outrun the flushes that RocksDB starts by itself, and must wait for one: it would take any memory.
  // (Its own way of holding them, allow_stall, never lets go after a failed flush.) What is too much for their share
  // takes room from the blocks, up to half of it.
  bool HasTooManyMemtables() const {
    const uint64_t room = std::min(options_.write_buffer_bytes, options_.block_cache_bytes) / 2;
    return memtables_->memory_usage() > options_.write_buffer_bytes + room;
  }

  const RocksDbOptions& options() const { return options_; }
  rocksdb::DB& db() { return *db_; }

 private:
  struct Task {
    rocksdb::ColumnFamilyHandle* handle;
    bool open = false;
  };

  // Every family must be opened, so the files are asked which there are.
  absl::Status OpenFiles() {
    std::vector<std::string> names = {rocksdb::kDefaultColumnFamilyName};
    if (std::filesystem::exists(options_.directory + "/CURRENT")) {
      names.clear();
      const rocksdb::Status listed = rocksdb::DB::ListColumnFamilies(rocksdb_options_, options_.directory, &names);
      if (!listed.ok()) return FromRocksDb(listed, options_.directory);
    }
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, rocksdb_options_);
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status =
        options_.read_only ? rocksdb::DB::OpenForReadOnly(rocksdb_options_, options_.directory, families, &handles, &db)
                           : rocksdb::DB::Open(rocksdb_options_, options_.directory, families, &handles, &db);
    if (!status.ok()) return FromRocksDb(status, options_.directory);
    db_.reset(db);
    for (rocksdb::ColumnFamilyHandle* handle : handles) {
      if (const std::optional<int32_t> partition = PartitionOf(handle->GetName()); partition.has_value()) {
        tasks_.emplace(*partition, Task{handle});
      } else {
        others_.push_back(handle);
      }
    }
    return absl::OkStatus();
  }

  uint64_t Whole(const std::string& property) const {
    uint64_t value = 0;
    return db_->GetIntProperty(property, &value) ? value : 0;
  }

  uint64_t Total(const std::string& property) const {
    uint64_t value = 0;
    return db_->GetAggregatedIntProperty(property, &value) ? value : 0;
  }

  static absl::Status IsOpen(int32_t partition) {
    return absl::FailedPreconditionError(absl::StrCat("the store of task ", partition, " is open: close it first"));
  }

  const RocksDbOptions options_;
  const std::shared_ptr<RocksDbWatch> watch_ = std::make_shared<RocksDbWatch>();
  std::shared_ptr<rocksdb::Cache> cache_;
  std::shared_ptr<rocksdb::WriteBufferManager> memtables_;
  rocksdb::Options rocksdb_options_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> others_;

  mutable std::mutex mutex_;
  std::map<int32_t, Task> tasks_;  // Guarded by mutex_.
};

// The store of one task.
class RocksDbStores::Family final : public Store {
 public:
  Family(std::shared_ptr<Database> database, int32_t partition, rocksdb::ColumnFamilyHandle* handle)
      : database_(std::move(database)), partition_(partition), handle_(handle) {}
  ~Family() override { database_->Release(partition_); }

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) override {
    std::string value;
    const rocksdb::Status status = db().Get(rocksdb::ReadOptions(), handle_, ToSlice(key), &value);
    if (status.IsNotFound()) return std::nullopt;
    if (!status.ok()) return FromRocksDb(status, directory());
    return value;
  }

  absl::StatusOr<std::vector<std::optional<std::string>>> MultiGet(absl::Span<const std::string> sorted_keys) override {
    if (!std::is_sorted(sorted_keys.begin(), sorted_keys.end())) {
      return absl::InvalidArgumentError("MultiGet expects ascending keys: sort them first");
    }
    std::vector<std::optional<std::string>> values;
    values.reserve(sorted_keys.size());
    for (size_t start = 0; start < sorted_keys.size(); start += kMultiGetRows) {
      const absl::Status status = GetSome(sorted_keys.subspan(start, kMultiGetRows), values);
      if (!status.ok()) return status;
    }
    return values;
  }

  absl::Status Scan(std::string_view from, std::string_view to, const Visitor& visit) override {
    const rocksdb::Slice bound = ToSlice(to);
    rocksdb::ReadOptions read;
    if (!to.empty()) {
      read.iterate_upper_bound = &bound;
    } else {
      read.fill_cache = false;  // A walk to the end would push out what is in use.
    }
    const std::unique_ptr<rocksdb::Iterator> row(db().NewIterator(read, handle_));
    for (row->Seek(ToSlice(from)); row->Valid(); row->Next()) {
      if (!visit(ToView(row->key()), ToView(row->value()))) break;
    }
    return FromRocksDb(row->status(), directory());
  }

  absl::Status Apply(const WriteBatch& batch) override {
    rocksdb::WriteBatch rows(batch.bytes() + batch.size() * kRowOverheadBytes);
    for (const auto& [key, value] : InOrderOfKeys(batch)) {
      const rocksdb::Status added =
          value.has_value() ? rows.Put(handle_, ToSlice(key), ToSlice(*value)) : rows.Delete(handle_, ToSlice(key));
      if (!added.ok()) return FromRocksDb(added, directory());
    }
    if (const absl::Status ready = database_->ReadyToWrite(); !ready.ok()) return ready;
    if (database_->HasTooManyMemtables()) {
      if (const absl::Status flushed = Flush(); !flushed.ok()) return flushed;
    }
    if (const absl::Status step = AtStep(Step::kStoreApplies); !step.ok()) return step;
    rocksdb::WriteOptions write;
    write.disableWAL = true;
    const absl::Status written = database_->Outcome(db().Write(write, &rows));
    return written.ok() ? AtStep(Step::kStoreApplied) : written;
  }

  absl::Status Flush() override {
    if (database_->options().read_only) return absl::OkStatus();
    rocksdb::FlushOptions flush;
    flush.allow_write_stall = true;
    return database_->Outcome(db().Flush(flush, handle_));
  }

  uint64_t Bytes() const override {
    using Properties = rocksdb::DB::Properties;
    uint64_t files = 0;
    uint64_t memtables = 0;
    database_->db().GetIntProperty(handle_, Properties::kLiveSstFilesSize, &files);
    database_->db().GetIntProperty(handle_, Properties::kCurSizeAllMemTables, &memtables);
    return files + memtables;
  }

 private:
  absl::Status GetSome(absl::Span<const std::string> keys, std::vector<std::optional<std::string>>& values) {
    std::array<rocksdb::Slice, kMultiGetRows> slices;
    std::array<rocksdb::PinnableSlice, kMultiGetRows> found;
    std::array<rocksdb::Status, kMultiGetRows> statuses;
    std::transform(keys.begin(), keys.end(), slices.begin(), [](const std::string& key) { return ToSlice(key); });
    db().MultiGet(rocksdb::ReadOptions(), handle_, keys.size(), slices.data(), found.data(), statuses.data(), true);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].ok()) {
        values.emplace_back(found[i].ToString());
      } else if (statuses[i].IsNotFound()) {
        values.emplace_back(std::nullopt);
      } else {
        return FromRocksDb(statuses[i], directory());
      }
    }
    return absl::OkStatus();
  }

  rocksdb::DB& db() { return database_->db(); }
  const std::string& directory() const { return database_->options().directory; }

  const std::shared_ptr<Database> database_;
  const int32_t partition_;
  rocksdb::ColumnFamilyHandle* const handle_;  // Owned by the database.
};

RocksDbStores::RocksDbStores(std::shared_ptr<Database> database) : database_(std::move(database)) {}
RocksDbStores::~RocksDbStores() = default;

absl::StatusOr<std::unique_ptr<RocksDbStores>> RocksDbStores::OpenDirectory(const RocksDbOptions& options) {
  absl::StatusOr<std::shared_ptr<Database>> database = Database::Create(options);
  if (!database.ok()) return database.status();
  return std::unique_ptr<RocksDbStores>(new RocksDbStores(*std::move(database)));
}

absl::StatusOr<std::unique_ptr<Store>> RocksDbStores::Open(int32_t partition) {
  const absl::StatusOr<rocksdb::ColumnFamilyHandle*> handle = database_->Acquire(partition);
  if (!handle.ok()) return handle.status();
  return std::make_unique<Family>(database_, partition, *handle);
}

absl::Status RocksDbStores::Destroy(int32_t partition) { return database_->Destroy(partition); }

std::vector<int32_t> RocksDbStores::Partitions() const { return database_->Partitions(); }

std::vector<std::pair<std::string, double>> RocksDbStores::Figures() const { return database_->Figures(); }

}  // namespace ebb
