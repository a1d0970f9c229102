#include "tests/simulation/stored.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/time/time.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "state/text.h"
#include "tests/simulation/customer.h"

namespace ebb::simulation {
namespace {

constexpr std::string_view kEndOfCustomer("\0\1", 2);

// The bytes of a key that was written for people.
std::string KeyOfText(const std::string& text) {
  std::string key;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text.compare(i, 2, "\\x") == 0 && i + 4 <= text.size();
    key += escaped ? absl::HexStringToBytes(text.substr(i + 2, 2)) : text.substr(i, 1);
    if (escaped) i += 3;
  }
  return key;
}

uint64_t BigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (char c : bytes) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::string NameOf(const v1::Manifest& manifest, uint32_t state) {
  for (const auto& known : manifest.states()) {
    if (known.id() == state) return known.name();
  }
  return "";
}

bool AddTimer(const std::string& name, int64_t deadline_ms, StoredCustomer* stored) {
  if (name != "op/silence" && name != "op/echo") return false;
  stored->timers[name == "op/echo" ? GhostCustomer::kEcho : GhostCustomer::kSilence] = deadline_ms;
  return true;
}

std::string AddDocument(const v1::Manifest& manifest, const v1::CustomerDocument& document, StoredCustomer* stored) {
  for (const auto& value : document.values()) {
    if (NameOf(manifest, value.state_id()) != "op/tally") return "a value of an unknown state";
    stored->has_tally = true;
    if (!stored->tally.ParseFromString(value.value())) return "a value that is no tally";
  }
  for (const auto& timer : document.timers()) {
    bool known = false;
    for (const auto& t : manifest.timers()) {
      known |= t.id() == timer.timer_id() && AddTimer(t.name(), timer.deadline_ms(), stored);
    }
    if (!known) return "an unknown timer";
  }
  return "";
}

std::string AddRow(const v1::Manifest& manifest, std::string_view rest, const std::string& value,
                   StoredCustomer* stored) {
  const std::string name = NameOf(manifest, static_cast<uint32_t>(BigEndian(rest.substr(0, 4))));
  if (name == "op/marks") {
    return stored->marks[std::string(rest.substr(4))].ParseFromString(value) ? "" : "a row that is no mark";
  }
  if (name != "op/notes") return "a row of an unknown state";
  // Visited in order of keys, which is the order of the list.
  return stored->notes.emplace_back().ParseFromString(value) ? "" : "a row that is no note";
}

}  // namespace

std::optional<std::string> CustomerOfKey(std::string_view key) {
  const size_t end = key.find(kEndOfCustomer);
  if (key.empty() || key[0] != 3 || end == std::string_view::npos) return std::nullopt;
  return std::string(key.substr(1, end - 1));
}
bool IsDocument(std::string_view key) {
  return !key.empty() && key[0] == 3 && key.find(kEndOfCustomer) + kEndOfCustomer.size() == key.size();
}
bool IsEpoch(std::string_view key) { return !key.empty() && key[0] == 2; }
bool IsControl(std::string_view key) { return key.starts_with("\1control/"); }
bool IsWake(std::string_view key) { return !key.empty() && key[0] == 4; }

Found Find(const v1::Manifest& manifest, const Rows& rows, const std::string& customer) {
  Found found;
  StoredCustomer stored;
  const std::string prefix = Text("\3", customer) + std::string(kEndOfCustomer);
  for (auto row = rows.lower_bound(prefix); row != rows.end() && row->first.starts_with(prefix); ++row) {
    if (row->first == prefix) {
      v1::CustomerDocument document;
      if (!document.ParseFromString(row->second)) found.wrong = "a document that cannot be read";
      found.has_document = true;
      found.stamp = document.stamp();
      if (auto wrong = AddDocument(manifest, document, &stored); !wrong.empty()) found.wrong = wrong;
    } else {
      found.has_rows = true;
      const std::string_view rest = std::string_view(row->first).substr(prefix.size());
      if (auto wrong = AddRow(manifest, rest, row->second, &stored); !wrong.empty()) found.wrong = wrong;
    }
  }
  for (const auto& [timer, deadline_ms] : stored.timers) {
    found.earliest_ms = std::min(found.earliest_ms.value_or(INT64_MAX), deadline_ms);
  }
  found.line = Render(stored);
  return found;
}

std::string LineOfJson(const std::string& json) {
  google::protobuf::Struct all;
  if (!google::protobuf::util::JsonStringToMessage(json, &all).ok()) return "no JSON";
  StoredCustomer stored;
  const auto number = [](const google::protobuf::Struct& in, const char* name) {
    uint64_t value = 0;
    auto field = in.fields().find(name);
    if (field != in.fields().end()) (void)absl::SimpleAtoi(field->second.string_value(), &value);
    return value;
  };
  for (const auto& [name, value] : all.fields().at("states").struct_value().fields()) {
    stored.has_tally = true;
    stored.tally.set_count(static_cast<int64_t>(number(value.struct_value(), "count")));
    stored.tally.set_digest(number(value.struct_value(), "digest"));
    stored.tally.set_echoes(static_cast<int64_t>(number(value.struct_value(), "echoes")));
  }
  for (const auto& [name, value] : all.fields().at("timers").struct_value().fields()) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, value.string_value(), &time, &error)) return error;
    (void)AddTimer(name, absl::ToUnixMillis(time), &stored);
  }
  std::map<std::string, Note> notes;
  for (const auto& [name, rows] : all.fields().at("rows").struct_value().fields()) {
    for (const auto& [key, row] : rows.struct_value().fields()) {
      const google::protobuf::Struct& fields = row.struct_value();
      if (name == "op/marks") {
        stored.marks[key].set_times(static_cast<int64_t>(number(fields, "times")));
        stored.marks[key].set_digest(number(fields, "digest"));
        continue;
      }
      Note& note = notes[KeyOfText(key)];
      if (auto id = fields.fields().find("event_id"); id != fields.fields().end()) {
        note.set_event_id(id->second.string_value());
      }
      if (auto id = fields.fields().find("eventId"); id != fields.fields().end()) {
        note.set_event_id(id->second.string_value());
      }
      std::string ballast;
      if (auto at = fields.fields().find("ballast"); at != fields.fields().end()) {
        (void)absl::Base64Unescape(at->second.string_value(), &ballast);
      }
      note.set_ballast(ballast);
    }
  }
  for (const auto& [key, note] : notes) stored.notes.push_back(note);
  return Render(stored);
}

std::map<std::string, std::string> WakesOf(const v1::Manifest& manifest, const Rows& rows) {
  std::map<std::string, std::string> wakes;
  for (const auto& [key, value] : rows) {
    if (!IsDocument(key)) continue;
    const std::string customer = *CustomerOfKey(key);
    const auto earliest_ms = Find(manifest, rows, customer).earliest_ms;
    if (!earliest_ms) continue;
    std::string wake(1, 4);
    const uint64_t ordered = static_cast<uint64_t>(*earliest_ms) ^ uint64_t{1} << 63;
    for (int shift = 56; shift >= 0; shift -= 8) wake.push_back(static_cast<char>(ordered >> shift));
    wakes.emplace(wake + customer, "");
  }
  return wakes;
}

}  // namespace ebb::simulation
