#include "engine/codec/event_decoder.h"

#include <limits>
#include <string>

#include "ebb/v1/purchase.pb.h"
#include "engine/codec/plain_event.pb.h"
#include "engine/log/truncation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ebb {
namespace {

using testing::EndsWith;
using testing::StartsWith;

// A source of one partition that takes events of any time.
SourceSpec Source(const std::string& format, const google::protobuf::Message& prototype) {
  SourceSpec spec{"in", {}, &prototype};
  spec.config.set_type(prototype.GetTypeName());
  spec.config.set_format(format);
  spec.config.set_max_bytes(100);
  spec.config.set_not_after(100'000'000);
  spec.config.mutable_max_ahead()->set_seconds(5400);
  return spec;
}

// Why a record is not taken, as "reason: text"; empty when it is.
std::string Refused(const SourceSpec& spec, const std::string& value, const std::string& truncated_bytes = "",
                    int64_t time_ms = 0) {
  RecordBatch batch;
  batch.Add(0, time_ms, "key", value);
  if (!truncated_bytes.empty()) batch.AddHeader(kTruncatedBytesHeader, truncated_bytes);
  EventDecoder decoder(spec, 0, 1);
  const std::optional<Rejection> rejection = decoder.Decode(batch[0]);
  return rejection ? rejection->reason + ": " + rejection->text : "";
}

std::string InJson(const std::string& value) {
  return Refused(Source("json", v1::Purchase::default_instance()), value);
}
std::string InProtobuf(const std::string& value) {
  return Refused(Source("protobuf", v1::Purchase::default_instance()), value);
}

TEST(EventDecoderTest, WhatIsNotTheMessageIsToldWithItsTypeAndWhatTheParserSays) {
  EXPECT_EQ(InJson("{"),
            "unparsable: not an ebb.v1.Purchase in JSON: Unexpected end of string. Expected an object key or }.");
  EXPECT_THAT(InProtobuf("\x0b"), StartsWith("unparsable: not an ebb.v1.Purchase in protobuf: other bytes, cut off"));
  EXPECT_THAT(InJson(std::string(40, '[')), EndsWith("the JSON nests deeper than 32 levels"));
}

TEST(EventDecoderTest, TheOtherFormatIsSuspectedWhereTheValueLooksLikeIt) {
  EXPECT_EQ(InJson("17"), "unparsable: not an ebb.v1.Purchase in JSON: Root element must be a message. An event is an "
                          "object; should the format of the source be protobuf?");
  EXPECT_THAT(InJson("\x0a\x04zzzz"), EndsWith("should the format of the source be protobuf?"));
  EXPECT_THAT(InProtobuf(R"({"header": {}})"),
              EndsWith("it looks like JSON: should the format of the source be json?"));
  EXPECT_THAT(InProtobuf("zzz"), EndsWith("or with text that is not UTF-8"));
}

TEST(EventDecoderTest, AValueThatIsNotWholeIsRefusedByItsTrueSize) {
  const SourceSpec spec = Source("json", v1::Purchase::default_instance());
  const std::string sound = R"({"header": {"customerId": "ann"}})";
  EXPECT_EQ(Refused(spec, sound), "");
  EXPECT_EQ(Refused(spec, std::string(101, ' ')),
            "too-large: the value has 101 bytes; the source takes up to 100: raise its max_bytes to take more");
  EXPECT_EQ(Refused(spec, sound, "70000000"),
            "too-large: the value has 70000000 bytes; the source takes up to 100: raise its max_bytes to take more");
  EXPECT_EQ(Refused(spec, sound, "90"),
            "truncated: of the 90 bytes of the value only 33 are there, says the header ebb.truncated.bytes; send it "
            "whole");
  EXPECT_EQ(Refused(spec, sound, "33"), "");
  EXPECT_EQ(Refused(spec, sound, "many"), "");
}

TEST(EventDecoderTest, RecordsTimeMayBeAnyNumber) {
  const SourceSpec spec = Source("json", v1::Purchase::default_instance());
  const std::string sound = R"({"header": {"customerId": "ann", "eventTimeMs": 60000}})";
  EXPECT_EQ(Refused(spec, sound, "", std::numeric_limits<int64_t>::max()), "");
}

TEST(EventDecoderTest, HowFarAnEventIsAheadIsSaidInHours) {
  const SourceSpec spec = Source("json", v1::Purchase::default_instance());
  EXPECT_EQ(Refused(spec, R"({"header": {"customerId": "ann", "eventTimeMs": 7200000}})", "", 60'000),
            "absurd-time: the event time 1970-01-01T02:00:00+00:00 is more than 1h30m after its record's own time "
            "1970-01-01T00:01:00+00:00; if it is right, raise max_ahead of the source");
}

TEST(EventDecoderTest, AHeaderIsThatOfItsOwnEvent) {
  v1::Purchase bob;
  bob.mutable_header()->set_customer_id("bob");
  v1::Purchase nobody;
  nobody.set_order_id("17");
  const google::protobuf::Message* const kinds[] = {&v1::Purchase::default_instance(),
                                                    &test::PlainEvent::default_instance()};
  for (const google::protobuf::Message* prototype : kinds) {
    for (const char* format : {"json", "protobuf"}) {
      const SourceSpec spec = Source(format, *prototype);
      EventDecoder decoder(spec, 0, 1);
      const google::protobuf::FieldDescriptor* const field = prototype->GetDescriptor()->FindFieldByName("header");
      const auto in_message = [&] { return &prototype->GetReflection()->GetMessage(decoder.message(), field); };
      RecordBatch batch;
      for (const v1::Purchase* event : {&bob, &nobody, &bob}) batch.Add(0, 0, "key", EncodeMessage(*event, format));
      EXPECT_EQ(decoder.Decode(batch[0]), std::nullopt);
      EXPECT_EQ(decoder.customer(), "bob");
      const std::optional<Rejection> rejection = decoder.Decode(batch[1]);
      ASSERT_TRUE(rejection.has_value());
      EXPECT_EQ(rejection->reason, "no-customer");
      EXPECT_EQ(&decoder.header(), in_message());
      EXPECT_EQ(decoder.Decode(batch[2]), std::nullopt);
      EXPECT_EQ(decoder.customer(), "bob");
      EXPECT_EQ(&decoder.header(), in_message());
    }
  }
}

TEST(EncodeMessageTest, EqualMessagesGiveEqualBytesWhateverTheOrderOfTheirMaps) {
  for (const char* format : {"protobuf", "json"}) {
    test::PlainEvent forth, back;
    constexpr int kEntries = 50;
    for (int i = 0; i < kEntries; ++i) {
      (*forth.mutable_notes())["entry-" + std::to_string(i)] = "x";
      (*back.mutable_notes())["entry-" + std::to_string(kEntries - 1 - i)] = "x";
    }
    EXPECT_EQ(EncodeMessage(forth, format), EncodeMessage(back, format)) << format;
  }
  test::PlainEvent event;
  (*event.mutable_notes())["b"] = "2";
  (*event.mutable_notes())["a"] = "1";
  EXPECT_EQ(EncodeMessage(event, "json"), R"({"notes":{"a":"1","b":"2"}})");
}

}  // namespace
}  // namespace ebb
