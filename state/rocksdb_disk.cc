#include "state/rocksdb_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "rocksdb/env.h"

namespace ebb {
namespace {

absl::Status Unwritable(const std::string& directory, const std::string& reason) {
  return absl::PermissionDeniedError(absl::StrCat("state directory ", directory,
      " cannot be written: give this user access, or name another directory (", reason, ")"));
}

absl::Status Held(const std::string& directory) {
  return absl::FailedPreconditionError(absl::StrCat("state directory ", directory,
      " is in use by a running process: stop that one, or name another directory"));
}

absl::Status Full(const std::string& directory, const std::string& reason) {
  return absl::ResourceExhaustedError(absl::StrCat("the disk of state directory ", directory,
      " is full: make room and start again (", reason, ")"));
}

// RocksDB gives the system's error as text only.
bool Mentions(const std::string& text, std::initializer_list<int> errors) {
  return std::any_of(errors.begin(), errors.end(),
                     [&](int error) { return absl::StrContains(text, std::strerror(error)); });
}

bool SaysHeld(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return status.IsIOError() && (absl::StrContains(text, "lock hold by current process") || Mentions(text, {EAGAIN}));
}

}  // namespace

absl::Status FromRocksDb(const rocksdb::Status& status, const std::string& directory) {
  if (status.ok()) return absl::OkStatus();
  const std::string text = status.ToString();
  if (status.IsNoSpace()) return Full(directory, text);
  // A file that is gone is damage like a wrong checksum.
  if (status.IsCorruption() || status.IsPathNotFound()) {
    return absl::DataLossError(absl::StrCat("files in state directory ", directory,
        " are damaged: remove it, and it is built again from the changelog (", text, ")"));
  }
  if (status.IsNotSupported()) {
    return absl::FailedPreconditionError(absl::StrCat("state directory ", directory, " is open for reading only"));
  }
  if (SaysHeld(status)) return Held(directory);
  if (status.IsIOError() && Mentions(text, {EACCES, EPERM, EROFS})) return Unwritable(directory, text);
  return absl::InternalError(absl::StrCat("state directory ", directory, ": ", text));
}

absl::Status PrepareDirectory(const RocksDbOptions& options) {
  if (!options.read_only) {
    std::error_code error;
    std::filesystem::create_directories(options.directory, error);
    if (error == std::errc::no_space_on_device) return Full(options.directory, error.message());
    if (error) return Unwritable(options.directory, error.message());
  } else if (!std::filesystem::exists(options.directory + "/CURRENT")) {
    return absl::NotFoundError(absl::StrCat("there is no state in directory ", options.directory));
  }
  rocksdb::Env* env = rocksdb::Env::Default();
  rocksdb::FileLock* lock = nullptr;
  const rocksdb::Status status = env->LockFile(options.directory + "/LOCK", &lock);
  if (status.ok()) return FromRocksDb(env->UnlockFile(lock), options.directory);
  if (SaysHeld(status)) return Held(options.directory);
  if (options.read_only) return absl::OkStatus();  // No right to lock, but perhaps to read.
  if (status.IsNoSpace()) return Full(options.directory, status.ToString());
  return Unwritable(options.directory, status.ToString());
}

absl::Status CheckRoom(const RocksDbOptions& options, uint64_t unflushed_bytes) {
  if (options.read_only) return absl::OkStatus();
  std::error_code error;
  const std::filesystem::space_info disk = std::filesystem::space(options.directory, error);
  if (error || disk.capacity == 0 || disk.available >= options.reserve_bytes + unflushed_bytes) {
    return absl::OkStatus();
  }
  return Full(options.directory, absl::StrCat("expected ", options.reserve_bytes + unflushed_bytes,
                                              " bytes of room, found ", disk.available));
}

}  // namespace ebb
