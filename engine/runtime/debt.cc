#include "engine/runtime/debt.h"

#include <algorithm>
#include <utility>

namespace ebb {

void Debt::Reset(Epoch low) {
  epochs_.clear();
  epochs_.push_back(std::move(low));
}

void Debt::Add(Epoch epoch) { epochs_.push_back(std::move(epoch)); }

void Debt::Written(uint64_t low_water) {
  while (!epochs_.empty() && epochs_.front().epoch < low_water) epochs_.pop_front();
}

void Debt::LogBegins(size_t source, int64_t offset) {
  if (logs_.size() <= source) logs_.resize(source + 1);
  Log& log = logs_[source];
  if (log.begin) log.largest_step = std::max(log.largest_step, offset - *log.begin);
  log.begin = offset;
}

std::optional<int64_t> Debt::margin(size_t source) const {
  if (source >= logs_.size() || !logs_[source].begin || epochs_.empty()) return std::nullopt;
  return epochs_.front().ends[source] - *logs_[source].begin;
}

bool Debt::Readable(const Epoch& after) const {
  for (size_t i = 0; i < logs_.size(); ++i) {
    // One step more may be taken before anybody looks again, and a restart takes its time, too.
    if (logs_[i].begin && after.ends[i] < *logs_[i].begin + 2 * logs_[i].largest_step) return false;
  }
  return true;
}

uint64_t Debt::LeastLow(const Epoch& open, uint64_t budget, int64_t now_ms) const {
  uint64_t low = open.epoch;
  int64_t expires_ms = open.expires_ms;
  for (auto it = epochs_.rbegin(); it != epochs_.rend(); ++it) {
    if (expires_ms <= now_ms || open.work_total - it->work_total > budget || !Readable(*it)) break;
    low = it->epoch;
    expires_ms = std::min(expires_ms, it->expires_ms);
  }
  return low;
}

bool Debt::Endangered(int64_t now_ms) const {
  if (work() == 0) return false;
  return !Readable(epochs_.front()) ||
         std::any_of(epochs_.begin() + 1, epochs_.end(), [&](const Epoch& e) { return e.expires_ms <= now_ms; });
}

}  // namespace ebb
