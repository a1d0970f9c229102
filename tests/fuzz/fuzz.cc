#include "tests/fuzz/fuzz.h"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "engine/codec/event_decoder.h"
#include "state/utf8.h"

namespace ebb::fuzzing {

std::map<std::string, Target>& Targets() {
  static auto* targets = new std::map<std::string, Target>();
  return *targets;
}

void Require(bool holds, std::string_view claim, std::string_view found) {
  if (holds) return;
  std::fprintf(stderr, "claim broken: %.*s\nfound: %.*s\n", static_cast<int>(claim.size()), claim.data(),
               static_cast<int>(found.size()), found.data());
  std::abort();
}

uint8_t Bytes::Byte() {
  if (left_.empty()) return 0;
  const auto byte = static_cast<uint8_t>(left_.front());
  left_.remove_prefix(1);
  return byte;
}

uint64_t Bytes::Number() {
  uint64_t number = 0;
  for (int shift = 0; shift < 64; shift += 8) number |= static_cast<uint64_t>(Byte()) << shift;
  return number;
}

std::string_view Bytes::Piece() {
  size_t size = Byte();
  size |= static_cast<size_t>(Byte()) << 8;
  const std::string_view piece = left_.substr(0, size);
  left_.remove_prefix(piece.size());
  return piece;
}

std::string_view Bytes::Rest() {
  const std::string_view rest = left_;
  left_ = {};
  return rest;
}

Surroundings NoSurroundings() {
  Surroundings none;
  none.variable = [](std::string_view) { return std::nullopt; };
  none.file = [](std::string_view) { return absl::NotFoundError("no files"); };
  return none;
}

std::string Canonical(const google::protobuf::Message& message) {
  const std::unique_ptr<google::protobuf::Message> copy(message.New());
  copy->CopyFrom(message);
  copy->DiscardUnknownFields();
  return EncodeMessage(*copy, "protobuf");
}

void RequireExplains(std::string_view text) {
  constexpr size_t kMostBytes = 16 << 10;
  Require(!text.empty() && text.size() <= kMostBytes, "a text explains, briefly", text.substr(0, 200));
  Require(IsUtf8(text), "a text is UTF-8", text);
}

}  // namespace ebb::fuzzing
