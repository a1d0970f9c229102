#include "engine/pipeline/yaml_config.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/pipeline/test_config.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Surroundings Fake() {
  Surroundings fake;
  fake.variable = [](std::string_view name) -> std::optional<std::string> {
    static const std::map<std::string, std::string, std::less<>> variables = {
        {"COUNT", "7"}, {"EMPTY", ""}, {"NAME", "ada"}, {"TRICK", "${COUNT}"}, {"LATIN", "\xe9"}};
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  fake.file = [](std::string_view path) -> absl::StatusOr<std::string> {
    if (path == "/run/secret") return std::string("s3cr3t\n");
    return absl::NotFoundError("No such file or directory");
  };
  return fake;
}

// The message as text, or the mistakes.
std::string Decode(const std::string& yaml, google::protobuf::Message& message) {
  Mistakes mistakes("f");
  const ConfigNode root = ParseConfig(yaml, Fake(), mistakes);
  DecodeConfig(root, message, mistakes);
  return std::string(mistakes.ToStatus().message());
}

std::string MistakesIn(const std::string& yaml) {
  test::EverythingConfig config;
  return Decode(yaml, config);
}

test::EverythingConfig Good(const std::string& yaml) {
  test::EverythingConfig config;
  EXPECT_EQ(Decode(yaml, config), "");
  return config;
}

TEST(YamlConfigTest, ReadsEveryKindOfField) {
  const test::EverythingConfig config = Good(R"(
count: 12
big: 18446744073709551615
ratio: 0.25
on: false
mode: careful
size_bytes: 512KiB
since_ms: 2024-02-29T18:30:00+01:00
wait: 2h30m
color: GREEN
limits: {per_day: 4, window: 36h}
named: {name: n}
words: [a, "b c"]
spans: [250ms, 1.5s]
weights: {x: 1, y: -2e3}
by_number: {3: {name: three}}
list: [{name: first}, {name: second, limits: {per_day: 9}}]
right: 8
)");
  EXPECT_EQ(config.ShortDebugString(),
            "count: 12 big: 18446744073709551615 ratio: 0.25 mode: \"careful\" size_bytes: 524288 "
            "since_ms: 1709227800000 wait { seconds: 9000 } color: GREEN "
            "limits { per_day: 4 window { seconds: 129600 } } "
            "named { name: \"n\" limits { per_day: 3 window { seconds: 86400 } } } words: \"a\" words: \"b c\" "
            "spans { nanos: 250000000 } spans { seconds: 1 nanos: 500000000 } "
            "weights { key: \"x\" value: 1 } weights { key: \"y\" value: -2000 } "
            "by_number { key: 3 value { name: \"three\" limits { per_day: 3 window { seconds: 86400 } } } } "
            "list { name: \"first\" limits { per_day: 3 window { seconds: 86400 } } } "
            "list { name: \"second\" limits { per_day: 9 window { seconds: 86400 } } } right: 8");
}

TEST(YamlConfigTest, FillsInDefaultsAlsoOfMessagesThatAreAbsent) {
  EXPECT_EQ(Good("").ShortDebugString(),
            "count: 5 ratio: 0.5 on: true mode: \"fast\" limits { per_day: 3 window { seconds: 86400 } } "
            "spans { seconds: 604800 } spans { seconds: 2592000 }");
}

TEST(YamlConfigTest, WhatIsGivenAsZeroOrEmptyKeepsNoDefault) {
  const test::EverythingConfig config = Good("count: 0\non: false\nspans: []\nratio: 0\n");
  EXPECT_EQ(config.ShortDebugString(), "mode: \"fast\" limits { per_day: 3 window { seconds: 86400 } }");
}

