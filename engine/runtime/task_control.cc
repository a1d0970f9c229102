#include "engine/runtime/task_control.h"

#include <algorithm>

#include "absl/time/time.h"
#include "google/protobuf/util/message_differencer.h"
#include "state/hash.h"
#include "state/layout.h"
#include "state/text.h"
#include "state/time_index.h"

namespace ebb {
namespace {

// From the beginning of time where it says nothing.
int64_t ValidFrom(const v1::Publication& publication) {
  return publication.valid_from_ms() == 0 ? kNoTime : publication.valid_from_ms();
}

std::string StrangerKey(int64_t offset) { return Text("@", offset); }

// Under what it is remembered; of a record that is no version of anything, its offset.
std::string KeyOf(const v1::ControlEntry& entry) {
  return entry.publication().version() > 0 ? PublicationKey(entry.publication()) : StrangerKey(entry.offset());
}

// Operators whose config is another than before, or new, and who visit customers then.
std::vector<std::string> VisitorsOf(const PipelineSpec& before, Graph& graph) {
  std::vector<std::string> visitors;
  for (const Graph::Node& node : graph.nodes()) {
    if (!node.op->visits()) continue;
    const auto same = std::find_if(before.operators.begin(), before.operators.end(),
                                   [&](const OperatorSpec& op) { return op.id == node.spec->id; });
    const bool changed = same == before.operators.end() || same->type != node.spec->type ||
                         !google::protobuf::util::MessageDifferencer::Equals(*same->config, *node.spec->config);
    if (changed) visitors.push_back(node.spec->id);
  }
  std::sort(visitors.begin(), visitors.end());
  return visitors;
}

}  // namespace

TaskControl::TaskControl(std::shared_ptr<const PipelineSpec> file, std::vector<v1::TakenIn> history)
    : file_(std::move(file)), history_(std::move(history)) {}

absl::StatusOr<std::shared_ptr<const PipelineSpec>> TaskControl::Adopt(Store* store) {
  entries_.clear();
  in_force_.clear();
  strangers_.clear();
  forgotten_.clear();
  refusals_.clear();
  next_.reset();
  barrier_ms_.reset();
  considered_ = false;
  drained_epochs_ = 0;
  absl::Status damaged;
  const std::string begin = layout::ControlKey("");
  auto status = store->Scan(begin, layout::PrefixEnd(begin), [&](std::string_view key, std::string_view value) {
    v1::ControlEntry entry;
    if (!entry.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
        layout::ControlKey(KeyOf(entry)) != key) {
      damaged = absl::DataLossError("a publication in the store cannot be read");
      return false;
    }
    if (entry.refusal().empty()) {
      v1::ControlEntry& last = in_force_[entry.publication().name()];
      if (last.publication().version() < entry.publication().version()) last = entry;
    }
    if (entry.publication().version() == 0) strangers_.insert(entry.offset());
    const std::string known_as = KeyOf(entry);
    entries_[known_as] = std::move(entry);
    return true;
  });
  if (!status.ok()) return status;
  if (!damaged.ok()) return damaged;
  if (in_force_.empty()) return file_;
  auto spec = Amended(in_force_);
  if (!spec.ok()) {
    return absl::FailedPreconditionError(
        Text("what was published and is in force does not fit the pipeline file:\n", spec.status().message(),
             "\nStart with the file as it was; where what was published should go, publish that with ebb control "
             "rollback --to 0, and change the file then"));
  }
  return spec;
}

absl::StatusOr<std::shared_ptr<const PipelineSpec>> TaskControl::Amended(
    const std::map<std::string, v1::ControlEntry>& entries) const {
  std::map<int64_t, const v1::Publication*> by_offset;
  for (const auto& [name, entry] : entries) by_offset[entry.offset()] = &entry.publication();
  return AmendedBy(*file_, by_offset);
}

void TaskControl::Follow(const Standing& standing) {
  while (!next_ && followed_ < history_.size()) {
    const v1::TakenIn& taken = history_[followed_++];
    Published published;
    published.offset = taken.offset();
    published.publication = taken.publication();
    published.key = PublicationKey(published.publication);
    auto built = Build(published, standing);
    if (!built.ok()) {
      Refuse(published, std::string(built.status().message()), true);
      continue;
    }
    next_ = *std::move(built);
    barrier_ms_ = taken.holds_from_ms();
    drained_epochs_ = 0;
  }
}

void TaskControl::Consider(const ControlFeed& feed, const Standing& standing) {
  if (!history_.empty()) return Follow(standing);
  if (considered_ && generation_ == feed.generation()) return;
  considered_ = true;
  generation_ = feed.generation();
  while (const Published* published = Pick(feed, standing.watermark_ms)) {
    if (next_ && next_->entry.offset() == published->offset) return;
    auto built = Build(*published, standing);
    if (!built.ok()) {
      Refuse(*published, std::string(built.status().message()), true);
      continue;
    }
    next_ = *std::move(built);
    drained_epochs_ = 0;
    barrier_ms_.reset();
    Begin(standing);
    return;
  }
  next_.reset();
  barrier_ms_.reset();
}

void TaskControl::Begin(const Standing& standing) {
  if (standing.sweeping && !next_->visitors.empty()) return;
  const int64_t valid_from_ms = ValidFrom(next_->entry.publication());
  if (valid_from_ms > standing.watermark_ms) {
    barrier_ms_ = valid_from_ms;
  } else if (standing.settled || drained_epochs_ >= kMostDrainEpochs) {
    barrier_ms_ = standing.watermark_ms + 1;
  }
}

const Published* TaskControl::Pick(const ControlFeed& feed, int64_t watermark_ms) {
  // Of each name the latest version that is valid already: earlier ones have had their time.
  std::map<std::string, int64_t> latest;
  std::vector<const Published*> open;
  std::map<std::string, uint64_t> first;  // Checksums by key.
  for (const Published& published : feed.all()) {
    const v1::Publication& publication = published.publication;
    if (!published.unreadable.empty()) {
      Refuse(published, published.unreadable, false);
      continue;
    }
    const std::string key = PublicationKey(publication);
    const auto known = entries_.find(key);
    const auto [checksum, is_first] = first.try_emplace(
        key, known == entries_.end() ? publication.checksum() : known->second.publication().checksum());
    if (checksum->second != publication.checksum()) {
      Refuse(published, "there is another publication of that name and version, which came first", false);
      continue;
    }
    if (known != entries_.end() || !is_first) continue;
    const auto in_force = in_force_.find(publication.name());
    if (in_force != in_force_.end() && publication.version() <= in_force->second.publication().version()) continue;
    open.push_back(&published);
    if (ValidFrom(publication) <= watermark_ms) {
      int64_t& version = latest[publication.name()];
      version = std::max(version, publication.version());
    }
  }
  const Published* best = nullptr;
  int64_t best_ms = 0;
  for (const Published* published : open) {
    const v1::Publication& publication = published->publication;
    if (const auto now = latest.find(publication.name()); now != latest.end() && publication.version() < now->second) {
      continue;
    }
    const int64_t from_ms = std::max(ValidFrom(publication), watermark_ms);
    if (best != nullptr && best_ms <= from_ms) continue;
    best = published;
    best_ms = from_ms;
  }
  return best;
}

absl::StatusOr<TaskControl::Next> TaskControl::Build(const Published& published, const Standing& standing) const {
  Next next;
  *next.entry.mutable_publication() = published.publication;
  next.entry.set_offset(published.offset);
  auto entries = in_force_;
  entries[published.publication.name()] = next.entry;
  auto spec = Amended(entries);
  if (!spec.ok()) return spec.status();
  next.spec = *std::move(spec);
  auto graph = Graph::Build(*next.spec);
  if (!graph.ok()) return graph.status();
  next.graph = *std::move(graph);
  auto bound = next.graph->Bind(*standing.manifest, standing.manifest->partitions(), Graph::Missing::kRetire);
  if (!bound.ok()) return bound.status();
  next.manifest = *std::move(bound);
  next.visitors = VisitorsOf(*standing.spec, *next.graph);
  return next;
}

void TaskControl::Refuse(const Published& published, std::string why, bool is_version) {
  // They are met in the order of their offsets.
  if (!is_version && !strangers_.empty() && published.offset <= *strangers_.rbegin()) return;
  v1::ControlEntry entry;
  entry.set_offset(published.offset);
  if (is_version) *entry.mutable_publication() = published.publication;
  entry.set_refusal(std::move(why));
  if (!entries_.try_emplace(KeyOf(entry), entry).second) return;
  if (!is_version) strangers_.insert(published.offset);
  ForgetOldStrangers();
  refusals_.push_back({published, std::move(entry)});
}

void TaskControl::ForgetOldStrangers() {
  while (strangers_.size() > kMostStrangers) {
    forgotten_.push_back(StrangerKey(*strangers_.begin()));
    entries_.erase(forgotten_.back());
    strangers_.erase(strangers_.begin());
  }
}

void TaskControl::EpochEnded(const Standing& standing) {
  if (!next_ || barrier_ms_) return;
  ++drained_epochs_;
  Begin(standing);
}

bool TaskControl::WantsDrain(int64_t watermark_ms) const {
  return next_ && (!barrier_ms_ || *barrier_ms_ - kDrainAheadMs <= watermark_ms);
}

void TaskControl::AddRows(bool takes, WriteBatch* rows) {
  for (const Refusal& refusal : refusals_) {
    rows->Put(layout::ControlKey(KeyOf(refusal.entry)), refusal.entry.SerializeAsString());
  }
  for (const std::string& key : forgotten_) rows->Delete(layout::ControlKey(key));
  if (!takes) return;
  next_->entry.set_holds_from_ms(*barrier_ms_);
  rows->Put(layout::ControlKey(KeyOf(next_->entry)), next_->entry.SerializeAsString());
  if (const std::optional<std::string> oldest = Oldest()) rows->Delete(layout::ControlKey(*oldest));
}

std::optional<std::string> TaskControl::Oldest() const {
  if (entries_.size() - strangers_.size() < kMostEntries) return std::nullopt;
  const std::pair<const std::string, v1::ControlEntry>* oldest = nullptr;
  for (const auto& entry : entries_) {
    const auto last = in_force_.find(entry.second.publication().name());
    if (last != in_force_.end() && last->second.offset() == entry.second.offset()) continue;
    if (entry.second.publication().version() == 0) continue;
    if (oldest == nullptr || entry.second.offset() < oldest->second.offset()) oldest = &entry;
  }
  return oldest == nullptr ? std::nullopt : std::optional(oldest->first);
}

void TaskControl::RefusalsWritten() {
  for (const Refusal& refusal : refusals_) {
    notes_.push_back({true, Text("a publication (key ", refusal.published.key, ", offset ", refusal.published.offset,
                                 ") cannot be taken in: ", refusal.entry.refusal())});
  }
  refusals_.clear();
  forgotten_.clear();
}

TaskControl::Next TaskControl::Take() {
  Next taken = *std::move(next_);
  next_.reset();
  barrier_ms_.reset();
  considered_ = false;
  const int64_t from_ms = taken.entry.holds_from_ms();
  notes_.push_back(
      {false, Text(PublicationKey(taken.entry.publication()), " holds from ",
                   from_ms == kNoTime + 1
                       ? "the first record on"
                       : absl::FormatTime(absl::RFC3339_full, absl::FromUnixMillis(from_ms), absl::UTCTimeZone()))});
  if (const std::optional<std::string> oldest = Oldest()) entries_.erase(*oldest);
  in_force_[taken.entry.publication().name()] = taken.entry;
  entries_[KeyOf(taken.entry)] = taken.entry;
  return taken;
}

v1::EpochRecord::ControlPosition TaskControl::Position(bool takes) const {
  v1::EpochRecord::ControlPosition position;
  uint64_t digest = 0;
  const auto add = [&](const v1::ControlEntry& entry) {
    position.set_offset(std::max(position.offset(), entry.offset() + 1));
    digest += StableHash64(PublicationKey(entry.publication()));
  };
  for (const auto& [name, entry] : in_force_) {
    if (!takes || name != next_->entry.publication().name()) add(entry);
  }
  if (takes) {
    add(next_->entry);
    position.set_holds_from_ms(*barrier_ms_);
  }
  position.set_digest(digest);
  return position;
}

}  // namespace ebb
