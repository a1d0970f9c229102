#ifndef EBB_OPERATORS_VALUE_TAG_TABLE_H_
#define EBB_OPERATORS_VALUE_TAG_TABLE_H_

// Tags as people declare them, checked, and what they say of a profile.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "operators/features/customer_profile.pb.h"
#include "operators/value/tags.pb.h"

namespace ebb {

// The events that a tag goes by. Weights of categories go by purchases.
enum class TagKind { kPurchase, kBrowse, kSupport, kMember, kEngagement };

// Immutable; any thread.
class TagTable {
 public:
  static constexpr int kMaxTags = 64;
  static constexpr int64_t kNever = INT64_MAX;

  struct Tag {
    std::string name;
    TagKind kind = TagKind::kPurchase;
    int64_t days = 0;          // Of a count.
    std::string category;      // Empty for a count.
    uint64_t category_id = 0;  // As profiles keep it.
    double at_least = 0;
    double until_below = 0;
  };

  // InvalidArgument: "tags[2].at_least: what is wrong": a tag that counts nothing or two things, two of the same name,
  // until_below above at_least, a threshold of 0, which everybody reaches.
  static absl::StatusOr<std::shared_ptr<const TagTable>> Make(const operators::TagsConfig& config);

  const std::string& version() const { return version_; }
  const std::vector<Tag>& tags() const { return tags_; }
  // Whether there is a tag that goes by such events.
  bool GoesBy(TagKind kind) const;
  bool Declares(const std::string& name) const;

  // What is compared with the thresholds, as of `at_ms`, which no event of the profile is later than.
  double Value(const Tag& tag, const operators::CustomerProfile& profile, int64_t at_ms) const;
  // From when on the value is below until_below if nothing more happens; needs it not to be now. Within two
  // milliseconds of the truth for a category, exact for a count.
  int64_t FallsAt(const Tag& tag, const operators::CustomerProfile& profile) const;

 private:
  TagTable() = default;

  std::string version_;
  double half_life_ms_ = 0;
  std::vector<Tag> tags_;
};

}  // namespace ebb

#endif  // EBB_OPERATORS_VALUE_TAG_TABLE_H_
