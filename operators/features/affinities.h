#ifndef EBB_OPERATORS_FEATURES_AFFINITIES_H_
#define EBB_OPERATORS_FEATURES_AFFINITIES_H_

// How much a customer leans to categories: decayed weights of ordered lines, the strongest `max_categories` of them.
// Pure functions; any thread.

#include <cstdint>

#include "ebb/v1/customer_features.pb.h"
#include "ebb/v1/purchase.pb.h"
#include "google/protobuf/repeated_field.h"
#include "operators/features/customer_profile.pb.h"

namespace ebb {

// Adds the lines of an order; categories longer than kMaxCategoryBytes, which intake refuses, have no part. Returns how
// many categories were dropped for want of room.
int AddCategories(const v1::Purchase& order, double half_life_ms, int max_categories,
                  operators::CustomerProfile::Affinities* affinities);

// Adds the `count` strongest, by descending weight, then ascending name, with weights as of `as_of_ms`.
void AppendTopCategories(const operators::CustomerProfile::Affinities& affinities, int64_t as_of_ms,
                         double half_life_ms, int count,
                         google::protobuf::RepeatedPtrField<v1::CustomerFeatures::Affinity>* top);

// The weight as of `as_of_ms` of the category whose name has this StableHash64; 0 for one that is not remembered.
double CategoryWeight(const operators::CustomerProfile::Affinities& affinities, uint64_t id, int64_t as_of_ms,
                      double half_life_ms);

}  // namespace ebb

#endif  // EBB_OPERATORS_FEATURES_AFFINITIES_H_
