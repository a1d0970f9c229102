#include "engine/cli/line_diff.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace ebb {
namespace {

constexpr size_t kContext = 3;
// Of the table in Compare, 64 MiB: some 4,000 lines by as many.
constexpr size_t kMostPairs = 16 << 20;

struct Line {
  char mark = ' ';
  std::string_view text;
};

std::vector<std::string_view> LinesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// The lines of both between a common beginning and a common end.
void Compare(const std::vector<std::string_view>& before, const std::vector<std::string_view>& after,
             std::vector<Line>* lines) {
  const size_t rows = before.size();
  const size_t columns = after.size();
  if ((rows + 1) * (columns + 1) > kMostPairs) {
    for (const std::string_view line : before) lines->push_back({'-', line});
    for (const std::string_view line : after) lines->push_back({'+', line});
    return;
  }
  // common[i][j]: how many lines the rests from i and from j have in common.
  std::vector<uint32_t> common((rows + 1) * (columns + 1));
  const auto at = [&](size_t i, size_t j) -> uint32_t& { return common[i * (columns + 1) + j]; };
  for (size_t i = rows; i-- > 0;) {
    for (size_t j = columns; j-- > 0;) {
      at(i, j) = before[i] == after[j] ? at(i + 1, j + 1) + 1 : std::max(at(i + 1, j), at(i, j + 1));
    }
  }
  size_t i = 0;
  size_t j = 0;
  while (i < rows || j < columns) {
    if (i < rows && j < columns && before[i] == after[j]) {
      lines->push_back({' ', before[i++]});
      ++j;
    } else if (j == columns || (i < rows && at(i + 1, j) >= at(i, j + 1))) {
      lines->push_back({'-', before[i++]});
    } else {
      lines->push_back({'+', after[j++]});
    }
  }
}

}  // namespace

std::string DiffLines(std::string_view before, std::string_view after) {
  if (before == after) return "";
  std::vector<std::string_view> a = LinesOf(before);
  std::vector<std::string_view> b = LinesOf(after);
  std::vector<Line> lines;
  size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) lines.push_back({' ', a[head++]});
  size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const std::vector<std::string_view> end(a.end() - static_cast<ptrdiff_t>(tail), a.end());
  Compare({a.begin() + static_cast<ptrdiff_t>(head), a.end() - static_cast<ptrdiff_t>(tail)},
          {b.begin() + static_cast<ptrdiff_t>(head), b.end() - static_cast<ptrdiff_t>(tail)}, &lines);
  for (const std::string_view line : end) lines.push_back({' ', line});
  std::string text;
  for (size_t i = 0; i < lines.size(); ++i) {
    const size_t from = i < kContext ? 0 : i - kContext;
    const size_t to = std::min(i + kContext + 1, lines.size());
    const bool near =
        std::any_of(lines.begin() + static_cast<ptrdiff_t>(from), lines.begin() + static_cast<ptrdiff_t>(to),
                    [](const Line& line) { return line.mark != ' '; });
    if (!near) continue;
    text += lines[i].mark;
    text.append(" ").append(lines[i].text).append("\n");
  }
  return text;
}

}  // namespace ebb
