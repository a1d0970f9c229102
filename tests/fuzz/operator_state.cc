// State that operators read back, with anything in it: whatever it was that wrote it, no operator falls over it.

#include <fstream>
#include <sstream>

#include "state/document.h"
#include "state/layout.h"
#include "tests/fuzz/world.h"

namespace ebb::fuzzing {
namespace {

constexpr int kEvents = 15;
constexpr char kCustomer[] = "customer-0";

const World& Base() {
  static const World world = [] {
    std::ifstream file(EBB_RETAIL_PIPELINE);
    std::stringstream text;
    text << file.rdbuf();
    return MakeWorld(text.str(), kEvents, /*stopped=*/true);
  }();
  return world;
}

const v1::Manifest& ManifestOfBase() {
  static const v1::Manifest manifest = [] {
    v1::Manifest read;
    Require(read.ParseFromString(LastOf(Base(), layout::ManifestKey())), "there is a manifest");
    return read;
  }();
  return manifest;
}

// What the run left as the customer's state.
std::string_view ValueOfBase(StateId state) {
  static const std::string row = LastOf(Base(), layout::DocumentKey(kCustomer));
  static const std::optional<StampedDocument> document = ReadStampedRow(row);
  Require(document.has_value(), "the customer has state");
  static const std::optional<DocumentParts> parts = SplitDocument(document->body);
  for (const DocumentValue& value : parts->values) {
    if (value.state == state) return value.bytes;
  }
  return {};
}

// A time near to that of the events, or any.
int64_t SomeTime(Bytes& in) {
  const uint8_t minutes = in.Byte();
  return minutes == 255 ? static_cast<int64_t>(in.Number()) : kStartMs + minutes * int64_t{60'000};
}

}  // namespace

EBB_FUZZ_TARGET(operator_state) {
  World world = Base();
  world.rows.clear();
  const v1::Manifest& manifest = ManifestOfBase();
  Bytes in(bytes);
  std::string body;
  for (const auto& state : manifest.states()) {
    const size_t how = in.Below(4);
    std::string value(how > 1 ? ValueOfBase(state.id()) : "");
    // Messages one behind the other are one that has the fields of both.
    if (how % 2 == 1) value += in.Piece();
    if (how > 0) AppendValue(&body, state.id(), value);
  }
  for (const auto& timer : manifest.timers()) {
    if (in.Flag()) AppendTimer(&body, {timer.id(), SomeTime(in)});
  }
  (void)world.broker.Append(world.Changelog(), layout::DocumentKey(kCustomer), StampedRow(1, body));
  for (int i = 0; i < 6; ++i) {
    const size_t source = in.Below(world.spec->sources.size());
    // The last ones are far enough for timers to fire.
    world.Send(source, kEvents + i + (i > 3 ? 60 * i : 0), kCustomer, in.Piece());
  }
  const absl::Status status = RunIn(world, {});
  if (status.ok()) return;
  Require(absl::IsDataLoss(status), "state that cannot be read is a loss of data", Text(status.ToString()));
  RequireExplains(Text(status.message()));
}

}  // namespace ebb::fuzzing
