#ifndef EBB_OPERATORS_FEATURES_FEATURES_H_
#define EBB_OPERATORS_FEATURES_FEATURES_H_

// What can be read from a customer's profile: pure functions of the profile and a moment. Any thread, no state, the
// same bits on every run. tests/oracle/README.md defines every feature.
//
// An operator that lies downstream of `customer-profile` declares
//   ReadState<operators::CustomerProfile> profile_{this, "customer-profile", "profile"};

#include <cstdint>
#include <string_view>
#include <vector>

#include "ebb/v1/customer_features.pb.h"
#include "ebb/v1/header.pb.h"
#include "ebb/v1/member.pb.h"
#include "operators/features/customer_profile.pb.h"

namespace ebb {

// Orders that were not cancelled, and the days (UTC) on which they were placed.
struct PurchaseSummary {
  int64_t orders = 0;
  int64_t first_ms = 0;     // Of the first order, in milliseconds since 1970; 0 without any.
  int64_t last_ms = 0;      // Of the last order; 0 without any.
  int64_t repeat_days = 0;  // Days with an order, the first left out: as many as there are gaps between them.
  double gap_mean_days = 0;  // 0 without a gap.
  double gap_sd_days = 0;    // Population form; 0 below two gaps.
};
// Takes time in proportion to the orders of the refund window.
PurchaseSummary SummarisePurchases(const operators::CustomerProfile& profile);

// The days (UTC, since 1970) with an order that was not cancelled, ascending, each once; of long ago perhaps only the
// first. What *days held before is replaced.
void ListPurchaseDays(const operators::CustomerProfile& profile, std::vector<int64_t>* days);

// Whether a consent was given and not withdrawn since. Denied unless told otherwise: false for what is unspecified.
bool HasConsent(const operators::CustomerProfile& profile, v1::Purpose purpose, v1::Channel channel);

// Adds what was spent, and given back, by currency, in order of the currency's code; where nothing is left, nothing.
void ListMoney(const operators::CustomerProfile& profile, google::protobuf::RepeatedPtrField<v1::Money>* spent,
               google::protobuf::RepeatedPtrField<v1::Money>* refunded);

int64_t OpenTickets(const operators::CustomerProfile& profile);
int64_t OpenComplaints(const operators::CustomerProfile& profile);

// The event time of the latest event of any kind, in milliseconds since 1970; 0 when there is none. Of one kind:
// profile.browse().last_ms() and so on.
int64_t LatestEventMs(const operators::CustomerProfile& profile);

// What the customer said of themselves stands in profile.basics(): an empty time zone or language and a birthday
// without month were never told.

struct FeatureOptions {
  double half_life_ms = 0;  // Of decayed values; above 0. The one with which the profile was kept.
  int top_categories = 0;
};
// Fills `features` with everything as of `as_of_ms`, which no event of the profile may be later than. What `features`
// held before is replaced; a message that is used again keeps its memory.
void ComputeFeatures(const operators::CustomerProfile& profile, std::string_view customer, int64_t as_of_ms,
                     const FeatureOptions& options, v1::CustomerFeatures* features);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_FEATURES_H_
