#include "state/time_index.h"

#include "state/layout.h"

namespace ebb {

void TimeIndex::Rewind() {
  unwritten_.clear();
  read_.clear();
  read_up_to_ms_ = quiet_before_ms_ = kNoTime;
}

absl::Status TimeIndex::ReadAhead(int64_t watermark_ms) {
  constexpr int64_t kLastMs = std::numeric_limits<int64_t>::max();
  while (read_.empty() && read_up_to_ms_ < watermark_ms) {
    const int64_t until = watermark_ms > kLastMs - kLookaheadMs ? kLastMs : watermark_ms + kLookaheadMs;
    const std::string end =
        until == kLastMs ? layout::PrefixEnd(std::string(1, layout::kWake)) : layout::WakeKey(until + 1, "");
    const std::string from =
        read_up_to_ms_ == kNoTime ? std::string(1, layout::kWake) : layout::WakeKey(read_up_to_ms_ + 1, "");
    int64_t last_ms = kNoTime;
    bool more = false;
    auto status = store_->Scan(from, end, [&](std::string_view key, std::string_view) {
      auto wake = layout::WakeOf(key);
      if (!wake) return true;
      // Rows of one millisecond are never torn apart, so that read_up_to_ms_ can be a time.
      if (read_.size() >= kReadAhead && wake->first != last_ms) {
        more = true;
        return false;
      }
      last_ms = wake->first;
      read_.push_back({wake->first, std::move(wake->second)});
      return true;
    });
    if (!status.ok()) return status;
    read_up_to_ms_ = more ? last_ms : until;
  }
  return absl::OkStatus();
}

absl::StatusOr<const TimeIndex::Wake*> TimeIndex::FirstDue(int64_t watermark_ms) {
  if (watermark_ms == kNoTime || Quiet(watermark_ms)) return nullptr;
  if (auto status = ReadAhead(watermark_ms); !status.ok()) return status;
  const Wake* first = unwritten_.empty() ? nullptr : &*unwritten_.begin();
  if (!read_.empty() && (first == nullptr || read_.front() <= *first)) first = &read_.front();
  if (first != nullptr && first->time_ms <= watermark_ms) return first;
  // What is not read yet comes after what is.
  quiet_before_ms_ = first == nullptr ? read_up_to_ms_ : std::min(read_up_to_ms_, first->time_ms);
  return nullptr;
}

absl::StatusOr<std::optional<TimeIndex::Wake>> TimeIndex::PopDue(int64_t watermark_ms) {
  auto first = FirstDue(watermark_ms);
  if (!first.ok()) return first.status();
  if (*first == nullptr) return std::nullopt;
  if (!read_.empty() && *first == &read_.front()) {
    Wake wake = std::move(read_.front());
    read_.pop_front();
    return wake;
  }
  Wake wake = **first;
  unwritten_.erase(unwritten_.begin());
  return wake;
}

}  // namespace ebb
