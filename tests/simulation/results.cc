#include "tests/simulation/results.h"

#include "state/text.h"

namespace ebb::simulation {

std::string Results::HeaderOf(const MemoryBroker::Record& record, std::string_view name) {
  for (const Header& header : record.headers) {
    if (header.first == name) return header.second;
  }
  return "";
}

void Results::Balance(const std::string& text, int64_t by) {
  auto entry = balance_.try_emplace(text, 0).first;
  entry->second += by;
  if (entry->second == 0) balance_.erase(entry);
}

void Results::Expect(const std::vector<Expected>& results) {
  for (const Expected& result : results) Balance(result.text, -1);
}

std::string Results::Find(const MemoryBroker::Record& record, bool dead_letter) {
  ++found_;
  if (dead_letter) {
    Balance(
        Text("dead ", HeaderOf(record, "__streams.errors.topic"), "-", HeaderOf(record, "__streams.errors.partition"),
             "@", HeaderOf(record, "__streams.errors.offset"), " ", HeaderOf(record, "__streams.errors.exception")),
        1);
    return "";
  }
  Told told;
  if (!record.value || !told.ParseFromString(*record.value)) return "a result cannot be read";
  const Expected result = Describe(told);
  Balance(result.text, 1);
  if (record.key != told.customer()) return Text("the result ", result.text, " has the key ", record.key);
  const std::string id = HeaderOf(record, "ce_id");
  const Identity& first = by_cause_.try_emplace(result.cause, Identity{id, told.random()}).first->second;
  if (first.id != id) return Text("the cause ", result.cause, " has led to the ids ", first.id, " and ", id);
  if (first.random != told.random()) return Text("chance was not the same for ", result.cause);
  const std::string& cause = by_id_.try_emplace(id, result.cause).first->second;
  if (cause != result.cause) return Text("the id ", id, " stands for ", cause, " and for ", result.cause);
  return "";
}

std::string Results::Difference() const {
  if (balance_.empty()) return "";
  std::string text;
  int lines = 0;
  for (const auto& [result, times] : balance_) {
    if (++lines > 5) break;
    text += Text(times > 0 ? "too often: " : "missing: ", result, "\n");
  }
  return text;
}

}  // namespace ebb::simulation
