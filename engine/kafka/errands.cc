#include "engine/kafka/errands.h"

#include <utility>

namespace ebb {

Errands::~Errands() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Errands::Post(std::function<void()> errand) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    errands_.push_back(std::move(errand));
  }
  changed_.notify_all();
}

bool Errands::Pause(absl::Duration duration) {
  std::unique_lock<std::mutex> lock(mutex_);
  return !changed_.wait_for(lock, absl::ToChronoNanoseconds(duration), [this] { return stopping_; });
}

bool Errands::stopping() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return stopping_;
}

void Errands::Run() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopping_ || !errands_.empty(); });
    if (stopping_) return;
    std::function<void()> errand = std::move(errands_.front());
    errands_.pop_front();
    lock.unlock();
    errand();
    errand = nullptr;
    lock.lock();
  }
}

}  // namespace ebb
