#ifndef EBB_OPERATORS_EXPLAIN_REMEMBERED_H_
#define EBB_OPERATORS_EXPLAIN_REMEMBERED_H_

// What a pipeline remembers of a customer, read back from the JSON in which the engine describes it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace ebb {

// Immutable; any thread.
class Remembered {
 public:
  // Of a customer of whom nothing is known.
  Remembered() = default;

  // InvalidArgument: not what DescribeCustomer writes.
  static absl::StatusOr<Remembered> Parse(const std::string& json);

  // The state of that name that an operator keeps; an empty message where it keeps none. None: it is damaged, or of
  // another version of ebb.
  template <class State>
  std::optional<State> StateOf(std::string_view op, std::string_view name) const {
    State state;
    if (!Read(op, name, State::default_instance(), &state)) return std::nullopt;
    return state;
  }
  // When a timer of an operator is due; none when it is not armed.
  std::optional<absl::Time> DeadlineOf(std::string_view op, std::string_view timer) const;
  // The commit as of which this holds.
  uint64_t epoch() const { return epoch_; }

 private:
  bool Read(std::string_view op, std::string_view name, const google::protobuf::Message& prototype,
            google::protobuf::Message* state) const;
  // Null where there is none.
  const google::protobuf::Value* Find(std::string_view section, std::string_view op, std::string_view name) const;

  google::protobuf::Struct all_;
  uint64_t epoch_ = 0;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_EXPLAIN_REMEMBERED_H_
