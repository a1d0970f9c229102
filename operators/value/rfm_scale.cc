#include "operators/value/rfm_scale.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "absl/strings/str_join.h"
#include "engine/wording/wording.h"
#include "operators/artefact.h"
#include "operators/features/event_history.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::RfmConfig;

constexpr int kHighest = 5;
// Longer than any silence.
constexpr double kMostDays = 1e6;

// The scores of the usual ten segments: money has no part in them.
struct UsualSegment {
  const char* name;
  std::pair<int, int> recency;
  std::pair<int, int> frequency;
};
constexpr UsualSegment kUsual[] = {
    {"champions", {5, 5}, {4, 5}},      {"loyal", {3, 4}, {4, 5}},     {"potential-loyalists", {4, 5}, {2, 3}},
    {"new-customers", {5, 5}, {1, 1}},  {"promising", {4, 4}, {1, 1}}, {"need-attention", {3, 3}, {3, 3}},
    {"about-to-sleep", {3, 3}, {1, 2}}, {"at-risk", {1, 2}, {3, 4}},   {"cant-lose", {1, 2}, {5, 5}},
    {"lost", {1, 2}, {1, 2}},
};

std::vector<RfmConfig::Segment> UsualSegments() {
  std::vector<RfmConfig::Segment> segments;
  for (const UsualSegment& usual : kUsual) {
    RfmConfig::Segment& segment = segments.emplace_back();
    segment.set_name(usual.name);
    for (int score = usual.recency.first; score <= usual.recency.second; ++score) segment.add_recency(score);
    for (int score = usual.frequency.first; score <= usual.frequency.second; ++score) segment.add_frequency(score);
  }
  return segments;
}

