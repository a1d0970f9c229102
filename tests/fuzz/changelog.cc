// What a task finds when it comes to life: a changelog, and rows of its local store, in which anything may stand. It
// goes live or says what is wrong; nothing else.

#include "engine/runtime/epoch_record.h"
#include "engine/runtime/task.h"
#include "state/document.h"
#include "state/layout.h"
#include "tests/fuzz/world.h"

namespace ebb::fuzzing {
namespace {

constexpr char kPipeline[] = R"(
application: fuzz
sources:
  browses: {topic: browses, type: ebb.v1.Browse, lateness: 1s}
  purchases: {topic: purchases, type: ebb.v1.Purchase, lateness: 1s}
operators:
  - {id: intake, type: intake, inputs: [purchases, browses]}
  - {id: profile, type: customer-profile, inputs: [intake]}
  - {id: cart, type: trigger, inputs: [intake],
     config: {name: cart, on: browse-viewed, wait: 2m, unless: [{on: purchased}], channels: [app]}}
sinks:
  bought: {topic: bought, type: ebb.v1.Purchase, inputs: [intake]}
  candidates: {topic: candidates, type: ebb.operators.Candidate, inputs: [cart]}
dead_letters: {topic: dead}
time: {idle: hold, max_wait: 1s}
)";
constexpr int kEvents = 6;

const World& Base() {
  static const World world = MakeWorld(kPipeline, kEvents, /*stopped=*/false);
  return world;
}

// An epoch record that a process wrote, or none, with some of it changed.
std::string SomeEpochRecord(Bytes& in) {
  v1::EpochRecord record;
  const auto epoch = static_cast<uint32_t>(in.Below(kEvents + 2));
  (void)record.ParseFromString(LastOf(Base(), layout::EpochKey(epoch)));
  const uint8_t without = in.Byte();
  if (without & 1) record.clear_slices();
  if (without & 2) record.clear_rounds();
  if (without & 4) record.clear_left_over();
  const std::string_view changes = in.Piece();
  v1::EpochRecord changed;
  if (changed.ParseFromArray(changes.data(), static_cast<int>(changes.size()))) record.MergeFrom(changed);
  return record.SerializeAsString();
}

std::string SomeManifest(Bytes& in) {
  v1::Manifest manifest;
  (void)manifest.ParseFromString(LastOf(Base(), layout::ManifestKey()));
  for (auto& state : *manifest.mutable_states()) {
    if (in.Flag()) state.set_id(static_cast<uint32_t>(in.Number()));
  }
  for (auto& timer : *manifest.mutable_timers()) {
    if (in.Flag()) timer.set_id(static_cast<uint32_t>(in.Number()));
  }
  v1::Manifest changed;
  const std::string_view changes = in.Piece();
  if (changed.ParseFromArray(changes.data(), static_cast<int>(changes.size()))) manifest.MergeFrom(changed);
  return manifest.SerializeAsString();
}

// A row as the store and the changelog have it; no value is a deletion.
std::pair<std::string, std::optional<std::string>> SomeRow(Bytes& in) {
  const std::string customer = Text("customer-", in.Below(4));
  switch (in.Below(7)) {
    case 0: return {std::string(in.Piece()), std::string(in.Piece())};
    case 1: return {layout::EpochKey(static_cast<uint32_t>(in.Below(kEvents + 3))), SomeEpochRecord(in)};
    case 2: return {layout::ManifestKey(), SomeManifest(in)};
    case 3: {
      const uint64_t stamp = in.Byte() % (kEvents + 2);
      return {layout::DocumentKey(customer), StampedRow(stamp, in.Piece())};
    }
    case 4: return {layout::RowKey(customer, 1, in.Piece()), std::string(in.Piece())};
    case 5: return {layout::EpochKey(static_cast<uint32_t>(in.Below(kEvents + 2))), std::nullopt};
    default: return {layout::WakeKey(static_cast<int64_t>(in.Number()), customer), ""};
  }
}

void SpoilChangelog(Bytes& in, World& world) {
  const auto row = SomeRow(in);
  (void)world.broker.Append(world.Changelog(), row.first, row.second);
}

void SpoilStore(Bytes& in, World& world) {
  if (in.Below(8) == 0) {
    v1::StorePosition position;
    const std::string_view piece = in.Piece();
    (void)position.ParseFromString(world.rows[layout::PositionKey()]);
    (void)position.MergeFromString(std::string(piece));
    world.rows[layout::PositionKey()] = position.SerializeAsString();
    return;
  }
  const auto [key, value] = SomeRow(in);
  value ? world.rows.insert_or_assign(key, *value).second : world.rows.erase(key);
}

void Spoil(Bytes& in, World& world) {
  switch (in.Below(6)) {
    case 0:
    case 1: return SpoilChangelog(in, world);
    case 2: return SpoilStore(in, world);
    case 3: return world.rows.clear();
    case 4: return world.broker.Trim(in.Flag() ? world.Changelog() : world.Source(in.Below(2)), in.Byte());
    default: (void)world.broker.Compact(world.Changelog());
  }
}

}  // namespace

