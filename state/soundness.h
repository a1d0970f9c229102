#ifndef EBB_STATE_SOUNDNESS_H_
#define EBB_STATE_SOUNDNESS_H_

// Whether a stored message can be what its operator wrote, beyond what its bytes tell: tables whose columns are equally
// long, numbers that can be reckoned with. It is asked once when a message is read, so that operators rely on it.

#include <cstdint>

#include "google/protobuf/message.h"

namespace ebb {

// Times and amounts of sound messages lie between this and its negative: sums of a few of them do not overflow.
inline constexpr int64_t kMostSound = int64_t{1} << 53;

template <class... Numbers>
constexpr bool AreSound(Numbers... numbers) {
  return ((numbers >= -kMostSound && numbers <= kMostSound) && ...);
}

// For programs' start: a namespace-scope StateCheck<Message, &IsSound>. A type has one check at most.
void RegisterStateCheck(const google::protobuf::Message& prototype, bool (*check)(const google::protobuf::Message&));

template <class T, bool (*kCheck)(const T&)>
struct StateCheck {
  StateCheck() {
    RegisterStateCheck(T::default_instance(),
                       [](const google::protobuf::Message& message) { return kCheck(static_cast<const T&>(message)); });
  }
};

// True for types without a check. Any thread, once the program has started.
bool IsSoundState(const google::protobuf::Message& prototype, const google::protobuf::Message& message);

}  // namespace ebb

#endif  // EBB_STATE_SOUNDNESS_H_
