#include "state/message_pool.h"

#include <algorithm>
#include <utility>

namespace ebb {
namespace {

constexpr double kWeight = 0.1;  // Of each message looked at.

}  // namespace

MessagePool::Kind& MessagePool::KindOf(StateId state) {
  if (kinds_.size() <= state) kinds_.resize(state + 1);
  return kinds_[state];
}

size_t MessagePool::MeanBytes(StateId state) const {
  return state < kinds_.size() ? static_cast<size_t>(kinds_[state].mean_bytes) : 0;
}

std::unique_ptr<google::protobuf::Message> MessagePool::Take(StateId state,
                                                             const google::protobuf::Message& prototype) {
  Kind& kind = KindOf(state);
  if (kind.spare.empty()) return std::unique_ptr<google::protobuf::Message>(prototype.New());
  auto message = std::move(kind.spare.back());
  kind.spare.pop_back();
  spare_bytes_ = std::max(0.0, spare_bytes_ - kind.mean_bytes);
  return message;
}

void MessagePool::Give(StateId state, std::unique_ptr<google::protobuf::Message> message) {
  Kind& kind = KindOf(state);
  if (kind.given++ % kMeasureEvery == 0) {
    const auto bytes = static_cast<double>(message->SpaceUsedLong());
    const double before = kind.mean_bytes;
    kind.mean_bytes = before == 0 ? bytes : before + kWeight * (bytes - before);
    spare_bytes_ += (kind.mean_bytes - before) * static_cast<double>(kind.spare.size());
  }
  if (spare_bytes_ + kind.mean_bytes > static_cast<double>(limit_bytes_)) return;
  spare_bytes_ += kind.mean_bytes;
  kind.spare.push_back(std::move(message));
}

}  // namespace ebb