TEST(YamlConfigTest, NamesEveryMistakeWithItsPlace) {
  EXPECT_EQ(MistakesIn(R"(count: twelve
coutn: 3
ratio: .inf
on: yes
mode: carefull
size_bytes: 12 parsecs
since_ms: yesterday
wait: 10
color: GREN
limits: 5
named: {nam: n}
words: word
spans: [1s, {}]
weights: {x: heavy}
by_number: {three: {name: t}}
left: a
right: 2
)"),
            R"(f:1:8: expected a whole number, got "twelve"
f:2:1: unknown key "coutn"; did you mean "count"?
f:3:8: expected a finite number, got ".inf"
f:4:5: expected true or false, got "yes"
f:5:7: expected fast or careful, got "carefull"; did you mean "careful"?
f:6:13: expected a number of bytes such as 4096, 64KiB, 512MiB or 2GiB, got "12 parsecs"
f:7:11: expected a time such as 2024-02-29 or 2024-02-29T18:30:00Z, got "yesterday"
f:8:7: expected a duration such as 250ms, 10s, 5m, 7d or 2h30m, got "10"
f:9:8: expected RED or GREEN, got "GREN"; did you mean "GREEN"?
f:10:9: expected a mapping of per_day and window, got "5"
f:11:1: required key "name" is missing
f:11:9: unknown key "nam"; did you mean "name"?
f:12:8: expected a list such as [a, b], got "word"
f:13:13: expected a duration such as 250ms, 10s, 5m, 7d or 2h30m, got a mapping
f:14:14: expected a finite number, got "heavy"
f:15:13: expected a whole number as the key, got "three"
f:17:1: only one of left and right may be given)");
}

TEST(YamlConfigTest, KeepsValuesWithinTheirBounds) {
  EXPECT_EQ(MistakesIn("count: 64\nratio: 0\nsize_bytes: 1GiB\nwait: 1s\n"), "");
  EXPECT_EQ(MistakesIn("count: 65\nratio: -0.1\nsize_bytes: 2GiB\nwait: 999ms\nspans: [1s]\nlimits:\n  per_day: 0\n"),
            R"(f:1:8: must be at most 64, got "65"
f:2:8: must be at least 0, got "-0.1"
f:3:13: must be at most 1GiB, got "2GiB"
f:4:7: must be at least 1s, got "999ms"
f:7:12: must be at least 1, got "0")");
  EXPECT_EQ(MistakesIn("count: 3000000000\nbig: -1\nsize_bytes: 9223372036854775807GiB\nratio: nan\nsmall: 1e999\n"),
            R"(f:1:8: expected a whole number from -2147483648 to 2147483647, got "3000000000"
f:2:6: expected a whole number from 0 to 18446744073709551615, got "-1"
f:3:13: expected a number of bytes such as 4096, 64KiB, 512MiB or 2GiB, got "9223372036854775807GiB"
f:4:8: expected a finite number, got "nan"
f:5:8: expected a finite number, got "1e999")");
}

TEST(YamlConfigTest, KeysThatHaveNoValueOrStandTwiceAreMistakes) {
  EXPECT_EQ(MistakesIn("count:\nmode: fast\non: true\nmode: careful\n? [a]\n: b\n"),
            R"(f:1:1: expected a whole number, got nothing
f:4:1: key "mode" is given twice, first in line 2
f:5:3: a key must be a word)");
}

TEST(YamlConfigTest, ReplacesVariablesAndFilesInValues) {
  const test::EverythingConfig config = Good(R"(
count: ${COUNT}
left: "${NAME}-${UNSET:-none}-${EMPTY:-nothing}-${EMPTY}-$${NAME}-$5"
words: ["${TRICK}", "${file:/run/secret}"]
mode: ${MODE:-careful}
)");
  EXPECT_EQ(config.count(), 7);
  EXPECT_EQ(config.left(), "ada-none-nothing--${NAME}-$5");
  EXPECT_EQ(config.words(0), "${COUNT}") << "what a variable holds is not looked at again";
  EXPECT_EQ(config.words(1), "s3cr3t");
  EXPECT_EQ(config.mode(), "careful");
}

