#include "engine/observe/log.h"

#include <cmath>
#include <regex>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using testing::MatchesRegex;

class LogTest : public testing::Test {
 protected:
  void TearDown() override { SetLog(LogFormat::kText, LogLevel::kInfo); }

  template <class Write>
  std::string Written(Write write) {
    testing::internal::CaptureStderr();
    write();
    return testing::internal::GetCapturedStderr();
  }

  // The members of a line of JSON but its time, which must be well-formed.
  google::protobuf::Struct Parse(const std::string& line) {
    google::protobuf::Struct entry;
    const auto status = google::protobuf::util::JsonStringToMessage(line, &entry);
    EXPECT_TRUE(status.ok()) << status << "\n" << line;
    return entry;
  }
};

TEST_F(LogTest, TextIsMadeForReading) {
  const std::string line = Written([] {
    Log(LogLevel::kInfo, "task is live", {{"partition", 3}, {"why", "all is restored"}, {"kept", true}, {"rate", 0.5}});
  });
  EXPECT_THAT(line, MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z info "
                                 "task is live partition=3 why=\"all is restored\" kept=true rate=0.5\n"));
}

TEST_F(LogTest, JsonKeepsNumbersAndTruthValues) {
  SetLog(LogFormat::kJson, LogLevel::kInfo);
  const std::string line = Written([] {
    Log(LogLevel::kWarning, "slow \"commit\"",
        {{"seconds", 1.25}, {"epoch", uint64_t{17}}, {"kept", false}, {"who", std::string("a\\b")}});
  });
  EXPECT_THAT(line, MatchesRegex("\\{\"time\":\"[-0-9]{10}T[:0-9]{8}\\.[0-9]{3}Z\",\"level\":\"warning\","
                                 "\"message\":\"slow \\\\\"commit\\\\\"\",\"seconds\":1.25,\"epoch\":17,"
                                 "\"kept\":false,\"who\":\"a\\\\\\\\b\"\\}\n"));
  EXPECT_EQ(Parse(line).fields().at("message").string_value(), "slow \"commit\"");
  EXPECT_EQ(Parse(line).fields().at("who").string_value(), "a\\b");
}

TEST_F(LogTest, WhatIsBelowTheLevelIsNotWritten) {
  SetLog(LogFormat::kText, LogLevel::kWarning);
  EXPECT_EQ(Written([] { Log(LogLevel::kInfo, "quiet"); }), "");
  EXPECT_NE(Written([] { Log(LogLevel::kError, "loud"); }), "");
  SetLog(LogFormat::kText, LogLevel::kDebug);
  EXPECT_NE(Written([] { Log(LogLevel::kDebug, "whisper"); }), "");
}

TEST_F(LogTest, ControlCharactersCannotForgeLinesOrReachTheTerminal) {
  const std::string evil = "a\nb\r\x1b[2J\x7f\xc2\x9b" "1m";
  const std::string line = Written([&] { Log(LogLevel::kInfo, evil, {{"id", evil}}); });
  EXPECT_TRUE(line.ends_with(" a\\nb\\u000d\\u001b[2J\\u007f\\u009b1m "
                             "id=\"a\\nb\\u000d\\u001b[2J\\u007f\\u009b1m\"\n"))
      << line;
}

TEST_F(LogTest, JsonIsValidWhateverTheBytes) {
  SetLog(LogFormat::kJson, LogLevel::kInfo);
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  // Overlong, surrogate, beyond the last character, cut short.
  bytes += "\xc0\x80|\xe0\x80\x80|\xed\xa0\x80|\xf0\x80\x80\x80|\xf4\x90\x80\x80|\xf0\x9f\x98";
  const std::string line = Written([&] { Log(LogLevel::kInfo, bytes, {{"nan", std::nan("")}}); });
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_EQ(Parse(line).fields().at("nan").string_value(), "nan");
}

TEST_F(LogTest, WellFormedTextIsKept) {
  SetLog(LogFormat::kJson, LogLevel::kInfo);
  const std::string text = "Zoë ¥ € 漢字 😀 \t";
  EXPECT_EQ(Parse(Written([&] { Log(LogLevel::kInfo, text); })).fields().at("message").string_value(), text);
}

TEST_F(LogTest, PercentSignsAndBracesAreText) {
  EXPECT_TRUE(Written([] { Log(LogLevel::kInfo, "50% {} %v \"so\" \\"); }).ends_with(" info 50% {} %v \"so\" \\\n"));
}

TEST_F(LogTest, LinesOfSeveralThreadsAreWhole) {
  const std::string text = Written([] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([] {
        for (int j = 0; j < 100; ++j) Log(LogLevel::kInfo, "whole", {{"j", j}});
      });
    }
    for (std::thread& thread : threads) thread.join();
  });
  const std::regex whole("[-0-9]{10}T[:.0-9]{12}Z info whole j=[0-9]+\n");
  EXPECT_EQ(std::distance(std::sregex_iterator(text.begin(), text.end(), whole), std::sregex_iterator()), 400);
}

}  // namespace
}  // namespace ebb
