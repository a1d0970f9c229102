#include "engine/expression/scratch.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace ebb::expression {
namespace {

constexpr size_t kFirstBlockBytes = 4096;
constexpr size_t kMaxZoneBytes = 64;

bool FindDistance(std::string_view name, absl::TimeZone* zone) {
  const bool shaped = name.size() == 6 && (name[0] == '+' || name[0] == '-') && name[3] == ':' &&
                      absl::ascii_isdigit(name[1]) && absl::ascii_isdigit(name[2]) && absl::ascii_isdigit(name[4]) &&
                      absl::ascii_isdigit(name[5]);
  if (!shaped) return false;
  const int hours = (name[1] - '0') * 10 + (name[2] - '0');
  const int minutes = (name[4] - '0') * 10 + (name[5] - '0');
  if (hours > 18 || minutes > 59) return false;
  *zone = absl::FixedTimeZone((hours * 60 + minutes) * (name[0] == '-' ? -60 : 60));
  return true;
}

}  // namespace

void Scratch::Reset() {
  block_ = 0;
  used_ = 0;
  allocated_ = 0;
}

char* Scratch::Allocate(size_t size) {
  size = (size + alignof(std::max_align_t) - 1) & ~(alignof(std::max_align_t) - 1);
  if (size > kMaxScratchBytes - allocated_) return nullptr;
  allocated_ += size;
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < size) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const size_t bytes = std::max(size, kFirstBlockBytes << std::min<size_t>(block_, 8));
    blocks_.push_back({std::make_unique<char[]>(bytes), bytes});
  }
  char* const begin = blocks_[block_].bytes.get() + used_;
  used_ += size;
  return begin;
}

const absl::TimeZone* Scratch::Zone(std::string_view name) {
  const auto found = zones_.find(absl::string_view(name.data(), name.size()));
  if (found != zones_.end()) return found->second.get();
  absl::TimeZone zone;
  const bool known = FindZone(name, &zone);
  if (name.size() > kMaxZoneBytes) return nullptr;
  if (zones_.size() >= kMaxZones) zones_.clear();
  return (zones_[std::string(name)] = known ? std::make_unique<absl::TimeZone>(zone) : nullptr).get();
}

bool FindZone(std::string_view name, absl::TimeZone* zone) {
  if (name.empty() || name.size() > kMaxZoneBytes) return false;
  if (FindDistance(name, zone)) return true;
  // No paths, and nothing that depends on the machine.
  const bool is_name =
      absl::ascii_isalpha(name.front()) && name != "localtime" && std::all_of(name.begin(), name.end(), [](char c) {
        return absl::ascii_isalnum(c) || c == '/' || c == '_' || c == '+' || c == '-';
      });
  return is_name && absl::LoadTimeZone(std::string(name), zone);
}

}  // namespace ebb::expression
