#include "engine/runtime/allowance_tally.h"

#include <vector>

#include "absl/time/time.h"
#include "state/text.h"

namespace ebb {
namespace {

int64_t WindowAt(int64_t at_ms, int64_t length_ms) { return at_ms / length_ms - (at_ms % length_ms < 0 ? 1 : 0); }

}  // namespace

bool AllowanceTally::Take(std::string_view op, const Allowance& allowance, int64_t at_ms) {
  std::vector<Window*> windows;
  bool has_room = true;
  for (const Allowance::Limit& limit : allowance.limits()) {
    const int64_t length_ms = absl::ToInt64Milliseconds(limit.window);
    Window& window = windows_[{Text(op, "/", allowance.name()), length_ms}];
    if (const int64_t number = WindowAt(at_ms, length_ms); number > window.number || window.taken == 0) {
      window = {number, 0};
    }
    has_room = has_room && window.taken < ShareOf(limit.most);
    windows.push_back(&window);
  }
  if (!has_room) return false;
  for (Window* window : windows) ++window->taken;
  return true;
}

void AllowanceTally::Adopt(const v1::EpochRecord& record) {
  windows_.clear();
  for (const v1::EpochRecord::Allowance& allowance : record.allowances()) {
    windows_[{allowance.name(), allowance.window_ms()}] = {allowance.window(), allowance.taken()};
  }
}

void AllowanceTally::AddTo(v1::EpochRecord* record) const {
  for (const auto& [key, window] : windows_) {
    if (window.taken == 0) continue;
    v1::EpochRecord::Allowance& allowance = *record->add_allowances();
    allowance.set_name(key.first);
    allowance.set_window_ms(key.second);
    allowance.set_window(window.number);
    allowance.set_taken(window.taken);
  }
}

}  // namespace ebb
