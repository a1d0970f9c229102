#ifndef EBB_STATE_DOCUMENT_H_
#define EBB_STATE_DOCUMENT_H_

// A customer's document as bytes: ebb.v1.CustomerDocument on the wire, read and written without building that
// message, since every event of a customer that is not at hand passes through here.
//
// In memory a document is its body: the message without its stamp. An empty body is a customer without state.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "google/protobuf/message.h"
#include "state/access.h"

namespace ebb {

struct DocumentValue {
  StateId state = 0;
  std::string_view bytes;
};

struct DocumentTimer {
  TimerId timer = 0;
  int64_t deadline_ms = 0;

  friend bool operator==(const DocumentTimer&, const DocumentTimer&) = default;
};

// The parts of a body; views into it.
struct DocumentParts {
  std::vector<DocumentValue> values;
  std::vector<DocumentTimer> timers;
};

// Splits a body. Nothing when it is not a document.
std::optional<DocumentParts> SplitDocument(std::string_view body);
// The same into parts that are used again; false when it is not a document.
bool SplitDocument(std::string_view body, DocumentParts* parts);

// Appends to a body, values in order of ids first, then timers in order of (deadline, id).
void AppendValue(std::string* body, StateId state, std::string_view bytes);
// The message's bytes, map entries in order of their keys.
void AppendValue(std::string* body, StateId state, const google::protobuf::Message& message);
void AppendTimer(std::string* body, const DocumentTimer& timer);

// A row of the store or the changelog: the stamp, then the body.
std::string StampedRow(uint64_t stamp, std::string_view body);
// The same in place of what *row holds, whose memory is used again.
void StampedRow(uint64_t stamp, std::string_view body, std::string* row);
struct StampedDocument {
  uint64_t stamp = 0;
  std::string_view body;
};
// Nothing when the row does not begin with a stamp.
std::optional<StampedDocument> ReadStampedRow(std::string_view row);

// The earliest deadline of a body in milliseconds since 1970; nothing without an armed timer.
std::optional<int64_t> EarliestDeadline(std::string_view body);

}  // namespace ebb

#endif  // EBB_STATE_DOCUMENT_H_
