#include "operators/churn/feature_words.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ebb {
namespace {

constexpr std::pair<std::string_view, std::string_view> kWords[] = {
    {"repeat_days", "days with a purchase after the first"},
    {"age_days", "days since the first purchase"},
    {"span_days", "days from the first purchase to the last"},
    {"silence_days", "days since the last purchase"},
    {"orders", "orders"},
    {"gap_mean_days", "usual days between purchases"},
    {"gap_sd_days", "how irregular purchases are, in days"},
    {"overdue", "silence in usual gaps"},
    {"days_4w", "purchase days in the last 4 weeks"},
    {"days_8w", "purchase days in the last 8 weeks"},
    {"days_13w", "purchase days in the last 13 weeks"},
    {"days_26w", "purchase days in the last 26 weeks"},
    {"days_52w", "purchase days in the last 52 weeks"},
    {"decayed_2w", "purchase days, halved every 2 weeks"},
    {"decayed_8w", "purchase days, halved every 8 weeks"},
    {"decayed_26w", "purchase days, halved every 26 weeks"},
    {"spent", "money spent"},
    {"spent_4w", "money spent in the last 4 weeks"},
    {"spent_13w", "money spent in the last 13 weeks"},
    {"spent_26w", "money spent in the last 26 weeks"},
    {"order_value", "money per order"},
    {"given_back_share", "share of money given back"},
    {"categories", "categories bought from"},
    {"browses_30d", "shop visits in the last 30 days"},
    {"browses_90d", "shop visits in the last 90 days"},
    {"engagements_90d", "answers to messages in the last 90 days"},
    {"supports_90d", "support contacts in the last 90 days"},
    {"open_complaints", "complaints that wait"},
    {"contact_days", "days since the last contact of any kind"},
    {"consents", "consents in force"},
};

}  // namespace

std::string_view FeatureWords(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kWords), std::end(kWords), [&](const auto& row) { return row.first == name; });
  return found == std::end(kWords) ? name : found->second;
}

}  // namespace ebb
