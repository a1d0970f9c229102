// Customers' documents and rows as a store may hold them after anything has happened to it: the cache says that they
// are damaged, or keeps every part that nobody touches.

#include <algorithm>

#include "ebb/v1/changelog.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "state/customer_cache.h"
#include "state/document.h"
#include "state/layout.h"
#include "state/memory_store.h"
#include "tests/fuzz/fuzz.h"

namespace ebb::fuzzing {
namespace {

using google::protobuf::BytesValue;

constexpr StateId kTouched = 2;
constexpr int64_t kNowMs = 1'000'000;

std::string Appended(const DocumentParts& parts) {
  std::string body;
  for (const DocumentValue& value : parts.values) AppendValue(&body, value.state, value.bytes);
  for (const DocumentTimer& timer : parts.timers) AppendTimer(&body, timer);
  return body;
}

bool SameParts(const DocumentParts& a, const DocumentParts& b) {
  const auto same = [](const DocumentValue& x, const DocumentValue& y) {
    return x.state == y.state && x.bytes == y.bytes;
  };
  return std::equal(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(), same) && a.timers == b.timers;
}

// Against the message that a document is on the wire.
void CheckBody(std::string_view body) {
  const auto parts = SplitDocument(body);
  const auto earliest = EarliestDeadline(body);
  if (!parts) return;
  Require(earliest.has_value() == !parts->timers.empty(), "a document with a timer has a deadline");
  if (earliest) Require(*earliest == parts->timers.front().deadline_ms, "that of its first timer");
  const std::string appended = Appended(*parts);
  const auto again = SplitDocument(appended);
  Require(again && SameParts(*parts, *again), "parts put together are the same parts");
  v1::CustomerDocument message;
  Require(message.ParseFromString(appended), "and are the message");
  Require(message.values_size() == static_cast<int>(parts->values.size()) &&
              message.timers_size() == static_cast<int>(parts->timers.size()),
          "with as many parts");
  for (size_t i = 0; i < parts->values.size(); ++i) {
    const auto& value = message.values(static_cast<int>(i));
    Require(value.state_id() == parts->values[i].state && value.value() == parts->values[i].bytes, "each value");
  }
  for (size_t i = 0; i < parts->timers.size(); ++i) {
    const auto& timer = message.timers(static_cast<int>(i));
    Require(timer.timer_id() == parts->timers[i].timer && timer.deadline_ms() == parts->timers[i].deadline_ms,
            "and each timer");
  }
}

// Looks at all that can be seen of a customer.
void LookAt(StateAccess& access) {
  for (StateId state = 0; state < 4; ++state) {
    (void)access.Find(state, BytesValue::default_instance());
    (void)access.FindRow(state, "a");
    access.ScanRows(state, "", [](std::string_view, std::string_view) { return true; });
    (void)access.Deadline(state);
  }
}

// One epoch in which a state is set and a timer armed.
void Touch(CustomerCache& cache, Store& store, const std::string& id, uint64_t epoch) {
  auto loaded = cache.Load(id);
  if (!loaded.ok()) {
    Require(absl::IsDataLoss(loaded.status()), "a document that cannot be read is a loss of data");
    return RequireExplains(Text(loaded.status().message()));
  }
  const std::string body((*loaded)->body.view());
  const auto before = SplitDocument(body);
  StateAccess& access = cache.Open(*loaded);
  LookAt(access);
  static_cast<BytesValue*>(access.Mutable(kTouched, BytesValue::default_instance()))->set_value("new");
  access.PutRow(3, "a", "new");
  access.Arm(kTouched, kNowMs);
  cache.KeepWake(*loaded);
  cache.Freeze();
  WriteBack written = cache.SelectWriteBack(epoch, epoch, epoch, 1 << 20);
  if (!cache.status().ok()) {
    Require(absl::IsDataLoss(cache.status()), "a state that cannot be read is a loss of data");
    RequireExplains(Text(cache.status().message()));
    return cache.Abort();
  }
  Require(before.has_value(), "a document in pieces is told");
  WriteBatch batch;
  cache.Commit(epoch, std::move(written), &batch);
  Require(store.Apply(batch).ok(), "what is written back can be stored");
  auto row = store.Get(layout::DocumentKey(id));
  Require(row.ok() && row->has_value(), "a customer that was touched is stored");
  const auto stamped = ReadStampedRow(**row);
  Require(stamped && stamped->stamp == epoch, "with the epoch as its stamp");
  const auto after = SplitDocument(stamped->body);
  Require(after.has_value(), "and can be read");
  size_t kept = 0;
  for (const DocumentValue& value : before->values) {
    if (value.state == kTouched) continue;
    kept += std::any_of(after->values.begin(), after->values.end(),
                        [&](const DocumentValue& now) { return now.state == value.state && now.bytes == value.bytes; });
  }
  const auto untouched = std::count_if(before->values.begin(), before->values.end(),
                                       [](const DocumentValue& value) { return value.state != kTouched; });
  Require(kept == static_cast<size_t>(untouched), "what nobody touched is kept");
}

}  // namespace

EBB_FUZZ_TARGET(customer_document) {
  static const std::string kCustomers[] = {"a", std::string("a\0b", 3), ""};
  CheckBody(bytes);
  MemoryStores stores;
  auto store = stores.Open(0);
  Bytes in(bytes);
  while (!in.empty()) {
    const std::string& customer = kCustomers[in.Below(3)];
    std::string key;
    switch (in.Below(4)) {
      case 0: key = layout::DocumentKey(customer); break;
      case 1: key = layout::RowKey(customer, static_cast<StateId>(in.Below(4)), in.Piece()); break;
      case 2: key = layout::WakeKey(static_cast<int64_t>(in.Number()), customer); break;
      default: key = std::string(in.Piece()); break;
    }
    const bool stamped = in.Flag();
    const std::string_view value = in.Piece();
    CheckBody(value);
    stores.rows(0)[key] = stamped ? StampedRow(1, value) : std::string(value);
  }
  CustomerCache cache(store->get(), 1 << 20);
  for (const std::string& customer : kCustomers) Touch(cache, **store, customer, 2);
  for (size_t taken = 0;; ++taken) {
    const auto wake = cache.wakes().PopDue(kNowMs);
    if (wake.ok() && !*wake) break;
    Require(taken < bytes.size() + 8, "wake-ups come to an end");
  }
}

}  // namespace ebb::fuzzing
