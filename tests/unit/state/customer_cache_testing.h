#ifndef EBB_TESTS_UNIT_STATE_CUSTOMER_CACHE_TESTING_H_
#define EBB_TESTS_UNIT_STATE_CUSTOMER_CACHE_TESTING_H_

// A cache over a store in memory, taken through epochs by hand, and its state as text.

#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "state/customer_cache.h"
#include "state/layout.h"
#include "state/memory_store.h"
#include "state/text.h"
#include "tests/unit/state/store_testing.h"

namespace ebb {

using google::protobuf::StringValue;
using Wake = TimeIndex::Wake;

inline constexpr StateId kName = 1;
inline constexpr StateId kCity = 2;
inline constexpr StateId kMap = 3;
inline constexpr StateId kList = 4;
inline constexpr TimerId kTimer = 1;
inline constexpr TimerId kOtherTimer = 2;
inline constexpr size_t kPlenty = 1 << 20;
inline constexpr uint64_t kNone = 0;  // As a low-water mark: nothing must or should be written.
inline constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

// "1=Ann 2=Rome timer 1@500": a document's body for people.
inline std::string Shown(std::string_view body) {
  const auto parts = SplitDocument(body);
  if (!parts) return "(spoiled)";
  std::string text;
  for (const DocumentValue& value : parts->values) {
    StringValue message;
    EXPECT_TRUE(message.ParseFromArray(value.bytes.data(), static_cast<int>(value.bytes.size())));
    text += Text(text.empty() ? "" : " ", value.state, "=", message.value());
  }
  for (const DocumentTimer& timer : parts->timers) {
    text += Text(text.empty() ? "" : " ", "timer ", timer.timer, "@", timer.deadline_ms);
  }
  return text;
}

class CustomerCacheTest : public testing::Test {
 protected:
  void Start(size_t bytes) { cache_ = std::make_unique<CustomerCache>(store_.get(), bytes); }

  Customer& Load(std::string_view id) {
    auto loaded = cache_->Load(id);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return **loaded;
  }
  StateAccess& Open(std::string_view id) { return cache_->Open(&Load(id)); }
  void Set(std::string_view id, StateId state, const std::string& text) {
    static_cast<StringValue*>(Open(id).Mutable(state, StringValue::default_instance()))->set_value(text);
  }
  void Arm(std::string_view id, int64_t deadline_ms, TimerId timer = kTimer) {
    Open(id).Arm(timer, deadline_ms);
    cache_->KeepWake(&Load(id));
  }
  void Disarm(std::string_view id, TimerId timer = kTimer) {
    Open(id).Disarm(timer);
    cache_->KeepWake(&Load(id));
  }

  // The steps of a task at the end of an epoch.
  WriteBack Select(uint64_t epoch, uint64_t target_low, uint64_t least_low = kNone, size_t max_bytes = kPlenty) {
    cache_->Freeze();
    return cache_->SelectWriteBack(epoch, target_low, least_low, max_bytes);
  }
  void Commit(uint64_t epoch, WriteBack written) {
    WriteBatch batch;
    cache_->Commit(epoch, std::move(written), &batch);
    ASSERT_TRUE(cache_->status().ok()) << cache_->status();
    ASSERT_TRUE(store_->Apply(batch).ok());
  }
  void CommitAll(uint64_t epoch) { Commit(epoch, Select(epoch, kAll)); }
  void CommitNone(uint64_t epoch) { Commit(epoch, Select(epoch, kNone)); }
  // As redo does it.
  void CommitRedone(uint64_t epoch) {
    cache_->Freeze();
    Commit(epoch, WriteBack());
  }

  // Between epochs: "1=Ann timer 1@500, dirty since 3".
  std::string State(std::string_view id) {
    const Customer& customer = Load(id);
    std::string text = Shown(customer.body.view());
    if (customer.dirty_since != 0) text += Text(", dirty since ", customer.dirty_since);
    return text;
  }
  // What the store has: "1=Ann, stamp 3".
  std::string Stored(std::string_view id) {
    const auto row = Value(*store_, layout::DocumentKey(id));
    if (!row) return "nothing";
    const auto document = ReadStampedRow(*row);
    return document ? Text(Shown(document->body), ", stamp ", document->stamp) : "(spoiled)";
  }
  std::optional<std::string> StoredRow(std::string_view id, std::string_view sub_key) {
    return Value(*store_, layout::RowKey(id, kMap, sub_key));
  }
  // Rows of the map, through an epoch that is aborted.
  std::vector<std::string> MapRows(std::string_view id) {
    std::vector<std::string> rows;
    Open(id).ScanRows(kMap, "", [&](std::string_view key, std::string_view value) {
      rows.push_back(Text(key, "=", value));
      return true;
    });
    cache_->Abort();
    return rows;
  }
  std::vector<Wake> Index() {
    std::vector<Wake> wakes;
    for (const auto& [key, value] : Scan(*store_, std::string(1, layout::kWake))) {
      const auto wake = layout::WakeOf(key);
      EXPECT_TRUE(wake);
      if (wake) wakes.push_back({wake->first, wake->second});
    }
    return wakes;
  }
  // Takes the next wake-up, as a task does before it looks at the customer's timers.
  std::optional<Wake> Pop(int64_t watermark_ms) {
    auto wake = cache_->wakes().PopDue(watermark_ms);
    EXPECT_TRUE(wake.ok()) << wake.status();
    if (!wake.ok() || !*wake) return std::nullopt;
    Customer& customer = Load((*wake)->customer);
    cache_->WakeTaken(&customer, (*wake)->time_ms);
    cache_->Open(&customer);
    return **wake;
  }
  // All wake-ups due, duplicates left out; taken in an epoch that is aborted, so that they come again.
  std::vector<Wake> Due(int64_t watermark_ms) {
    std::set<Wake> wakes;
    while (const auto wake = Pop(watermark_ms)) wakes.insert(*wake);
    cache_->Abort();
    return {wakes.begin(), wakes.end()};
  }
  bool InMemory(std::string_view id) {
    const uint64_t misses = cache_->misses();
    Load(id);
    return cache_->misses() == misses;
  }
  static std::vector<std::string> Ids(const WriteBack& written) {
    std::vector<std::string> ids;
    for (const Customer* customer : written.customers) ids.emplace_back(customer->id());
    return ids;
  }

  MemoryStores stores_;
  std::unique_ptr<Store> store_ = OpenStore(stores_, 0);
  std::unique_ptr<CustomerCache> cache_ = std::make_unique<CustomerCache>(store_.get(), kPlenty);
};

}  // namespace ebb

#endif  // EBB_TESTS_UNIT_STATE_CUSTOMER_CACHE_TESTING_H_
