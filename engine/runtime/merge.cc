#include "engine/runtime/merge.h"

#include <algorithm>

#include "engine/time/duration.h"

namespace ebb {

Merge::Merge(std::vector<std::unique_ptr<SourceCursor>>* sources, absl::Duration max_wait)
    : sources_(*sources), max_wait_(max_wait), waiting_since_(sources->size()) {
  for (const auto& source : sources_) {
    lateness_ms_.push_back(ToMillis(source->spec().config.lateness()));
    max_lateness_ms_ = std::max(max_lateness_ms_, lateness_ms_.back());
  }
  time_.max_event_time_ms.assign(sources_.size(), kNoTime);
  round_from_.resize(sources_.size());
}

absl::StatusOr<bool> Merge::Fill() {
  bool came = false;
  for (const auto& source : sources_) {
    auto filled = source->Fill();
    if (!filled.ok()) return filled.status();
    came |= *filled;
  }
  return came;
}

bool Merge::BeginRound(absl::Duration elapsed, int64_t floor_ms) {
  uint64_t idle = 0;
  bool any_head = false;
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i]->HasHead()) {
      waiting_since_[i].reset();
      any_head = true;
      continue;
    }
    if (sources_[i]->idle()) {
      waiting_since_[i].reset();
    } else {
      if (!waiting_since_[i]) waiting_since_[i] = elapsed;
      if (elapsed - *waiting_since_[i] < max_wait_) return false;
    }
    idle |= uint64_t{1} << i;
  }
  if (!any_head && floor_ms <= time_.watermark_ms) return false;
  time_.watermark_ms = std::max(time_.watermark_ms, floor_ms);
  in_round_ = true;
  idle_ = idle;
  for (size_t i = 0; i < sources_.size(); ++i) round_from_[i] = sources_[i]->position();
  v1::EpochRecord::Round& round = rounds_.emplace_back();
  round.set_idle(idle_);
  round.set_floor_ms(time_.watermark_ms);
  return true;
}

void Merge::RedoRound(const v1::EpochRecord::Round& round) {
  in_round_ = true;
  idle_ = round.idle();
  time_.watermark_ms = std::max<int64_t>(time_.watermark_ms, round.floor_ms());
  for (size_t i = 0; i < sources_.size(); ++i) {
    round_from_[i] = sources_[i]->position();
    sources_[i]->SetBound(round_from_[i] + static_cast<int64_t>(round.advance(static_cast<int>(i))));
  }
}

void Merge::EndRound() {
  in_round_ = false;
  if (rounds_.empty()) return;
  for (size_t i = 0; i < sources_.size(); ++i) {
    rounds_.back().add_advance(static_cast<uint64_t>(sources_[i]->position() - round_from_[i]));
  }
}

std::optional<size_t> Merge::Next() {
  std::optional<size_t> best;
  for (size_t i = 0; i < sources_.size(); ++i) {
    // In redo a source that has come to its bound keeps nothing back: whatever it had next was not chosen then.
    if (!TakesPart(i) || sources_[i]->AtBound()) continue;
    if (!sources_[i]->HasHead()) return std::nullopt;
    // What cannot be decoded has no time: it goes at once, so that it keeps nothing back.
    if (sources_[i]->rejection()) return i;
    if (!best || sources_[i]->event().time_ms() < sources_[*best]->event().time_ms()) best = i;
  }
  return best;
}

int64_t Merge::WatermarkAfter(size_t source) const {
  if (sources_[source]->rejection()) return time_.watermark_ms;
  const int64_t now_ms = sources_[source]->event().time_ms();
  int64_t least = std::numeric_limits<int64_t>::max();
  for (size_t i = 0; i < sources_.size(); ++i) {
    // This head goes first, so the other sources have come at least as far, whether or not a record was taken of them.
    if (TakesPart(i)) least = std::min(least, std::max(time_.max_event_time_ms[i], now_ms) - lateness_ms_[i]);
  }
  return std::max(time_.watermark_ms, least);
}

void Merge::Follow(size_t source) {
  if (sources_[source]->rejection()) return;
  time_.watermark_ms = WatermarkAfter(source);
  int64_t& max = time_.max_event_time_ms[source];
  max = std::max(max, sources_[source]->event().time_ms());
}

void Merge::CarryTo(int64_t floor_ms) {
  time_.watermark_ms = floor_ms;
  v1::EpochRecord::Round& round = rounds_.emplace_back();
  round.set_idle((uint64_t{1} << sources_.size()) - 1);
  round.set_floor_ms(floor_ms);
  for (size_t i = 0; i < sources_.size(); ++i) round.add_advance(0);
}

Merge::Time Merge::TimeOf(const v1::EpochRecord& record) {
  Time time;
  time.watermark_ms = record.watermark_ms();
  for (const auto& slice : record.slices()) time.max_event_time_ms.push_back(slice.max_event_time_ms());
  return time;
}

bool Merge::NewcomerWaits() {
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (!TakesPart(i) && sources_[i]->HasHead()) return true;
  }
  return false;
}

bool Merge::RedoneRound() const {
  return std::all_of(sources_.begin(), sources_.end(), [](const auto& source) { return source->AtBound(); });
}

bool Merge::AllIdle() const {
  return std::all_of(sources_.begin(), sources_.end(), [](const auto& source) { return source->idle(); });
}

std::optional<size_t> Merge::Holder() {
  bool others_could = false;
  std::optional<size_t> holder;
  for (size_t i = 0; i < sources_.size(); ++i) {
    if (sources_[i]->HasHead()) {
      others_could = true;
    } else if (!sources_[i]->idle() && !holder) {
      holder = i;
    }
  }
  return others_could ? holder : std::nullopt;
}

}  // namespace ebb