absl::Status Check(std::string_view name, const google::protobuf::RepeatedField<double>& cutoffs) {
  const bool sound =
      std::all_of(cutoffs.begin(), cutoffs.end(), [](double cutoff) { return std::isfinite(cutoff) && cutoff >= 0; });
  if (cutoffs.size() == RfmScale::kCutoffs && sound && std::is_sorted(cutoffs.begin(), cutoffs.end())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(Text(name, ": expected four numbers of at least 0 in rising order, got ",
                                         cutoffs.empty() ? "none" : absl::StrJoin(cutoffs, ", ")));
}

template <class T>
int Above(const std::array<T, RfmScale::kCutoffs>& cutoffs, T value) {
  return static_cast<int>(std::lower_bound(cutoffs.begin(), cutoffs.end(), value) - cutoffs.begin());
}

bool Takes(const google::protobuf::RepeatedField<int32_t>& scores, int score) {
  return scores.empty() || std::find(scores.begin(), scores.end(), score) != scores.end();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RfmScale>> RfmScale::Make(const v1::RfmCutoffs& cutoffs) {
  if (cutoffs.version().empty()) {
    return absl::InvalidArgumentError("version: expected the name of this version of the cut-offs, got none");
  }
  if (auto status = Check("recency_days", cutoffs.recency_days()); !status.ok()) return status;
  if (auto status = Check("orders", cutoffs.orders()); !status.ok()) return status;
  if (auto status = Check("spent", cutoffs.spent()); !status.ok()) return status;
  std::shared_ptr<RfmScale> scale(new RfmScale);
  scale->version_ = cutoffs.version();
  for (int i = 0; i < kCutoffs; ++i) {
    const auto place = static_cast<size_t>(i);
    const double days = std::min(cutoffs.recency_days(i), kMostDays);
    scale->recency_ms_[place] = static_cast<int64_t>(std::floor(days * static_cast<double>(kMillisPerDay)));
    scale->orders_[place] = cutoffs.orders(i);
    scale->spent_[place] = cutoffs.spent(i);
  }
  return scale;
}

RfmScores RfmScale::Scores(const RfmValues& values) const {
  return {kHighest - Above(recency_ms_, values.silence_ms), 1 + Above(orders_, values.orders),
          1 + Above(spent_, values.spent)};
}

std::optional<int64_t> RfmScale::NextFall(int64_t silence_ms) const {
  const auto next = std::lower_bound(recency_ms_.begin(), recency_ms_.end(), silence_ms);
  if (next == recency_ms_.end()) return std::nullopt;
  return *next + 1;
}

absl::StatusOr<v1::RfmCutoffs> ParseRfmCutoffs(std::string_view json) {
  auto cutoffs = ParseArtefact<v1::RfmCutoffs>(json, "no cut-offs");
  if (!cutoffs.ok() || cutoffs->format() == 1) return cutoffs;
  return absl::InvalidArgumentError(
      Text("format: expected 1, which this version of Ebb reads, got ", cutoffs->format()));
}

absl::StatusOr<std::shared_ptr<const RfmSegments>> RfmSegments::Make(const RfmConfig& config) {
  if (config.segments_size() > kMaxSegments) {
    return absl::InvalidArgumentError(
        Text("segments: expected at most ", kMaxSegments, " of them, got ", config.segments_size()));
  }
  std::shared_ptr<RfmSegments> table(new RfmSegments);
  table->version_ = config.version();
  table->name_of_.fill(-1);
  table->triggers_.assign(config.triggers().begin(), config.triggers().end());
  const std::vector<RfmConfig::Segment> rows =
      config.segments().empty() ? UsualSegments()
                                : std::vector<RfmConfig::Segment>(config.segments().begin(), config.segments().end());
  for (size_t row = 0; row < rows.size(); ++row) {
    if (table->Add(rows[row])) continue;
    return absl::InvalidArgumentError(Text("segments[", row, "]: no customer comes to ", Quoted(rows[row].name()),
                                           ": the rows before take all of its scores"));
  }
  for (int recency = 1; recency <= kScores; ++recency) {
    for (int frequency = 1; frequency <= kScores; ++frequency) {
      for (int monetary = 1; monetary <= kScores; ++monetary) {
        if (table->name_of_[Place(recency, frequency, monetary)] >= 0) continue;
        return absl::InvalidArgumentError(Text("segments: no segment takes recency ", recency, ", frequency ",
                                               frequency, ", monetary ", monetary,
                                               "; a last row with a name alone takes the rest"));
      }
    }
  }
  if (auto status = table->CheckTriggers(); !status.ok()) return status;
  return table;
}

bool RfmSegments::Add(const RfmConfig::Segment& segment) {
  auto known = std::find(names_.begin(), names_.end(), segment.name());
  if (known == names_.end()) known = names_.insert(names_.end(), segment.name());
  const int name = static_cast<int>(known - names_.begin());
  bool takes_any = false;
  for (int recency = 1; recency <= kScores; ++recency) {
    for (int frequency = 1; frequency <= kScores; ++frequency) {
      for (int monetary = 1; monetary <= kScores; ++monetary) {
        int& taken = name_of_[Place(recency, frequency, monetary)];
        if (taken >= 0 || !Takes(segment.recency(), recency) || !Takes(segment.frequency(), frequency) ||
            !Takes(segment.monetary(), monetary)) {
          continue;
        }
        taken = name;
        takes_any = true;
      }
    }
  }
  return takes_any;
}

absl::Status RfmSegments::CheckTriggers() const {
  if (triggers_.size() > kMaxTriggers) {
    return absl::InvalidArgumentError(
        Text("triggers: expected at most ", kMaxTriggers, " of them, got ", triggers_.size()));
  }
  for (size_t row = 0; row < triggers_.size(); ++row) {
    const std::string& segment = triggers_[row].segment();
    if (std::find(names_.begin(), names_.end(), segment) == names_.end()) {
      return absl::InvalidArgumentError(
          Text("triggers[", row, "].segment: unknown segment ", Quoted(segment), KnownHint(segment, names_)));
    }
    const auto twice = std::find_if(triggers_.begin(), triggers_.begin() + static_cast<std::ptrdiff_t>(row),
                                    [&](const auto& other) { return other.name() == triggers_[row].name(); });
    if (twice != triggers_.begin() + static_cast<std::ptrdiff_t>(row)) {
      return absl::InvalidArgumentError(
          Text("triggers[", row, "].name: two triggers are named ", Quoted(triggers_[row].name())));
    }
  }
  return absl::OkStatus();
}

const std::string& RfmSegments::Of(const RfmScores& scores) const {
  return names_[static_cast<size_t>(name_of_[Place(scores.recency, scores.frequency, scores.monetary)])];
}

}  // namespace ebb
