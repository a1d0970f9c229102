#include "engine/runtime/dead_letter.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "engine/log/truncation.h"
#include "state/hash.h"
#include "state/text.h"

namespace ebb {
namespace {

// With a value of the default limit they stay below what brokers take.
constexpr size_t kMaxKeyBytes = 64 << 10;
constexpr size_t kMaxHeaders = 64;  // Of the record's own.
constexpr size_t kMaxHeaderBytes = 32 << 10;

constexpr char kReason[] = "__streams.errors.exception";
constexpr char kText[] = "__streams.errors.message";

// Copies a record's headers, from the first on while they are within the limits. How many were not.
size_t CopyHeaders(const RecordBatch::View& record, std::vector<Header>* headers) {
  size_t count = 0;
  size_t bytes = 0;
  record.VisitHeaders([&](std::string_view name, std::string_view value) {
    ++count;
    bytes += name.size() + value.size();
    if (count <= kMaxHeaders && bytes <= kMaxHeaderBytes) headers->emplace_back(name, value);
  });
  return count - headers->size();
}

void SayTruncated(std::string_view whole, std::vector<Header>* headers) {
  headers->emplace_back(kTruncatedBytesHeader, Text(whole.size()));
  headers->emplace_back(kTruncatedDigestHeader, Text(absl::Hex(StableHash64(whole), absl::kZeroPad16)));
}

}  // namespace

OutputRecord MakeDeadLetter(const v1::DeadLetters& config, const TopicPartition& partition,
                            const RecordBatch::View& record, std::string_view reason, std::string_view text) {
  const std::string_view value = record.value.value_or(std::string_view());
  const auto limit = static_cast<size_t>(config.max_bytes());
  OutputRecord letter;
  letter.topic = config.topic();
  letter.key = std::string(record.key.substr(0, kMaxKeyBytes));
  if (record.value) letter.value = std::string(value.substr(0, limit));
  const size_t dropped = CopyHeaders(record, &letter.headers);
  letter.headers.emplace_back(kReason, reason);
  letter.headers.emplace_back(kText, text);
  letter.headers.emplace_back("__streams.errors.topic", partition.topic);
  letter.headers.emplace_back("__streams.errors.partition", Text(partition.partition));
  letter.headers.emplace_back("__streams.errors.offset", Text(record.offset));
  if (dropped > 0) letter.headers.emplace_back("ebb.dropped.headers", Text(dropped));
  if (record.key.size() > kMaxKeyBytes) letter.headers.emplace_back("ebb.truncated.key.bytes", Text(record.key.size()));
  if (value.size() > limit) SayTruncated(value, &letter.headers);
  return letter;
}

OutputRecord MakeDeadLetterOfResult(const v1::DeadLetters& config, const OutputRecord& result, std::string_view reason,
                                    size_t max_bytes) {
  OutputRecord letter;
  letter.topic = config.topic();
  letter.key = result.key;
  letter.value = result.value->substr(0, std::min(static_cast<size_t>(config.max_bytes()), max_bytes));
  letter.headers.emplace_back(kReason, reason);
  letter.headers.emplace_back(kText, Text("a result for ", result.topic, " has ", result.value->size(),
                                          " bytes; at most ", max_bytes, " may be sent"));
  SayTruncated(*result.value, &letter.headers);
  return letter;
}

}  // namespace ebb
