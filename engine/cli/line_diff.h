#ifndef EBB_ENGINE_CLI_LINE_DIFF_H_
#define EBB_ENGINE_CLI_LINE_DIFF_H_

#include <string>
#include <string_view>

namespace ebb {

// What leads from one text to the other, line by line: "-" before lines that go, "+" before those that come, a blank
// before those that stay, of which only three beside each change are shown. Empty when the texts are equal. Time and
// memory grow with the product of the numbers of lines between the first and the last that differ; beyond 16 million
// all of those go and come. Any thread.
// Source: the longest common subsequence by dynamic programming, Wagner and Fischer 1974.
std::string DiffLines(std::string_view before, std::string_view after);

}  // namespace ebb

#endif  // EBB_ENGINE_CLI_LINE_DIFF_H_
