#ifndef EBB_OPERATORS_VALUE_TAGS_H_
#define EBB_OPERATORS_VALUE_TAGS_H_

// The operator `tags`: what can be said of a customer in a word, and an event when it changes. One timer stands where
// the first of the customer's tags falls away if nothing more happens.

#include <memory>
#include <optional>
#include <string>

#include "ebb/v1/browse.pb.h"
#include "ebb/v1/engagement.pb.h"
#include "ebb/v1/member.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "ebb/v1/support.pb.h"
#include "ebb/v1/tag_change.pb.h"
#include "engine/pipeline/operator.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/value/tag_table.h"
#include "operators/value/tags.pb.h"

namespace ebb {

class Tags final : public Operator<Takes<v1::Purchase, v1::Browse, v1::Support, v1::Member, v1::Engagement>,
                                   Emits<v1::TagChange>, operators::TagsConfig> {
 public:
  void On(const v1::Purchase&, Context& ctx) override { Look(TagKind::kPurchase, ctx); }
  void On(const v1::Browse&, Context& ctx) override { Look(TagKind::kBrowse, ctx); }
  void On(const v1::Support&, Context& ctx) override { Look(TagKind::kSupport, ctx); }
  void On(const v1::Member&, Context& ctx) override { Look(TagKind::kMember, ctx); }
  void On(const v1::Engagement&, Context& ctx) override { Look(TagKind::kEngagement, ctx); }
  void OnTimer(const Timer&, Context& ctx) override { Look(std::nullopt, ctx); }
  // Other thresholds set other tags.
  bool visits() const override { return true; }
  void OnPublished(Context& ctx) override { Look(std::nullopt, ctx); }

 protected:
  absl::Status Configure() override;

 private:
  // After such an event, or for all tags when it is time that has passed.
  void Look(std::optional<TagKind> kind, Context& ctx);
  void DropUndeclared(int64_t now_ms, Context& ctx);
  bool Has(const std::string& tag, Context& ctx) const;
  void Change(const std::string& tag, bool is_set, v1::Reason reason, int64_t now_ms, Context& ctx);

  ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};
  ValueState<operators::TagsState> state_{this, "tags"};
  Timer falls_{this, "falls"};
  Counter set_{this, "set"};
  Counter taken_away_{this, "taken_away"};

  // Replaced as a whole, between two events.
  std::shared_ptr<const TagTable> table_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_TAGS_H_
