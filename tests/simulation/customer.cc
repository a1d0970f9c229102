#include "tests/simulation/customer.h"

#include "state/text.h"
#include "tests/simulation/chance.h"

namespace ebb::simulation {
namespace {

constexpr char kOperator[] = "op";  // The operator's id in the pipeline: the origin of what timers tell.

std::string Line(bool has_tally, int64_t count, uint64_t digest, int64_t echoes) {
  return has_tally ? Text("tally ", count, " ", absl::Hex(digest), " ", echoes, "; ") : std::string();
}
std::string MarkText(const std::string& key, int64_t times, uint64_t digest) {
  return Text("mark ", key, " ", times, " ", absl::Hex(digest), "; ");
}
std::string NoteText(const std::string& event, const std::string& ballast) {
  return Text("note ", event, " ", ballast.size(), "; ");
}
std::string TimerText(GhostCustomer::Timer timer, int64_t deadline_ms) {
  return Text(timer == GhostCustomer::kSilence ? "silence " : "echo ", deadline_ms, "; ");
}

Expected ResultOf(const std::string& customer, const std::string& cause, const std::string& origin, int64_t time_ms,
                  int ordinal, const GhostCustomer::At& at, int64_t count, uint64_t digest, int64_t echoes,
                  uint64_t rows) {
  Expected result;
  result.cause = Text(customer, " ", cause, " ", origin, " ", time_ms, " ", ordinal);
  result.time_ms = time_ms;
  result.text = Text(result.cause, " at ", at.watermark_ms, " by ", at.edition, ": ", count, " ", absl::Hex(digest),
                     " ", echoes, " ", absl::Hex(rows));
  return result;
}

}  // namespace

bool GhostCustomer::On(const Event& event, const At& at, std::vector<Expected>* results) {
  const v1::EventHeader& header = event.header();
  const int64_t now_ms = header.event_time_ms();
  const Event::Act act = event.act();
  if (act == Event::REJECT) return false;
  if (act == Event::CLEAR || act == Event::DROP) Clear(act == Event::CLEAR);
  const bool counts = act != Event::CLEAR && act != Event::DROP && act != Event::PEEK;
  if (counts) {
    has_tally_ = true;
    ++count_;
    digest_ = Digest(at.edition, Digest(at.watermark_ms, Digest(header.event_id(), digest_)));
  }
  const std::string key(1, static_cast<char>('a' + event.key() % 8));
  if (act == Event::PUT) {
    auto& [times, digest] = marks_[key];
    ++times;
    digest = digest_;
  }
  if (act == Event::ERASE) marks_.erase(key);
  if (act == Event::NOTE) notes_.emplace_back(header.event_id(), event.ballast());
  if (act == Event::ARM || act == Event::ARM_BOTH) timers_[kSilence] = now_ms + event.delay_ms();
  if (act == Event::ARM_BOTH) timers_[kEcho] = now_ms + event.delay_ms();
  if (act == Event::ARM_PAST) timers_[kEcho] = now_ms - event.delay_ms();
  if (act == Event::DISARM) timers_.erase(kSilence);
  Tell(header.event_id(), header.source(), now_ms, at, act == Event::SHOUT ? 3 : 1, results);
  return true;
}

void GhostCustomer::Fire(Timer timer, const At& at, std::vector<Expected>* results) {
  const int64_t now_ms = timers_.at(timer);
  timers_.erase(timer);
  has_tally_ = true;
  digest_ = Digest(at.edition, Digest(now_ms, digest_));
  if (timer == kEcho) {
    ++echoes_;
    if (echoes_ % 3 != 0) timers_[kEcho] = now_ms + 1;  // Armed in the past.
  }
  Tell(timer == kEcho ? "echo" : "silence", kOperator, now_ms, at, 1, results);
  if (timer == kSilence && count_ % 3 == 0) {
    Clear(true);
  } else if (timer == kSilence && count_ % 3 == 1) {
    timers_[kEcho] = now_ms + 1;
  }
}

void GhostCustomer::Visit(const At& at, std::vector<Expected>* results) {
  has_tally_ = true;
  digest_ = Digest(at.edition, Digest(at.watermark_ms, digest_));
  if (count_ % 2 == 1) timers_[kSilence] = at.watermark_ms + count_ * 10;
  Tell(Text("edition@", at.edition), "", at.watermark_ms, at, 1, results);
}

void GhostCustomer::Clear(bool rows) {
  has_tally_ = false;
  count_ = echoes_ = 0;
  digest_ = 0;
  timers_.clear();
  if (!rows) return;
  marks_.clear();
  notes_.clear();
}

void GhostCustomer::Tell(const std::string& cause, const std::string& origin, int64_t time_ms, const At& at, int times,
                         std::vector<Expected>* results) const {
  uint64_t rows = 0;
  for (const auto& [key, mark] : marks_) {
    rows = Digest(static_cast<int64_t>(mark.second), Digest(mark.first, Digest(key, rows)));
  }
  for (const auto& [event, ballast] : notes_) rows = Digest(ballast, Digest(event, rows));
  for (int i = 0; i < times; ++i) {
    results->push_back(ResultOf(id_, cause, origin, time_ms, i, at, count_, digest_, echoes_, rows));
  }
}

std::string GhostCustomer::Render() const {
  std::string line = Line(has_tally_, count_, digest_, echoes_);
  for (const auto& [timer, deadline_ms] : timers_) line += TimerText(timer, deadline_ms);
  for (const auto& [key, mark] : marks_) line += MarkText(key, mark.first, mark.second);
  for (const auto& [event, ballast] : notes_) line += NoteText(event, ballast);
  return line;
}

std::string Render(const StoredCustomer& stored) {
  std::string line = Line(stored.has_tally, stored.tally.count(), stored.tally.digest(), stored.tally.echoes());
  for (const auto& [timer, deadline_ms] : stored.timers) line += TimerText(timer, deadline_ms);
  for (const auto& [key, mark] : stored.marks) line += MarkText(key, mark.times(), mark.digest());
  for (const Note& note : stored.notes) line += NoteText(note.event_id(), note.ballast());
  return line;
}

Expected Describe(const Told& told) {
  return ResultOf(told.customer(), told.cause(), told.origin(), told.time_ms(), told.ordinal(),
                  {told.watermark_ms(), told.edition()}, told.tally().count(), told.tally().digest(),
                  told.tally().echoes(), told.rows());
}

}  // namespace ebb::simulation
