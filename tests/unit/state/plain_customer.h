#ifndef EBB_TESTS_UNIT_STATE_PLAIN_CUSTOMER_H_
#define EBB_TESTS_UNIT_STATE_PLAIN_CUSTOMER_H_

// A customer as plain maps hold it, and an operator that does anything to a customer, whoever keeps it.

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/wrappers.pb.h"
#include "gtest/gtest.h"
#include "state/access.h"
#include "state/hash.h"
#include "state/text.h"

namespace ebb {

using google::protobuf::ListValue;
using google::protobuf::StringValue;

inline constexpr int64_t kMinute = 60'000;
inline constexpr int64_t kHour = 60 * kMinute;
inline constexpr StateId kValues[] = {1, 2};
inline constexpr StateId kMaps[] = {3, 4};
inline constexpr StateId kList = 5;
inline constexpr TimerId kTimers[] = {1, 2};
inline const std::vector<std::string> kSubKeys = {"", std::string("\0", 1), "a", "a\xff", "b", "\xff"};

// A customer as a plain map has it, and as its own reference for StateAccess.
class Plain final : public StateAccess {
 public:
  const google::protobuf::Message* Find(StateId state, const google::protobuf::Message&) override {
    if (state == kList) return list ? &*list : nullptr;
    const auto it = values.find(state);
    return it == values.end() ? nullptr : &it->second;
  }
  google::protobuf::Message* Mutable(StateId state, const google::protobuf::Message&) override {
    changed = true;
    if (state != kList) return &values[state];
    if (!list) list.emplace();
    return &*list;
  }
  void Clear(StateId state) override {
    changed |= state == kList ? list.has_value() : values.erase(state) > 0;
    if (state == kList) list.reset();
  }
  std::optional<std::string> FindRow(StateId state, std::string_view sub_key) override {
    const auto it = rows.find({state, std::string(sub_key)});
    if (it == rows.end()) return std::nullopt;
    return it->second;
  }
  void PutRow(StateId state, std::string_view sub_key, std::string value) override {
    changed = true;
    rows[{state, std::string(sub_key)}] = std::move(value);
  }
  // The erasure of a row that is not there is a change: that is known only where the row would be.
  void EraseRow(StateId state, std::string_view sub_key) override {
    changed = true;
    rows.erase({state, std::string(sub_key)});
  }
  void ScanRows(StateId state, std::string_view from, const RowVisitor& visit) override {
    for (auto it = rows.lower_bound({state, std::string(from)}); it != rows.end() && it->first.first == state; ++it) {
      if (!visit(it->first.second, it->second)) return;
    }
  }
  std::optional<int64_t> Deadline(TimerId timer) override {
    const auto it = timers.find(timer);
    if (it == timers.end()) return std::nullopt;
    return it->second;
  }
  void Arm(TimerId timer, int64_t deadline_ms) override {
    changed |= Deadline(timer) != deadline_ms;
    timers[timer] = deadline_ms;
  }
  void Disarm(TimerId timer) override { changed |= timers.erase(timer) > 0; }

  std::string ToString() const {
    std::string text;
    for (const auto& [state, value] : values) text += Text(" ", state, "=", value.value());
    if (list) text += " list";
    if (list)
      for (const auto& element : list->values()) text += Text(" ", element.string_value());
    for (const auto& [timer, deadline] : timers) text += Text(" timer ", timer, "@", deadline);
    for (const auto& [key, value] : rows) {
      text += Text(" ", key.first, "[", testing::PrintToString(key.second), "]=", value);
    }
    return text;
  }

  std::map<StateId, StringValue> values;
  std::optional<ListValue> list;
  std::map<TimerId, int64_t> timers;
  std::map<std::pair<StateId, std::string>, std::string> rows;
  bool changed = false;
};

inline const StringValue& Empty() { return StringValue::default_instance(); }

// All that can be read of a customer.
inline Plain Read(StateAccess& access) {
  Plain plain;
  for (const StateId state : kValues) {
    if (const auto* value = access.Find(state, Empty())) plain.values[state] = static_cast<const StringValue&>(*value);
  }
  if (const auto* list = access.Find(kList, ListValue::default_instance())) {
    plain.list = static_cast<const ListValue&>(*list);
  }
  for (const TimerId timer : kTimers) {
    if (const auto deadline = access.Deadline(timer)) plain.timers[timer] = *deadline;
  }
  for (const StateId state : kMaps) {
    access.ScanRows(state, "", [&](std::string_view key, std::string_view value) {
      plain.rows[{state, std::string(key)}] = std::string(value);
      return true;
    });
    for (const std::string& key : kSubKeys) {
      EXPECT_EQ(access.FindRow(state, key), plain.FindRow(state, key)) << "found otherwise than visited";
    }
  }
  return plain;
}

// What an operator might do, given by `seed` and by the state it finds.
inline void Operate(StateAccess& access, uint64_t seed, int64_t now_ms, int64_t least_delay_ms) {
  std::mt19937_64 random(seed);
  for (size_t i = 1 + random() % 3; i > 0; --i) {
    const StateId value = kValues[random() % 2];
    const StateId map = kMaps[random() % 2];
    const TimerId timer = kTimers[random() % 2];
    const std::string& key = kSubKeys[random() % kSubKeys.size()];
    switch (random() % 14) {
      case 0:
      case 1: {
        auto* message = static_cast<StringValue*>(access.Mutable(value, Empty()));
        const std::string all = Read(access).ToString();
        message->set_value(Text(absl::Hex(StableHash64(all, seed)), std::string(random() % 30, 'x')));
        break;
      }
      case 2: access.Clear(value); break;
      case 3:
      case 4: access.PutRow(map, key, Text(absl::Hex(random()), access.FindRow(map, key).value_or("").size())); break;
      case 5: access.EraseRow(map, key); break;
      case 6:
      case 7: access.Arm(timer, now_ms + least_delay_ms + static_cast<int64_t>(random() % (3 * kHour))); break;
      case 8: access.Disarm(timer); break;
      case 9:
      case 10:
      case 11: {
        ListValue more;
        for (size_t j = random() % 3; j > 0; --j) more.add_values()->set_string_value(Text(absl::Hex(random())));
        access.Append(kList, ListValue::default_instance(), more);
        break;
      }
      case 12: {
        auto& list = *static_cast<ListValue*>(access.Mutable(kList, ListValue::default_instance()))->mutable_values();
        if (list.size() > 3) list.DeleteSubrange(0, 2);
        break;
      }
      default: {
        const Plain all = Read(access);
        for (const auto& [state, message] : all.values) access.Clear(state);
        access.Clear(kList);
        for (const auto& [armed, deadline] : all.timers) access.Disarm(armed);
        for (const auto& [row, text] : all.rows) access.EraseRow(row.first, row.second);
      }
    }
  }
}

}  // namespace ebb

#endif  // EBB_TESTS_UNIT_STATE_PLAIN_CUSTOMER_H_
