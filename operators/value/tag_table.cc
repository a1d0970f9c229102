#include "operators/value/tag_table.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "engine/time/duration.h"
#include "engine/wording/wording.h"
#include "operators/features/affinities.h"
#include "operators/features/event_history.h"
#include "state/hash.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::CustomerProfile;
using operators::TagsConfig;

constexpr int64_t kUsualDays = 30;

absl::Status Refuse(int row, std::string_view field, std::string_view what) {
  return absl::InvalidArgumentError(Text("tags[", row, "]", field.empty() ? "" : ".", field, ": ", what));
}

TagKind KindOf(const TagsConfig::Tag& config) {
  if (config.count() == "browse") return TagKind::kBrowse;
  if (config.count() == "support") return TagKind::kSupport;
  if (config.count() == "member") return TagKind::kMember;
  return config.count() == "engagement" ? TagKind::kEngagement : TagKind::kPurchase;
}

absl::StatusOr<TagTable::Tag> Parse(const TagsConfig::Tag& config, int row) {
  if (config.count().empty() == config.category().empty()) {
    return Refuse(row, "", "expected either count, a kind of events, or category");
  }
  if (!config.category().empty() && config.days() != 0) {
    return Refuse(row, "days", "expected none with category, whose weight fades by half_life");
  }
  if (!(config.at_least() > 0)) return Refuse(row, "at_least", "expected more than 0, which everybody reaches");
  if (config.until_below() > config.at_least()) {
    return Refuse(row, "until_below",
                  Text("expected at most at_least, which is ", config.at_least(), ", got ", config.until_below()));
  }
  return TagTable::Tag{config.name(),
                       KindOf(config),
                       config.days() > 0 ? config.days() : kUsualDays,
                       config.category(),
                       StableHash64(config.category()),
                       config.at_least(),
                       config.until_below() > 0 ? config.until_below() : config.at_least()};
}

const CustomerProfile::EventHistory& HistoryOf(TagKind kind, const CustomerProfile& profile) {
  switch (kind) {
    case TagKind::kPurchase: return profile.purchase();
    case TagKind::kBrowse: return profile.browse();
    case TagKind::kSupport: return profile.support();
    case TagKind::kMember: return profile.member();
    case TagKind::kEngagement: return profile.engagement();
  }
  return profile.purchase();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const TagTable>> TagTable::Make(const TagsConfig& config) {
  if (config.tags_size() > kMaxTags) {
    return absl::InvalidArgumentError(Text("tags: expected at most ", kMaxTags, " of them, got ", config.tags_size()));
  }
  std::shared_ptr<TagTable> table(new TagTable);
  table->version_ = config.version();
  table->half_life_ms_ = static_cast<double>(ToMillis(config.half_life()));
  for (int row = 0; row < config.tags_size(); ++row) {
    auto tag = Parse(config.tags(row), row);
    if (!tag.ok()) return tag.status();
    if (table->Declares(tag->name)) return Refuse(row, "name", Text("two tags are named ", Quoted(tag->name)));
    table->tags_.push_back(*std::move(tag));
  }
  return table;
}

bool TagTable::GoesBy(TagKind kind) const {
  return std::any_of(tags_.begin(), tags_.end(), [&](const Tag& tag) { return tag.kind == kind; });
}

bool TagTable::Declares(const std::string& name) const {
  return std::any_of(tags_.begin(), tags_.end(), [&](const Tag& tag) { return tag.name == name; });
}

double TagTable::Value(const Tag& tag, const CustomerProfile& profile, int64_t at_ms) const {
  if (tag.category.empty())
    return static_cast<double>(CountLastDays(HistoryOf(tag.kind, profile), DayOf(at_ms), tag.days));
  return CategoryWeight(profile.affinities(), tag.category_id, at_ms, half_life_ms_);
}

int64_t TagTable::FallsAt(const Tag& tag, const CustomerProfile& profile) const {
  if (tag.category.empty()) {
    const auto needed = static_cast<int64_t>(std::ceil(tag.until_below));
    const std::optional<int64_t> day = DayOfLatest(HistoryOf(tag.kind, profile), needed);
    return day ? (*day + tag.days) * kMillisPerDay : kNever;
  }
  const int64_t from_ms = profile.affinities().at_ms();
  const double weight = CategoryWeight(profile.affinities(), tag.category_id, from_ms, half_life_ms_);
  if (!(weight > 0)) return kNever;
  return from_ms + static_cast<int64_t>(std::floor(half_life_ms_ * std::log2(weight / tag.until_below))) + 1;
}

}  // namespace ebb
