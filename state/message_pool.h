#ifndef EBB_STATE_MESSAGE_POOL_H_
#define EBB_STATE_MESSAGE_POOL_H_

// State messages that are used again, since to make one from nothing costs as much as to parse it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "google/protobuf/message.h"
#include "state/access.h"

namespace ebb {

// One a task; the task's thread only.
class MessagePool {
 public:
  // `bytes`: what messages may take that nobody uses.
  explicit MessagePool(size_t bytes) : limit_bytes_(bytes) {}

  // A message of the state's type, with whatever was in it before: clear it, or parse into it.
  std::unique_ptr<google::protobuf::Message> Take(StateId state, const google::protobuf::Message& prototype);
  // Keeps the message for the next Take, or frees it.
  void Give(StateId state, std::unique_ptr<google::protobuf::Message> message);

  // What a message of the state takes in memory, on the average of those looked at: about every hundredth.
  size_t MeanBytes(StateId state) const;

  static constexpr uint64_t kMeasureEvery = 100;

 private:
  struct Kind {
    std::vector<std::unique_ptr<google::protobuf::Message>> spare;
    uint64_t given = 0;
    double mean_bytes = 0;
  };
  Kind& KindOf(StateId state);

  const size_t limit_bytes_;
  double spare_bytes_ = 0;   // By the means of their kinds.
  std::vector<Kind> kinds_;  // By state id.
};

}  // namespace ebb

#endif  // EBB_STATE_MESSAGE_POOL_H_