EBB_FUZZ_TARGET(changelog) {
  World world = Base();
  Bytes in(bytes);
  const RunOptions options{in.Flag(), in.Flag()};
  for (int i = 0; i < 16 && !in.empty(); ++i) Spoil(in, world);
  world.Send(0, kEvents, "customer-0");
  const absl::Status status = RunIn(world, options);
  if (status.ok()) return;
  Require(!absl::IsUnknown(status), "an error is of a kind", Text(status.ToString()));
  Require(!status.message().empty() && status.message().size() < (64 << 10), "and says what is wrong");
}

EBB_FUZZ_TARGET(epoch_records) {
  MemoryStores stores;
  Bytes in(bytes);
  const bool last_only = in.Flag();
  const bool from_run = in.Flag();
  if (from_run) stores.rows(0) = Base().rows;
  for (int i = 0; i < 16 && !in.empty(); ++i) {
    const auto [key, value] = SomeRow(in);
    value ? stores.rows(0).insert_or_assign(key, *value).second : stores.rows(0).erase(key);
  }
  auto store = stores.Open(0);
  const auto last = ReadLastEpochRecord(store->get());
  const auto records = ReadEpochRecords(store->get());
  if (records.ok() && !records->empty()) {
    Require(last.ok() && *last && (*last)->epoch() == records->rbegin()->first, "the last record is the last of all");
    const uint64_t low = (*last)->low_water();
    Require(records->begin()->first == std::max<uint64_t>(low, 1), "records begin at the low-water mark");
    Require(records->size() == records->rbegin()->first - records->begin()->first + 1, "and none is missing");
  }
  auto task = Task::Create(Base().spec, TaskOptions(), *std::move(store));
  Require(task.ok(), "a task can be made");
  const absl::Status adopted = (*task)->Adopt("uuid", last_only);
  if (!adopted.ok()) {
    Require(absl::IsDataLoss(adopted) || absl::IsFailedPrecondition(adopted), "an error is of a kind",
            Text(adopted.ToString()));
    return RequireExplains(Text(adopted.message()));
  }
  Require((*task)->low_water() <= (*task)->epoch(), "the low-water mark is not beyond the last epoch");
  const std::vector<int64_t> redo = (*task)->RedoFrom({0, 0});
  const std::vector<int64_t> live = (*task)->LiveFrom({0, 0});
  Require(redo.size() == 2 && live.size() == 2, "there is a place to go on from in each source");
  for (size_t i = 0; i < live.size(); ++i) {
    Require(redo[i] >= 0 && redo[i] <= live[i], "redo reads up to it", Text(redo[i], " and ", live[i]));
  }
}

}  // namespace ebb::fuzzing
