#include "engine/pipeline/scalar_place.h"

#include <string>

#include "gtest/gtest.h"

namespace ebb {
namespace {

// "line:column" of the `#` in the value of `a`, as it was read; "nowhere".
std::string PlaceOfMark(const std::string& yaml) {
  Mistakes mistakes("file");
  const ConfigNode root =
      ParseConfig(yaml, {[](std::string_view) { return std::optional<std::string>("x#y"); }, {}, {}}, mistakes);
  EXPECT_TRUE(mistakes.empty()) << mistakes.ToStatus();
  const ConfigNode& node = root.At("a");
  // In characters: an ä has two bytes.
  int column = 1;
  for (char byte : node.text.substr(0, node.text.find('#'))) column += (byte & 0xc0) != 0x80 ? 1 : 0;
  const auto place = PlaceWithin(yaml, node, column);
  return place ? std::to_string(place->line) + ":" + std::to_string(place->column) : "nowhere";
}

TEST(ScalarPlaceTest, IsTheCharacterInTheFile) {
  EXPECT_EQ(PlaceOfMark("a: xy#z"), "1:6");
  EXPECT_EQ(PlaceOfMark("b: c\na: \"xy#z\""), "2:7");
  EXPECT_EQ(PlaceOfMark("{b: c, a: 'xy#z'}"), "1:14");
}

TEST(ScalarPlaceTest, QuotesAreCountedAsTheyAreWritten) {
  EXPECT_EQ(PlaceOfMark("a: 'it''s #'"), "1:11");
  EXPECT_EQ(PlaceOfMark(R"(a: "say \"b\" #")"), "1:15");
  EXPECT_EQ(PlaceOfMark(R"(a: "c:\\d #")"), "1:11");
}

TEST(ScalarPlaceTest, TextsOfSeveralLinesAreFollowed) {
  EXPECT_EQ(PlaceOfMark("a: one\n   two\n   th#ree\n"), "3:6");
  EXPECT_EQ(PlaceOfMark("a: >-\n   one\n   t#wo\n"), "3:5");
  EXPECT_EQ(PlaceOfMark("a: |\n   one\n     t#wo\n"), "3:7");
  EXPECT_EQ(PlaceOfMark("a: \"one  \n   two #\"\n"), "2:8");
}

TEST(ScalarPlaceTest, TheFirstAndTheLastCharacterHaveTheirs) {
  EXPECT_EQ(PlaceOfMark("a: '#'"), "1:5");
  EXPECT_EQ(PlaceOfMark("a: x#"), "1:5");
}

TEST(ScalarPlaceTest, WhatStandsOtherwiseInTheFileIsNowhere) {
  EXPECT_EQ(PlaceOfMark("a: w${X}"), "nowhere");
  EXPECT_EQ(PlaceOfMark("a: \"\\x61 #\""), "nowhere");
  EXPECT_EQ(PlaceOfMark("b: &it x#\na: *it"), "nowhere");
}

TEST(ScalarPlaceTest, BehindTheEndIsTheEnd) {
  Mistakes mistakes("file");
  const std::string yaml = "a: xy";
  const ConfigNode root = ParseConfig(yaml, {{}, {}, {}}, mistakes);
  EXPECT_EQ(PlaceWithin(yaml, root.At("a"), 99), (Place{1, 6}));
  EXPECT_EQ(PlaceWithin(yaml, root, 1), std::nullopt);
}

}  // namespace
}  // namespace ebb
