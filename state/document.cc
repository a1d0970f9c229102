#include "state/document.h"

#include <algorithm>

#include "ebb/v1/changelog.pb.h"
#include "state/serialize.h"

namespace ebb {
namespace {

using v1::CustomerDocument;

// Tags of the wire format. Source: protocol buffers encoding, https://protobuf.dev/programming-guides/encoding.
constexpr uint32_t Tag(int field, int wire_type) { return static_cast<uint32_t>(field) << 3 | wire_type; }
constexpr uint32_t kStampTag = Tag(CustomerDocument::kStampFieldNumber, 0);
constexpr uint32_t kValueTag = Tag(CustomerDocument::kValuesFieldNumber, 2);
constexpr uint32_t kTimerTag = Tag(CustomerDocument::kTimersFieldNumber, 2);
constexpr uint32_t kStateIdTag = Tag(CustomerDocument::StateValue::kStateIdFieldNumber, 0);
constexpr uint32_t kStateBytesTag = Tag(CustomerDocument::StateValue::kValueFieldNumber, 2);
constexpr uint32_t kTimerIdTag = Tag(CustomerDocument::ArmedTimer::kTimerIdFieldNumber, 0);
constexpr uint32_t kDeadlineTag = Tag(CustomerDocument::ArmedTimer::kDeadlineMsFieldNumber, 0);

void AppendVarint(std::string* out, uint64_t value) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

size_t VarintSize(uint64_t value) {
  size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

// Takes apart bytes from the front.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  bool Varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      *value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Bytes(std::string_view* bytes) {
    uint64_t size = 0;
    if (!Varint(&size) || size > rest_.size()) return false;
    *bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }

 private:
  std::string_view rest_;
};

bool ReadValue(std::string_view bytes, DocumentValue* value) {
  Reader reader(bytes);
  while (!reader.done()) {
    uint64_t tag = 0, number = 0;
    if (!reader.Varint(&tag)) return false;
    if (tag == kStateIdTag) {
      if (!reader.Varint(&number)) return false;
      value->state = static_cast<StateId>(number);
    } else if (tag != kStateBytesTag || !reader.Bytes(&value->bytes)) {
      return false;
    }
  }
  return value->state != 0;
}

bool ReadTimer(std::string_view bytes, DocumentTimer* timer) {
  Reader reader(bytes);
  while (!reader.done()) {
    uint64_t tag = 0, number = 0;
    if (!reader.Varint(&tag) || !reader.Varint(&number)) return false;
    if (tag == kTimerIdTag) {
      timer->timer = static_cast<TimerId>(number);
    } else if (tag == kDeadlineTag) {
      timer->deadline_ms = static_cast<int64_t>(number);
    } else {
      return false;
    }
  }
  return timer->timer != 0;
}

// All of a value that comes before its bytes.
void BeginValue(std::string* body, StateId state, size_t size) {
  AppendVarint(body, kValueTag);
  AppendVarint(body, 1 + VarintSize(state) + 1 + VarintSize(size) + size);
  AppendVarint(body, kStateIdTag);
  AppendVarint(body, state);
  AppendVarint(body, kStateBytesTag);
  AppendVarint(body, size);
}

}  // namespace

std::optional<DocumentParts> SplitDocument(std::string_view body) {
  DocumentParts parts;
  if (!SplitDocument(body, &parts)) return std::nullopt;
  return parts;
}

bool SplitDocument(std::string_view body, DocumentParts* parts) {
  parts->values.clear();
  parts->timers.clear();
  Reader reader(body);
  while (!reader.done()) {
    uint64_t tag = 0;
    std::string_view bytes;
    if (!reader.Varint(&tag) || !reader.Bytes(&bytes)) return false;
    if (tag == kValueTag) {
      if (!ReadValue(bytes, &parts->values.emplace_back())) return false;
    } else if (tag != kTimerTag || !ReadTimer(bytes, &parts->timers.emplace_back())) {
      return false;
    }
  }
  return true;
}

void AppendValue(std::string* body, StateId state, std::string_view bytes) {
  BeginValue(body, state, bytes.size());
  body->append(bytes);
}

void AppendValue(std::string* body, StateId state, const google::protobuf::Message& message) {
  const size_t size = message.ByteSizeLong();
  BeginValue(body, state, size);
  AppendMessage(message, size, body);
}

void AppendTimer(std::string* body, const DocumentTimer& timer) {
  const auto deadline = static_cast<uint64_t>(timer.deadline_ms);
  AppendVarint(body, kTimerTag);
  AppendVarint(body, 1 + VarintSize(timer.timer) + 1 + VarintSize(deadline));
  AppendVarint(body, kTimerIdTag);
  AppendVarint(body, timer.timer);
  AppendVarint(body, kDeadlineTag);
  AppendVarint(body, deadline);
}

std::string StampedRow(uint64_t stamp, std::string_view body) {
  std::string row;
  StampedRow(stamp, body, &row);
  return row;
}

void StampedRow(uint64_t stamp, std::string_view body, std::string* row) {
  row->clear();
  AppendVarint(row, kStampTag);
  AppendVarint(row, stamp);
  row->append(body);
}

std::optional<StampedDocument> ReadStampedRow(std::string_view row) {
  Reader reader(row);
  StampedDocument document;
  uint64_t tag = 0;
  if (!reader.Varint(&tag) || tag != kStampTag || !reader.Varint(&document.stamp)) return std::nullopt;
  document.body = reader.rest();
  return document;
}

std::optional<int64_t> EarliestDeadline(std::string_view body) {
  Reader reader(body);
  while (!reader.done()) {
    uint64_t tag = 0;
    std::string_view bytes;
    if (!reader.Varint(&tag) || !reader.Bytes(&bytes)) return std::nullopt;
    // Timers stand in order of their deadlines.
    DocumentTimer timer;
    if (tag == kTimerTag && ReadTimer(bytes, &timer)) return timer.deadline_ms;
  }
  return std::nullopt;
}

}  // namespace ebb
