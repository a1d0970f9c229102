#include "engine/cli/line_diff.h"

#include <gtest/gtest.h>

#include "state/text.h"

namespace ebb {
namespace {

TEST(LineDiffTest, EqualTextsDifferInNothing) {
  EXPECT_EQ(DiffLines("", ""), "");
  EXPECT_EQ(DiffLines("a\nb\n", "a\nb\n"), "");
}

TEST(LineDiffTest, ShowsWhatGoesAndWhatComes) {
  EXPECT_EQ(DiffLines("a\nb\nc\n", "a\nx\nc\ny\n"), "  a\n- b\n+ x\n  c\n+ y\n");
  EXPECT_EQ(DiffLines("", "a\n"), "+ a\n");
  EXPECT_EQ(DiffLines("a\n", ""), "- a\n");
}

TEST(LineDiffTest, KeepsAsManyLinesAsItCan) {
  EXPECT_EQ(DiffLines("a\nb\nc\nd\n", "b\nd\na\n"), "- a\n  b\n- c\n  d\n+ a\n");
}

TEST(LineDiffTest, ShowsThreeLinesBesideAChange) {
  std::string before;
  for (int i = 0; i < 20; ++i) before += Text(i, "\n");
  std::string after = before;
  after.replace(after.find("10\n"), 3, "ten\n");
  EXPECT_EQ(DiffLines(before, after), "  7\n  8\n  9\n- 10\n+ ten\n  11\n  12\n  13\n");
}

// Two megabytes of lines must not take sixty gigabytes of memory.
TEST(LineDiffTest, ShowsAllOfTextsThatAreTooLongToCompare) {
  std::string middle;
  for (int i = 0; i < 100'000; ++i) middle += Text(i, "\n");
  const std::string diff = DiffLines(Text("same\na\n", middle, "b\nend\n"), Text("same\nb\n", middle, "a\nend\n"));
  EXPECT_EQ(diff.substr(0, 15), "  same\n- a\n- 0\n");
  EXPECT_NE(diff.find("- b\n+ b\n+ 0\n"), std::string::npos);
  EXPECT_EQ(diff.substr(diff.size() - 10), "+ a\n  end\n");
}

}  // namespace
}  // namespace ebb
