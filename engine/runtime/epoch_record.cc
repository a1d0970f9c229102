#include "engine/runtime/epoch_record.h"

#include "state/layout.h"
#include "state/text.h"

namespace ebb {
namespace {

// More than any application lives to see, and far from where numbers end.
constexpr uint64_t kLastEpoch = uint64_t{1} << 62;
constexpr int64_t kLastOffset = int64_t{1} << 62;

// All that the ring holds, by epoch.
absl::StatusOr<std::map<uint64_t, v1::EpochRecord>> ReadRing(Store* store) {
  std::map<uint64_t, v1::EpochRecord> records;
  absl::Status status;
  const std::string first(1, layout::kEpoch);
  status.Update(store->Scan(first, layout::PrefixEnd(first), [&](std::string_view key, std::string_view value) {
    v1::EpochRecord record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      status = absl::DataLossError("an epoch record cannot be read");
      return false;
    }
    if (record.format() != kEpochRecordFormat) {
      status = absl::DataLossError(Text("an epoch record has format ", record.format(), ", expected ",
                                                kEpochRecordFormat, "; it was written by another version of ebb: run "
                                        "that one, or give the application another name to begin anew"));
      return false;
    }
    if (record.epoch() == 0 || record.epoch() > kLastEpoch || record.low_water() > record.epoch() ||
        key != layout::EpochKey(EpochSlot(record.epoch()))) {
      status = absl::DataLossError(Text("the record of epoch ", record.epoch(), ", with ", record.low_water(),
                                        " as its low-water mark, is one that no epoch has"));
      return false;
    }
    records[record.epoch()] = std::move(record);
    return true;
  }));
  if (!status.ok()) return status;
  return records;
}

}  // namespace

int64_t SliceEnd(const v1::EpochRecord& record, size_t source) {
  const int at = static_cast<int>(source);
  int64_t end = record.slices(at).from();
  for (const v1::EpochRecord::Round& round : record.rounds()) end += static_cast<int64_t>(round.advance(at));
  return end;
}

absl::Status CheckSlices(const v1::EpochRecord& record, size_t sources) {
  const int count = static_cast<int>(sources);
  bool sound = record.slices_size() == count;
  for (const v1::EpochRecord::Round& round : record.rounds()) sound &= round.advance_size() == count;
  for (int i = 0; sound && i < count; ++i) {
    int64_t left = kLastOffset - record.slices(i).from();
    sound = record.slices(i).from() >= 0 && left >= 0;
    for (const v1::EpochRecord::Round& round : record.rounds()) {
      sound &= round.advance(i) <= static_cast<uint64_t>(kLastOffset);
      if (sound) left -= static_cast<int64_t>(round.advance(i));
      sound &= left >= 0;
    }
  }
  if (sound) return absl::OkStatus();
  return absl::DataLossError(Text("the record of epoch ", record.epoch(), " does not tell of ", sources,
                                  " sources from where to where each was read"));
}

absl::StatusOr<std::optional<v1::EpochRecord>> ReadLastEpochRecord(Store* store) {
  auto records = ReadRing(store);
  if (!records.ok()) return records.status();
  if (records->empty()) return std::nullopt;
  return std::move(records->rbegin()->second);
}

absl::StatusOr<std::map<uint64_t, v1::EpochRecord>> ReadEpochRecords(Store* store) {
  auto ring = ReadRing(store);
  if (!ring.ok() || ring->empty()) return ring;
  std::map<uint64_t, v1::EpochRecord>& records = *ring;
  const uint64_t last = records.rbegin()->first;
  const uint64_t low = records.rbegin()->second.low_water();
  records.erase(records.begin(), records.lower_bound(low));
  const uint64_t expected = last - low + (low == 0 ? 0 : 1);
  if (records.size() != expected) {
    return absl::DataLossError(Text("of the epoch records ", low == 0 ? 1 : low, " to ", last, " only ",
                                            records.size(), " are there; none may be missing"));
  }
  return ring;
}

}  // namespace ebb
