#ifndef EBB_ENGINE_KAFKA_ERRANDS_H_
#define EBB_ENGINE_KAFKA_ERRANDS_H_

// A thread for calls that block, so that those who ask for them do not.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace ebb {

// Runs one errand after the other in the order of Post(). Errands that have not begun when it is destroyed never
// run; one that has is waited for.
class Errands {
 public:
  Errands() : thread_([this] { Run(); }) {}
  ~Errands();
  Errands(const Errands&) = delete;
  Errands& operator=(const Errands&) = delete;

  // Any thread. The caller bounds how many it posts.
  void Post(std::function<void()> errand);
  // For errands: waits, less long when the end has come. False: it has.
  bool Pause(absl::Duration duration);
  bool stopping();

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> errands_;
  bool stopping_ = false;
  std::thread thread_;  // Last, so that all else is there when it starts.
};

}  // namespace ebb

#endif  // EBB_ENGINE_KAFKA_ERRANDS_H_
