#ifndef EBB_ENGINE_RUNTIME_EPOCH_RECORD_H_
#define EBB_ENGINE_RUNTIME_EPOCH_RECORD_H_

// The ring of epoch records in a task's store and changelog.

#include <cstdint>
#include <map>
#include <optional>

#include "absl/status/statusor.h"
#include "ebb/v1/changelog.pb.h"
#include "state/store.h"

namespace ebb {

inline constexpr uint32_t kEpochRecordFormat = 2;
// How many epoch records are kept. Reaching it forces write-back: the record of the low-water mark must survive,
// since it holds the watermarks to start from.
inline constexpr uint64_t kEpochRing = 1024;

inline uint32_t EpochSlot(uint64_t epoch) { return static_cast<uint32_t>(epoch % kEpochRing); }

// Where the epoch's slice of a source ended: the offset after the last record that it may have read.
int64_t SliceEnd(const v1::EpochRecord& record, size_t source);

// The last of the records in the store; nothing when there is none. Errors as below.
absl::StatusOr<std::optional<v1::EpochRecord>> ReadLastEpochRecord(Store* store);

// The records in the store by epoch, those up to the last epoch's low-water mark left out but for its own.
// DataLoss: one is missing, unreadable, impossible or of another format; the message says which.
absl::StatusOr<std::map<uint64_t, v1::EpochRecord>> ReadEpochRecords(Store* store);

// Whether a record that was read can be of a task with so many sources. DataLoss: what it says of them is impossible.
absl::Status CheckSlices(const v1::EpochRecord& record, size_t sources);

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_EPOCH_RECORD_H_