TEST(YamlConfigTest, WhatCannotBeReplacedIsAMistakeAtItsPlace) {
  EXPECT_EQ(MistakesIn("count: ${NOWHERE}\nmode: ${file:/nowhere}\nwords: ['${}', '${NAME', \"${LATIN}\"]\n"),
            R"(f:1:8: the variable NOWHERE is not set; set it, or give a default as in ${NOWHERE:-default}
f:2:7: cannot read the file "/nowhere": No such file or directory
f:3:9: expected ${NAME}, ${NAME:-default} or ${file:PATH}, got ${}; write $${ for a plain ${
f:3:16: ${ lacks its }; write $${ for a plain ${
f:3:26: not valid UTF-8)");
}

TEST(YamlConfigTest, SecretsAreNotShownInMistakes) {
  EXPECT_EQ(MistakesIn("count: ${file:/run/secret}\nmode: 'x${file:/run/secret}'\npassword: {a: b}\n"),
            R"(f:1:8: expected a whole number, got a hidden value
f:2:7: expected fast or careful, got a hidden value
f:3:11: expected a text, got a mapping)");
  Mistakes mistakes("f");
  ParseConfig("a: ${file:/run/secret}", Fake(), mistakes);
  mistakes.Add({}, "the client says s3cr3t is short");
  EXPECT_EQ(mistakes.ToStatus().message(), "f:1:1: the client says *** is short");
}

TEST(YamlConfigTest, AliasesAndMergeKeysAreFollowed) {
  const test::EverythingConfig config = Good(R"(
limits: &base {per_day: 7}
named: {name: n, limits: *base}
list:
  - &one {name: one, limits: {per_day: 2}}
  - {<<: *one, name: two}
  - <<: [{name: three}, *one]
)");
  EXPECT_EQ(config.named().limits().per_day(), 7);
  EXPECT_EQ(config.list(1).name(), "two");
  EXPECT_EQ(config.list(1).limits().per_day(), 2);
  EXPECT_EQ(config.list(2).name(), "three");
  EXPECT_EQ(MistakesIn("<<: 5\n"), "f:1:1: << takes a mapping or a list of mappings, such as *name");
}

TEST(YamlConfigTest, AliasesThatUnfoldWithoutEndAreRefused) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string item = absl::StrCat("*a", i - 1);
    absl::StrAppend(&bomb, "a", i, ": &a", i, " [", absl::StrJoin(std::vector<std::string>(10, item), ","), "]\n");
  }
  EXPECT_THAT(MistakesIn(bomb), HasSubstr("too many values once aliases are followed; allowed are"));
  EXPECT_THAT(MistakesIn("words: &w [*w]\n"), HasSubstr("nested too deeply; allowed are 64 levels"));
  std::string text = absl::StrCat("left: &t ", std::string(500'000, 'x'), "\nwords: [");
  for (int i = 0; i < 30; ++i) text += "*t, ";
  EXPECT_THAT(MistakesIn(text + "]\n"), HasSubstr("too much text once aliases are followed"));
  EXPECT_THAT(MistakesIn(std::string(400, '[') + std::string(400, ']')), HasSubstr("nested too deeply"));
  EXPECT_THAT(MistakesIn(std::string(100'000, '[')), StartsWith("f:1:"));
  EXPECT_EQ(MistakesIn(std::string(kMaxConfigBytes + 1, ' ')),
            "f:1:1: a file may have 1048576 bytes, this has 1048577");
}

TEST(YamlConfigTest, WhatIsNoYamlIsOneMistake) {
  EXPECT_EQ(MistakesIn("count: 5\nmode: [a\n"),
            "f:3:1: not YAML: end of sequence flow not found; look here and before for a bracket or quote that is not "
            "closed, and for indentation");
  const std::string more = "the document ends here, but more follows; a file holds one document, which is a mapping";
  EXPECT_EQ(MistakesIn("count: 5\n---\ncount: 6\n"), "f:2:1: " + more);
  EXPECT_EQ(MistakesIn(", count: 5\n"), "f:1:1: " + more);
  EXPECT_EQ(MistakesIn("[1, 2]"),
            "f:1:1: expected a mapping of count, big, ratio, on, mode, size_bytes, since_ms, wait, color, limits, "
            "named, words, spans, weights, by_number, list, left, right, password, inner and small, got a list");
}

TEST(YamlConfigTest, OneKindOfValueInThePlaceOfAnotherIsToldWhatBelongsThere) {
  EXPECT_EQ(MistakesIn("count: [1]\non: {a: b}\nmode: [fast]\nsize_bytes: [1]\nsince_ms: {}\ncolor: []\nweights: 5\n"
                       "by_number: [1]\nleft: [a]\n"),
            R"(f:1:8: expected a whole number, got a list
f:2:5: expected true or false, got a mapping
f:3:7: expected fast or careful, got a list
f:4:13: expected a number of bytes such as 4096, 64KiB, 512MiB or 2GiB, got a list
f:5:11: expected a time such as 2024-02-29 or 2024-02-29T18:30:00Z, got a mapping
f:6:8: expected RED or GREEN, got a list
f:7:10: expected a mapping such as {a: b}, got "5"
f:8:12: expected a mapping such as {name: {…}}, got a list
f:9:7: expected a text, got a list)");
}

TEST(YamlConfigTest, WordsBeyondTheBoundAreCounted) {
  std::vector<std::string> words;
  for (size_t i = 0; i < kMaxWords + 2; ++i) words.push_back(absl::StrCat("w", i));
  EXPECT_THAT(Listed(words, "or"), EndsWith("w38, w39 or 2 more"));
  words.resize(kMaxWords);
  EXPECT_THAT(Listed(words, "or"), EndsWith("w38 or w39"));
}

TEST(YamlConfigTest, FarTooManyMistakesAreCounted) {
  std::string yaml;
  for (int i = 0; i < 150; ++i) absl::StrAppend(&yaml, "key", i, ": 1\n");
  EXPECT_THAT(MistakesIn(yaml), EndsWith("f: and 50 more"));
}

TEST(YamlConfigTest, WhatIsPrintedReadsBackAsTheSame) {
  const test::EverythingConfig config = Good(R"(
count: 0
big: 7
ratio: 0.1
on: false
size_bytes: 3MiB
since_ms: 2024-02-29T18:30:00.125Z
wait: 1h0.5s
color: GREEN
words: ["null", "", "$${X}", "5", "a: b", "two\nlines", "~"]
spans: []
weights: {"a.b": 0.30000000000000004}
list: [{name: "#1"}]
password: hunter2
small: 0.1
)");
  const std::string yaml = PrintConfig(config, {});
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(Good(yaml), config)) << yaml;
  EXPECT_EQ(PrintConfig(Good(yaml), {}), yaml);
}

TEST(YamlConfigTest, PrintsHiddenValuesNowhere) {
  Mistakes mistakes("f");
  const std::string yaml =
      "password: hunter2\nwords: [a, '${file:/run/secret}']\nnamed: {name: '${file:/run/secret}'}\n";
  const ConfigNode root = ParseConfig(yaml, Fake(), mistakes);
  test::EverythingConfig config;
  DecodeConfig(root, config, mistakes);
  PrintOptions options;
  CollectHidden(root, *config.GetDescriptor(), "", options.hidden);
  const std::string printed = PrintConfig(config, options);
  EXPECT_THAT(printed, HasSubstr("password: (hidden)"));
  EXPECT_THAT(printed, HasSubstr("words: [a, (hidden)]"));
  EXPECT_THAT(printed, HasSubstr("name: (hidden)"));
  EXPECT_THAT(printed, Not(HasSubstr("s3cr3t")));
}

}  // namespace
}  // namespace ebb
