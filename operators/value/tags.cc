#include "operators/value/tags.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_format.h"
#include "operators/event_time.h"
#include "operators/features/features.h"
#include "operators/reason.h"
#include "state/text.h"

namespace ebb {
namespace {

using operators::TagsState;

EBB_OPERATOR("tags", Tags);

// What is counted, for a program and for a person.
struct Words {
  std::string_view code;
  std::string_view text;
};
Words WordsOf(TagKind kind) {
  switch (kind) {
    case TagKind::kPurchase: return {"purchase_count", "purchases"};
    case TagKind::kBrowse: return {"browse_count", "visits"};
    case TagKind::kSupport: return {"support_count", "contacts with the support desk"};
    case TagKind::kMember: return {"member_count", "changes of the membership"};
    case TagKind::kEngagement: return {"engagement_count", "reactions to messages"};
  }
  return {};
}

v1::Reason WhyOf(const TagTable::Tag& tag, double value, bool is_set) {
  const double threshold = is_set ? tag.at_least : tag.until_below;
  if (!tag.category.empty()) {
    return MakeReason("category_weight", value, threshold,
                      Text("leans to ", tag.category, absl::StrFormat(" with a weight of %.2f", value)));
  }
  const Words words = WordsOf(tag.kind);
  return MakeReason(words.code, value, threshold,
                    Text(words.text, " in the last ", tag.days, absl::StrFormat(" days: %.0f", value)));
}

}  // namespace

absl::Status Tags::Configure() {
  auto table = TagTable::Make(config());
  if (!table.ok()) return table.status();
  table_ = *std::move(table);
  return absl::OkStatus();
}

void Tags::Look(std::optional<TagKind> kind, Context& ctx) {
  if (kind && !table_->GoesBy(*kind)) return;
  const operators::CustomerProfile& profile = profile_.Get(ctx);
  const int64_t now_ms = std::max(absl::ToUnixMillis(DecisionTime(ctx)), LatestEventMs(profile));
  int64_t next_ms = TagTable::kNever;
  for (const TagTable::Tag& tag : table_->tags()) {
    bool is_set = Has(tag.name, ctx);
    if (!kind || tag.kind == *kind) {
      const double value = table_->Value(tag, profile, now_ms);
      const bool was_set = is_set;
      is_set = value >= (was_set ? tag.until_below : tag.at_least);
      if (is_set != was_set) Change(tag.name, is_set, WhyOf(tag, value, is_set), now_ms, ctx);
    }
    // Past what rounding may leave of a weight.
    if (is_set) next_ms = std::min(next_ms, std::max(table_->FallsAt(tag, profile), now_ms + 1));
  }
  DropUndeclared(now_ms, ctx);
  if (next_ms == TagTable::kNever) return falls_.Cancel(ctx);
  const absl::Time when = absl::FromUnixMillis(next_ms);
  if (falls_.Deadline(ctx) != when) falls_.Arm(ctx, when);
}

void Tags::DropUndeclared(int64_t now_ms, Context& ctx) {
  for (int i = state_.Get(ctx).tags_size() - 1; i >= 0; --i) {
    const std::string name = state_.Get(ctx).tags(i);
    if (table_->Declares(name)) continue;
    Change(name, false, MakeReason("not_declared", 0, 1, "the tag is not declared any more"), now_ms, ctx);
  }
}

bool Tags::Has(const std::string& tag, Context& ctx) const {
  const auto& has = state_.Get(ctx).tags();
  return std::find(has.begin(), has.end(), tag) != has.end();
}

void Tags::Change(const std::string& tag, bool is_set, v1::Reason reason, int64_t now_ms, Context& ctx) {
  auto& has = *state_.Mutable(ctx).mutable_tags();
  if (is_set) {
    *has.Add() = tag;
    std::sort(has.begin(), has.end());
  } else {
    has.erase(std::remove(has.begin(), has.end(), tag), has.end());
  }
  v1::TagChange change;
  change.set_change_id(ctx.NextId());
  change.set_customer_id(std::string(ctx.customer()));
  change.set_tag(tag);
  change.set_is_set(is_set);
  *change.mutable_tags() = has;
  change.set_changed_at_ms(now_ms);
  *change.add_reasons() = std::move(reason);
  change.set_table_version(table_->version());
  *change.mutable_tipping() = ctx.Tipping();
  change.mutable_published()->Assign(ctx.published().begin(), ctx.published().end());
  change.set_generated(ctx.cause().generated || profile_.Get(ctx).generated());
  if (has.empty()) state_.Clear(ctx);
  (is_set ? set_ : taken_away_).Add(ctx);
  ctx.Emit(change);
}

}  // namespace ebb
