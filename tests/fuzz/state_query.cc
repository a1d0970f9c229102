// A customer's state as `ebb state get` and the admin endpoint show it, whoever is asked for and whatever is stored.

#include "engine/runtime/describe.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "state/layout.h"
#include "state/memory_store.h"
#include "tests/fuzz/fuzz.h"

namespace ebb::fuzzing {
namespace {

// A value, a map and a list of messages that the program knows, and a value of one that it does not.
v1::Manifest MakeManifest() {
  v1::Manifest manifest;
  const auto add = [&](const char* name, const char* type, const char* shape) {
    v1::Manifest::State& state = *manifest.add_states();
    state.set_id(static_cast<uint32_t>(manifest.states_size()));
    state.set_name(name);
    state.set_type(type);
    state.set_shape(shape);
  };
  add("profile/profile", "ebb.operators.CustomerProfile", "value");
  add("policy/contacts", "ebb.operators.ContactState", "map");
  add("intake/seen", "ebb.operators.SeenEvents", "list");
  add("gone/state", "no.such.Message", "value");
  v1::Manifest::Timer& timer = *manifest.add_timers();
  timer.set_id(1);
  timer.set_name("cart/wait");
  return manifest;
}

}  // namespace

EBB_FUZZ_TARGET(state_query) {
  static const v1::Manifest usual = MakeManifest();
  Bytes in(bytes);
  v1::Manifest manifest = usual;
  v1::Manifest more;
  const std::string_view piece = in.Piece();
  if (more.ParseFromArray(piece.data(), static_cast<int>(piece.size()))) manifest.MergeFrom(more);
  const std::string customer(in.Piece());
  const std::string body(in.Piece());
  MemoryStores stores;
  while (!in.empty()) {
    const auto state = static_cast<StateId>(in.Below(6));
    const std::string_view sub_key = in.Piece();
    stores.rows(0)[layout::RowKey(customer, state, sub_key)] = std::string(in.Piece());
  }
  auto store = stores.Open(0);
  const auto described = DescribeCustomer(manifest, customer, body, 7, store->get());
  if (!described.ok()) {
    const absl::Status& status = described.status();
    Require(absl::IsNotFound(status) || absl::IsDataLoss(status), "an error is of a kind", Text(status.ToString()));
    return RequireExplains(Text(status.message()));
  }
  google::protobuf::Struct all;
  Require(google::protobuf::util::JsonStringToMessage(*described, &all).ok(), "state is shown as JSON", *described);
  Require(all.fields().at("as_of_epoch").number_value() == 7, "with its epoch", *described);
  Require(all.fields().contains("customer") && all.fields().contains("states"), "and its parts", *described);
}

}  // namespace ebb::fuzzing
